"""Points in time, as a file has them: they are checked, and joined to spans."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from keras_samplernn.conditions.points import join_points
from keras_samplernn.conditions.readers.sound import Sound
from keras_samplernn.conditions.streams import Stream
from keras_samplernn.conditions.track import Track, constant, nothing_of
from keras_samplernn.errors import UserError


def lay_points(
    place: Callable[[int], str],
    samples: np.ndarray,
    columns: Mapping[str, np.ndarray],
    streams: Sequence[Stream],
    sound: Sound,
) -> Track:
    """Return the track of points.

    The last one ends a score; in a sound its values hold to the end. See `join_points`.

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
            spans[stream.name] = join_points(stream, samples, columns[stream.name], length)
        else:
            spans[stream.name] = constant(stream, nothing_of(stream), length)
    return Track(length, spans)
