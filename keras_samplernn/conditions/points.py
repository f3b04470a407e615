"""What is known at some points in time: joined to spans."""

import numpy as np

from keras_samplernn.conditions.streams import ClassesStream, Stream
from keras_samplernn.conditions.track import Spans, nothing_of


def join_points(stream: Stream, starts: np.ndarray, values: np.ndarray, samples: int) -> Spans:
    """Return the spans of a stream that is known at some samples.

    A class holds until the next point. A number moves to that of the next point in a straight line; if that is none, it
    holds. The last point holds to the end. Before the first one nothing is said, and of points at one sample the last
    one counts.

    Args:
        stream: the stream.
        starts: `(n,)` int64, the sample of each point; they do not fall.
        values: `(n,)` classes, -1 for none, or numbers, NaN for none.
        samples: length of the sound.
    """
    targets = values
    if not isinstance(stream, ClassesStream):
        after = np.append(values[1:], values[-1:])
        targets = np.where(np.isnan(after), values, np.where(np.isnan(values), values, after))
    if not len(starts) or starts[0] > 0:
        nothing = nothing_of(stream)
        starts, values, targets = np.append(0, starts), np.append(nothing, values), np.append(nothing, targets)
    stops = np.append(starts[1:], samples)
    # Of points that fall on one sample the last one holds.
    lasts = (stops > starts) & (starts < samples)
    starts, stops, values, targets = starts[lasts], stops[lasts], values[lasts], targets[lasts]
    if len(stops) and stops[-1] > samples and targets[-1] != values[-1]:
        share = (samples - starts[-1]) / (stops[-1] - starts[-1])
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
