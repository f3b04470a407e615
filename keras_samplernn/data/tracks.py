"""The tracks of prepared sounds on the disk: for each stream three flat arrays, its spans end to end."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from keras_samplernn.conditions.streams import NONE, ClassesStream, Stream, Streams, classes_streams
from keras_samplernn.conditions.track import Spans, Track
from keras_samplernn.data.flat import FlatWriter, open_flat


class TrackWriter:
    """Writes tracks one after the other.

    Args:
        folder: for the new files.
        streams: of the tracks.

    Attributes:
        class_counts: for each stream of classes the number of samples of each class, `(classes,)` int64.
    """

    def __init__(self, folder: Path, streams: Streams):
        self._streams = streams
        self.class_counts = {each.name: np.zeros(len(each.classes), np.int64) for each in classes_streams(streams)}
        self._files = ExitStack()
        self._files_of_stream = [
            [
                self._files.enter_context(FlatWriter(folder, name, dtype))
                for name, dtype in zip(_names(number), _dtypes(stream), strict=True)
            ]
            for number, stream in enumerate(streams)
        ]

    def append(self, track: Track) -> list[int]:
        """Write a track; return the number of spans of each stream. OSError where the disk refuses it."""
        for stream, files in zip(self._streams, self._files_of_stream, strict=True):
            spans = track.spans[stream.name]
            for file, array in zip(files, spans, strict=True):
                file.append(array)
            if isinstance(stream, ClassesStream):
                known = spans.values != NONE
                lengths = np.append(spans.starts[1:], track.samples)[known] - spans.starts[known]
                np.add.at(self.class_counts[stream.name], spans.values[known], lengths)
        return [len(track.spans[stream.name].starts) for stream in self._streams]

    def __enter__(self) -> "TrackWriter":
        return self

    def __exit__(self, *failure) -> None:
        self._files.__exit__(*failure)


def open_tracks(folder: Path, streams: Streams, samples: Sequence[int], spans: Sequence[Sequence[int]]) -> list[Track]:
    """Map the tracks that `TrackWriter` wrote.

    Args:
        folder: of the files.
        streams: of the tracks.
        samples: length of each sound.
        spans: for each sound the number of spans of each stream.

    Raises:
        OSError: a file is missing.
        ValueError: a file does not have the length that `spans` states.
    """
    spans_of_sound: list[dict[str, Spans]] = [{} for _ in samples]
    for number, stream in enumerate(streams):
        ends = np.cumsum([counts[number] for counts in spans], dtype=np.int64).tolist()
        arrays = [
            open_flat(folder, name, dtype, ends[-1] if ends else 0)
            for name, dtype in zip(_names(number), _dtypes(stream), strict=True)
        ]
        for each, begin, end in zip(spans_of_sound, [0, *ends], ends, strict=False):
            each[stream.name] = Spans(*(array[begin:end] for array in arrays))
    return [Track(length, each) for length, each in zip(samples, spans_of_sound, strict=True)]


def _names(number: int) -> list[str]:
    return [f"stream_{number:02d}_{field}" for field in Spans._fields]


def _dtypes(stream: Stream) -> tuple[str, str, str]:
    values = "<i2" if isinstance(stream, ClassesStream) else "<f4"
    return "<i8", values, values
