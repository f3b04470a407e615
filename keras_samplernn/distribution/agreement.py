"""What all workers do after the same step: look at the losses, save, stop."""

import enum
import time
from collections.abc import Callable

import numpy as np

from keras_samplernn.distribution.replicas import Replicas

# A device waits while the host reads the sums of a step, so workers meet only after so many steps or seconds.
MOST_STEPS, MOST_SECONDS = 8, 0.5


class Due(enum.IntFlag):
    """What the chief's clock asks for."""

    NOTHING = 0
    CHECKPOINT = 1
    VALIDATION = 2
    SOUNDS = 4
    END_OF_VALIDATION = 8  # the one under way has taken too long


class Agreement:
    """Lets workers meet every few steps, or windows of a validation, and agree on a signal and on what is due.

    Every worker calls the same methods in the same order. A worker that is alone is asked at every step.

    Args:
        replicas: of all workers.
        signal: returns the signal that has come to this worker, or None.
        due: asked of the chief.

    Attributes:
        due: what is due, as of the last meeting.
    """

    def __init__(self, replicas: Replicas, signal: Callable[[], int | None], due: Callable[[], Due]):
        self.replicas, self._signal, self._ask = replicas, signal, due
        self._agreed: int | None = None
        self.due = Due.NOTHING
        self._steps, self._interval, self._met = 0, 1, time.monotonic()

    @property
    def signal_number(self) -> int | None:
        """A signal that came to one of the workers, as of their last meeting; None: there is none."""
        return self._signal() if self.replicas.workers == 1 else self._agreed

    def passes(self, meets: bool = False) -> bool:
        """Count a step; return whether the workers have met after it. They do if `meets`, the same on all."""
        self._steps += 1
        if self.replicas.workers == 1:
            late = time.monotonic() - self._met >= MOST_SECONDS
            meets |= late or self._steps >= MOST_STEPS or self._signal() is not None or bool(self._ask())
        else:
            meets |= self._steps >= self._interval
        if meets:
            self.meet()
        return meets

    def meet(self) -> None:
        """Agree now."""
        replicas = self.replicas
        said = np.zeros(replicas.workers + 2, np.int64)
        said[replicas.worker] = self._signal() or 0
        if replicas.is_chief:
            seconds_a_step = (time.monotonic() - self._met) / max(self._steps, 1)
            said[-2:] = self._ask(), np.clip(MOST_SECONDS / max(seconds_a_step, 1e-9), 1, MOST_STEPS)
        *signals, due, interval = replicas.total_of_workers(said).tolist()
        self._agreed = next(filter(None, signals), None)
        self.due = Due(due)
        self._steps, self._interval, self._met = 0, interval, time.monotonic()
