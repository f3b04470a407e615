"""Class-balanced sampling: an epoch visits segments of rare classes more often, and those of common ones less often."""

from collections.abc import Sequence

import numpy as np

from keras_samplernn.conditions.streams import NONE, ClassesStream
from keras_samplernn.conditions.track import settled
from keras_samplernn.data.corpus import SoundEntry
from keras_samplernn.data.draws import Purpose, epoch_bits

_ROUNDS, _NEAR = 50, 0.01
_FEW = 12


class Balance:
    """Says how often the segments of an epoch are visited.

    Of n_c samples of class c, an epoch has about as many as it would of n_c^(1 - amount): with 1 as many of each class
    that occurs. It keeps about its length. Where segments hold several classes, it comes as near as these allow.

    Args:
        sounds: of the training corpus, with columns.
        stream: of classes.
        amount: 0 to 1; 0 leaves the shares as they are.
    """

    def __init__(self, sounds: Sequence[SoundEntry], stream: ClassesStream, amount: float):
        self._stream, self._amount = stream, amount
        self._begins = np.cumsum([0, *(sound.samples for sound in sounds)])  # of each sound, all end to end
        spans = [settled(sound.columns.track.spans[stream.name], sound.samples) for sound in sounds]
        self._starts = np.concatenate([begin + each.starts for begin, each in zip(self._begins, spans, strict=False)])
        self._classes = np.concatenate([each.values for each in spans])

    def visits(self, segments: np.ndarray, seed: int, epoch: int) -> np.ndarray:
        """Return the numbers of the segments that an epoch visits, each as often as it is visited.

        Args:
            segments: (S, 3), for each its sound, first sample and samples.
            seed: non-negative; what is drawn depends on it, on `epoch` and on the segments alone.
            epoch: non-negative.
        """
        segment, cls, samples = self._parts(segments)
        weights = self._weights(segments, segment, cls, samples)
        # Whole numbers of visits: segments of one class lie side by side, in random order, and every visit is one step
        # along the sum of their weights. So each class is visited as often as it should be, to one visit.
        order = np.lexsort((samples, segment))
        main = np.full(len(segments), NONE)
        main[segment[order]] = cls[order]  # the class of the longest stretch comes last, and stays
        source = epoch_bits(Purpose.BALANCE, seed, epoch)
        drawn = source.random_raw(len(segments) + 1)
        order = np.lexsort((drawn[1:], main))
        passed = np.floor(np.cumsum(weights[order]) + float(drawn[0] >> np.uint64(32)) / 2.0**32).astype(np.int64)
        return np.repeat(order, np.diff(passed, prepend=0))

    def shares(self, segments: np.ndarray, visits: np.ndarray) -> np.ndarray:
        """Return the share of each class in the samples that have one.

        Args:
            segments: as in `visits`.
            visits: the numbers of those that are visited.
        """
        segment, cls, samples = self._parts(segments)
        times = np.bincount(visits, minlength=len(segments))
        counts = np.bincount(cls, samples * times[segment], minlength=len(self._stream.classes))
        return counts / max(counts.sum(), 1)

    def describe(self, before: np.ndarray, after: np.ndarray) -> str:
        """Return a line for people: the shares of the classes before and after, those that change most."""
        most = np.argsort(-np.abs(after - before), kind="stable")[:_FEW]
        told = [f"{self._stream.classes[each]} {before[each]:.1%} -> {after[each]:.1%}" for each in sorted(most)]
        more = len(before) - len(told)
        return (
            f"data.balance = {self._amount:g}: shares of {self._stream.name} in an epoch: {', '.join(told)}"
            f"{f' and {more} more' if more else ''}"
        )

    def _parts(self, segments: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return stretches of segments in which the class is known and stays: segment, class and samples of each."""
        starts = self._begins[segments[:, 0]] + segments[:, 1]
        order = np.argsort(starts, kind="stable")
        ordered, ends = starts[order], (starts + segments[:, 2])[order]
        points = np.union1d(ordered, self._starts)
        stops = np.append(points[1:], self._begins[-1])
        place = np.searchsorted(ordered, points, side="right") - 1
        samples = np.minimum(stops, ends[place]) - points
        cls = self._classes[np.maximum(np.searchsorted(self._starts, points, side="right") - 1, 0)]
        known = (place >= 0) & (samples > 0) & (cls != NONE)
        return order[place[known]], cls[known].astype(np.int64), samples[known]

    def _weights(self, segments: np.ndarray, segment: np.ndarray, cls: np.ndarray, samples: np.ndarray) -> np.ndarray:
        """Return the mean number of visits of each segment (expectation maximisation, towards the wanted counts)."""
        classes, lengths = len(self._stream.classes), segments[:, 2]
        counts = np.bincount(cls, samples, minlength=classes)
        wanted = np.where(counts > 0, np.maximum(counts, 1) ** (1 - self._amount), 0)
        wanted *= counts.sum() / max(wanted.sum(), 1)
        weights = np.ones(len(segments))
        unknown = lengths - np.bincount(segment, samples, minlength=len(segments))
        for _ in range(_ROUNDS):
            found = np.bincount(cls, samples * weights[segment], minlength=classes)
            ratios = np.divide(wanted, found, out=np.ones(classes), where=found > 0)
            if np.abs(ratios - 1).max(initial=0) < _NEAR:
                break
            weights *= (np.bincount(segment, samples * ratios[cls], minlength=len(segments)) + unknown) / lengths
        return weights * lengths.sum() / max((weights * lengths).sum(), 1)
