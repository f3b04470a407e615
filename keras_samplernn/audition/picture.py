"""The spectrogram of a sound as a small PNG of few colours: a page holds a hundred of them."""

import math
import struct
import zlib

import numpy as np

from keras_samplernn.monitoring.spectrogram import COLOURS, FLOOR_DB, spectrogram_db

MOST_COLUMNS, MOST_ROWS, LEVELS = 480, 128, 64
MOST_BYTES = MOST_COLUMNS * MOST_ROWS * 6 // 8
"""About what a picture takes at most: its levels, of six bits."""
_WINDOW_SECONDS = 0.032


def draw_spectrogram(wave: np.ndarray, sample_rate: int) -> bytes:
    """Return a PNG: time to the right, frequency upwards to half the sample rate, level as colour.

    Args:
        wave: `(n,)` in [-1, 1], at least one sample.
        sample_rate: in Hz.
    """
    window = 2 ** max(round(math.log2(_WINDOW_SECONDS * sample_rate)), 4)
    levels = spectrogram_db(wave, window, max(window // 4, math.ceil(len(wave) / MOST_COLUMNS)))[:, 1:]
    # The strongest of neighbouring frequencies, so that a thin line does not vanish.
    width = max(levels.shape[1] // MOST_ROWS, 1)
    levels = levels.reshape(len(levels), -1, width).max(axis=2)  # (frames, rows)
    indices = np.rint((levels.T[::-1] / -FLOOR_DB + 1) * (LEVELS - 1)).clip(0, LEVELS - 1).astype(np.uint8)
    stops, places = np.linspace(0, 1, len(COLOURS)), np.linspace(0, 1, LEVELS)
    palette = np.stack([np.interp(places, stops, channel) for channel in COLOURS.T], axis=-1).astype(np.uint8)
    return _png(indices, palette)


def _png(indices: np.ndarray, palette: np.ndarray) -> bytes:
    """Return a PNG of indices `(height, width)` uint8 into a palette `(colours, 3)` uint8."""
    height, width = indices.shape
    rows = np.pad(indices, ((0, 0), (1, 0)))  # each row begins with its filter: none
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0),
        b"PLTE": palette.tobytes(),
        b"IDAT": zlib.compress(rows.tobytes(), 9),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks.items()
    )
