"""The random numbers of an epoch: of each purpose a stream of its own, the same wherever a run goes on.

NumPy keeps a bit generator's raw stream the same in all versions, but not what its generators make of it.
"""

import enum

import numpy as np

_WORDS = 4  # 64 bits each, that Philox gives at each count


class Purpose(enum.IntEnum):
    """What random numbers are for."""

    ORDER = 0
    CONDITIONS = 1
    NOISE = 2
    GAINS = 3
    SPEEDS = 4
    BALANCE = 5
    SILENCE = 6
    CONTINUATIONS = 7
    OWN_SAMPLES = 8
    DITHER = 9


def epoch_bits(purpose: Purpose, seed: int, epoch: int) -> np.random.Philox:
    """Return the source of random bits of an epoch; `random_raw` gives them.

    Args:
        purpose: what they are for.
        seed: non-negative.
        epoch: non-negative.
    """
    # Without its purpose, as in the first version.
    key = (epoch,) if purpose is Purpose.ORDER else (epoch, int(purpose))
    return np.random.Philox(np.random.SeedSequence(seed, spawn_key=key))


def sound_bits(purpose: Purpose, seed: int, epoch: int, sound: int, first: int, count: int) -> np.ndarray:
    """Return `(count,)` uint64, random bits of a sound from their place `first` on.

    Args:
        purpose: what they are for.
        seed: non-negative.
        epoch: non-negative.
        sound: number of the sound.
        first: place of the first, such as a sample.
        count: how many.
    """
    begin = first // _WORDS
    source = np.random.Philox(key=[seed, int(purpose)], counter=[begin, sound, epoch, 0])
    return source.random_raw(first + count - begin * _WORDS)[first - begin * _WORDS :]


def fractions(words: np.ndarray) -> np.ndarray:
    """Return random bits, uint64, as float64 in [0, 1), evenly spread."""
    # As many bits as float64 holds: rounding must not give 1.
    return (words >> np.uint64(11)) / 2.0**53
