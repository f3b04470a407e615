"""Augmentation by level and sign: in training, each piece of a sound is quieter by a gain of its own, or inverted.

Codes are decoded, multiplied and quantized again. A code stands for all samples between two bounds, and so do the
codes that it becomes: where between its bounds a sample lay is drawn at random (dither). Without that, some codes would
never follow, and others twice as often, and a model would learn the gain's comb of codes in place of the sound.
"""

from typing import NamedTuple

import numpy as np

from keras_samplernn.data.draws import Purpose, epoch_bits, fractions, sound_bits
from keras_samplernn.data.quantization import Quantizer

STEPS = 16
"""Number of gains, evenly spaced in dB from the least to 0."""
MARGIN = 0.02  # of a code


class Gains(NamedTuple):
    """The gains of an epoch's plan.

    Attributes:
        places: (gains, q_levels) float64, where the middle of each code comes to lie, as `Quantizer.place` says.
        widths: (gains, q_levels) float64, how wide the code is there, in codes.
        chosen: (pieces,) int64, the gain of each piece.
        seed: non-negative.
        epoch: non-negative.
    """

    places: np.ndarray
    widths: np.ndarray
    chosen: np.ndarray
    seed: int
    epoch: int

    def applied(self, codes: np.ndarray, sound: int, first: int, piece: int) -> np.ndarray:
        """Return codes `(n,)` of a sound, from its sample `first` on, as they are in a piece."""
        gain = self.chosen[piece]
        places, widths = self.places[gain][codes], self.widths[gain][codes]
        between = fractions(sound_bits(Purpose.DITHER, self.seed, self.epoch, sound, first, len(codes))) - 0.5
        return np.clip(np.floor(places + between * widths), 0, self.places.shape[1] - 1).astype(codes.dtype)


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
    places = quantizer.place(gains[:, None] * quantizer.decode(np.arange(quantizer.q_levels)))
    # Decoding rounds, so that a code that is not moved could otherwise become its neighbour.
    widths = np.abs(np.gradient(places, axis=1)) * (1 - MARGIN)
    drawn = fractions(epoch_bits(Purpose.GAINS, seed, epoch).random_raw(pieces))
    return Gains(places, widths, (drawn * len(gains)).astype(np.int64), seed, epoch)
