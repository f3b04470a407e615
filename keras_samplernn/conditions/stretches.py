"""The stretches of a track in which a class lasts: how long they are, class by class."""

from collections.abc import Iterable

import numpy as np

from keras_samplernn.conditions.streams import NONE, ClassesStream
from keras_samplernn.conditions.track import Track, settled


def stretches_of(stream: ClassesStream, tracks: Iterable[Track]) -> list[np.ndarray]:
    """Return the lengths of the stretches of each class, `(n,)` int64 in samples, class by class.

    A stretch is a span. Neighbouring spans of one class are one stretch, unless the stream tells the model where a span
    begins or what comes next (`position`, `neighbours`). Of a cross-fade, each half belongs to its own class.

    Args:
        stream: of the tracks.
        tracks: of sounds.
    """
    values, lengths = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
    joins = not (stream.position or stream.neighbours)
    for track in tracks:
        spans = settled(track.spans[stream.name], track.samples)
        begins, classes = np.asarray(spans.starts), np.asarray(spans.values)
        if joins and len(begins):
            new = np.append(True, classes[1:] != classes[:-1])
            begins, classes = begins[new], classes[new]
        known = classes != NONE
        values.append(classes[known])
        lengths.append((np.append(begins[1:], track.samples) - begins)[known])
    all_values = np.concatenate(values)
    order = np.argsort(all_values, kind="stable")
    edges = np.searchsorted(all_values[order], np.arange(1, len(stream.classes)))
    return np.split(np.concatenate(lengths)[order], edges)


def longest_seconds(stream: ClassesStream, tracks: Iterable[Track], sample_rate: int) -> dict[str, float]:
    """Return the length in seconds of the longest stretch of each class that occurs, by its name.

    Args:
        stream: of the tracks.
        tracks: of sounds.
        sample_rate: in Hz.
    """
    found = zip(stream.classes, stretches_of(stream, tracks), strict=True)
    return {name: int(lengths.max()) / sample_rate for name, lengths in found if len(lengths)}
