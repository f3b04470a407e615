"""Pickles as Python 2 wrote them with protocol 0, which Python 3 does not write: text of bytes."""

import numpy as np

RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"


def text(value: bytes) -> bytes:
    """Return a Python 2 text."""
    return b"S" + repr(value)[1:].encode() + b"\n"


def dtype(code: bytes = b"f4", order: bytes = b"<") -> bytes:
    """Return a dtype."""
    return b"cnumpy\ndtype\n(" + text(code) + b"I0\nI1\ntR(I3\n" + text(order) + b"NNNI-1\nI-1\nI0\ntb"


def array(values: np.ndarray, *, code: bytes = b"f4", order: bytes = b"<", fortran: bool = False) -> bytes:
    """Return an array; `values` are stored with this dtype and in this order."""
    values = np.asarray(values, np.dtype((order + code).decode()))
    shape = b"".join(b"I%d\n" % length for length in values.shape)
    data = text(values.tobytes(order="F" if fortran else "C"))
    head = RECONSTRUCT + b"(I1\n(" + shape + b"t" + dtype(code, order)
    return head + (b"I01\n" if fortran else b"I00\n") + data + b"tb"


def checkpoint(arrays: dict[str, np.ndarray], **options) -> bytes:
    """Return a checkpoint: a dict of arrays by name."""
    return (
        b"(dp1\n"
        + b"".join(text(name.encode()) + array(each, **options) + b"s" for name, each in arrays.items())
        + b"."
    )


def words(*values: str) -> bytes:
    """Return a command line."""
    return b"(lp1\n" + b"".join(text(value.encode()) + b"a" for value in values) + b"."
