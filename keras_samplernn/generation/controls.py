"""The controls of a stream: conditions and temperatures, taken one by one while it runs."""

import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.layout import Conditions
from keras_samplernn.conditions.streams import Streams
from keras_samplernn.conditions.track import Spans, Track, runs
from keras_samplernn.errors import UserError
from keras_samplernn.generation.asked import checked_temperature
from keras_samplernn.generation.stream import Taken
from keras_samplernn.generation.values import is_path, is_value, shown, values_by_stream


class Control(NamedTuple):
    """Conditions and temperature of the next samples of a stream.

    Attributes:
        conditions: a single value for one block, such as a class by number or name; or an array or list of values, one
            for each sample; for several streams, a dictionary of these by the names of the streams. None in an
            unconditional run, for one block.
        temperature: divides the logits; None: the temperature of the stream.
    """

    conditions: Any = None
    temperature: float | None = None


class ControlledPart:
    """A part whose controls are taken one by one, each just before its samples are generated.

    The end of a span, and what comes after it, are not known to the model.

    Args:
        stem: keys the uniforms, together with the seed.
        controls: each a `Control`, or its conditions alone.
        streams: of the model; none if it is unconditional.
        sample_rate: in Hz.
        temperature: used if a control has none.
        block_samples: number of samples for a control of single values.
        frame_size: samples of a top frame; a new temperature takes effect at the next one.
        most_samples: the part ends after this many samples, unless its controls end before; None: no limit.
    """

    def __init__(
        self,
        stem: str,
        controls: Iterable[Any],
        streams: Streams,
        sample_rate: int,
        temperature: float,
        block_samples: int,
        frame_size: int,
        most_samples: int | None = None,
    ):
        self.stem = stem
        self._controls = enumerate(controls)
        self._streams, self._sample_rate, self._temperature = streams, sample_rate, temperature
        self._block_samples, self._frame_size, self._most = block_samples, frame_size, most_samples
        # The present control: its temperature, its values, and how many samples are left of how many.
        self._present: tuple[float, dict[str, np.ndarray], int, int] = temperature, {}, 0, 0
        # The last spans of each stream that were taken, with starts before sample 0.
        self._before: dict[str, Spans] = {}

    def take(self, samples: int) -> Taken:
        """Return conditions and temperatures of the next samples; see `Part`."""
        if self._most is not None:
            samples = min(samples, self._most)
        temperatures = np.empty(samples, np.float32)
        pieces: dict[str, list[np.ndarray]] = {stream.name: [] for stream in self._streams}
        done = 0
        while done < samples and self._has_more():
            temperature, values, left, length = self._present
            count = min(samples - done, left)
            temperatures[done : done + count] = temperature
            for name, each in values.items():
                pieces[name].append(each[length - left :][:count] if each.ndim else np.broadcast_to(each, count))
            self._present = temperature, values, left - count, length
            done += count
        if self._most is not None:
            self._most -= done
        return Taken(done, temperatures[: done : self._frame_size], self._conditions(pieces, done))

    def _conditions(self, pieces: dict[str, list[np.ndarray]], samples: int) -> Conditions | None:
        """Return the conditions of the next samples, from the values of each stream."""
        if not self._streams:
            return None
        spans = {}
        for name, values in pieces.items():
            found = runs(np.concatenate(values)) if values else None
            before = self._before.get(name)
            if found is None:
                continue
            if before is not None:
                # A span that goes on begins where it began.
                goes_on = slice(int(before.values[-1] == found.values[0]), None)
                found = Spans(*(np.append(old, new[goes_on]) for old, new in zip(before, found, strict=True)))
            spans[name] = found
            # Two spans are enough: the present one, and its neighbour.
            last = [array[-2:] for array in found]
            self._before[name] = Spans(last[0] - samples, *last[1:])
        if not spans:
            return None
        return Columns(Track(samples, spans), self._streams, self._sample_rate).piece(0, samples, lookahead=False)

    def _has_more(self) -> bool:
        """Take controls until one has samples left; return False if they have ended."""
        while not self._present[2]:
            try:
                number, control = next(self._controls)
            except StopIteration:
                return False
            self._present = self._read(control, f"control {number}")
        return True

    def _read(self, control: Any, place: str) -> tuple[float, dict[str, np.ndarray], int, int]:
        conditions, temperature = control if isinstance(control, Control) else (control, None)
        temperature = self._temperature if temperature is None else checked_temperature(temperature, place)
        if self._streams:
            if conditions is None:
                raise UserError(f"{place}: is None, and the run is conditional; give its conditions")
            values = values_by_stream(self._streams, conditions, place)
            lengths = {len(each) for each in values.values() if each.ndim} or {self._block_samples}
            if len(lengths) > 1:
                raise UserError(f"{place}: its streams have different lengths; give as many values for each")
            length = lengths.pop()
            return temperature, values, length, length
        if conditions is not None:
            raise UserError(f"{place}: {shown(conditions)} is a condition, and the run is unconditional; give None")
        return temperature, {}, self._block_samples, self._block_samples


def as_controls(asked: Any, streams: Streams) -> Iterable[Any]:
    """Return an iterable of controls.

    Args:
        asked: single values or None, repeated without end; or an iterable of controls.
        streams: of the model; none if it is unconditional.
    """
    conditions = asked.conditions if isinstance(asked, Control) else asked
    single = conditions is None or (len(streams) == 1 and is_value(conditions, streams[0]))
    if single or (isinstance(conditions, Mapping) and not any(map(np.ndim, conditions.values()))):
        return itertools.repeat(asked)
    if isinstance(asked, Control):
        return [asked]
    if not isinstance(asked, Iterable):
        raise UserError(f"controls: {shown(asked)} is neither a control nor an iterable of controls")
    return asked


def is_whole_sound(asked: Any, streams: Streams) -> bool:
    """Return whether conditions are those of a whole sound: a path, an array, or a dictionary with arrays."""
    if isinstance(asked, str | Path):
        return is_path(asked, streams)
    if isinstance(asked, Mapping):
        return any(isinstance(each, np.ndarray | list | tuple) for each in asked.values())
    return isinstance(asked, np.ndarray)
