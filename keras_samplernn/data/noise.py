"""Input noise and dropout: in training, what the model hears is moved at random or silent; what it predicts is not.

A model that hears only recordings never learns to return from what it alone would make. When it generates, it hears
itself, and small errors grow until the sound is another one (exposure bias). The samples are moved in the quantizer's
steps, as in LPCNet (Valin and Skoglund 2019, "Training noise injection").

Silence is where it is lost most easily: nothing in what it hears says that a sound should begin. So in some stretches
it hears silence where the recording is not silent, and has to go by what is asked for (Bowman et al. 2016 do so with
words).
"""

from typing import NamedTuple

import numpy as np

from keras_samplernn.data.draws import Purpose, epoch_bits, fractions, sound_bits

STRETCH_SECONDS = 0.05


class InputNoise(NamedTuple):
    """The noise on the sounds of an epoch's plan; each sample's depends on seed, epoch, sound and position alone.

    Attributes:
        levels: (pieces,) float64, the standard deviation in each piece, in codes.
        shares: (pieces,) float64, the share of stretches of each piece that are silent.
        stretch: number of samples of a stretch.
        silence: the code of silence.
        q_levels: number of codes.
        seed: non-negative.
        epoch: non-negative.
    """

    levels: np.ndarray
    shares: np.ndarray
    stretch: int
    silence: int
    q_levels: int
    seed: int
    epoch: int

    def heard(self, codes: np.ndarray, sound: int, first: int, piece: int) -> np.ndarray:
        """Return codes `(n,)` of a sound, from its sample `first` on, as they are heard in a piece."""
        heard = codes
        if self.shares[piece]:
            heard = np.where(self._is_silent(sound, first, len(codes), piece), self.silence, heard)
        if self.levels[piece]:
            heard = heard + normal_numbers(self.seed, self.epoch, sound, first, len(codes)) * self.levels[piece]
        return np.clip(np.rint(heard), 0, self.q_levels - 1).astype(codes.dtype)

    def _is_silent(self, sound: int, first: int, count: int, piece: int) -> np.ndarray:
        """Return whether each sample of a sound, from `first` on, lies in a stretch that is silent, `(count,)` bool."""
        stretches = np.arange(first, first + count) // self.stretch
        if not count:
            return np.zeros(0, bool)
        count_of_stretches = stretches[-1] - stretches[0] + 1
        words = sound_bits(Purpose.SILENCE, self.seed, self.epoch, sound, stretches[0], count_of_stretches)
        return (fractions(words) < self.shares[piece])[stretches - stretches[0]]


def draw_noise(
    pieces: int,
    most: float,
    q_levels: int,
    seed: int,
    epoch: int,
    *,
    dropout: float = 0.0,
    stretch: int = 1,
    silence: int = 0,
) -> InputNoise:
    """Draw the noise of an epoch's plan.

    The pieces differ in level, from none to the greatest: as a sound begins, the model hears what is right, and later
    what it has made of it.

    Args:
        pieces: number of pieces in the plan.
        most: the greatest standard deviation, in codes.
        q_levels: number of codes.
        seed: non-negative; what is drawn depends on it, on `epoch` and on the number of pieces alone.
        epoch: non-negative.
        dropout: the greatest share of stretches in which silence is heard.
        stretch: number of samples of a stretch.
        silence: the code of silence.
    """
    levels, shares = (
        most_of_all * fractions(epoch_bits(purpose, seed, epoch).random_raw(pieces))
        for purpose, most_of_all in ((Purpose.NOISE, most), (Purpose.SILENCE, dropout))
    )
    return InputNoise(levels, shares, stretch, silence, q_levels, seed, epoch)


def normal_numbers(seed: int, epoch: int, sound: int, first: int, count: int) -> np.ndarray:
    """Return `(count,)` normal numbers of a sound from its sample `first` on, the same wherever a window begins."""
    words = sound_bits(Purpose.NOISE, seed, epoch, sound, first, count)
    # Box and Muller: the upper half of the bits gives the radius, the lower half the angle.
    radius = np.sqrt(-2 * np.log(((words >> np.uint64(32)) + 1.0) / 2.0**32))
    return radius * np.cos((words & np.uint64(0xFFFFFFFF)) * (2 * np.pi / 2.0**32))
