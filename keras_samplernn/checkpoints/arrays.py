"""Arrays in an npz file, written one at a time, and read only if each has the expected shape and dtype.

Arrays are found by their position, which the spec determines; Keras' own names differ from process to process.
"""

import io
import math
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple, Self

import numpy as np

# Most bytes of an entry of an npz, besides the array.
MOST_ENTRY_BYTES = 1024


class Shape(NamedTuple):
    """The shape and dtype of an array."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @classmethod
    def of(cls, tensor: Any) -> Self:
        """Return the shape and dtype of a variable or tensor, with or without values."""
        import keras  # here, since listing checkpoints does without

        return cls(tuple(tensor.shape), np.dtype(keras.backend.standardize_dtype(tensor.dtype)))

    @property
    def size_bytes(self) -> int:
        """Bytes that the array takes."""
        return math.prod(self.shape) * self.dtype.itemsize


def bytes_range(shapes: Sequence[Shape]) -> range:
    """Return the sizes that an npz of these arrays can have."""
    arrays = sum(each.size_bytes for each in shapes)
    return range(arrays, arrays + MOST_ENTRY_BYTES * (len(shapes) + 1) + 1)


def write_arrays(stream: BinaryIO, tensors: Iterable[Any]) -> None:
    """Write variables or tensors as an uncompressed npz; memory holds a copy of one array at a time."""
    import keras

    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for number, tensor in enumerate(tensors):
            with archive.open(_entry(number), "w", force_zip64=True) as entry:
                array = np.ascontiguousarray(keras.ops.convert_to_numpy(tensor)).reshape(tensor.shape)
                np.lib.format.write_array(entry, array, allow_pickle=False)


def read_arrays(content: bytes, *choices: Sequence[Shape]) -> list[np.ndarray]:
    """Return the arrays of an npz, in order.

    Args:
        content: the bytes of the file.
        choices: the expected shapes of its arrays; with several lists, the one with as many arrays as the file has.

    Raises:
        ValueError: the file holds other arrays. No array is unpacked before its size is known to be right.
    """
    try:
        return list(_arrays_of(content, choices))
    except (ArithmeticError, zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(str(error)) from None


def _arrays_of(content: bytes, choices: Sequence[Sequence[Shape]]) -> Iterator[np.ndarray]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        wanted = next((shapes for shapes in choices if len(shapes) == len(entries)), None)
        if wanted is None:
            raise ValueError(f"{len(entries)} arrays, not {' or '.join(str(len(shapes)) for shapes in choices)}")
        for number, (entry, shape) in enumerate(zip(entries, wanted, strict=True)):
            yield _read_array(archive, entry, number, shape)


def _read_array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, number: int, wanted: Shape) -> np.ndarray:
    size = wanted.size_bytes
    stored = entry.compress_type == zipfile.ZIP_STORED and entry.file_size == entry.compress_size
    if entry.filename != _entry(number) or not stored or entry.file_size > size + MOST_ENTRY_BYTES:
        raise ValueError(f"{entry.filename} is not an array of {size} bytes")
    data = archive.read(entry)
    # NumPy's format 1.0. NumPy's own reader evaluates the header as Python and can fail in many ways.
    begin = 10 + int.from_bytes(data[8:10], "little")
    header = f"{{'descr': '{wanted.dtype.str}', 'fortran_order': False, 'shape': {wanted.shape}, }}".encode()
    if data[:8] != b"\x93NUMPY\x01\x00" or data[10:begin].rstrip() != header or len(data) != begin + size:
        raise ValueError(f"{entry.filename} is not an array of {wanted.dtype} and shape {wanted.shape}")
    return np.frombuffer(data, wanted.dtype, offset=begin).reshape(wanted.shape)


def _entry(number: int) -> str:
    return f"{number:05d}.npy"
