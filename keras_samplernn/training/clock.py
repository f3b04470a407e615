"""The clock of a run: how long it has trained, and what is due by that."""

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, FiniteFloat

from keras_samplernn.distribution.agreement import Due
from keras_samplernn.monitoring.schedule import is_due

# At the start nobody knows how long a validation takes; one that takes longer can wait.
START_SECONDS = 60.0
Seconds = Annotated[FiniteFloat, Field(ge=0, le=1e10)]


@dataclasses.dataclass
class Times:
    """How long a run has trained, over all calls of `fit`, and when it was looked at; none of it changes a weight.

    Attributes:
        seconds: of training, without validations and sounds.
        sounds: seconds of training when sounds were last generated.
        validation: seconds of training at the last validation.
        validation_took: seconds that it took; None: there was none.
    """

    seconds: Seconds = 0.0
    sounds: Seconds = 0.0
    validation: Seconds = 0.0
    validation_took: Seconds | None = None


class Clock:
    """Counts the seconds of training from its making on, and says what is due.

    Args:
        times: of the run; updated.
        minutes: as `monitoring.minutes`.
        checkpoint_minutes: minutes between checkpoints.
        validates: whether there is something to validate with.
        sounds: whether sounds are generated.
    """

    def __init__(self, times: Times, minutes: float, checkpoint_minutes: float, validates: bool, sounds: bool):
        self.times, self.minutes = times, minutes
        self._checkpoint_seconds, self._validates, self._sounds = 60 * checkpoint_minutes, validates, sounds
        self._counted = self._saved = time.monotonic()
        self._stands_still, self._ends = False, None
        self._sounds_took, self._compiled = 0.0, False

    def due(self) -> Due:
        """Return what is due now."""
        self.count()
        times, due = self.times, Due.NOTHING
        if time.monotonic() - self._saved >= self._checkpoint_seconds:
            due |= Due.CHECKPOINT
        took = times.validation_took
        if self._validates and took is not None and is_due(times.seconds, times.validation, took, self.minutes):
            due |= Due.VALIDATION
        if self._sounds and is_due(times.seconds, times.sounds, self._sounds_took, self.minutes):
            due |= Due.SOUNDS
        if self._ends is not None and time.monotonic() >= self._ends:
            due |= Due.END_OF_VALIDATION
        return due

    def count(self) -> None:
        """Add the time since the last call to the seconds of training; call it before a checkpoint."""
        now = time.monotonic()
        if not self._stands_still:
            self.times.seconds += now - self._counted
        self._counted = now

    def saved(self) -> None:
        """Note that a checkpoint was written."""
        self._saved = time.monotonic()

    @contextlib.contextmanager
    def validating(self, most_seconds: float | None = None) -> Iterator[None]:
        """Note a validation, once the block ends well; it is over after `most_seconds`."""
        began = time.monotonic()
        self._ends = None if most_seconds is None else began + most_seconds
        try:
            with self._standing_still():
                yield
        finally:
            self._ends = None
        self.times.validation, self.times.validation_took = self.times.seconds, time.monotonic() - began

    @contextlib.contextmanager
    def sounding(self) -> Iterator[None]:
        """Note that sounds were generated, once the block ends well; the first ones compile, and are not timed."""
        began = time.monotonic()
        with self._standing_still():
            yield
        self.times.sounds = self.times.seconds
        self._sounds_took, self._compiled = self._compiled * (time.monotonic() - began), True

    @contextlib.contextmanager
    def _standing_still(self) -> Iterator[None]:
        self.count()
        self._stands_still = True
        try:
            yield
        finally:
            self.count()
            self._stands_still = False
