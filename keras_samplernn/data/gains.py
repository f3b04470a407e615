"""Augmentation by level and sign: in training, each piece of a sound is quieter by a gain of its own, or inverted.

Codes are decoded, multiplied and quantized again. There are few gains, so that each is a table from code to code.
"""

from typing import NamedTuple

import numpy as np

from keras_samplernn.data.draws import Purpose, epoch_bits, fractions
from keras_samplernn.data.quantization import Quantizer

STEPS = 16
"""Number of gains, evenly spaced in dB from the least to 0."""


class Gains(NamedTuple):
    """The gains of an epoch's plan.

    Attributes:
        tables: (gains, q_levels) int32, the code that each code becomes.
        chosen: (pieces,) int64, the table of each piece.
    """

    tables: np.ndarray
    chosen: np.ndarray

    def applied(self, codes: np.ndarray, piece: int) -> np.ndarray:
        """Return codes `(n,)` as they are in a piece."""
        return self.tables[self.chosen[piece]][codes]


def draw_gains(pieces: int, most_db: float, polarity: bool, quantizer: Quantizer, seed: int, epoch: int) -> Gains:
    """Draw the gains of an epoch's plan.

    Args:
        pieces: number of pieces in the plan.
        most_db: by how much a piece is quieter at most, in dB.
        polarity: whether every second piece, at random, is inverted too.
        quantizer: of the codes. Pre-emphasis may stay: a gain before it is the same gain after it.
        seed: non-negative; what is drawn depends on it, on `epoch` and on the number of pieces alone.
        epoch: non-negative.
    """
    gains = 10 ** (np.linspace(-most_db, 0, STEPS if most_db else 1) / 20)
    if polarity:
        gains = np.concatenate([gains, -gains])
    wave = quantizer.decode(np.arange(quantizer.q_levels))
    source = epoch_bits(Purpose.GAINS, seed, epoch)
    drawn = fractions(source.random_raw(pieces))
    return Gains(quantizer.encode(gains[:, None] * wave), (drawn * len(gains)).astype(np.int64))
