"""The request to `generate`, and the check of all of it before anything is written."""

import dataclasses
import functools
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_samplernn.checkpoints.checkpoint import Checkpoint, DamagedCheckpoint
from keras_samplernn.checkpoints.shelf import choose_checkpoint
from keras_samplernn.conditions.layout import Conditions
from keras_samplernn.conditions.streams import classes_streams, dropout_shares, streams_of
from keras_samplernn.data.index import read_index
from keras_samplernn.data.pairs import conditions_beside, sound_stem
from keras_samplernn.data.wav_writer import MOST_SAMPLES
from keras_samplernn.errors import UserError, collect
from keras_samplernn.generation.choosing import Choosing, Places, choosing_of
from keras_samplernn.generation.contrast import Contrast
from keras_samplernn.generation.entry import entry_of, model_digest, primer_digest
from keras_samplernn.generation.guidance import guidance_of
from keras_samplernn.generation.long_spans import long_spans
from keras_samplernn.generation.out_folder import check_paths, find_finished
from keras_samplernn.generation.primer import read_primer
from keras_samplernn.generation.scores import Scored, read_scores
from keras_samplernn.generation.sound import Sound, any_fades
from keras_samplernn.generation.take import SUFFIX, read_take
from keras_samplernn.generation.takes import sounds_of_takes
from keras_samplernn.model.memory import check_generation_memory, outline
from keras_samplernn.model.samplernn import SampleRNN
from keras_samplernn.names import existing
from keras_samplernn.run_folder import RunFolder, environment
from keras_samplernn.shard import Shard
from keras_samplernn.spec import Spec

MOST_ROWS = 16


@dataclasses.dataclass(frozen=True)
class Request:
    """The options of the command `generate`.

    Attributes:
        out: folder for the wavs; it is made if it is missing.
        conditioning_index: file that lists condition files, for a conditional run.
        conditions: condition files, instead of an index or besides.
        like: sounds whose features are the conditions, for a run whose streams are named after features.
        guidance: strength with which sounds are guided to their conditions; 1: they are not.
        guidance_stream: stream of classes whose mean is what sounds are guided away from; None: chosen by the run.
        candidates: number of takes that are made of each passage, of which the best is kept.
        by: what the best is judged by, "posterior", "likelihood" or "heard"; None: see `choosing_of`.
        by_stream: stream of classes that takes are judged by; None: the first one.
        seconds: length of each sound; None, for a conditional run: as long as its conditions.
        count: number of sounds, with `seconds`; None: 1.
        temperatures: each sound is generated at each.
        seed: seed of the uniforms.
        batch_size: number of sounds side by side; None: by their number.
        prime: file of a sound that all sounds continue.
        starred: sounds that are made as they are, instead of what conditions, seconds, count and temperatures say.
        checkpoint: "best", "heard" or "newest", or the name of a checkpoint.
        raw_weights: whether the weights are taken as training left them, not their average.
        precision: "float32" or "int8".
        overwrite: replace wavs that exist.
        shard: the part of the sounds that is made; None: all.
    """

    out: Path
    conditioning_index: Path | None = None
    conditions: Sequence[Path] = ()
    like: Sequence[Path] = ()
    guidance: float = 1.0
    guidance_stream: str | None = None
    candidates: int = 1
    by: str | None = None
    by_stream: str | None = None
    seconds: float | None = None
    count: int | None = None
    temperatures: Sequence[float] = (1.0,)
    seed: int = 0
    batch_size: int | None = None
    prime: Path | None = None
    starred: Sequence[Sound] = ()
    checkpoint: str = "best"
    raw_weights: bool = False
    precision: str = "float32"
    overwrite: bool = False
    shard: Shard | None = None


@dataclasses.dataclass(frozen=True)
class Job:
    """A request that was checked, with what it needs.

    Attributes:
        sounds: all of them, in the order of the index.
        own: those that the command's shard is to make.
        finished: entries of those of `own` that an earlier command made, by the names of their files.
        inputs: the files that were read.
        primer: wave and conditions, or None.
        guidance: what the sounds are guided away from, or None.
        choosing: how takes are chosen, or None.
        checkpoint: the checkpoint to load.
        checkpoint_digest: sha256 of its manifest.
        rows: number of sounds side by side; and whether any classes fade: by all sounds, not only those of the shard,
            since a loop of another shape may round differently.
        fades: see `rows`.
    """

    sounds: list[Sound]
    own: list[Sound]
    finished: Mapping[str, dict[str, Any]]
    inputs: list[Path]
    primer: tuple[np.ndarray, Conditions | None] | None
    guidance: Contrast | None
    choosing: Choosing | None
    checkpoint: Checkpoint
    checkpoint_digest: str
    rows: int
    fades: bool


def check_request(
    run: RunFolder,
    request: Request,
    say: Callable[[str], None],
    check_raw_weights: Callable[[RunFolder], None],
) -> Job:
    """Check a request, and read the files that it names.

    Args:
        run: with a checkpoint.
        request: the options of the command.
        say: called with each message.
        check_raw_weights: called with the run if raw weights are asked for; raises UserError if it has none.

    Raises:
        UserError: one line for each problem; as many as can be found beforehand.
    """
    spec = run.spec
    index, prime = (path and existing(path) for path in (request.conditioning_index, request.prime))
    streams, problems = streams_of(spec), []
    if request.precision == "int8" and request.batch_size not in (None, 1):
        problems.append(
            f"--batch-size {request.batch_size}: --precision int8 makes one sound at a time; leave --batch-size out, or"
            " --precision"
        )
    names = [name for stream in classes_streams(streams) for name in stream.classes]
    listed = collect(problems, read_index, index, names, problems) if index and streams else None
    files = [*(listed or ()), *request.conditions]
    scored = [] if request.starred else collect(problems, _requested, run, request, files, say) or []
    sounds = [
        Sound(_name(each.stem, temperature, request.temperatures), each.stem, each.samples, temperature, *each[2:4])
        for each in scored
        if each.take is None
        for temperature in request.temperatures
    ]
    takes = collect(problems, sounds_of_takes, spec, [each for each in scored if each.take is not None], say) or []
    if takes:
        collect(problems, _check_takes, request, takes)
    sounds += [*takes, *request.starred]
    primer = collect(problems, read_primer, spec, prime, say) if prime else None
    beside = conditions_beside(prime) if prime else ()
    inputs = [path for path in (index, *files, *request.like, prime, *beside) if path]
    guidance = None
    if request.guidance != 1 or request.guidance_stream is not None:
        guidance = collect(problems, _guidance, spec, request)
    choosing = collect(
        problems,
        choosing_of,
        streams,
        request.candidates,
        request.by,
        request.by_stream,
        request.temperatures,
        run.metrics_file,
        Places("--candidates", "--by", "--by-stream"),
    )
    if choosing is not None and request.precision == "int8":
        problems.append("--candidates: --precision int8 makes one row at a time; leave one of the two out")
    collect(problems, check_paths, request.out, request.overwrite, request.shard, sounds, inputs)
    if request.raw_weights:
        collect(problems, check_raw_weights, run)
    outlined = outline(spec)
    collect(problems, check_generation_memory, spec, outlined)
    chosen = collect(problems, _choose_checkpoint, run.checkpoints_folder, request.checkpoint, outlined, say)
    # Powers of two, so that another number of sounds seldom needs another compilation.
    most = MOST_ROWS if guidance is None else max(MOST_ROWS // guidance.rows, 1)
    most = max(most // request.candidates, 1)
    side_by_side = max(len(sounds) - len(takes), 1)
    fitting = 1 if request.precision == "int8" else min(1 << (side_by_side - 1).bit_length(), most)
    rows = request.batch_size or fitting
    if choosing is not None:
        collect(problems, choosing.check_memory, spec, outlined, rows, "lower --batch-size or --candidates")
    own = sounds if request.shard is None else request.shard.of(sounds, [sound.samples for sound in sounds])
    if chosen is None:
        raise UserError(*problems)
    job = Job(sounds, own, {}, inputs, primer, guidance, choosing, *chosen, rows, any_fades(sounds))
    finished = collect(problems, finished_of, run, request, job)
    if problems:
        raise UserError(*problems)
    digest = model_digest(spec, job.checkpoint_digest)
    for sound in takes:
        if sound.played.model_sha256 != digest:
            say(
                f"{sound.name}: was played with other weights, of {sound.played.checkpoint}; this will be another sound"
            )
    of_scores = [sound for sound in own if sound.played is None]
    for line in long_spans(of_scores, streams, spec.audio.sample_rate, run.longest_spans()):
        say(line)
    return dataclasses.replace(job, finished=finished)


def finished_of(run: RunFolder, request: Request, job: Job) -> Mapping[str, dict[str, Any]]:
    """Return entries of the job's own sounds that are finished, by the names of their files; see `find_finished`."""
    if request.overwrite:
        return {}
    common = common_entry(run, request, job)
    asked = functools.partial(entry_of, common=common)
    return find_finished(request.out, job.sounds, job.own, asked, job.finished)


def common_entry(run: RunFolder, request: Request, job: Job) -> dict[str, Any]:
    """Return what a record says of every sound of a job."""
    entry = {
        "run": str(run.folder.absolute()),
        "checkpoint": job.checkpoint.folder.name,
        "model_sha256": model_digest(run.spec, job.checkpoint_digest),
        "raw_weights": request.raw_weights,
        "seed": request.seed,
        "batch_size": job.rows,
        "precision": request.precision,
        "guidance": request.guidance,
        "guidance_stream": request.guidance_stream,
        "prime": None if request.prime is None else str(request.prime.absolute()),
        "prime_sha256": primer_digest(job.primer),
        "environment": environment(),
    }
    return entry if job.choosing is None else {**entry, "candidates": job.choosing.describe()}


def _choose_checkpoint(
    folder: Path, which: str, model: SampleRNN, say: Callable[[str], None]
) -> tuple[Checkpoint, str]:
    """Return the checkpoint to load, see `choose_checkpoint`, and its digest."""
    while True:
        chosen = choose_checkpoint(folder, which, model, say)
        try:
            return chosen, chosen.digest()
        except DamagedCheckpoint:  # it was whole a moment ago
            if os.path.lexists(chosen.folder):
                raise


def _guidance(spec: Spec, request: Request) -> Contrast | None:
    guidance = guidance_of(
        streams_of(spec),
        request.guidance_stream,
        dropout_shares(spec)[0] > 0,
        "--guidance",
        "--guidance-stream",
    )
    if request.precision == "int8":
        raise UserError("--guidance: --precision int8 makes one row at a time; leave one of the two out")
    return None if request.guidance == 1 else guidance


def _requested(run: RunFolder, request: Request, files: Sequence[Path], say: Callable[[str], None]) -> list[Scored]:
    """Return what is known of each sound; `files` are the condition files."""
    spec, index, seconds, count = run.spec, request.conditioning_index, request.seconds, request.count
    rate = spec.audio.sample_rate
    if seconds is not None and seconds > MOST_SAMPLES / rate:
        raise UserError(
            f"--seconds {seconds:g}: a WAV file holds {MOST_SAMPLES // rate} seconds at most at {rate} Hz; ask for"
            " shorter sounds, and --count of them"
        )
    samples = None if seconds is None else round(seconds * rate)
    streams = streams_of(spec)
    scored = [
        option
        for option, given in (
            ("--conditioning-index", index),
            ("--conditions", request.conditions),
            ("--like", request.like),
        )
        if given
    ]
    if not streams:
        takes = [read_take(path) for path in files]
        if takes and all(takes):
            return [Scored(sound_stem(path), take.samples, take=take) for path, take in zip(files, takes, strict=True)]
        if seconds is None or scored:
            asked = f"with {' and '.join(scored)}" if scored else "without --seconds"
            raise UserError(f"{run.folder}: is an unconditional run and was called {asked}; give --seconds and --count")
        return [Scored(f"sound_{number:03d}", samples) for number in range(count or 1)]
    if not scored:
        raise UserError(
            f"{run.folder}: is a conditional run and was called without --conditioning-index or --conditions; give"
            " --conditioning-index or --conditions: the condition files say what each sound is, and how long"
        )
    if count is not None:
        raise UserError(
            f"{run.folder}: is a conditional run and was called with --count; leave it out: each condition file is one"
            " sound"
        )
    return read_scores(spec, files, request.like, samples, say)


def _check_takes(request: Request, takes: Sequence[Sound]) -> None:
    """Raise UserError if an option is given that a take leaves no room for."""
    given = {
        "--seconds": request.seconds is not None,
        "--guidance": request.guidance != 1,
        "--candidates": request.candidates != 1,
        "--prime": request.prime is not None,
    }
    for option, is_given in given.items():
        if is_given:
            raise UserError(
                f"{takes[0].name}: was played live and is made as it was played; leave {option} out, or remove the note"
                f" {takes[0].name}{SUFFIX} beside it to read it as a score"
            )


def _name(stem: str, temperature: float, temperatures: Sequence[float]) -> str:
    # All digits, so that different temperatures have different names.
    return stem if len(temperatures) == 1 else f"{stem}_t{np.format_float_positional(temperature, trim='-')}"
