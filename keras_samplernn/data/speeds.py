"""Augmentation by speed: the training sounds at several speeds, of which each epoch draws one for each sound.

A sound at another speed is resampled, pitch and length with it. All are prepared beforehand, so that batches stay a
pure function of the plan.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from keras_samplernn.data.corpus import Corpus, SoundEntry
from keras_samplernn.data.draws import Purpose, epoch_bits
from keras_samplernn.data.flat import EndToEnd


def speeds_within(share: float) -> tuple[float, ...]:
    """Return the speeds of an augmentation besides 1: from 1 - share to 1 + share, in steps of half the share."""
    return tuple(round(1 + step * share / 2, 9) for step in (-2, -1, 1, 2)) if share else ()


def draw_lengths(samples: Sequence[int], versions: int, seed: int, epoch: int) -> list[int]:
    """Return the lengths of all versions of sounds in an epoch: 0 for those that were not drawn.

    Args:
        samples: length of each sound in the first version, then in the second, and so on.
        versions: number of versions.
        seed: non-negative; what is drawn depends on it, on `epoch` and on the number of sounds alone.
        epoch: non-negative.
    """
    sounds = len(samples) // versions
    source = epoch_bits(Purpose.SPEEDS, seed, epoch)
    drawn = (source.random_raw(sounds) >> np.uint64(32)).astype(np.int64) * versions >> 32
    return np.where(np.arange(versions)[:, None] == drawn, np.reshape(samples, (versions, sounds)), 0).ravel().tolist()


class Versions:
    """Corpora of the same sounds, end to end, as one corpus that batches are read from.

    Args:
        corpora: the same sounds in the same order in each.

    Attributes:
        corpora: as given.
        versions: number of corpora.
        sounds: all of the first corpus, then all of the second, and so on.
        codes: of all sounds, end to end.
        streams: the condition streams.
        fades: whether the classes of any sound cross-fade.
    """

    def __init__(self, corpora: Sequence[Corpus]):
        self.corpora, self.versions = corpora, len(corpora)
        self.streams = corpora[0].streams
        self.fades = any(corpus.fades for corpus in corpora)
        self.codes = EndToEnd([corpus.codes for corpus in corpora], corpora[0].codes.dtype)
        self.sounds: list[SoundEntry] = [
            replace(sound, start=begin + sound.start)
            for begin, corpus in zip(self.codes.begins, corpora, strict=True)
            for sound in corpus.sounds
        ]
