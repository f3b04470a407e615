"""The `generate` command: check everything first, then write sound after sound to disk."""

import contextlib
import fcntl
import functools
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_samplernn.checkpoints.checkpoint import Checkpoint
from keras_samplernn.checkpoints.shelf import load_chosen
from keras_samplernn.data.quantization import Quantizer, SoundDecoder
from keras_samplernn.data.wav_writer import WavWriter
from keras_samplernn.errors import UserError
from keras_samplernn.files import make_folder, writing
from keras_samplernn.generation.candidates import TAKE_BLOCK_SAMPLES, Choice
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.judges import Judge
from keras_samplernn.generation.record import Record
from keras_samplernn.generation.request import Request, check_out, check_request
from keras_samplernn.generation.sound import Sound, any_fades, longest_first
from keras_samplernn.generation.stream import BLOCK_SAMPLES, stream_parts
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.memory import telling_exhaustion
from keras_samplernn.model.samplernn import SampleRNN
from keras_samplernn.model.scoring import Scorer
from keras_samplernn.progress import Progress
from keras_samplernn.run_folder import RunFolder, environment
from keras_samplernn.spec import Audio, Spec


class Tools(NamedTuple):
    """What generation takes from rooms that are built on it.

    Attributes:
        learn_judge: called with a spec, the name of a stream of classes and `say`, if takes are chosen by what is
            heard; returns a judge that has learned that stream.
        check_raw_weights: called with a run; raises UserError if it has none.
        load_raw_weights: called with a spec, a checkpoint and a model.
    """

    learn_judge: Callable[[Spec, str, Callable[[str], None]], Judge]
    check_raw_weights: Callable[[RunFolder], None]
    load_raw_weights: Callable[[Spec, Checkpoint, SampleRNN], None]


def generate_files(
    run: RunFolder,
    request: Request,
    say: Callable[[str], None],
    tools: Tools,
) -> Iterator[Path]:
    """Generate wavs from a run into a folder, and record in `generation.json` there how each was made.

    The whole request, and all files that it names, are checked before anything is written.

    Args:
        run: with a checkpoint.
        request: the options of the command.
        say: called with each message.
        tools: what some options need.

    Yields:
        The path of each wav, as soon as it is whole.

    Raises:
        UserError: one line for each problem; as many as can be found beforehand.
    """
    spec, out = run.spec, request.out
    job = check_request(run, request, say, tools.check_raw_weights)
    quantizer = Quantizer.of(spec.audio)
    choosing, judge = job.choosing, None
    if choosing is not None:
        judge = choosing.learn_judge(lambda name: tools.learn_judge(spec, name, say), "--by")
    too_many = f"{job.rows} sounds side by side", "lower --batch-size"
    if choosing is not None:
        too_many = f"{job.rows} sounds of {request.candidates} takes side by side", "lower --batch-size or --candidates"
    with telling_exhaustion(run.folder, *too_many):
        model = assemble(spec)
        load = functools.partial(tools.load_raw_weights, spec) if request.raw_weights else Checkpoint.load_weights
        chosen = load_chosen(job.checkpoint, request.checkpoint, model, say, load)
        engine = GenerationEngine(
            model,
            quantizer.silence,
            job.rows * request.candidates,
            BLOCK_SAMPLES if choosing is None else TAKE_BLOCK_SAMPLES,
            request.precision,
            any_fades(job.sounds),
            job.guidance,
        )
        weights = engine.weights()
    entry = {
        "run": str(run.folder.absolute()),
        "checkpoint": chosen.folder.name,
        "raw_weights": request.raw_weights,
        "seed": request.seed,
        "batch_size": job.rows,
        "precision": request.precision,
        "guidance": request.guidance,
        "guidance_stream": request.guidance_stream,
        "prime": None if request.prime is None else str(request.prime.absolute()),
        "environment": environment(),
    }
    temperatures = ", ".join(f"{temperature:g}" for temperature in request.temperatures)
    total = sum(sound.samples for sound in job.sounds)
    make_folder(out)
    with _locked(out), telling_exhaustion(run.folder, *too_many), Progress("generate", total) as progress:
        # Another process may have written to the folder since the check.
        check_out(request, job.sounds, job.inputs)
        say(f"{run.folder}: {chosen.folder.name}, seed {request.seed}, temperature {temperatures}")
        if job.primer is None:
            start, before = engine.silent_start(weights), 0.0
        else:
            wave, conditions = job.primer
            codes = np.concatenate([*quantizer.encode_blocks(wave)])
            start, before = engine.primed_start(weights, codes, conditions), quantizer.last_sample(codes)

        def on_samples(samples: int) -> None:
            done = progress.done + samples
            progress.update(done, f"{progress.speed(done) / spec.audio.sample_rate:.2f} x real time")

        choices: dict[str, list[Choice]] = {sound.name: [] for sound in job.sounds}
        beginning = engine, weights, start
        if choosing is None:
            streamed = stream_parts(*beginning, longest_first(job.sounds), request.seed, request.guidance)
        else:
            streamed = choosing.stream_chosen(
                *beginning,
                job.sounds,
                request.seed,
                request.guidance,
                spec.audio.sample_rate,
                Scorer(model, quantizer.silence, engine.block_samples),
                judge,
                lambda sound, choice: choices[sound.name].append(choice),
            )
        made = write_sounds(streamed, spec.audio, out, on_samples, before)
        with contextlib.closing(made), Record(out, request.overwrite) as record:
            for sound, path in made:
                chosen_takes = {} if choosing is None else {"candidates": choosing.describe(choices[sound.name])}
                record.add(path.name, {"temperature": sound.temperature, **entry, **chosen_takes})
                yield path


def write_sounds(
    streamed: Iterable[tuple[Sound, np.ndarray, bool]],
    audio: Audio,
    folder: Path,
    on_samples: Callable[[int], None],
    before: float = 0.0,
) -> Iterator[tuple[Sound, Path]]:
    """Write sounds to `NAME.wav` in a folder; a file gets its name when it is whole.

    Args:
        streamed: sounds piece by piece, as `stream_parts` yields them.
        audio: the `audio` section of the spec.
        folder: an existing folder.
        on_samples: called with the number of new samples of each piece.
        before: the last sample of what each sound continues.

    Yields:
        Each sound and its path, as soon as the file is whole.
    """
    quantizer = Quantizer.of(audio)
    writers: dict[str, WavWriter] = {}
    decoders: dict[str, SoundDecoder] = {}
    try:
        for sound, codes, ended in streamed:
            path = folder / f"{sound.name}.wav"
            if sound.name not in writers:
                writers[sound.name] = WavWriter(path, audio.sample_rate)
                decoders[sound.name] = quantizer.decoder(before)
            writers[sound.name].write(decoders[sound.name](codes))
            on_samples(len(codes))
            if ended:
                del decoders[sound.name]
                writers.pop(sound.name).commit()
                yield sound, path
    finally:
        for writer in writers.values():
            writer.discard()


@contextlib.contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Keep other `generate` processes out of a folder, if its file system has locks."""
    with writing(out):
        descriptor = os.open(out, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{out}: another `generate` is writing there; wait for it, or give --out another folder"
            ) from None
        except OSError:  # some network file systems have no locks
            pass
        yield
    finally:
        os.close(descriptor)
