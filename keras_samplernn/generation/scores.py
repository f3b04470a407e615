"""The scores that sounds are generated from: condition files, and sounds that are taken as scores."""

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.features import feature_track
from keras_samplernn.conditions.streams import streams_of
from keras_samplernn.conditions.track import Track
from keras_samplernn.data.audio import read_audio
from keras_samplernn.data.pairs import sound_stem
from keras_samplernn.data.scores import read_score
from keras_samplernn.data.wav_writer import MOST_SAMPLES
from keras_samplernn.errors import UserError, collect
from keras_samplernn.generation.sound import ScoreFile
from keras_samplernn.generation.take import Take, read_take
from keras_samplernn.names import nfc
from keras_samplernn.spec import Spec


class Scored(NamedTuple):
    """What is known of a sound from what it is generated from.

    Attributes:
        stem: of its file.
        samples: its length.
        columns: its conditions; None if the model is unconditional.
        file: the file of the conditions, if there is one.
        take: how it was played, if it was.
    """

    stem: str
    samples: int
    columns: Columns | None = None
    file: ScoreFile | None = None
    take: Take | None = None


def read_scores(
    spec: Spec, files: Sequence[Path], like: Sequence[Path], samples: int | None, say: Callable[[str], None]
) -> list[Scored]:
    """Read the scores of a conditional run, and takes: what was played live is as long as it was.

    Args:
        spec: of the run.
        files: condition files.
        like: sounds whose features are scores.
        samples: length of each sound; None: as long as its score.
        say: called with a line for each thing in a sound that was assumed or left out.

    Returns:
        Of each, what is known of its sound.

    Raises:
        UserError: one line for each score that cannot be read, or has the stem of another.
    """
    streams, rate = streams_of(spec), spec.audio.sample_rate
    problems: list[str] = []
    sources = [(path, _track_of_file) for path in files] + [(path, _track_like) for path in like]
    for path, other in _same_stems([path for path, _ in sources]):
        both = f'has the stem of {other}, both would be written to "{sound_stem(path)}.wav"; rename one'
        twice = path.absolute() == other.absolute()
        problems.append(f"{path}: {'is given twice; give it once' if twice else both}")
    takes = [collect(problems, read_take, path) for path in files] + [None] * len(like)
    tracks = [
        collect(problems, read, spec, path, samples if take is None else None, say)
        for (path, read), take in zip(sources, takes, strict=True)
    ]
    if problems:
        raise UserError(*problems)
    # The score of a take may have been made shorter by hand: nothing is said of the rest.
    tracks = [
        track if take is None else track.of_length(max(track.samples, take.samples), streams)
        for track, take in zip(tracks, takes, strict=True)
    ]
    return [
        Scored(
            sound_stem(path),
            track.samples if take is None else take.samples,
            Columns(track, streams, rate),
            ScoreFile(path, _digest(path)),
            take,
        )
        for (path, _), track, take in zip(sources, tracks, takes, strict=True)
    ]


def _digest(path: Path) -> str | None:
    """Return the sha256 of a file that was read a moment ago; None if it cannot be read again."""
    with contextlib.suppress(OSError):
        if path.is_file():
            with path.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
    return None


def _same_stems(paths: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    """Yield each path whose stem an earlier one has, and that one; some file systems ignore case."""
    first: dict[str, Path] = {}
    for path in paths:
        other = first.setdefault(nfc(sound_stem(path).casefold()), path)
        if other is not path:
            yield path, other


def _track_of_file(spec: Spec, path: Path, samples: int | None, say: Callable[[str], None]) -> Track:
    """Return the track of a condition file."""
    streams = streams_of(spec)
    track = read_score(path, streams, spec.audio.sample_rate, say).of_length(samples, streams)
    if track.samples > MOST_SAMPLES:
        raise UserError(
            f"{path}: asks for {track.samples:,} samples, and a WAV file holds {MOST_SAMPLES:,} at most; cut it into"
            " several"
        )
    return track


def _track_like(spec: Spec, path: Path, samples: int | None, say: Callable[[str], None]) -> Track:
    """Return the track of a sound's features."""
    streams, rate = streams_of(spec), spec.audio.sample_rate
    return feature_track(read_audio(path, rate, say), rate, streams).of_length(samples, streams)
