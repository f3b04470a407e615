"""Points in time: classes hold until the next point, numbers move to that of the next point in a straight line."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from keras_samplernn.conditions.readers.sound import Sound
from keras_samplernn.conditions.readers.values import values_of
from keras_samplernn.conditions.streams import ClassesStream, Stream
from keras_samplernn.conditions.track import Spans, Track, constant
from keras_samplernn.errors import UserError


def lay_points(
    place: Callable[[int], str],
    samples: np.ndarray,
    columns: Mapping[str, np.ndarray],
    streams: Sequence[Stream],
    sound: Sound,
) -> Track:
    """Return the track of points.

    Before the first point nothing is said. The last one ends a score; in a sound its values hold to the end. A number
    with none after it holds until there.

    Args:
        place: where a point is, by its number, for messages.
        samples: `(n,)` int64, the sample of each point.
        columns: `(n,)` the values of each stream that points speak of, by its name; -1 or NaN for none.
        streams: that have spans in the track.
        sound: that the points belong to.

    Raises:
        UserError: points are not in the order of time, lie past the end of the sound, or give a score no length.
    """
    falls = np.flatnonzero(np.diff(samples) < 0)
    if len(falls):
        raise UserError(f"{place(int(falls[0]) + 1)}: is earlier than the point before it; sort the points by time")
    if len(samples):
        sound.check_stop(int(samples[-1]), place(len(samples) - 1))
    end = int(samples[-1]) if len(samples) else 0
    if sound.samples is None and len(samples) and not end:
        raise UserError(f"{place(len(samples) - 1)}: ends the score at 0 s; add a point where the score ends")
    length = end if sound.samples is None else sound.samples
    spans = {}
    for stream in streams:
        if stream.name in columns:
            spans[stream.name] = _between(stream, samples, columns[stream.name], length)
        else:
            spans[stream.name] = constant(stream, values_of(stream).nothing, length)
    return Track(length, spans)


def _between(stream: Stream, starts: np.ndarray, values: np.ndarray, length: int) -> Spans:
    targets = values
    if not isinstance(stream, ClassesStream):
        after = np.append(values[1:], values[-1:])
        targets = np.where(np.isnan(after), values, np.where(np.isnan(values), values, after))
    if not len(starts) or starts[0] > 0:
        nothing = values_of(stream).nothing
        starts, values, targets = np.append(0, starts), np.append(nothing, values), np.append(nothing, targets)
    stops = np.append(starts[1:], length)
    # Of points that fall on one sample the last one holds.
    lasts = (stops > starts) & (starts < length)
    starts, stops, values, targets = starts[lasts], stops[lasts], values[lasts], targets[lasts]
    if len(stops) and stops[-1] > length and targets[-1] != values[-1]:
        share = (length - starts[-1]) / (stops[-1] - starts[-1])
        targets = np.append(targets[:-1], values[-1] + (targets[-1] - values[-1]) * share)
    dtype = np.int32 if isinstance(stream, ClassesStream) else np.float32
    spans = Spans(starts.astype(np.int64), values.astype(dtype), targets.astype(dtype))
    return _joined(spans)


def _joined(spans: Spans) -> Spans:
    """Return spans with neighbours of one value, which does not move, joined."""
    starts, values, targets = spans
    same = values[1:] == values[:-1]
    if values.dtype.kind == "f":
        same |= np.isnan(values[1:]) & np.isnan(values[:-1])
    begins = np.append(True, ~same | spans.moves[1:] | spans.moves[:-1])[: len(values)]
    return Spans(starts[begins], values[begins], targets[begins])
