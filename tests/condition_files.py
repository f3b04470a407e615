"""Files of conditions in tests: written from text or bytes, and read sample by sample."""

import numpy as np

from keras_samplernn.conditions.readers.reading import read_track
from keras_samplernn.conditions.streams import ClassesStream

CLASS = "class"


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def stream_of(classes):
    """Return the only stream of a spec with a number of classes, or their names."""
    return ClassesStream.of_count(classes) if isinstance(classes, int) else ClassesStream(CLASS, tuple(classes), True)


def read_classes(path, classes, samples=None, sample_rate=16_000, said=""):
    """Read the only stream of classes as (n,) int32, a class for each sample."""
    track = read_track(path, (stream_of(classes),), sample_rate, samples, said)
    return every_sample(track, CLASS)


def every_sample(track, stream):
    """Return the (n,) values of a stream that does not move."""
    spans = track.spans[stream]
    assert not spans.moves.any()
    return np.repeat(spans.values, np.diff(np.append(spans.starts, track.samples)))


def said_of(track):
    """Return a track in plain lists, to be compared: nan is written as text."""

    def plain(values):
        return ["none" if value != value else value for value in values.tolist()]

    return track.samples, {name: tuple(map(plain, spans)) for name, spans in track.spans.items()}
