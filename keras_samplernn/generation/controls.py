"""The controls of a stream: conditions and temperatures, taken one by one while it runs."""

import itertools
import numbers
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_samplernn.data.conditioning import read_conditions
from keras_samplernn.errors import UserError
from keras_samplernn.generation.asked import Classes, checked_temperature, class_numbers, is_class, shown
from keras_samplernn.generation.stream import Taken


class Control(NamedTuple):
    """Conditions and temperature of the next samples of a stream.

    Attributes:
        conditions: a class, by number or name, for one block; or an array or list of classes, one for each sample; None
            in an unconditional run, for one block.
        temperature: divides the logits; None: the temperature of the stream.
    """

    conditions: Any = None
    temperature: float | None = None


class ControlledPart:
    """A part whose controls are taken one by one, each just before its samples are generated.

    Args:
        stem: keys the uniforms, together with the seed.
        controls: each a `Control`, or its conditions alone.
        classes: the number of classes or their names; 0 if the model is unconditional.
        temperature: used if a control has none.
        block_samples: number of samples for a control of a single class.
        frame_size: samples of a top frame; a new temperature takes effect at the next one.
        most_samples: the part ends after this many samples, unless its controls end before; None: no limit.
    """

    def __init__(
        self,
        stem: str,
        controls: Iterable[Any],
        classes: Classes,
        temperature: float,
        block_samples: int,
        frame_size: int,
        most_samples: int | None = None,
    ):
        self.stem = stem
        self._controls = enumerate(controls)
        self._classes, self._temperature = classes, temperature
        self._block_samples, self._frame_size, self._most = block_samples, frame_size, most_samples
        # The present control: its temperature, its class or the classes of its samples, and how many samples are left.
        self._present: tuple[float, np.ndarray | None, int] = temperature, None, 0

    def take(self, samples: int) -> Taken:
        """Return conditions and temperatures of the next samples; see `Part`."""
        if self._most is not None:
            samples = min(samples, self._most)
        temperatures = np.empty(samples, np.float32)
        conditions = np.empty(samples, np.int32) if self._classes else None
        done = 0
        while done < samples and self._has_more():
            temperature, classes, left = self._present
            count = min(samples - done, left)
            temperatures[done : done + count] = temperature
            if conditions is not None:
                conditions[done : done + count] = classes[len(classes) - left :][:count] if classes.ndim else classes
            self._present = temperature, classes, left - count
            done += count
        if self._most is not None:
            self._most -= done
        return Taken(done, temperatures[: done : self._frame_size], None if conditions is None else conditions[:done])

    def _has_more(self) -> bool:
        """Take controls until one has samples left; return False if they have ended."""
        while not self._present[2]:
            try:
                number, control = next(self._controls)
            except StopIteration:
                return False
            self._present = self._read(control, f"control {number}")
        return True

    def _read(self, control: Any, place: str) -> tuple[float, np.ndarray | None, int]:
        conditions, temperature = control if isinstance(control, Control) else (control, None)
        temperature = self._temperature if temperature is None else checked_temperature(temperature, place)
        if self._classes:
            classes = class_numbers(conditions, self._classes, place)
            return temperature, classes, classes.size if classes.ndim else self._block_samples
        if conditions is not None:
            raise UserError(f"{place}: {shown(conditions)} is a condition, and the run is unconditional; give None")
        return temperature, None, self._block_samples


def as_controls(asked: Any, classes: Classes) -> Iterable[Any]:
    """Return an iterable of controls.

    Args:
        asked: a single class or None, repeated without end; or an array or the path of a condition file, used once; or
            an iterable of controls.
        classes: the number of classes or their names; 0 if the model is unconditional.

    Raises:
        UserError: there are conditions, and the model is unconditional; or a condition file is wrong.
    """
    conditions = asked.conditions if isinstance(asked, Control) else asked
    if not classes and isinstance(conditions, str | Path | np.ndarray | numbers.Real):
        raise UserError(f"controls: {shown(conditions)} is a condition, and the run is unconditional; give None")
    if conditions is None or is_class(conditions, classes):
        return itertools.repeat(asked)
    if isinstance(asked, str | Path):
        return [read_conditions(asked, classes)]
    return [asked] if isinstance(asked, Control | np.ndarray) else asked
