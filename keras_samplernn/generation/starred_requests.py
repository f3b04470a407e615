"""What `generate --starred` makes: a request for each checkpoint, since a command loads one at a time."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from keras_samplernn.checkpoints.shelf import checkpoint_named
from keras_samplernn.conditions.streams import streams_of
from keras_samplernn.data.wav_writer import MOST_SAMPLES
from keras_samplernn.errors import UserError, collect
from keras_samplernn.generation.entry import model_digest
from keras_samplernn.generation.request import Request, check_request
from keras_samplernn.generation.sound import Sound
from keras_samplernn.generation.starred import StarredSound, read_starred
from keras_samplernn.run_folder import RunFolder


def starred_requests(
    run: RunFolder,
    path: Path,
    request: Request,
    say: Callable[[str], None],
    check_raw_weights: Callable[[RunFolder], None],
) -> list[Request]:
    """Return requests that make starred sounds as they were made, in the order of the file.

    Sounds share a request if they share a loaded model and a compiled loop. All requests are checked, so that nothing
    is made unless all can be.

    Args:
        run: whose sounds they are.
        path: the `starred.json`.
        request: the options that hold for all: `out`, `seconds` and `overwrite`.
        say: called with each message.
        check_raw_weights: as in `check_request`.

    Raises:
        UserError: one line for each problem: the file is not one, or of another run; a checkpoint is gone.
    """
    spec, problems = run.spec, []
    rate, streams = spec.audio.sample_rate, streams_of(spec)
    samples = None if request.seconds is None else round(request.seconds * rate)
    if samples is not None and samples > MOST_SAMPLES:
        raise UserError(
            f"--seconds {request.seconds:g}: a WAV file holds {MOST_SAMPLES // rate} seconds at most at {rate} Hz; ask"
            " for shorter sounds"
        )
    starred = read_starred(path)
    for name in dict.fromkeys(each.checkpoint for each in starred):
        digests = {each.model_sha256 for each in starred if each.checkpoint == name}
        collect(problems, _check_same_model, run, name, digests, path)
    together: dict[tuple, list[Sound]] = {}
    for number, each in enumerate(starred):
        sound = collect(problems, each.sound, streams, rate, samples, f"{path}: sounds[{number}]")
        if sound is not None:
            together.setdefault(_loop_of(each, sound), []).append(sound)
    if problems:
        raise UserError(*problems)
    requests = [
        dataclasses.replace(
            request,
            checkpoint=checkpoint,
            seed=seed,
            batch_size=rows,
            temperatures=tuple(dict.fromkeys(sound.temperature for sound in sounds)),
            starred=tuple(sounds),
        )
        for (checkpoint, seed, rows, _), sounds in together.items()
    ]
    for each in requests:
        collect(problems, check_request, run, each, lambda line: None, check_raw_weights)
    if problems:
        raise UserError(*dict.fromkeys(problems))
    count = len({sound.checkpoint for sound in starred})
    say(f"{path}: {len(starred)} sounds of {count} checkpoint{'s' if count > 1 else ''}")
    return requests


def _loop_of(starred: StarredSound, sound: Sound) -> tuple:
    """Return what sounds of one request share."""
    return starred.checkpoint, starred.seed, starred.batch_size, sound.columns is not None and sound.columns.fades


def _check_same_model(run: RunFolder, name: str, digests: set[str], path: Path) -> None:
    checkpoint = checkpoint_named(run.checkpoints_folder, name)
    if digests != {model_digest(run.spec, checkpoint.digest())}:
        raise UserError(
            f"{path}: sounds of {name} were made by another model than {checkpoint.folder} has now; give the run that"
            " the page is of, or make a page of this one with `audition`"
        )
