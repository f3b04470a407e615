"""Flat arrays on the disk, each in as many files as keep every file small, and a view of several arrays end to end."""

import itertools
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from keras_samplernn.data.cache import writing_cache

MOST_BYTES = 1 << 30
"""Of a file. Some file systems, and tools that copy files, take none of 2 GB."""


class EndToEnd:
    """One-dimensional arrays end to end, which are read in slices without a step; only what is read is loaded.

    Args:
        arrays: of one dtype; a slice within one of them is a view, any other a copy.
        dtype: of the arrays, for there may be none.

    Attributes:
        begins: where each array begins.
    """

    def __init__(self, arrays: Sequence["np.ndarray | EndToEnd"], dtype: np.dtype | str):
        self.dtype = np.dtype(dtype)
        self._arrays = arrays
        *self.begins, self._length = itertools.accumulate(map(len, arrays), initial=0)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, place: slice) -> np.ndarray:
        start, stop, step = place.indices(self._length)
        if step != 1:
            raise ValueError("arrays end to end are read without a step")
        if start >= stop:
            return np.zeros(0, self.dtype)
        first, last = (bisect_right(self.begins, sample) - 1 for sample in (start, stop - 1))
        pieces = [
            self._arrays[number][max(start - self.begins[number], 0) : stop - self.begins[number]]
            for number in range(first, last + 1)
        ]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


class FlatWriter:
    """Writes an array piece by piece, to files `NAME_000.bin`, `NAME_001.bin`, ... of at most `MOST_BYTES`.

    Args:
        folder: for the new files, in the cache.
        name: what their names begin with.
        dtype: on the disk.
    """

    def __init__(self, folder: Path, name: str, dtype: np.dtype | str):
        self._folder, self._name, self._dtype = folder, name, np.dtype(dtype)
        self._written = 0
        self._file: BinaryIO | None = None

    def append(self, values: np.ndarray) -> None:
        """Write `(n,)` values; OSError where the disk refuses them."""
        content = np.ascontiguousarray(values, self._dtype).view(np.uint8)
        while len(content):
            number, filled = divmod(self._written, _file_bytes(self._dtype))
            if not filled:
                self._close()
                self._file = _path(self._folder, self._name, number).open("wb")
            piece = content[: _file_bytes(self._dtype) - filled]
            self._file.write(piece)
            self._written += len(piece)
            content = content[len(piece) :]

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> "FlatWriter":
        return self

    def __exit__(self, failure: type[BaseException] | None, *_) -> None:
        # On a full disk closing fails too; the first failure is the one to tell.
        with writing_cache() if failure is None else suppress(OSError):
            self._close()


def open_flat(folder: Path, name: str, dtype: np.dtype | str, count: int) -> EndToEnd:
    """Map the files that a `FlatWriter` wrote.

    Args:
        folder: of the files.
        name: what their names begin with.
        dtype: on the disk.
        count: number of values.

    Raises:
        OSError: a file is missing.
        ValueError: a file does not have the length that `count` states.
    """
    dtype = np.dtype(dtype)
    bounds = [*range(0, count * dtype.itemsize, _file_bytes(dtype)), count * dtype.itemsize]
    arrays = []
    for number, (begin, end) in enumerate(itertools.pairwise(bounds)):
        path = _path(folder, name, number)
        if path.stat().st_size != end - begin:
            raise ValueError(f"{path} does not have the length that the manifest states")
        # A plain array over the mapping: its slices cost less than those of np.memmap, and there are very many.
        arrays.append(np.memmap(path, dtype, mode="r").view(np.ndarray))
    return EndToEnd(arrays, dtype)


def _file_bytes(dtype: np.dtype) -> int:
    return MOST_BYTES // dtype.itemsize * dtype.itemsize


def _path(folder: Path, name: str, number: int) -> Path:
    return folder / f"{name}_{number:03d}.bin"
