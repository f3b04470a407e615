"""The fundamental frequency of a sound over time, after YIN (de Cheveigné and Kawahara, 2002)."""

import numpy as np
import soxr

LOWEST_HZ, HIGHEST_HZ = 40, 2000
FRAME_SECONDS = 2 / LOWEST_HZ
"""Length of a frame: two of the longest periods, so that each lag compares at least half of it."""
THRESHOLD = 0.2
"""The most that the difference function of a voiced frame falls to: 0 is a period that repeats exactly, 1 is noise."""
QUIETEST_DB = -60
"""The root mean square, relative to full scale, below which no frame is voiced: hum is not a note."""

# Periods are whole samples before they are refined; at this rate the shortest one has 16.
_RATE = 32_000
_ROWS = 1000


def fundamental_hz(wave: np.ndarray, sample_rate: int, seconds: np.ndarray) -> np.ndarray:
    """Return the fundamental frequency around some times, `(rows,)` float32 in Hz, NaN where there is none.

    A frame whose difference function does not fall below `THRESHOLD` at any lag is unvoiced, as is a quiet one. At
    the ends of the sound, frames are moved inside it.

    Args:
        wave: `(n,)` float32.
        sample_rate: in Hz.
        seconds: `(rows,)` times.
    """
    half = round(FRAME_SECONDS * _RATE / 2)
    wave = soxr.resample(wave, sample_rate, _RATE) if sample_rate != _RATE and len(wave) else wave
    if len(wave) < 2 * half:
        return np.full(len(seconds), np.nan, np.float32)
    starts = np.clip(np.round(seconds * _RATE).astype(np.int64) - half, 0, len(wave) - 2 * half)
    frames = np.lib.stride_tricks.sliding_window_view(wave, 2 * half)
    found = [_pitch(frames[starts[row : row + _ROWS]]) for row in range(0, len(starts), _ROWS)]
    return np.concatenate(found).astype(np.float32) if found else np.zeros(0, np.float32)


def _pitch(frames: np.ndarray) -> np.ndarray:
    """Return the fundamental frequency of frames `(rows, width)`, in Hz."""
    # In float64, since the difference function subtracts numbers that are nearly equal.
    frames = frames.astype(np.float64)
    differences = _differences(frames)  # (rows, lags)
    lags = np.arange(differences.shape[1])
    totals = np.cumsum(differences, axis=1)
    relative = np.ones_like(differences)
    np.divide(differences * lags, totals, out=relative, where=totals > 0)
    shortest = _RATE // HIGHEST_HZ
    inner = relative[:, 1:-1]
    troughs = (inner < THRESHOLD) & (inner <= relative[:, :-2]) & (inner < relative[:, 2:])
    troughs[:, : shortest - 1] = False
    rows = np.flatnonzero(troughs.any(axis=1) & (np.mean(frames**2, axis=1) >= 10 ** (QUIETEST_DB / 10)))
    lag = troughs[rows].argmax(axis=1) + 1
    before, here, after = (differences[rows, lag + offset] for offset in (-1, 0, 1))
    # The lowest point of the parabola through three differences.
    bend = before - 2 * here + after
    shift = np.divide(before - after, 2 * bend, out=np.zeros(len(rows)), where=bend > 0)
    hertz = np.full(len(frames), np.nan)
    hertz[rows] = _RATE / (lag + np.clip(shift, -1, 1))
    return hertz


def _differences(frames: np.ndarray) -> np.ndarray:
    """Return the mean square of `frame[m + lag] - frame[m]` over all `m`, `(rows, lags)`, for lags from 0.

    All pairs of samples that a frame has are compared, so the estimate belongs to the middle of the frame at any lag.
    """
    width = frames.shape[1]
    lags = np.arange(_RATE // LOWEST_HZ + 2)
    spectra = np.fft.rfft(frames, width + len(lags))
    products = np.fft.irfft(np.abs(spectra) ** 2, width + len(lags))[:, : len(lags)]
    energy = np.cumsum(np.pad(frames**2, ((0, 0), (1, 0))), axis=1)  # (rows, width + 1): of the samples before each
    energies = energy[:, width - lags] + energy[:, -1:] - energy[:, lags]
    return np.maximum(energies - 2 * products, 0) / (width - lags)
