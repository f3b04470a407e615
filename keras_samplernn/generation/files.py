"""The `generate` command: check everything first, then write sound after sound to disk."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_samplernn.checkpoints.checkpoint import Checkpoint
from keras_samplernn.checkpoints.shelf import load_chosen
from keras_samplernn.conditions.streams import Streams, streams_of
from keras_samplernn.data.quantization import Quantizer, SoundDecoder
from keras_samplernn.data.wav_writer import WavWriter
from keras_samplernn.files import make_folder
from keras_samplernn.generation.candidates import Choice
from keras_samplernn.generation.devices import visible_devices
from keras_samplernn.generation.entry import entry_of
from keras_samplernn.generation.faults import FaultFinder, remedies
from keras_samplernn.generation.judges import Judge
from keras_samplernn.generation.maker import Maker, stream_on
from keras_samplernn.generation.out_folder import check_paths, wav_of
from keras_samplernn.generation.out_lock import locked_out
from keras_samplernn.generation.record import Record
from keras_samplernn.generation.request import Job, Request, check_request, common_entry, finished_of
from keras_samplernn.generation.sound import Sound
from keras_samplernn.model.memory import telling_exhaustion
from keras_samplernn.model.samplernn import SampleRNN
from keras_samplernn.progress import Progress
from keras_samplernn.run_folder import RunFolder
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
    left = _left(job)
    if not left:
        say(f"{out}: nothing to do: {_described(request, job)}")
        if job.own:
            make_folder(out)
            with locked_out(out, request.shard), Record(out, request.overwrite, request.shard) as record:
                record.adopt(job.finished)
        return
    judge = None
    if job.choosing is not None:
        judge = job.choosing.learn_judge(lambda name: tools.learn_judge(spec, name, say), "--by")
    # No more than there are sounds; a single one is left to TensorFlow.
    devices = visible_devices()[: len(left)]
    too_many = f"{job.rows} sounds side by side", "lower --batch-size"
    if job.choosing is not None:
        too_many = f"{job.rows} sounds of {request.candidates} takes side by side", "lower --batch-size or --candidates"
    with telling_exhaustion(run.folder, *too_many):
        job, makers = _load(run, request, job, devices if len(devices) > 1 else [None], say, tools)
    entry = common_entry(run, request, job)
    temperatures = ", ".join(f"{temperature:g}" for temperature in request.temperatures)
    make_folder(out)
    with contextlib.ExitStack() as held:
        held.enter_context(locked_out(out, request.shard))
        held.enter_context(telling_exhaustion(run.folder, *too_many))
        # Another process may have written to the folder since the check, and the checkpoint may be another one.
        check_paths(out, request.overwrite, request.shard, job.sounds, job.inputs)
        job = dataclasses.replace(job, finished=finished_of(run, request, job))
        left = _left(job)
        progress = held.enter_context(Progress("generate", sum(sound.samples for sound in left)))
        say(f"{run.folder}: {job.checkpoint.folder.name}, seed {request.seed}, temperature {temperatures}")
        if request.shard is not None or job.finished:
            say(f"{out}: {_described(request, job)}")
        for maker in makers:
            maker.begin()

        def on_samples(samples: int) -> None:
            done = progress.done + samples
            progress.update(done, f"{progress.speed(done) / spec.audio.sample_rate:.2f} x real time")

        choices: dict[str, list[Choice]] = {sound.name: [] for sound in left}
        record = held.enter_context(Record(out, request.overwrite, request.shard))
        record.adopt(job.finished)

        def note(sound: Sound, digest: str, faults: dict[str, Any]) -> None:
            # Noted before the file has its name: what a kill leaves is a note too many, never a sound without one.
            made = entry_of(sound, entry)
            if faults:
                made["faults"] = faults
                for line in remedies(faults, sound.columns is not None, request.guidance):
                    say(f"{wav_of(out, sound)}: {line}")
            if job.choosing is not None:
                made["candidates"] = job.choosing.describe_choices(choices[sound.name])
            record.add(wav_of(out, sound).name, {**made, "sha256": digest})

        streamed = stream_on(makers, left, judge, lambda sound, choice: choices[sound.name].append(choice))
        held.enter_context(contextlib.closing(streamed))
        made = write_sounds(streamed, spec.audio, out, on_samples, makers[0].last_before, note, streams_of(spec))
        yield from held.enter_context(contextlib.closing(made))


def list_files(
    run: RunFolder, request: Request, say: Callable[[str], None], tools: Tools
) -> Iterator[tuple[Path, float, bool]]:
    """Check a request, as `generate_files` does, and say what it would make; nothing is loaded or written.

    Yields:
        Path and seconds of each sound, and whether it is finished.

    Raises:
        UserError: one line for each problem.
    """
    job = check_request(run, request, say, tools.check_raw_weights)
    say(f"{request.out}: {_described(request, job)}")
    for sound in job.own:
        path = wav_of(request.out, sound)
        yield path, sound.samples / run.spec.audio.sample_rate, path.name in job.finished


def _left(job: Job) -> list[Sound]:
    """Return the sounds that are still to be made."""
    return [sound for sound in job.own if f"{sound.name}.wav" not in job.finished]


def _described(request: Request, job: Job) -> str:
    """Return how many sounds there are, of which shard, and how many are finished."""
    finished, own, every = len(job.finished), len(job.own), len(job.sounds)
    if request.shard is None:
        return f"{finished} of {own} sounds are finished"
    if not own:
        return f"there are {every} sounds, and shard {request.shard} has none of them"
    return f"shard {request.shard} has {own} of {every} sounds, of which {finished} are finished"


def _load(
    run: RunFolder,
    request: Request,
    job: Job,
    devices: Sequence[str | None],
    say: Callable[[str], None],
    tools: Tools,
) -> tuple[Job, list[Maker]]:
    """Load the job's checkpoint; return the job with the one that was loaded, and a maker for each device."""
    spec, loaded = run.spec, job

    def load(checkpoint: Checkpoint, model: SampleRNN) -> None:
        nonlocal loaded
        loaded = dataclasses.replace(job, checkpoint=checkpoint, checkpoint_digest=checkpoint.digest())
        if request.raw_weights:
            tools.load_raw_weights(spec, checkpoint, model)
        else:
            checkpoint.load_weights(model)

    def fill(model: SampleRNN) -> None:
        load_chosen(job.checkpoint, request.checkpoint, model, say, load)

    first, *others = devices
    makers = [Maker(first, spec, job, request, fill)]
    values = makers[0].model.get_weights() if others else []
    makers += [Maker(device, spec, job, request, lambda model: model.set_weights(values)) for device in others]
    return loaded, makers


def write_sounds(
    streamed: Iterable[tuple[Sound, np.ndarray, bool]],
    audio: Audio,
    folder: Path,
    on_samples: Callable[[int], None],
    before: float = 0.0,
    note: Callable[[Sound, str, dict[str, Any]], None] | None = None,
    streams: Streams = (),
) -> Iterator[Path]:
    """Write sounds to `NAME.wav` in a folder; a file gets its name when it is whole.

    Args:
        streamed: sounds piece by piece, as `stream_parts` yields them.
        audio: the `audio` section of the spec.
        folder: an existing folder.
        on_samples: called with the number of new samples of each piece.
        before: the last sample of what each sound continues.
        note: called with each sound, the sha256 of its file and what is wrong with it (see `FaultFinder`), before the
            file has its name.
        streams: of the model.

    Yields:
        The path of each sound, as soon as the file is whole.
    """
    quantizer = Quantizer.of(audio)
    writers: dict[str, WavWriter] = {}
    decoders: dict[str, SoundDecoder] = {}
    finders: dict[str, FaultFinder] = {}
    try:
        for sound, codes, ended in streamed:
            path = wav_of(folder, sound)
            if sound.name not in writers:
                writers[sound.name] = WavWriter(path, audio.sample_rate)
                decoders[sound.name] = quantizer.decoder(before)
                finders[sound.name] = FaultFinder(audio.sample_rate, quantizer.silence, streams, sound.columns)
            wave = decoders[sound.name](codes)
            finders[sound.name].add(codes, wave)
            writers[sound.name].write(wave)
            on_samples(len(codes))
            if ended:
                del decoders[sound.name]
                faults = finders.pop(sound.name).faults()
                writers.pop(sound.name).commit(note and functools.partial(note, sound, faults=faults))
                yield path
    finally:
        for writer in writers.values():
            writer.discard()
