"""The `generate` command: everything checked first, then sound after sound to disk."""

import contextlib
import dataclasses
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_samplernn.checkpoints.checkpoint import Checkpoint
from keras_samplernn.checkpoints.shelf import choose_checkpoint, load_chosen
from keras_samplernn.data.audio import read_audio
from keras_samplernn.data.conditioning import read_conditions, resample_conditions
from keras_samplernn.data.index import read_index
from keras_samplernn.data.inspection import inspect_audio
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.errors import UserError, collect
from keras_samplernn.files import make_folder, open_file, partial_of, replace_json, writing
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.render import CHUNK_SAMPLES, Sound, render_sounds
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.memory import check_generation_memory, outline, telling_exhaustion
from keras_samplernn.progress import Progress
from keras_samplernn.run_folder import RunFolder, environment
from keras_samplernn.spec import Spec

MOST_ROWS = 16
RECORD = "generation.json"
MOST_NAME_BYTES, MOST_RECORD_BYTES = 255, 100_000_000
# A WAV file states its length in 32 bits of bytes; 1 kB for what is not samples.
MOST_SAMPLES = (2**32 - 1024) // 2


@dataclasses.dataclass(frozen=True)
class Request:
    """What is asked of `generate`: the command's options.

    Attributes:
        out: folder for the wavs; made if it is missing.
        conditioning_index: lists the condition files, for a conditional run.
        seconds: length of each sound, for an unconditional run; count: number of sounds, 1 unless given.
        temperatures: each sound is rendered at each.
        seed: of the uniforms.
        batch_size: sounds side by side; None: by their number.
        prime: sound to go on from.
        checkpoint: "best" or "newest"; precision: "float32" or "int8".
        overwrite: replace wavs that exist.
    """

    out: Path
    conditioning_index: Path | None = None
    seconds: float | None = None
    count: int | None = None
    temperatures: Sequence[float] = (1.0,)
    seed: int = 0
    batch_size: int | None = None
    prime: Path | None = None
    checkpoint: str = "best"
    precision: str = "float32"
    overwrite: bool = False


@dataclasses.dataclass(frozen=True)
class _Job:
    """A request in which everything was found in order.

    Attributes:
        sounds: in the order asked for.
        inputs: the files that were read for them.
        primer: wave and conditions, or None.
        checkpoint: of the weights.
        rows: sounds side by side.
    """

    sounds: list[Sound]
    inputs: list[Path]
    primer: tuple[np.ndarray, np.ndarray | None] | None
    checkpoint: Checkpoint
    rows: int


def generate_files(run: RunFolder, request: Request, say: Callable[[str], None]) -> Iterator[Path]:
    """Generate wavs from a run into a folder, and note in `generation.json` there how each was made.

    Nothing is written before the whole request, and all files that it names, are found in order.

    Args:
        run: with a checkpoint.
        request: what is asked for.
        say: takes messages for people.

    Yields:
        Each wav, as soon as it is whole.

    Raises:
        UserError: every problem that can be told beforehand, one line each.
    """
    spec, out = run.spec, request.out
    job = _check(run, request, say)
    too_many = f"{job.rows} sounds side by side", "lower --batch-size"
    with telling_exhaustion(run.folder, *too_many):
        engine, chosen = _engine_of(run, request, job, say)
    quantizer = Quantizer.of(spec.audio)
    record = {
        "run": str(run.folder.absolute()),
        "checkpoint": chosen.folder.name,
        "seed": request.seed,
        "batch_size": job.rows,
        "precision": request.precision,
        "prime": None if request.prime is None else str(request.prime.absolute()),
        "environment": environment(),
    }
    temperatures = ", ".join(f"{temperature:g}" for temperature in request.temperatures)
    temperature_of = {sound.name: sound.temperature for sound in job.sounds}
    total = sum(sound.samples for sound in job.sounds)
    make_folder(out)
    with _locked(out), telling_exhaustion(run.folder, *too_many), Progress("generate", total) as progress:
        # Another process may have been here since it was looked into.
        _check_out(request, job.sounds, job.inputs)
        say(f"{run.folder}: {chosen.folder.name}, seed {request.seed}, temperature {temperatures}")
        start = engine.silent_start()
        if job.primer is not None:
            wave, conditions = job.primer
            start = engine.primed_start(np.concatenate([*quantizer.encode_blocks(wave)]), conditions)

        def on_samples(samples: int) -> None:
            done = progress.done + samples
            progress.update(done, f"{progress.speed(done) / spec.audio.sample_rate:.2f} x real time")

        rate = spec.audio.sample_rate
        for path in render_sounds(engine, job.sounds, start, request.seed, quantizer, rate, out, on_samples):
            _note(out / RECORD, path.name, {"temperature": temperature_of[path.stem], **record})
            yield path


def _check(run: RunFolder, request: Request, say: Callable[[str], None]) -> _Job:
    """Find a request in order, and read what it names; UserError for all of its problems."""
    spec, index, prime = run.spec, request.conditioning_index, request.prime
    problems: list[str] = []
    if request.precision == "int8" and request.batch_size not in (None, 1):
        problems.append(
            f"--batch-size {request.batch_size}: --precision int8 makes one sound at a time; leave --batch-size out, or"
            " --precision"
        )
    files = collect(problems, read_index, index, spec.class_names) if index and spec.classes else None
    sounds = [
        Sound(_name(stem, temperature, request.temperatures), stem, samples, temperature, conditions)
        for stem, samples, conditions in collect(problems, _requested, run, request, files) or ()
        for temperature in request.temperatures
    ]
    primer = collect(problems, _read_primer, spec, prime) if prime else None
    inputs = [path for path in (index, *(files or ()), prime, prime and prime.with_suffix(".csv")) if path]
    collect(problems, _check_out, request, sounds, inputs)
    outlined = outline(spec)
    collect(problems, check_generation_memory, spec, outlined)
    chosen = collect(problems, choose_checkpoint, run.checkpoints_folder, request.checkpoint, outlined, say)
    if problems:
        raise UserError(*problems)
    # Powers of two, so that other numbers of sounds seldom mean another shape to compile.
    fitting = 1 if request.precision == "int8" else min(1 << (len(sounds) - 1).bit_length(), MOST_ROWS)
    return _Job(sounds, inputs, primer, chosen, request.batch_size or fitting)


@contextlib.contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Keep other processes that generate out of a folder, where its file system knows locks."""
    with writing(out):
        descriptor = os.open(out, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{out}: another `generate` is writing there; wait for it, or give --out another folder"
            ) from None
        except OSError:  # a file system of another machine may know none
            pass
        yield
    finally:
        os.close(descriptor)


_last_engine: tuple[tuple, GenerationEngine] | None = None


def _engine_of(
    run: RunFolder, request: Request, job: _Job, say: Callable[[str], None]
) -> tuple[GenerationEngine, Checkpoint]:
    """Return an engine and the checkpoint of its weights; the last engine where it serves, since that has compiled."""
    global _last_engine
    spec, precision, which = run.spec, request.precision, request.checkpoint
    key = spec.to_json(), tuple(tier.tier_class for tier in spec.tiers), job.rows, precision
    if _last_engine is not None and _last_engine[0] == key:
        engine = _last_engine[1]
        chosen = load_chosen(job.checkpoint, which, engine.model, say)
        engine.refresh()
        return engine, chosen
    model = assemble(spec)
    chosen = load_chosen(job.checkpoint, which, model, say)
    engine = GenerationEngine(model, Quantizer.of(spec.audio).silence, job.rows, CHUNK_SAMPLES, precision)
    _last_engine = key, engine
    return engine, chosen


def _requested(
    run: RunFolder, request: Request, files: Sequence[Path] | None
) -> list[tuple[str, int, np.ndarray | None]]:
    """Return stem, samples and conditions of each sound asked for, by the condition files that the index lists."""
    spec, index, seconds, count = run.spec, request.conditioning_index, request.seconds, request.count
    if spec.classes:
        asked = {
            "without --conditioning-index": index is None,
            "with --seconds": seconds is not None,
            "with --count": count is not None,
        }
        if any(asked.values()):
            wrong = " and ".join(words for words, so in asked.items() if so)
            raise UserError(
                f"{run.folder}: is a conditional run and was asked {wrong}; give --conditioning-index alone:"
                " the condition files say how long each sound is"
            )
        problems: list[str] = []
        smallest = np.min_scalar_type(len(spec.class_names))
        found = []
        for path in files or ():
            conditions = collect(problems, read_conditions, path, spec.classes)
            if conditions is not None:
                found.append((path.stem, len(conditions), conditions.astype(smallest)))
        if problems:
            raise UserError(*problems)
        return found
    if seconds is None or index is not None:
        asked = "with --conditioning-index" if index is not None else "without --seconds"
        raise UserError(f"{run.folder}: is an unconditional run and was asked {asked}; give --seconds and --count")
    if seconds > MOST_SAMPLES / spec.audio.sample_rate:
        raise UserError(
            f"--seconds {seconds:g}: a WAV file holds {MOST_SAMPLES // spec.audio.sample_rate} seconds at most at"
            f" {spec.audio.sample_rate} Hz; ask for shorter sounds, and --count of them"
        )
    samples = round(seconds * spec.audio.sample_rate)
    return [(f"sound_{number:03d}", samples, None) for number in range(count or 1)]


def _name(stem: str, temperature: float, temperatures: Sequence[float]) -> str:
    # Every digit, so that no two temperatures share a name.
    return stem if len(temperatures) == 1 else f"{stem}_t{np.format_float_positional(temperature, trim='-')}"


def _read_primer(spec: Spec, path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Return a primer's wave at the spec's rate and, where conditional, its conditions."""
    wave = read_audio(path, spec.audio.sample_rate)
    if not len(wave):
        raise UserError(f"{path}: has 0 samples; a primer has one at least")
    if not spec.classes:
        return wave, None
    table = path.with_suffix(".csv")
    if not table.is_file():
        raise UserError(f"{path}: has no {table.name} beside it; a conditional run is primed with its conditions too")
    conditions = read_conditions(table, spec.classes, inspect_audio(path).samples)
    return wave, resample_conditions(conditions, len(wave))


def _check_out(request: Request, sounds: Sequence[Sound], inputs: Sequence[Path]) -> None:
    """Raise UserError where sounds cannot be written without harm to what is there, or to what is read."""
    out, names = request.out, [f"{sound.name}.wav" for sound in sounds]
    if out.exists() and not out.is_dir():
        raise UserError(f"{out}: is not a folder; give --out a folder")
    places = {os.path.realpath(path): path for path in inputs}
    written = [out / name for name in (*names, RECORD)]
    problems = [
        f"{places[place]}: is read and would be overwritten; give --out another folder"
        for path in (*written, *map(partial_of, written))
        if (place := os.path.realpath(path)) in places
    ]
    problems += [
        f"{path}: would have a name of more than {MOST_NAME_BYTES} bytes; give its condition file a shorter one"
        for path in written
        if len(os.fsencode(partial_of(path).name)) > MOST_NAME_BYTES
    ]
    if not request.overwrite:
        collect(problems, _read_record, out / RECORD)
        existing = (out / name for name in names if os.path.lexists(out / name))
        problems += [f"{path}: exists; give --overwrite, or --out another folder" for path in existing]
    if problems:
        raise UserError(*problems)


def _note(path: Path, name: str, record: dict[str, Any]) -> None:
    """Add how a wav was made to the record beside it, which may hold those of earlier commands."""
    try:
        sounds = _read_record(path)
    except UserError:  # --overwrite was given
        sounds = {}
    replace_json(path, sounds | {name: record})


def _read_record(path: Path) -> dict[str, Any]:
    """Return what `generation.json` says of each sound, if there is one; UserError where it is somebody else's."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        if not os.path.lexists(path):
            return {}
        with open_file(path) as stream:
            if isinstance(sounds := json.loads(stream.read(MOST_RECORD_BYTES)), dict):
                return sounds
    raise UserError(f"{path}: is not what `generate` writes; give --overwrite, or --out another folder")
