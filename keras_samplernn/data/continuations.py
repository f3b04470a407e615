"""Own continuations: where in a window the model hears itself in training, and the uniforms that it draws with.

A model that hears only recordings never meets what it makes of them itself (exposure bias: Ranzato et al. 2016).
Scheduled sampling lets it hear some of its own samples (Bengio et al. 2015). Here they come in continuations of several
samples in a row, since that is what it hears when it generates; `training.continuing` draws them.
"""

import math
from typing import NamedTuple

import numpy as np

from keras_samplernn.data.draws import Purpose, epoch_bits, fractions, sound_bits


class Continuations(NamedTuple):
    """The continuations in an epoch's plan; each depends on seed, epoch, sound, position and piece alone.

    A sound is cut into cells of `length / share` samples, rounded up or down, and in each cell lies one continuation.
    Its place in the cell is random, or the model would learn to count to it. Yet the gap to the next one is at least
    half of what it is on average, so that neighbours matter little to each other. The first cell of a piece begins
    before the sound, by a random part of a cell, so that no place in a frame is preferred.

    Attributes:
        phases: (pieces,) float64, by how many samples the first cell begins before the sound.
        length: samples of a continuation.
        share: of the samples that are in continuations, above 0, at most 1/2.
        parts: number of parts of a code.
        seed: non-negative.
        epoch: non-negative.
    """

    phases: np.ndarray
    length: int
    share: float
    parts: int
    seed: int
    epoch: int

    def most(self, samples: int) -> int:
        """Return the greatest number of continuations that can begin in so many samples."""
        return math.ceil(samples * self.share / self.length) + 1

    def shapes(self, lanes: int, samples: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the shapes of what `at` returns for a number of lanes, in windows of so many samples."""
        places = lanes, self.most(samples)
        return places, (*places, self.length, self.parts)

    def at(
        self, sounds: np.ndarray, offsets: np.ndarray, pieces: np.ndarray, samples: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the continuations that begin in windows.

        Args:
            sounds: (B,), the sound of each lane.
            offsets: (B,), the position of a window's first sample in its sound.
            pieces: (B,), the piece of each lane.
            samples: of a window, T.

        Returns:
            (B, N) int32, where in the window each continuation begins, T where there are no more; and
            (B, N, length, parts) float32 in [0, 1), the uniforms of its samples.
        """
        places, shape = self.shapes(len(sounds), samples)
        starts, uniforms = np.full(places, samples, np.int32), np.zeros(shape, np.float32)
        for lane, window in enumerate(zip(sounds.tolist(), offsets.tolist(), pieces.tolist(), strict=True)):
            found = self._begins(*window, samples)
            starts[lane, : len(found)] = found
            drawn = self._uniforms(*window[:2], samples + self.length)
            uniforms[lane, : len(found)] = drawn[found[:, None] + np.arange(self.length)]
        return starts, uniforms

    def _begins(self, sound: int, first: int, piece: int, samples: int) -> np.ndarray:
        """Return where the continuations begin that begin in a window, in ascending order."""
        period, phase = self.length / self.share, self.phases[piece]
        cell = max(int((first + phase) / period) - 1, 0)
        cells = np.arange(cell, cell + math.ceil(samples / period) + 4)
        edges = np.ceil(cells * period - phase).astype(np.int64) - first
        spare = np.diff(edges) - self.length
        words = sound_bits(Purpose.CONTINUATIONS, self.seed, self.epoch, sound, cell, len(spare))
        begins = edges[:-1] + (words % (spare // 2 + 1).astype(np.uint64)).astype(np.int64)
        return begins[(begins >= 0) & (begins < samples)]

    def _uniforms(self, sound: int, first: int, count: int) -> np.ndarray:
        """Return the uniforms of a sound's samples from `first` on, `(count, parts)` float32."""
        words = sound_bits(Purpose.OWN_SAMPLES, self.seed, self.epoch, sound, first * self.parts, count * self.parts)
        # As many bits as float32 holds: rounding must not give 1.
        return ((words >> np.uint64(40)) / 2.0**24).astype(np.float32).reshape(count, self.parts)


def draw_continuations(pieces: int, length: int, share: float, parts: int, seed: int, epoch: int) -> Continuations:
    """Draw where the continuations of an epoch's plan begin.

    Args:
        pieces: number of pieces in the plan.
        length: samples of a continuation, at least 1.
        share: of the samples that are in continuations, above 0, at most 1/2.
        parts: number of parts of a code, each of which is drawn with a uniform of its own.
        seed: non-negative; what is drawn depends on it, on `epoch` and on the number of pieces alone.
        epoch: non-negative.
    """
    source = epoch_bits(Purpose.CONTINUATIONS, seed, epoch)
    phases = fractions(source.random_raw(pieces)) * (length / share)
    return Continuations(phases, length, share, parts, seed, epoch)
