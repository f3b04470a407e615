"""GRU and LSTM layers in two parts: the input's share of the gates, and the step from a state to the next."""

from typing import Any, NamedTuple

import keras
from keras import ops

from keras_samplernn import Linear

# U(±sqrt(3 / fan_in)), for the matrices of a recurrent layer.
RECURRENT_INITIALIZER = "lecun_uniform"


class PreparedGates(NamedTuple):
    """A recurrent layer's weights as its step uses them."""

    kernel: Any  # (inputs, gates * dim)
    bias: Any  # (gates * dim,)
    recurrent: Any  # (dim, gates * dim)
    recurrent_bias: Any  # (dim,) or None


class GatedLayer(keras.layers.Layer):
    """What GRU and LSTM share: matrices side by side, gate by gate, in Keras' order.

    The input's share of the gates (`project`) does not depend on the state, so that a window's can be had in one
    product.

    Args:
        dim: width of the state.
        weight_norm: whether both matrices are weight-normalised.
    """

    gates: int
    states: int

    def __init__(self, dim: int, weight_norm: bool, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.kernel = Linear(
            self.gates * dim,
            False,
            weight_norm,
            self.side_by_side(RECURRENT_INITIALIZER),
            name="kernel",
            dtype=self.dtype_policy,
        )
        self.recurrent = Linear(
            self.gates * dim,
            False,
            weight_norm,
            self.side_by_side(RECURRENT_INITIALIZER, "orthogonal"),
            name="recurrent",
            dtype=self.dtype_policy,
        )

    def build(self, input_shape: tuple) -> None:
        """Create the weights for inputs of width `input_shape[-1]`."""
        self.kernel.build(input_shape)
        self.recurrent.build((self.dim,))
        self.bias = self.add_weight(shape=(self.gates * self.dim,), name="bias", initializer=self.bias_initializer)

    def side_by_side(self, gate: str, candidate: str | None = None) -> Any:
        """Return an initializer that draws each gate's matrix by itself, the candidate's by its own rule."""

        def initialize(shape: tuple, dtype: Any = None) -> Any:
            rules = [gate] * self.gates
            rules[2] = candidate or gate
            part = (shape[0], shape[1] // self.gates)
            return ops.concatenate([keras.initializers.get(rule)(part, dtype=dtype) for rule in rules], axis=-1)

        return initialize

    def bias_initializer(self, shape: tuple, dtype: Any = None) -> Any:
        """Return the bias' first value."""
        return ops.zeros(shape, dtype)

    def prepare(self) -> PreparedGates:
        """Return the weights, weight norm applied."""
        return PreparedGates(
            self.kernel.matrix(), ops.cast(self.bias, self.compute_dtype), self.recurrent.matrix(), None
        )

    def project(self, inputs: Any, prepared: PreparedGates) -> Any:
        """Return the input's share of the gates: `(..., inputs)` to `(..., gates * dim)`."""
        return ops.matmul(inputs, prepared.kernel) + prepared.bias

    def step(self, projected: Any, state: tuple, prepared: PreparedGates) -> tuple:
        """Return the next state, `states` tensors `(B, dim)`, the first of which is the output."""
        raise NotImplementedError


class GRU(GatedLayer):
    """Gated recurrent unit (Cho et al. 2014); gates update, reset, candidate.

    Args:
        dim: width of the state.
        weight_norm: whether both matrices are weight-normalised.
        reset_after: whether the reset gate is applied after the recurrent product (as in Keras' GRU: one product a
            step) or before it (as in the original SampleRNN: two).
    """

    gates = 3
    states = 1

    def __init__(self, dim: int, weight_norm: bool, reset_after: bool, **kwargs):
        super().__init__(dim, weight_norm, **kwargs)
        self.reset_after = reset_after

    def build(self, input_shape: tuple) -> None:
        """Create the weights for inputs of width `input_shape[-1]`."""
        super().build(input_shape)
        if self.reset_after:
            self.recurrent_bias = self.add_weight(shape=(self.dim,), name="recurrent_bias", initializer="zeros")

    def prepare(self) -> PreparedGates:
        """Return the weights, weight norm applied."""
        prepared = super().prepare()
        if self.reset_after:
            prepared = prepared._replace(recurrent_bias=ops.cast(self.recurrent_bias, self.compute_dtype))
        return prepared

    def step(self, projected: Any, state: tuple, prepared: PreparedGates) -> tuple:
        """Return the next state `(h,)`."""
        (h,) = state
        both, dim = 2 * self.dim, self.dim
        if self.reset_after:
            recurrent = ops.matmul(h, prepared.recurrent)
            update, reset = ops.split(ops.sigmoid(projected[:, :both] + recurrent[:, :both]), 2, axis=-1)
            candidate = reset * (recurrent[:, both:] + prepared.recurrent_bias)
        else:
            gates = projected[:, :both] + ops.matmul(h, prepared.recurrent[:, :both])
            update, reset = ops.split(ops.sigmoid(gates), 2, axis=-1)
            candidate = ops.matmul(reset * h, prepared.recurrent[:, both:])
        candidate = ops.tanh(projected[:, both : both + dim] + candidate)
        return (update * h + (1 - update) * candidate,)


class LSTM(GatedLayer):
    """Long short-term memory; gates input, forget, candidate, output. The forget gate's bias starts at 3."""

    gates = 4
    states = 2

    def bias_initializer(self, shape: tuple, dtype: Any = None) -> Any:
        """Return 3 for the forget gate, 0 for the others."""
        return ops.repeat(ops.convert_to_tensor([0.0, 3.0, 0.0, 0.0], dtype), shape[0] // 4)

    def step(self, projected: Any, state: tuple, prepared: PreparedGates) -> tuple:
        """Return the next state `(h, c)`."""
        h, c = state
        gates = projected + ops.matmul(h, prepared.recurrent)
        enter, forget, candidate, leave = ops.split(gates, 4, axis=-1)
        c = ops.sigmoid(forget) * c + ops.sigmoid(enter) * ops.tanh(candidate)
        return (ops.sigmoid(leave) * ops.tanh(c), c)
