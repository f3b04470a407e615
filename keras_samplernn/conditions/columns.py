"""The conditions of a sound, written column by column from its track, one row for each sample."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from keras_samplernn.conditions.layout import NUMBER_WIDTH, POSITION_WIDTH, SHARES, TIMES, Conditions, nothing
from keras_samplernn.conditions.streams import NONE, ClassesStream, NumberStream, Stream
from keras_samplernn.conditions.track import Spans, Track, settled


class Columns:
    """The conditions of one sound, piece by piece.

    Args:
        track: of the sound.
        streams: of the model; the track has spans for each.
        sample_rate: in Hz.

    Attributes:
        track: of the sound.
        samples: its length.
    """

    def __init__(self, track: Track, streams: Sequence[Stream], sample_rate: int):
        self.track, self.samples = track, track.samples
        self._streams = [
            _ClassesColumns(stream, track.spans[stream.name], track.samples, sample_rate)
            if isinstance(stream, ClassesStream)
            else _NumberColumns(stream, track.spans[stream.name], track.samples)
            for stream in streams
        ]

    @cached_property
    def fades(self) -> bool:
        """Whether the classes of a stream cross-fade."""
        return any(columns.class_width and columns.moves for columns in self._streams)

    def piece(self, start: int, stop: int, lookahead: bool = True) -> Conditions:
        """Return the conditions of samples `start` to `stop`; see `write`."""
        conditions = nothing([columns.stream for columns in self._streams], (stop - start,), self.fades)
        self.write(conditions, slice(None), start, stop, lookahead=lookahead)
        return conditions

    def write(
        self,
        conditions: Conditions,
        place: Any,
        start: int,
        stop: int,
        hidden: Sequence[bool] | None = None,
        lookahead: bool = True,
    ) -> None:
        """Write the conditions of samples `start` to `stop` into a place of larger arrays.

        Args:
            conditions: what `nothing` returned.
            place: index of `stop - start` samples in it.
            start: first sample.
            stop: the sample after the last.
            hidden: whether each stream is none; None: all are told.
            lookahead: whether the ends of spans, and what comes after them, are known.
        """
        conditions.exists[place] = 1
        class_column = number_column = fade = 0
        for number, columns in enumerate(self._streams):
            width = columns.number_width
            if stop > start and not (hidden is not None and hidden[number]):
                if width:
                    numbers = conditions.numbers[place]
                    columns.write_numbers(numbers[:, number_column : number_column + width], start, stop, lookahead)
                if columns.class_width:
                    classes = conditions.classes[place]
                    columns.write_classes(
                        classes[:, class_column : class_column + columns.class_width], start, stop, lookahead
                    )
                    if conditions.targets is not None:
                        columns.write_fades(
                            conditions.targets[place][:, fade], conditions.weights[place][:, fade], start, stop
                        )
            class_column += columns.class_width
            number_column += width
            fade += columns.class_width > 0


class _NumberColumns:
    """The columns of a stream of numbers: whether it is known, and its value from -1 at `low` to 1 at `high`."""

    class_width, number_width = 0, NUMBER_WIDTH

    def __init__(self, stream: NumberStream, spans: Spans, samples: int):
        self.stream = stream
        self._spans, self._samples = spans, samples

    def write_numbers(self, columns: np.ndarray, start: int, stop: int, lookahead: bool) -> None:
        piece = _Piece(self._spans, self._samples, start, stop)
        values = piece.spread(self._spans.values)
        if piece.moves.any():
            values = values + (piece.spread(self._spans.targets) - values) * piece.passed()
        low, high = self.stream.low, self.stream.high
        known = ~np.isnan(values)
        columns[:, 0] = known
        columns[:, 1] = np.where(known, 2 * (np.clip(values, low, high) - low) / (high - low) - 1, 0)


class _ClassesColumns:
    """The columns of a stream of classes: the class; its neighbours; and where in its span a sample stands."""

    def __init__(self, stream: ClassesStream, spans: Spans, samples: int, sample_rate: int):
        self.stream = stream
        self.class_width = 3 if stream.neighbours else 1
        self.number_width = POSITION_WIDTH if stream.position else 0
        self._spans, self._samples, self._sample_rate = spans, samples, sample_rate

    @property
    def moves(self) -> bool:
        return bool(self._spans.moves.any())

    @cached_property
    def _settled(self) -> Spans:
        return settled(self._spans, self._samples)

    def write_classes(self, columns: np.ndarray, start: int, stop: int, lookahead: bool) -> None:
        columns[:, 0] = _Piece(self._spans, self._samples, start, stop).spread(self._spans.values)
        if self.stream.neighbours:
            piece = _Piece(self._settled, self._samples, start, stop)
            # A view of the values moved by one span, with none at the ends of the sound.
            values = self._settled.values
            first, last = piece.spans.start, piece.spans.stop
            before = np.append(NONE if first == 0 else values[first - 1], values[first : last - 1])
            after = np.append(values[first + 1 : last], NONE if last == len(values) else values[last])
            known = values[piece.spans] != NONE  # none has no neighbours, so that it adds nothing
            columns[:, 1] = np.repeat(np.where(known, before, NONE), piece.lengths)
            if lookahead:
                columns[:, 2] = np.repeat(np.where(known, after, NONE), piece.lengths)

    def write_fades(self, targets: np.ndarray, weights: np.ndarray, start: int, stop: int) -> None:
        piece = _Piece(self._spans, self._samples, start, stop)
        targets[:] = piece.spread(self._spans.targets)
        moves = piece.moves
        weights[:] = np.repeat(moves, piece.lengths) * piece.passed(0.5) if moves.any() else 0

    def write_numbers(self, columns: np.ndarray, start: int, stop: int, lookahead: bool) -> None:
        piece = _Piece(self._settled, self._samples, start, stop)
        known = (piece.spread(self._settled.values) != NONE)[:, None]
        since, until = (times / self._sample_rate for times in piece.times(0.5))
        constants = np.array(TIMES, np.float32)
        columns[:, SHARES : SHARES + len(TIMES)] = known * np.exp(-since[:, None] / constants)
        if lookahead:
            share = (since / (since + until))[:, None]
            columns[:, :SHARES] = known * np.cos(np.pi * np.arange(SHARES, dtype=np.float32) * share)
            columns[:, SHARES + len(TIMES) :] = known * np.exp(-until[:, None] / constants)


class _Piece:
    """The spans of samples `start` to `stop` of a sound.

    Attributes:
        spans: slice of the spans that lie there, whole or in part.
        lengths: number of samples of each there.
        moves: whether the value of each moves.
    """

    def __init__(self, spans: Spans, samples: int, start: int, stop: int):
        first = int(np.searchsorted(spans.starts, start, side="right")) - 1
        last = int(np.searchsorted(spans.starts, stop, side="left"))
        self.spans = slice(first, last)
        # Of these spans alone: a sound may have very many.
        self.moves = Spans(*(array[first:last] for array in spans)).moves
        self._begins = spans.starts[first:last]
        end = spans.starts[last] if last < len(spans.starts) else samples
        self._ends = np.append(spans.starts[first + 1 : last], end)
        self.lengths = np.minimum(self._ends, stop) - np.maximum(self._begins, start)
        self._start, self._stop = start, stop

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Return the value of each sample's span."""
        return np.repeat(values[self.spans], self.lengths)

    def times(self, offset: float) -> tuple[np.ndarray, np.ndarray]:
        """Return how long each sample's span has lasted, and will last, counted in samples, both float32.

        Args:
            offset: where in a sample time is taken, 0 to 1.
        """
        samples = np.arange(self._start, self._stop)
        since = samples - np.repeat(self._begins, self.lengths)
        until = np.repeat(self._ends, self.lengths) - samples
        return since.astype(np.float32) + np.float32(offset), until.astype(np.float32) - np.float32(offset)

    def passed(self, offset: float = 0.0) -> np.ndarray:
        """Return the share of its span that has passed at each sample, float32."""
        since, until = self.times(offset)
        return since / (since + until)
