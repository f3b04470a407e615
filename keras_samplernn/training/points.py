"""The points of a run's curves: at fixed steps, however fast the machine is; and what they are computed from."""

from collections.abc import Sequence

import numpy as np

EVERY_STEPS = 50
EARLY_STEPS = (1, 10)


def is_point(step: int) -> bool:
    """Return whether the curves have a point at a step, counted from 1: every 50 steps, and two before these."""
    return step % EVERY_STEPS == 0 or step in EARLY_STEPS


def weighted_median(values: Sequence[float], weights: Sequence[float]) -> float:
    """Return the least value such that it and the lesser ones have half of all weight.

    Args:
        values: at least one.
        weights: of each, not negative.
    """
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(np.asarray(weights, np.float64)[order])
    return float(values[order[np.searchsorted(reached, reached[-1] / 2)]])


class Speed:
    """Samples per second of training steps; what is done between steps does not count."""

    def __init__(self) -> None:
        self._samples, self._seconds = 0, 0.0

    def add(self, samples: int, seconds: float) -> None:
        """Count steps of so many samples that took so long."""
        self._samples, self._seconds = self._samples + samples, self._seconds + seconds

    @property
    def per_second(self) -> int | None:
        """Samples per second; None: nothing was counted."""
        return round(self._samples / self._seconds) if self._seconds else None
