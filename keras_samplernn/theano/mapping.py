"""The weights of our tiers from the arrays of the original, with the same outputs.

Matrices are (inputs, outputs) in both, so none is transposed. What differs:

- The original's GRU has h <- u n + (1 - u) h, ours h <- z h + (1 - z) n. So z = 1 - u = sigmoid(-(...)): the block of
  the update gate changes its sign.
- The original's LSTM has its gates in the order input, forget, output, candidate; here the last two are exchanged.
- The original's top tier reads the frame itself. Here the input Linear is the identity on as many columns as a frame
  has samples; the others give 0, and meet rows of zeros.
- For odd Q, the original rescales codes by Q // 2 in place of Q / 2, which the input Linears take over.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from keras_samplernn.theano.architecture import Architecture, FrameLevel

Arrays = Mapping[str, np.ndarray]


class Matrix(NamedTuple):
    """A matrix, or its direction `(inputs, outputs)` and its scale `(outputs,)` under weight norm, else None."""

    direction: np.ndarray
    scale: np.ndarray | None

    def applied(self) -> np.ndarray:
        """Return the matrix that is applied, in float64."""
        direction = self.direction.astype(np.float64)
        return direction if self.scale is None else direction * (self.scale / np.linalg.norm(direction, axis=0))

    def times(self, factor: float) -> "Matrix":
        """Return the matrix with its outputs multiplied by a number, in float64."""
        if self.scale is None:
            return Matrix(self.direction.astype(np.float64) * factor, None)
        return Matrix(self.direction, self.scale.astype(np.float64) * factor)


def weights_of(architecture: Architecture, arrays: Arrays) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the weights of our model, each with its path: the number of its tier, and the names of layer and weight.

    Args:
        architecture: of the arrays.
        arrays: float32 or float64, by name.
    """
    for number, level in enumerate(architecture.frame_levels):
        for path, array in _weights_of_level(level, architecture.q_levels, arrays):
            yield f"{number}/{path}", array
    last = len(architecture.frame_levels)
    if architecture.emb_size:
        yield f"{last}/embedding", arrays["SampleLevel.Embedding"]
    for ours, theirs in (("l1", "L1_PrevSamples"), ("l2", "L2"), ("l3", "L3"), ("output", "Output")):
        yield from _linear(f"{last}/{ours}", f"SampleLevel.{theirs}", arrays)


def _weights_of_level(level: FrameLevel, q_levels: int, arrays: Arrays) -> Iterator[tuple[str, np.ndarray]]:
    expand = f"{level.name}.InputExpand"
    if level.is_top:
        matrix, bias = _identity(level.frame_size, level.dim, f"{level.name}.Output.g0" in arrays), np.zeros(level.dim)
    else:
        matrix, bias = _matrix(arrays, expand), arrays[f"{expand}.b"]
    matrix, bias = _rescaled(matrix, bias, q_levels)
    yield from _weights("input", matrix, bias)
    for layer in range(1, level.n_rnn + 1):
        yield from _weights_of_layer(level, layer, arrays)
        if level.skip_conn:
            yield from _linear(f"skip_{layer - 1}", level.skip(layer), arrays)
    yield from _linear("output", f"{level.name}.Output", arrays)
    # A row for each layer: h, and for an LSTM c beside it.
    states = arrays[f"{level.name}.h0"].reshape(-1, level.dim)
    yield from ((f"h0_{number}", state) for number, state in enumerate(states))


def _weights_of_layer(level: FrameLevel, layer: int, arrays: Arrays) -> Iterator[tuple[str, np.ndarray]]:
    step, ours = level.step(layer), f"layer_{layer - 1}"
    kernel = _matrix(arrays, f"{step}.Input")
    if level.rnn_type == "GRU":
        parts = [_matrix(arrays, f"{step}.Recurrent_{name}") for name in ("Gates", "Candidate")]
        recurrent, bias = _beside(*parts), arrays[f"{step}.Input.b"]
        kernel, recurrent = (Matrix(_negated(each.direction, level.dim), each.scale) for each in (kernel, recurrent))
        bias = _negated(bias, level.dim)
    else:
        recurrent, bias = _matrix(arrays, f"{step}.Recurrent_Gates"), arrays[f"{step}.b"]
        kernel, recurrent = (Matrix(*map(_exchanged, each)) for each in (kernel, recurrent))
        bias = _exchanged(bias)
    if level.is_top and (layer == 1 or level.skip_conn):
        # The rows of the frame are the last ones: below them, those of the columns that give 0.
        missing = np.zeros((level.dim - level.frame_size, kernel.direction.shape[1]), kernel.direction.dtype)
        kernel = kernel._replace(direction=np.concatenate([kernel.direction, missing]))
    yield from _weights(f"{ours}/kernel", kernel)
    yield from _weights(f"{ours}/recurrent", recurrent)
    yield f"{ours}/bias", bias


def _rescaled(matrix: Matrix, bias: np.ndarray, q_levels: int) -> tuple[Matrix, np.ndarray]:
    """Return the input Linear of waves 2 (c / (Q/2) - 1) in place of 2 (c / (Q//2) - 1), with the same outputs."""
    factor = (q_levels / 2) / (q_levels // 2)
    if factor == 1:
        return matrix, bias
    # 2 (c / (Q//2) - 1) = factor * wave + 2 (factor - 1)
    return matrix.times(factor), bias + 2 * (factor - 1) * matrix.applied().sum(axis=0)


def _identity(frame_size: int, dim: int, weight_norm: bool) -> Matrix:
    """Return the matrix of a Linear from a frame to its samples, and zeros up to the width `dim`."""
    direction = np.eye(frame_size, dim)
    if not weight_norm:
        return Matrix(direction, None)
    scale = direction.sum(axis=0)
    direction[0, frame_size:] = 1.0  # a direction must not be zero
    return Matrix(direction, scale)


def _matrix(arrays: Arrays, name: str) -> Matrix:
    return Matrix(arrays[f"{name}.W0"], arrays.get(f"{name}.g0"))


def _beside(*matrices: Matrix) -> Matrix:
    directions, scales = zip(*matrices, strict=True)
    return Matrix(np.concatenate(directions, axis=1), None if scales[0] is None else np.concatenate(scales))


def _negated(array: np.ndarray, dim: int) -> np.ndarray:
    """Return an array with the block of the update gate, the first `dim` columns, negated."""
    return np.concatenate([-array[..., :dim], array[..., dim:]], axis=-1)


def _exchanged(array: np.ndarray | None) -> np.ndarray | None:
    """Return an array with its columns' last two of four blocks exchanged; None stays None."""
    if array is None:
        return None
    first, second, third, fourth = np.split(array, 4, axis=-1)
    return np.concatenate([first, second, fourth, third], axis=-1)


def _linear(path: str, name: str, arrays: Arrays) -> Iterator[tuple[str, np.ndarray]]:
    yield from _weights(path, _matrix(arrays, name), arrays.get(f"{name}.b"))


def _weights(path: str, matrix: Matrix, bias: np.ndarray | None = None) -> Iterator[tuple[str, np.ndarray]]:
    named = {"direction": matrix.direction, "scale": matrix.scale, "bias": bias}
    yield from ((f"{path}/{name}", array) for name, array in named.items() if array is not None)
