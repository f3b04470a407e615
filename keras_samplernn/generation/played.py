"""What a performer has asked for so far: spans that grow at their end, of which the future is not known."""

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.layout import Conditions
from keras_samplernn.conditions.streams import NONE, ClassesStream, NumberStream, Stream, Streams
from keras_samplernn.conditions.track import Item, Spans, Track, nothing_of

# The present span and its neighbour, with the cross-fades between them and before, and some to spare.
_MOST_SPANS = 8


class Played:
    """The values of all streams of one voice, which are set while it sounds.

    Args:
        streams: of the model; at least one.
        sample_rate: in Hz.
        fade_samples: length of the cross-fade from class to class; 0: a class begins at once.
        on_item: called with each item of a stream as soon as its end is known. Items of a stream rise, and overlap
            where they cross-fade, so that `lay_spans` makes the spans of them that were played.
    """

    def __init__(
        self,
        streams: Streams,
        sample_rate: int,
        fade_samples: int = 0,
        on_item: Callable[[Stream, Item], None] = lambda stream, item: None,
    ):
        self._streams, self._sample_rate = streams, sample_rate
        self._lines = {stream.name: _Line(stream, fade_samples, on_item) for stream in streams}
        self._done = 0

    @property
    def values(self) -> dict[str, Any]:
        """The value of each stream that was asked for last: a class number or a number, NONE or NaN for none."""
        return {name: line.asked for name, line in self._lines.items()}

    def set(self, stream: Stream, value: Any) -> None:
        """Ask for a value of a stream from the next sample on, or from the end of a cross-fade that is going on.

        Args:
            stream: one of the model's.
            value: a class number, or a number; NONE or NaN: none.
        """
        self._lines[stream.name].set(value)

    def take(self, samples: int) -> Conditions:
        """Return the conditions of the next samples."""
        start, self._done = self._done, self._done + samples
        spans = {name: line.advance(start) for name, line in self._lines.items()}
        # The last span has no end yet, and nothing is told of it.
        return Columns(Track(samples + 1, spans), self._streams, self._sample_rate).piece(0, samples, lookahead=False)

    def end(self) -> None:
        """Tell the items that still go on, as if they ended here."""
        for line in self._lines.values():
            line.end(self._done)


class _Line:
    """One stream of a voice: its last spans, and what was asked for."""

    def __init__(self, stream: Stream, fade_samples: int, on_item: Callable[[Stream, Item], None]):
        self.stream, self._on_item = stream, on_item
        self._fade = fade_samples if isinstance(stream, ClassesStream) else 0
        self.asked = nothing_of(stream)
        self._waits = False
        self._item_start = 0
        # Start, value and target of the last spans.
        self._spans: deque[tuple[int, Any, Any]] = deque([(0, self.asked, self.asked)], maxlen=_MOST_SPANS)

    def set(self, value: Any) -> None:
        self.asked, self._waits = value, True

    def advance(self, start: int) -> Spans:
        """Let what was asked for begin at sample `start`, and return the last spans with starts counted from there."""
        if self._waits and self._spans[-1][0] <= start:
            self._waits = False
            if not self._goes_on(self.asked):
                self._begin(start)
        starts, values, targets = zip(*self._spans, strict=True)
        dtype = np.float32 if isinstance(self.stream, NumberStream) else np.int32
        return Spans(np.array(starts, np.int64) - start, np.array(values, dtype), np.array(targets, dtype))

    def end(self, stop: int) -> None:
        """Tell the item that goes on as if it ended at sample `stop`, or once its cross-fade has ended."""
        start, value, _ = self._spans[-1]
        self._on_item(self.stream, Item(self._item_start, max(stop, start + 1), value))

    def _begin(self, start: int) -> None:
        before, value = self._spans[-1][1], self.asked
        was_heard = start > self._item_start
        fade = self._fade if was_heard and NONE not in (before, value) and before != value else 0
        if was_heard:
            self._on_item(self.stream, Item(self._item_start, start + fade, before))
        self._item_start = start
        if self._spans[-1][0] == start:
            self._spans.pop()  # it has no sample
        if fade:
            self._spans.append((start, before, value))
        self._spans.append((start + fade, value, value))

    def _goes_on(self, value: Any) -> bool:
        """Return whether a value that is asked for once more is no new span; a class is struck again, as a note is."""
        before = self._spans[-1][1]
        struck = isinstance(self.stream, ClassesStream) and value not in (NONE, self.stream.gaps)
        return not struck and (before == value or (before != before and value != value))  # NaN is not itself
