"""An audio file in one piece: read, mixed down, resampled."""

from pathlib import Path

import numpy as np
import soxr

from keras_samplernn.data.decoding import decode_files
from keras_samplernn.data.inspection import inspect_audio
from keras_samplernn.errors import UserError


def read_audio(path: str | Path, sample_rate: int) -> np.ndarray:
    """Read one audio file as (n,) float32, mixed down to mono and resampled to `sample_rate` Hz.

    Raises:
        UserError: one line; see `inspect_audio` and `decode_files`.
    """
    info = inspect_audio(path, sample_rate)
    (wave,) = decode_files([info])
    if isinstance(wave, UserError):
        raise wave
    return to_mono_at_rate(wave, info.sample_rate, sample_rate)


def to_mono_at_rate(wave: np.ndarray, rate_from: int, rate_to: int) -> np.ndarray:
    """Return the mean over the channels of `wave`, (n, channels) float32, resampled from one rate in Hz to another."""
    mono = wave[:, 0] if wave.shape[1] == 1 else wave.mean(axis=1, dtype=np.float32)
    if rate_from == rate_to or not len(mono):
        return mono
    # Never tensorflow-io's resampler: it delays by milliseconds and cuts the tail.
    return soxr.resample(mono, rate_from, rate_to)
