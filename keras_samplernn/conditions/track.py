"""A track: what a file says of a sound, in spans that are exact to the sample."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, NamedTuple

import numpy as np

from keras_samplernn.conditions.streams import NONE, ClassesStream, Stream
from keras_samplernn.errors import UserError

# Exact for every time that readers accept: 28 digits, as in the default context, are not.
_EXACT = Context(prec=200, rounding=ROUND_HALF_UP)


class Spans(NamedTuple):
    """One stream of a sound, in spans: each lasts until the next one starts, the last one until the sound ends.

    Attributes:
        starts: `(n,)` int64, the first sample of each span; they rise, and the first is 0.
        values: `(n,)` int32 classes, -1 for none; or float32 numbers, NaN for none.
        targets: `(n,)` what the value moves to until the span ends, in a straight line: a cross-fade from class to
            class, or a ramp from number to number; the value itself where it stays.
    """

    starts: np.ndarray
    values: np.ndarray
    targets: np.ndarray

    @property
    def moves(self) -> np.ndarray:
        """`(n,)` bool, whether the value of a span moves."""
        return (self.values != self.targets) & ~(np.isnan(self.values) & np.isnan(self.targets))


@dataclass(frozen=True, eq=False)
class Track:
    """What is asked for at each sample of a sound.

    Attributes:
        samples: length in samples.
        spans: the spans of each stream, by its name.
    """

    samples: int
    spans: Mapping[str, Spans]

    def resampled(self, samples: int) -> "Track":
        """Return the track of a sound of the same duration and another number of samples.

        A sample gets what was asked for at the old sample that its centre lies in.
        """
        if samples == self.samples:
            return self
        return Track(samples, {name: _resampled(spans, self.samples, samples) for name, spans in self.spans.items()})

    def of_length(self, samples: int | None, streams: Sequence[Stream]) -> "Track":
        """Return the track cut to a length, or continued with nothing said; None: as it is."""
        if samples is None or samples == self.samples:
            return self
        spans = {}
        for stream in streams:
            starts, values, targets = self.spans[stream.name]
            rest = lay_spans(stream, [], 1)
            if samples > self.samples and not (len(starts) and _stays(values[-1], targets[-1], rest.values[0])):
                starts = np.append(starts, self.samples)
                values, targets = np.append(values, rest.values), np.append(targets, rest.targets)
            ends, keeps = np.append(starts[1:], self.samples), starts < samples
            starts, values, targets = starts[keeps], values[keeps], targets[keeps].copy()
            if len(starts) and samples < self.samples:
                share = (samples - starts[-1]) / (ends[keeps][-1] - starts[-1])
                targets[-1] = _cut(values[-1], targets[-1], share)
            spans[stream.name] = Spans(starts, values, targets)
        return Track(samples, spans)

    def window(self, start: int, stop: int) -> "Track":
        """Return the track of samples `start` to before `stop`, which lie within the sound.

        A cross-fade that has begun before begins anew from its first class.
        """
        spans = {}
        for name, (starts, values, targets) in self.spans.items():
            ends = np.append(starts[1:], self.samples)
            lies = (starts < stop) & (ends > start)
            starts, ends, values, targets = starts[lies], ends[lies], values[lies].copy(), targets[lies].copy()
            if len(starts):
                whole, from_, to = ends - starts, values[[0, -1]], targets[[0, -1]]
                targets[-1] = _cut(from_[1], to[1], (stop - starts[-1]) / whole[-1])
                if values.dtype.kind == "f" and starts[0] < start:
                    values[0] = _cut(from_[0], to[0], (start - starts[0]) / whole[0])
            spans[name] = Spans(np.maximum(starts - start, 0), values, targets)
        return Track(stop - start, spans)


class Item(NamedTuple):
    """What a file says of a stretch of a stream, from `start` to before `stop`, in samples.

    Attributes:
        start: its first sample.
        stop: the sample after its last.
        value: a class or a number.
        target: what the value moves to until `stop`; None: it stays.
        place: where the file says it, for messages.
    """

    start: int
    stop: int
    value: Any
    target: Any = None
    place: str = ""


def sample_at(seconds: str, sample_rate: int) -> int:
    """Return the sample that begins nearest to a time in seconds, written as decimal text."""
    return int(_EXACT.to_integral_value(_EXACT.multiply(Decimal(seconds), Decimal(sample_rate))))


def nothing_of(stream: Stream) -> float:
    """Return the value of samples of which a file says nothing: the stream's `gaps`, or none."""
    return stream.gaps if isinstance(stream, ClassesStream) else np.nan


def constant(stream: Stream, value: Any, samples: int) -> Spans:
    """Return one span over a whole sound; `value` is a class number or a number."""
    return lay_spans(stream, [Item(0, samples, value)] if samples else [], samples)


def runs(values: np.ndarray) -> Spans:
    """Return the spans of `(n,)` values, int32 classes or float32 numbers, one for each sample."""
    if not len(values):
        return Spans(np.zeros(0, np.int64), values, values)
    changes = values[1:] != values[:-1]
    if values.dtype.kind == "f":
        changes &= ~(np.isnan(values[1:]) & np.isnan(values[:-1]))
    starts = np.append(0, np.flatnonzero(changes) + 1)
    return Spans(starts, values[starts], values[starts])


def lay_spans(stream: Stream, items: Iterable[Item], samples: int) -> Spans:
    """Lay what a file says of a stream end to end.

    Where two items overlap, the value moves from that of the first to that of the second. Where there is none, the
    value is the stream's `gaps`, or none. Items of 0 samples are passed over, and what lies past the end is cut off.
    Neighbours that say the same number, none or `gaps` become one span; those of another class stay apart, as two notes
    do.

    Args:
        stream: the stream.
        items: in any order.
        samples: length of the sound.

    Raises:
        UserError: one line: one item lies inside another, three overlap, or one that moves overlaps another.
    """
    laid: list[Item] = []
    begun = 0
    for item in sorted((item for item in items if item.stop > item.start), key=lambda item: (item.start, item.stop)):
        item = item._replace(target=item.value if item.target is None else item.target)
        begin = item.start
        if laid and begin < laid[-1].stop:
            # Of what lies before, the part is left that follows its own cross-fade.
            before = laid.pop()
            moving = before.target != before.value or item.target != item.value
            if moving or item.stop <= before.stop or begin < before.start or begin == begun:
                raise UserError(
                    f"{item.place}: {_described(stream, item)} overlaps {_described(stream, before)} and no cross-fade"
                    " fits; let each begin and end after the one before, and at most two sound at once"
                )
            if begin > before.start:
                laid.append(before._replace(stop=begin))
            laid.append(Item(begin, before.stop, before.value, item.value, item.place))
            item = item._replace(start=before.stop)
        laid.append(item)
        begun = begin
    dtype = np.int32 if isinstance(stream, ClassesStream) else np.float32
    none = nothing_of(stream)
    whole: list[tuple[int, Any, Any]] = []

    def add(start: int, value: Any, target: Any) -> None:
        joins = not isinstance(stream, ClassesStream) or value in (NONE, stream.gaps)
        value, target = dtype(value), dtype(target)
        if not (joins and whole and _same(value, target) and _stays(*whole[-1][1:], value)):
            whole.append((start, value, target))

    end = 0
    for start, stop, value, target, _ in laid:
        if start >= samples:
            break
        if start > end:
            add(end, none, none)
        add(start, value, _cut(value, target, (samples - start) / (stop - start)))
        end = stop
    if end < samples:
        add(end, none, none)
    starts, values, targets = zip(*whole, strict=True) if whole else ((), (), ())
    return Spans(np.array(starts, np.int64), np.array(values, dtype), np.array(targets, dtype))


def settled(spans: Spans, samples: int) -> Spans:
    """Return spans that do not move: a cross-fade is its first class in its first half, and its second in the other.

    The halves belong to the spans beside them, if these have the same class.

    Args:
        spans: of a stream of classes.
        samples: length of the sound.
    """
    moves = spans.moves
    if not moves.any():
        return spans
    starts, values, joins = [], [], False
    ends = np.append(spans.starts[1:], samples)
    for start, end, value, target, moving in zip(spans.starts, ends, spans.values, spans.targets, moves, strict=True):
        middle = (start + end) // 2 if moving else end
        # A cross-fade of one sample has no first half, and its second one may follow a span of its class.
        if middle > start and not (values and values[-1] == value and (joins or moving)):
            starts.append(start)
            values.append(value)
        if moving and not (values and values[-1] == target):
            starts.append(middle)
            values.append(target)
        joins = moving
    return Spans(np.array(starts, np.int64), np.array(values, np.int32), np.array(values, np.int32))


def _resampled(spans: Spans, before: int, after: int) -> Spans:
    # Sample i takes old sample (2 i + 1) before // (2 after), so that a span begins at the first i that reaches it.
    starts = np.maximum(-((before - 2 * after * spans.starts) // (2 * before)), 0)
    lasts = np.append(starts[1:], after) > starts
    return Spans(starts[lasts], spans.values[lasts], spans.targets[lasts])


def _same(value: Any, other: Any) -> bool:
    return value == other or (value != value and other != other)  # NaN is not itself


def _stays(value: Any, target: Any, said: Any) -> bool:
    """Return whether a span says a value, and does not move."""
    return _same(value, said) and _same(target, said)


def _cut(value: Any, target: Any, share: float) -> Any:
    """Return the target of an item of which only a share of less than 1 lies within the sound."""
    if share >= 1 or value == target or isinstance(value, int | np.integer):
        return target
    return value + (target - value) * share


def _described(stream: Stream, item: Item) -> str:
    if not isinstance(stream, ClassesStream):
        return f"{item.value:g}"
    return f'"{stream.classes[item.value]}"' if item.value != NONE else '"none"'
