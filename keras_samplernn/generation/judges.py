"""What makes a take of a passage better than another, and what makes it faulty, as the model itself sees it."""

from collections.abc import Callable, Mapping

import numpy as np

from keras_samplernn.conditions.streams import NONE
from keras_samplernn.generation.passages import Passage
from keras_samplernn.generation.take_bits import Bits

# Called with a passage, the codes of its takes `(takes, samples)` and their bits; returns a number for each take, the
# greatest for the best.
Judge = Callable[[Passage, np.ndarray, Bits], np.ndarray]

# Published for whole sounds: without the likeliest 5 %, which are dull, what is left is liked better.
MOST_LIKELY, FEWEST_TAKES = 0.05, 3
# Of the bits per sample that the class has in the validation files; docs/sound.md has what sounds have.
FEWEST_BITS, MOST_BITS = 0.3, 1.6


def likelihood(passage: Passage, codes: np.ndarray, bits: Bits) -> np.ndarray:
    """Return log2 of the likelihood of each take, and minus infinity for the likeliest 5 %: of three or more, for one.

    The likeliest take of several is a dull one.
    """
    takes = len(bits.asked)
    dull = max(round(MOST_LIKELY * takes), 1) if takes >= FEWEST_TAKES else 0
    return np.where(np.argsort(np.argsort(bits.asked)) < dull, -np.inf, -bits.asked)


def posterior(passage: Passage, codes: np.ndarray, bits: Bits) -> np.ndarray:
    """Return log2 of how likely the class asked for is, given a take, if all are equally likely beforehand.

    Of a stream of more than 16 classes, 16 stand for all, and the number can be above 0. Where no class is asked for,
    the takes are judged by their likelihood.
    """
    if passage.asked == NONE:
        return likelihood(passage, codes, bits)
    return -bits.asked - np.logaddexp2.reduce(-bits.others, axis=1)


JUDGES: Mapping[str, Judge] = {"likelihood": likelihood, "posterior": posterior}


class Faults:
    """Finds takes that are silent, stuck or noise: the model is far surer of them than of real sounds, or far less.

    Args:
        of_class: bits per sample of each class in the validation files, by its number.
        of_all: bits per sample of all validation files, for a class that they do not have, or where there are none.
    """

    def __init__(self, of_class: Mapping[int, float], of_all: float):
        self._of_class, self._of_all = of_class, of_all

    def __call__(self, passage: Passage, bits: Bits) -> np.ndarray:
        """Return whether each take is faulty, `(takes,)` bool. Where there are classes and none is asked for, silence
        is not."""
        if not bits.samples:
            return np.zeros(len(bits.asked), bool)
        share = bits.asked / bits.samples / self._of_class.get(passage.asked, self._of_all)
        may_be_silent = bool(self._of_class) and passage.asked == NONE
        return (share > MOST_BITS) | ((share < FEWEST_BITS) & (not may_be_silent))
