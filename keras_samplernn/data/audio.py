"""An audio file in one piece: read, mixed down, resampled; and its conditions with it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import soxr

from keras_samplernn.conditions.streams import Streams, stream_from_folder
from keras_samplernn.conditions.track import Track
from keras_samplernn.data.decoding import decode_files
from keras_samplernn.data.inspection import inspect_audio
from keras_samplernn.data.notes import Notes
from keras_samplernn.data.pairs import conditions_of
from keras_samplernn.data.sound_tracks import read_sound_track
from keras_samplernn.errors import UserError


def read_audio(path: str | Path, sample_rate: int, say: Callable[[str], None]) -> np.ndarray:
    """Read one audio file as (n,) float32, mixed down to mono and resampled to `sample_rate` Hz.

    Args:
        path: the file.
        sample_rate: in Hz.
        say: called with a line for each thing that was assumed or left out.

    Raises:
        UserError: one line; see `inspect_audio` and `decode_files`.
    """
    return to_mono_at_rate(*_decode(path, sample_rate, say), sample_rate)


def read_sound(
    path: str | Path, sample_rate: int, streams: Streams, say: Callable[[str], None], unlabelled: bool = False
) -> tuple[np.ndarray, Track | None]:
    """Read one audio file and its track, as a corpus would hold them.

    Args:
        path: the audio file; its condition file lies beside it.
        sample_rate: in Hz, to which both are resampled.
        streams: the condition streams; none: no condition file is looked for.
        say: as in `read_audio`.
        unlabelled: whether the sound may have no condition file.

    Returns:
        The wave (n,) float32, and its track or None.

    Raises:
        UserError: one line; see `read_audio` and `read_sound_track`.
    """
    decoded, rate = _decode(path, sample_rate, say)
    wave = to_mono_at_rate(decoded, rate, sample_rate)
    if not streams:
        return wave, None
    table = conditions_of(Path(path), needed=not unlabelled and not all(map(stream_from_folder, streams)))
    # An Ogg file may hold other samples than its header states; what was decoded is what the file was made for.
    track = read_sound_track(Path(path), table, streams, rate, len(decoded))
    return wave, track.resampled(len(wave))


def _decode(path: str | Path, sample_rate: int, say: Callable[[str], None]) -> tuple[np.ndarray, int]:
    """Return the samples of a file, (n, channels) float32, and their rate; UserError where it cannot be decoded."""
    info = inspect_audio(Path(path), sample_rate)
    (recording,) = decode_files([info])
    if isinstance(recording, UserError):
        raise recording
    notes = Notes()
    notes.add(str(path), recording.remarks)
    for line in notes.lines():
        say(line)
    return recording.wave, info.header.sample_rate


def to_mono_at_rate(wave: np.ndarray, rate_from: int, rate_to: int, speed: float = 1.0) -> np.ndarray:
    """Return the mean over the channels of a wave, resampled.

    Args:
        wave: (n, channels) float32.
        rate_from: its sample rate, in Hz.
        rate_to: that of the result, in Hz.
        speed: how many times as fast the sound is to be played, its pitch with it.
    """
    mono = wave[:, 0] if wave.shape[1] == 1 else wave.mean(axis=1, dtype=np.float32)
    if rate_from * speed == rate_to or not len(mono):
        return mono
    # Never tensorflow-io's resampler: it delays by milliseconds and cuts the tail.
    return soxr.resample(mono, rate_from * speed, rate_to)
