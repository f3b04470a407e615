"""Input noise: in training, the samples that the model hears are moved at random, and those it predicts are not.

A model that hears only recordings never learns to return from what it alone would make. When it generates, it hears
itself, and small errors grow until the sound is another one (exposure bias). The samples are moved in the quantizer's
steps, as in LPCNet (Valin and Skoglund 2019, "Training noise injection").
"""

from typing import NamedTuple

import numpy as np

_WORDS = 4  # 64 bits each, that Philox gives at each count; each makes one normal number


class InputNoise(NamedTuple):
    """The noise on the sounds of an epoch's plan; each sample's depends on seed, epoch, sound and position alone.

    Attributes:
        levels: (pieces,) float64, the standard deviation in each piece, in codes.
        q_levels: number of codes.
        seed: non-negative.
        epoch: non-negative.
    """

    levels: np.ndarray
    q_levels: int
    seed: int
    epoch: int

    def heard(self, codes: np.ndarray, sound: int, first: int, piece: int) -> np.ndarray:
        """Return codes `(n,)` of a sound, from its sample `first` on, as they are heard in a piece."""
        moves = normal_numbers(self.seed, self.epoch, sound, first, len(codes)) * self.levels[piece]
        return np.clip(np.rint(codes + moves), 0, self.q_levels - 1).astype(codes.dtype)


def draw_noise(pieces: int, most: float, q_levels: int, seed: int, epoch: int) -> InputNoise:
    """Draw the noise of an epoch's plan.

    The pieces differ in level, from none to the greatest: as a sound begins, the model hears what is right, and later
    what it has made of it.

    Args:
        pieces: number of pieces in the plan.
        most: the greatest standard deviation, in codes.
        q_levels: number of codes.
        seed: non-negative; what is drawn depends on it, on `epoch` and on the number of pieces alone.
        epoch: non-negative.
    """
    source = np.random.Philox(np.random.SeedSequence(seed, spawn_key=(epoch, 2)))
    return InputNoise(most * source.random_raw(pieces) / 2.0**64, q_levels, seed, epoch)


def normal_numbers(seed: int, epoch: int, sound: int, first: int, count: int) -> np.ndarray:
    """Return `(count,)` normal numbers for the samples of a sound from `first` on, the same wherever a window begins.

    NumPy keeps a bit generator's raw stream the same in all versions, but not the normal numbers that it makes of it.
    """
    begin = first // _WORDS
    source = np.random.Philox(key=[seed, 2], counter=[begin, sound, epoch, 0])
    words = source.random_raw(first + count - begin * _WORDS)[first - begin * _WORDS :]
    # Box and Muller: the upper half of the bits gives the radius, the lower half the angle.
    radius = np.sqrt(-2 * np.log(((words >> np.uint64(32)) + 1.0) / 2.0**32))
    return radius * np.cos((words & np.uint64(0xFFFFFFFF)) * (2 * np.pi / 2.0**32))
