"""Pre-emphasis: a sound's high frequencies are raised before it is quantized, and lowered again after decoding.

    y[t] = (x[t] - a x[t-1]) / (1 + a)        x[t] = (1 + a) y[t] + a x[t-1]        x[-1] = 0

Most sounds are strongest at low frequencies, so y is small, where the steps of mu-law are fine: there is less noise at
high frequencies, where it is heard best (Valin and Skoglund 2019, LPCNet, section 3.2). The quotient 1 + a is the most
that the filter can add to a peak: no sound in [-1, 1] leaves that range. It is the same for all sounds, so that equal
sounds have equal codes in every corpus.
"""

from itertools import accumulate

import numpy as np


def emphasise(wave: np.ndarray, amount: float, before: float = 0.0) -> np.ndarray:
    """Return a wave `(n,)` in [-1, 1] with raised high frequencies, `(n,)` float64 in [-1, 1].

    Args:
        wave: x.
        amount: a, 0 to 0.97.
        before: the sample before the first one.
    """
    wave = np.concatenate([[before], wave]).astype(np.float64)
    return (wave[1:] - amount * wave[:-1]) / (1 + amount)


def deemphasise(wave: np.ndarray, amount: float, before: float = 0.0) -> np.ndarray:
    """Undo `emphasise`: return `(n,)` float64, the same wherever a sound is cut.

    Args:
        wave: y.
        amount: a, 0 to 0.97.
        before: the sample that was returned before the first one.
    """
    # The sum of the last sample is the next one's, so it cannot be an operation on whole arrays.
    steps = accumulate(((1 + amount) * wave.astype(np.float64)).tolist(), lambda x, y: y + amount * x, initial=before)
    return np.fromiter(steps, np.float64, len(wave) + 1)[1:]
