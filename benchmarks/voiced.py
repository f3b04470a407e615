"""How much of a word is voiced: whether it is spoken or whispered."""

from collections.abc import Sequence

import numpy as np

from keras_samplernn.conditions.pitch import fundamental_hz

HALF_FRAME_SECONDS, HOP_SECONDS = 0.025, 0.01
HIGHEST_VOICE_HZ = 500
# A frame is loud if it is at most this far below the loudest one of the word.
RANGE_DB = 15


def voiced_share(words: Sequence[np.ndarray], sample_rate: int) -> float:
    """Return the share of loud frames in which a period of a voice is found (YIN), as the mean over words.

    Of 500 real digits it is 0.54: fricatives are loud too, and some speakers creak.

    Args:
        words: `(n,)` each; those shorter than a frame are passed over.
        sample_rate: in Hz.
    """
    shares = [_share(word, sample_rate) for word in words if len(word) > 2 * HALF_FRAME_SECONDS * sample_rate]
    return float(np.mean(shares))


def _share(word: np.ndarray, sample_rate: int) -> float:
    middles = np.arange(HALF_FRAME_SECONDS, len(word) / sample_rate - HALF_FRAME_SECONDS, HOP_SECONDS)
    half = round(HALF_FRAME_SECONDS * sample_rate)
    frames = np.lib.stride_tricks.sliding_window_view(word, 2 * half)[(middles * sample_rate).astype(int) - half]
    power = np.mean(np.square(frames), axis=1)
    loud = power >= power.max() * 10 ** (-RANGE_DB / 10)
    hertz = fundamental_hz(word.astype(np.float32), sample_rate, middles)
    return float(np.mean(hertz[loud] < HIGHEST_VOICE_HZ))  # NaN, where there is no period, is not below
