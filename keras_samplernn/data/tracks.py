"""The tracks of a prepared corpus on the disk: for each stream three flat files, its spans end to end."""

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np

from keras_samplernn.conditions.streams import NONE, ClassesStream, Stream, Streams, classes_streams
from keras_samplernn.conditions.track import Spans, Track
from keras_samplernn.data.cache import writing_cache


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
        with writing_cache():
            self._streams_of_file = [
                [self._files.enter_context(path.open("wb")) for path in _paths(folder, number)]
                for number in range(len(streams))
            ]

    def append(self, track: Track) -> list[int]:
        """Write a track; return the number of spans of each stream. OSError where the disk refuses it."""
        for stream, files in zip(self._streams, self._streams_of_file, strict=True):
            spans = track.spans[stream.name]
            for file, array, dtype in zip(files, spans, _dtypes(stream), strict=True):
                file.write(array.astype(dtype).tobytes())
            if isinstance(stream, ClassesStream):
                known = spans.values != NONE
                lengths = np.append(spans.starts[1:], track.samples)[known] - spans.starts[known]
                np.add.at(self.class_counts[stream.name], spans.values[known], lengths)
        return [len(track.spans[stream.name].starts) for stream in self._streams]

    def __enter__(self) -> "TrackWriter":
        return self

    def __exit__(self, failure: type[BaseException] | None, *_) -> None:
        # On a full disk closing fails too; the first failure is the one to tell.
        with writing_cache() if failure is None else suppress(OSError):
            self._files.close()


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
    parts: list[dict[str, Spans]] = [{} for _ in samples]
    for number, stream in enumerate(streams):
        ends = np.cumsum([counts[number] for counts in spans], dtype=np.int64).tolist()
        arrays = [
            _mapped(path, dtype, ends[-1] if ends else 0)
            for path, dtype in zip(_paths(folder, number), _dtypes(stream), strict=True)
        ]
        for part, begin, end in zip(parts, [0, *ends], ends, strict=False):
            part[stream.name] = Spans(*(array[begin:end] for array in arrays))
    return [Track(length, part) for length, part in zip(samples, parts, strict=True)]


def _paths(folder: Path, number: int) -> list[Path]:
    return [folder / f"stream_{number:02d}_{field}.bin" for field in Spans._fields]


def _dtypes(stream: Stream) -> tuple[str, str, str]:
    values = "<i2" if isinstance(stream, ClassesStream) else "<f4"
    return "<i8", values, values


def _mapped(path: Path, dtype: str, count: int) -> np.ndarray:
    if path.stat().st_size != count * np.dtype(dtype).itemsize:
        raise ValueError(f"{path} does not have the length that the manifest states")
    return np.memmap(path, dtype, mode="r") if count else np.zeros(0, dtype)
