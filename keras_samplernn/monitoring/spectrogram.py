"""The spectrogram of a sound as a picture: time to the right, frequency upwards, level as colour."""

import numpy as np

FLOOR_DB = -80.0
# From dark to light through purple and orange, evenly spaced in level; colours between them are interpolated.
COLOURS = np.array([(0, 0, 4), (60, 15, 110), (145, 40, 130), (220, 75, 95), (250, 150, 100), (252, 253, 191)])


def spectrogram_db(wave: np.ndarray, window: int = 512, hop: int = 128) -> np.ndarray:
    """Return levels in dB below a full-scale sine, `(frames, window // 2 + 1)`, not below `FLOOR_DB`.

    Args:
        wave: `(n,)` in [-1, 1]; if it is shorter than a window, it is padded with zeros.
        window: samples of the Hann window.
        hop: samples between frames.
    """
    wave = np.pad(wave, (0, max(window - len(wave), 0)))
    frames = np.lib.stride_tricks.sliding_window_view(wave, window)[::hop]
    shape = np.hanning(window)
    magnitudes = np.abs(np.fft.rfft(frames * shape, axis=1)) * 2 / shape.sum()
    return np.maximum(20 * np.log10(np.maximum(magnitudes, 1e-12)), FLOOR_DB)


def spectrogram_image(wave: np.ndarray, window: int = 512, hop: int = 128) -> np.ndarray:
    """Return an RGB picture, `(frequencies, frames, 3)` uint8, low frequencies at the bottom; see `spectrogram_db`."""
    level = (spectrogram_db(wave, window, hop).T[::-1] - FLOOR_DB) / -FLOOR_DB  # (frequencies, frames) in [0, 1]
    stops = np.linspace(0, 1, len(COLOURS))
    return np.stack([np.interp(level, stops, channel) for channel in COLOURS.T], axis=-1).astype(np.uint8)
