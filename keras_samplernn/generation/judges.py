"""What makes a take of a passage better than another, and what makes it faulty, as the model itself sees it."""

from collections.abc import Callable, Mapping

import numpy as np

from keras_samplernn.conditions.streams import NONE
from keras_samplernn.generation.passages import Passage
from keras_samplernn.generation.take_bits import Bits

# Called with a passage, the codes of its takes `(takes, samples)` and their bits; returns a number for each take, the
# greatest for the best.
Judge = Callable[[Passage, np.ndarray, Bits], np.ndarray]

# Published for whole sounds: what is left is liked better without the least likely 40 % and the most likely 5 %.
LEAST_LIKELY, MOST_LIKELY = 0.4, 0.05
# Of the bits per sample that the class has in the validation files.
FEWEST_BITS, MOST_BITS = 0.2, 1.6


def likelihood(passage: Passage, codes: np.ndarray, bits: Bits) -> np.ndarray:
    """Return log2 of the likelihood of each take, and minus infinity for those that are outside of a band."""
    order, takes = np.argsort(np.argsort(-bits.asked)), len(bits.asked)
    outside = (order < int(LEAST_LIKELY * takes)) | (order >= takes - int(MOST_LIKELY * takes))
    return np.where(outside, -np.inf, -bits.asked)


def posterior(passage: Passage, codes: np.ndarray, bits: Bits) -> np.ndarray:
    """Return log2 of how likely the class asked for is, given a take, if all are equally likely beforehand.

    Where no class is asked for, the takes are judged by their likelihood.
    """
    if passage.asked == NONE:
        return likelihood(passage, codes, bits)
    return -bits.asked - np.logaddexp2.reduce(-bits.others, axis=1)


JUDGES: Mapping[str, Judge] = {"likelihood": likelihood, "posterior": posterior}


class Faults:
    """Finds takes that are silent, stuck or noise: the model is far surer of them than of real sounds, or far less.

    Args:
        of_class: bits per sample of each class in the validation files, by its number.
        of_all: bits per sample of all validation files, for what is of no class, or of one that they do not have.
    """

    def __init__(self, of_class: Mapping[int, float], of_all: float):
        self._of_class, self._of_all = of_class, of_all

    def __call__(self, passage: Passage, bits: Bits) -> np.ndarray:
        """Return whether each take is faulty, `(takes,)` bool."""
        share = bits.asked / max(bits.samples, 1) / self._of_class.get(passage.asked, self._of_all)
        return (share < FEWEST_BITS) | (share > MOST_BITS)
