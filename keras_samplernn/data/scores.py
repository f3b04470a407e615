"""A condition file as a score: for the rate of the model, or for that of the sound beside it."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from keras_samplernn.conditions.readers.reading import read_track
from keras_samplernn.conditions.streams import Streams
from keras_samplernn.conditions.track import Track
from keras_samplernn.data.headers.header import Header
from keras_samplernn.data.inspection import AUDIO_SUFFIXES, inspect_audio
from keras_samplernn.data.pairs import sound_stem
from keras_samplernn.errors import UserError
from keras_samplernn.text import quote


def read_score(path: Path, streams: Streams, sample_rate: int, say: Callable[[str], None]) -> Track:
    """Read a condition file as the score of a sound to generate.

    A file with a row for each sample has no rate in it. One that has as many rows as the sound beside it, of the same
    name, has samples was made for that sound, and is read at its rate.

    Args:
        path: the condition file.
        streams: of the model.
        sample_rate: of the model, in Hz.
        say: called with a line if the file is read at another rate.

    Raises:
        UserError: one line; see `read_track`.
    """
    track = read_track(path, streams, sample_rate)
    for header in _sounds_beside(path):
        # Times hold at every rate: a file of them has other samples at this one.
        if header.samples == track.samples > 0 and header.sample_rate != sample_rate:
            samples = max(round(track.samples * sample_rate / header.sample_rate), 1)
            say(
                f"{path}: has a row for each sample of {quote(sound_stem(path))} beside it, at {header.sample_rate} Hz;"
                f" read at that rate, {samples / sample_rate:.2f} s, not {track.samples / sample_rate:.2f} s at"
                f" {sample_rate} Hz"
            )
            return track.resampled(samples)
    return track


def _sounds_beside(path: Path) -> list[Header]:
    """Return the headers of the sounds that a condition file may belong to; none of what cannot be read."""
    headers = []
    for suffix in AUDIO_SUFFIXES:
        sound = path.with_name(sound_stem(path) + suffix)
        if sound.is_file():
            with suppress(UserError):
                headers.append(inspect_audio(sound).header)
    return headers
