"""Matrices in int8 with a scale for each column, for single rows, whose time goes into reading weights."""

from typing import Any, NamedTuple

from keras import ops

# Number of rows of a matrix that are added up at a time: enough for the sum to cost little beside reading them, few
# enough to stay in registers.
BLOCK = 8


class Narrow(NamedTuple):
    """A matrix `(inputs, units)`: codes times scales.

    Attributes:
        codes: `(inputs / BLOCK, BLOCK, units)` int8.
        scales: `(units,)` float32.
    """

    codes: Any
    scales: Any


def narrow(matrix: Any) -> Any:
    """Round a matrix `(inputs, units)` to int8; the largest number of each column becomes ±127.

    If the number of inputs is not a multiple of `BLOCK`, the matrix is returned as it is.
    """
    inputs, units = matrix.shape
    if inputs % BLOCK:
        return matrix
    largest = ops.max(ops.abs(matrix), axis=0)
    scales = ops.where(largest > 0, largest, 1.0) / 127
    codes = ops.cast(ops.round(matrix / scales), "int8")
    return Narrow(ops.reshape(codes, (-1, BLOCK, units)), scales)


def multiply(inputs: Any, matrix: Any) -> Any:
    """Return `inputs @ matrix`, `(..., inputs)` to `(..., units)`; the matrix may be `Narrow`."""
    if not isinstance(matrix, Narrow):
        return ops.matmul(inputs, matrix)
    units = matrix.codes.shape[-1]
    if tuple(inputs.shape[:-1]) == (1,):
        return _multiply_row(inputs[0], matrix)[None]
    return ops.matmul(inputs, ops.reshape(ops.cast(matrix.codes, inputs.dtype), (-1, units)) * matrix.scales)


def _multiply_row(row: Any, matrix: Narrow) -> Any:
    """Add up rows of codes, each times its input: XLA reads the codes once; for a product it would cast all of them."""
    blocks, _, units = matrix.codes.shape
    factors = ops.reshape(row, (blocks, BLOCK))

    def add_block(number: Any, total: Any) -> tuple:
        codes = ops.cast(ops.slice(matrix.codes, (number, 0, 0), (1, BLOCK, units))[0], "float32")
        by = ops.slice(factors, (number, 0), (1, BLOCK))[0]
        terms = [by[line] * codes[line] for line in range(BLOCK)]
        while len(terms) > 1:
            terms = [one + other for one, other in zip(terms[::2], terms[1::2], strict=True)]
        return number + 1, total + terms[0]

    _, total = ops.while_loop(lambda number, _: number < blocks, add_block, (0, ops.zeros((units,), "float32")))
    return total * matrix.scales
