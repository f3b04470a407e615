"""What stands for NumPy's objects while a pickle is read: descriptions, which allocate nothing."""

import enum
import math
from typing import Any

import numpy as np

MOST_DIMENSIONS, MOST_LENGTH = 2, 2**31
FLOATS = ("f4", "f8")
# The rest of a dtype's state: no subarray, no names, no fields, no size or alignment of its own, no flags.
_PLAIN = (None, None, None, -1, -1, 0)


class Named(enum.Enum):
    """What a pickle may name; the values are for messages."""

    RECONSTRUCT = "numpy.core.multiarray._reconstruct"
    NDARRAY = "numpy.ndarray"
    DTYPE = "numpy.dtype"


NAMES = {
    ("numpy.core.multiarray", "_reconstruct"): Named.RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): Named.RECONSTRUCT,  # NumPy 2
    ("numpy", "ndarray"): Named.NDARRAY,
    ("numpy", "dtype"): Named.DTYPE,
}


def text_of(value: Any) -> str | None:
    """Return a text of Python 3, or of Python 2 read as latin1; None: it is no text."""
    return value.decode("latin1") if isinstance(value, bytes) else value if isinstance(value, str) else None


class DtypeStandIn:
    """A dtype: float32 or float64, of one byte order.

    Args:
        arguments: of the call of `numpy.dtype` in the pickle.

    Raises:
        ValueError: it is another one.
    """

    def __init__(self, arguments: tuple):
        if len(arguments) != 3 or text_of(arguments[0]) not in FLOATS or arguments[1:] != (0, 1):
            raise ValueError("a dtype that is neither float32 nor float64")
        self._code, self._order = text_of(arguments[0]), None

    def build(self, state: Any) -> None:
        """Take the state that the pickle gives it: version 3, and the byte order."""
        if self._order is not None:
            raise ValueError("a dtype that is given two states")
        if not (isinstance(state, tuple) and len(state) == 8 and state[0] == 3 and state[2:] == _PLAIN):
            raise ValueError("a dtype with fields, metadata or a size of its own")
        if text_of(state[1]) not in ("<", ">"):
            raise ValueError("a dtype without a byte order")
        self._order = text_of(state[1])

    @property
    def dtype(self) -> np.dtype:
        """The dtype itself."""
        if self._order is None:
            raise ValueError("a dtype without a state")
        return np.dtype(self._order + self._code)


class ArrayStandIn:
    """An array: shape, dtype, order and the bytes that the pickle holds.

    Args:
        arguments: of the call of `_reconstruct` in the pickle: an empty ndarray.

    Raises:
        ValueError: they are others.
    """

    def __init__(self, arguments: tuple):
        if len(arguments) != 3 or arguments[:2] != (Named.NDARRAY, (0,)) or text_of(arguments[2]) != "b":
            raise ValueError("an array that begins otherwise than NumPy writes it")
        self._data: bytes | None = None

    def build(self, state: Any) -> None:
        """Take the state that the pickle gives it: version 1, shape, dtype, whether in Fortran's order, bytes."""
        if self._data is not None:
            raise ValueError("an array that is given two states")
        if not (isinstance(state, tuple) and len(state) == 5 and state[0] == 1):
            raise ValueError("an array whose state is not that of NumPy's version 1")
        _, shape, dtype, fortran, data = state
        lengths = isinstance(shape, tuple) and all(type(each) is int and 0 < each < MOST_LENGTH for each in shape)
        if not lengths or not 0 < len(shape) <= MOST_DIMENSIONS:
            raise ValueError("an array whose shape is not that of a vector or a matrix")
        if not isinstance(dtype, DtypeStandIn):
            raise ValueError("an array whose dtype is none")
        if not isinstance(data, bytes):
            raise ValueError("an array whose values are not bytes")
        if fortran not in (0, 1):
            raise ValueError("an array in neither C's nor Fortran's order")
        needed = math.prod(shape) * dtype.dtype.itemsize
        if len(data) != needed:
            raise ValueError(f"an array that needs {needed:,} bytes and has {len(data):,}")
        self._shape, self._dtype, self._order, self._data = shape, dtype.dtype, "F" if fortran else "C", data

    @property
    def size_bytes(self) -> int:
        """Bytes that its values take."""
        return len(self._data or b"")

    def array(self) -> np.ndarray:
        """Return the array itself, read-only, a view of the bytes."""
        if self._data is None:
            raise ValueError("an array without a state")
        return np.frombuffer(self._data, self._dtype).reshape(self._shape, order=self._order)
