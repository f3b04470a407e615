"""An audio file in one piece: read, mixed down, resampled; and its conditions with it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soxr

from keras_samplernn.data.conditioning import read_conditions, resample_conditions
from keras_samplernn.data.decoding import decode_files
from keras_samplernn.data.inspection import inspect_audio
from keras_samplernn.errors import UserError


def read_audio(path: str | Path, sample_rate: int) -> np.ndarray:
    """Read one audio file as (n,) float32, mixed down to mono and resampled to `sample_rate` Hz.

    Raises:
        UserError: one line; see `inspect_audio` and `decode_files`.
    """
    return to_mono_at_rate(*_decode(path, sample_rate), sample_rate)


def read_sound(
    path: str | Path, sample_rate: int, classes: int | Sequence[str]
) -> tuple[np.ndarray, np.ndarray | None]:
    """Read one audio file and the conditions beside it, as a corpus would hold them.

    Args:
        path: the audio file; the csv file beside it of the same stem has one line for each of its samples.
        sample_rate: in Hz, to which both are resampled.
        classes: the number of classes, or their names; 0: there are no conditions, and no csv is looked for.

    Returns:
        The wave (n,) float32, and its conditions (n,) int32 or None.

    Raises:
        UserError: one line; see `read_audio` and `read_conditions`.
    """
    decoded, rate = _decode(path, sample_rate)
    wave = to_mono_at_rate(decoded, rate, sample_rate)
    if not classes:
        return wave, None
    table = Path(path).with_suffix(".csv")
    if not table.is_file():
        raise UserError(f"{path}: has no {table.name} beside it; a conditional run needs the sound's conditions there")
    # An Ogg file may hold other samples than its header states; what was decoded is what the csv was made for.
    return wave, resample_conditions(read_conditions(table, classes, len(decoded)), len(wave))


def _decode(path: str | Path, sample_rate: int) -> tuple[np.ndarray, int]:
    """Return the samples of a file, (n, channels) float32, and their rate; UserError where it cannot be decoded."""
    info = inspect_audio(path, sample_rate)
    (wave,) = decode_files([info])
    if isinstance(wave, UserError):
        raise wave
    return wave, info.sample_rate


def to_mono_at_rate(wave: np.ndarray, rate_from: int, rate_to: int) -> np.ndarray:
    """Return the mean over the channels of `wave`, (n, channels) float32, resampled from one rate in Hz to another."""
    mono = wave[:, 0] if wave.shape[1] == 1 else wave.mean(axis=1, dtype=np.float32)
    if rate_from == rate_to or not len(mono):
        return mono
    # Never tensorflow-io's resampler: it delays by milliseconds and cuts the tail.
    return soxr.resample(mono, rate_from, rate_to)
