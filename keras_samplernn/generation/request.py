"""The request to `generate`, and the check of all of it before anything is written."""

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from keras_samplernn.checkpoints.checkpoint import Checkpoint
from keras_samplernn.checkpoints.shelf import choose_checkpoint
from keras_samplernn.data.audio import read_sound
from keras_samplernn.data.conditioning import read_conditions
from keras_samplernn.data.index import read_index
from keras_samplernn.data.pairs import conditions_beside, sound_stem
from keras_samplernn.data.wav_writer import MOST_SAMPLES
from keras_samplernn.errors import UserError, collect
from keras_samplernn.files import partial_of
from keras_samplernn.generation.record import JOURNAL, RECORD, check_record
from keras_samplernn.generation.sound import Sound
from keras_samplernn.model.memory import check_generation_memory, outline
from keras_samplernn.names import existing
from keras_samplernn.run_folder import RunFolder
from keras_samplernn.spec import Spec

MOST_ROWS = 16
MOST_NAME_BYTES = 255


@dataclasses.dataclass(frozen=True)
class Request:
    """The options of the command `generate`.

    Attributes:
        out: folder for the wavs; it is made if it is missing.
        conditioning_index: file that lists the condition files, for a conditional run.
        seconds: length of each sound, for an unconditional run.
        count: number of sounds, with `seconds`; None: 1.
        temperatures: each sound is generated at each.
        seed: seed of the uniforms.
        batch_size: number of sounds side by side; None: by their number.
        prime: file of a sound that all sounds continue.
        checkpoint: "best" or "newest".
        precision: "float32" or "int8".
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
class Job:
    """A request that was checked, with what it needs.

    Attributes:
        sounds: in the order of the index.
        inputs: the files that were read.
        primer: wave and conditions, or None.
        checkpoint: the checkpoint to load.
        rows: number of sounds side by side.
    """

    sounds: list[Sound]
    inputs: list[Path]
    primer: tuple[np.ndarray, np.ndarray | None] | None
    checkpoint: Checkpoint
    rows: int


def check_request(run: RunFolder, request: Request, say: Callable[[str], None]) -> Job:
    """Check a request, and read the files that it names.

    Args:
        run: with a checkpoint.
        request: the options of the command.
        say: called with each message.

    Raises:
        UserError: one line for each problem; as many as can be found beforehand.
    """
    spec = run.spec
    index, prime = (path and existing(path) for path in (request.conditioning_index, request.prime))
    problems: list[str] = []
    if request.precision == "int8" and request.batch_size not in (None, 1):
        problems.append(
            f"--batch-size {request.batch_size}: --precision int8 makes one sound at a time; leave --batch-size out, or"
            " --precision"
        )
    files = collect(problems, read_index, index, spec.class_names, problems) if index and spec.classes else None
    sounds = [
        Sound(_name(stem, temperature, request.temperatures), stem, samples, temperature, conditions)
        for stem, samples, conditions in collect(problems, _requested, run, request, files) or ()
        for temperature in request.temperatures
    ]
    primer = collect(problems, read_primer, spec, prime, say) if prime else None
    inputs = [path for path in (index, *(files or ()), prime, *(conditions_beside(prime) if prime else ())) if path]
    collect(problems, check_out, request, sounds, inputs)
    outlined = outline(spec)
    collect(problems, check_generation_memory, spec, outlined)
    chosen = collect(problems, choose_checkpoint, run.checkpoints_folder, request.checkpoint, outlined, say)
    if problems:
        raise UserError(*problems)
    # Powers of two, so that another number of sounds seldom needs another compilation.
    fitting = 1 if request.precision == "int8" else min(1 << (len(sounds) - 1).bit_length(), MOST_ROWS)
    return Job(sounds, inputs, primer, chosen, request.batch_size or fitting)


def read_primer(spec: Spec, path: Path, say: Callable[[str], None]) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the wave of a primer at the spec's sample rate and, if the run is conditional, its conditions."""
    wave, conditions = read_sound(path, spec.audio.sample_rate, spec.classes, say)
    if not len(wave):
        raise UserError(f"{path}: has 0 samples; a primer needs at least one")
    return wave, conditions


def check_out(request: Request, sounds: Sequence[Sound], inputs: Sequence[Path]) -> None:
    """Raise UserError if writing the sounds would replace existing files, or files that are read."""
    out, names = request.out, [f"{sound.name}.wav" for sound in sounds]
    if out.exists() and not out.is_dir():
        raise UserError(f"{out}: is not a folder; give --out a folder")
    places = {os.path.realpath(path): path for path in inputs}
    written = [out / name for name in (*names, RECORD)]
    problems = [
        f"{places[place]}: is read and would be overwritten; give --out another folder"
        for path in (*written, *map(partial_of, written), out / JOURNAL)
        if (place := os.path.realpath(path)) in places
    ]
    problems += [
        f"{path}: would have a name of more than {MOST_NAME_BYTES} bytes; give its condition file a shorter one"
        for path in written
        if len(os.fsencode(partial_of(path).name)) > MOST_NAME_BYTES
    ]
    collect(problems, check_record, out, request.overwrite)
    if not request.overwrite:
        existing = (out / name for name in names if os.path.lexists(out / name))
        problems += [f"{path}: exists; give --overwrite, or --out another folder" for path in existing]
    if problems:
        raise UserError(*problems)


def _requested(
    run: RunFolder, request: Request, files: Sequence[Path] | None
) -> list[tuple[str, int, np.ndarray | None]]:
    """Return stem, number of samples and conditions of each sound; `files` are the condition files of the index."""
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
                f"{run.folder}: is a conditional run and was called {wrong}; give --conditioning-index alone:"
                " the condition files say how long each sound is"
            )
        problems: list[str] = []
        found = [collect(problems, _read_asked, spec, path) for path in files or ()]
        if problems:
            raise UserError(*problems)
        return found
    if seconds is None or index is not None:
        asked = "with --conditioning-index" if index is not None else "without --seconds"
        raise UserError(f"{run.folder}: is an unconditional run and was called {asked}; give --seconds and --count")
    if seconds > MOST_SAMPLES / spec.audio.sample_rate:
        raise UserError(
            f"--seconds {seconds:g}: a WAV file holds {MOST_SAMPLES // spec.audio.sample_rate} seconds at most at"
            f" {spec.audio.sample_rate} Hz; ask for shorter sounds, and --count of them"
        )
    samples = round(seconds * spec.audio.sample_rate)
    return [(f"sound_{number:03d}", samples, None) for number in range(count or 1)]


def _read_asked(spec: Spec, path: Path) -> tuple[str, int, np.ndarray]:
    """Return stem, number of samples and conditions of the sound of a condition file."""
    conditions = read_conditions(path, spec.classes)
    if len(conditions) > MOST_SAMPLES:
        raise UserError(
            f"{path}: asks for {len(conditions):,} samples, and a WAV file holds {MOST_SAMPLES:,} at most; cut it into"
            " several"
        )
    return sound_stem(path), len(conditions), conditions.astype(np.min_scalar_type(len(spec.class_names)))


def _name(stem: str, temperature: float, temperatures: Sequence[float]) -> str:
    # All digits, so that different temperatures have different names.
    return stem if len(temperatures) == 1 else f"{stem}_t{np.format_float_positional(temperature, trim='-')}"
