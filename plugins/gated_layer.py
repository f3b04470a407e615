"""What GRU and LSTM share: their matrices, side by side, gate by gate."""

from typing import Any, NamedTuple

import keras
from keras import ops

from keras_samplernn import Linear, narrow, recurrent, scan_steps, value_of

# U(±sqrt(3 / fan_in)), for the matrices of a recurrent layer.
RECURRENT_INITIALIZER = "lecun_uniform"
# Which of the gates, in GRU and LSTM alike.
CANDIDATE = 2


class PreparedGates(NamedTuple):
    """A recurrent layer's weights as its step uses them."""

    kernel: Any  # (inputs, gates * dim), or None if the layer's share of the gates comes from elsewhere
    bias: Any  # (gates * dim,)
    recurrent: Any  # (dim, gates * dim)
    recurrent_bias: Any  # (dim,) or None


class GatedLayer(keras.layers.Layer):
    """What GRU and LSTM share: matrices side by side, gate by gate, in Keras' order.

    The input's share of the gates does not depend on the state, so one product computes it for a whole window.

    Args:
        dim: width of the state.
        weight_norm: whether both matrices are weight-normalised.
    """

    gates: int
    states: int
    cudnn_name: str
    has_cudnn_form = True
    # Of the candidate's part of the recurrent matrix.
    recurrent_candidate_initializer = RECURRENT_INITIALIZER

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
            self.side_by_side(RECURRENT_INITIALIZER, self.recurrent_candidate_initializer),
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
            rules[CANDIDATE] = candidate or gate
            part = (shape[0], shape[1] // self.gates)
            return ops.concatenate([keras.initializers.get(rule)(part, dtype=dtype) for rule in rules], axis=-1)

        return initialize

    def bias_initializer(self, shape: tuple, dtype: Any = None) -> Any:
        """Return the initial value of the bias."""
        return ops.zeros(shape, dtype)

    def prepare(self) -> PreparedGates:
        """Return the weights, weight norm applied."""
        return PreparedGates(
            self.kernel.matrix(), value_of(self.bias, self.compute_dtype), self.recurrent.matrix(), None
        )

    def narrowed(self, prepared: PreparedGates) -> PreparedGates:
        """Return the weights in int8."""
        kernel = None if prepared.kernel is None else narrow(prepared.kernel)
        return prepared._replace(kernel=kernel, recurrent=narrow(prepared.recurrent))

    def step(self, projected: Any, state: tuple, prepared: PreparedGates) -> tuple:
        """Return the next state, `states` tensors `(B, dim)`, the first of which is the output."""
        raise NotImplementedError

    def sequence(self, projected: Any, state: tuple, prepared: PreparedGates) -> tuple[Any, tuple]:
        """Run a window: `(S, B, gates * dim)` to outputs `(S, B, dim)` and the state after it."""

        def step(row, state):
            state = self.step(row, state, prepared)
            return state[0], state

        return scan_steps(step, projected, state)

    def window(self, inputs: Any, kernel: Any, state: tuple, prepared: PreparedGates) -> tuple[Any, tuple]:
        """Run a window by cuDNN, where `on_cudnn` says that it runs; see `recurrent`.

        Args:
            inputs: `(S, B, width)`, all that the layer reads.
            kernel: `(width, gates * dim)`.
            state: before the window.
            prepared: the other weights, in full.
        """
        bias, width = prepared.bias, self.gates * self.dim
        recurrent_bias = ops.zeros((width,), bias.dtype)
        if prepared.recurrent_bias is not None:  # of the candidate alone
            recurrent_bias = ops.concatenate([recurrent_bias[: width - self.dim], prepared.recurrent_bias])
        return recurrent(self.cudnn_name, inputs, kernel, prepared.recurrent, bias, recurrent_bias, state)
