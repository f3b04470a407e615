"""The gated recurrent unit, with a gradient of its own for whole windows."""

from collections.abc import Callable
from typing import Any

from keras import ops

from keras_samplernn import Narrow, multiply, scan_steps, sum_rows, value_of
from keras_samplernn.plugins.gated_layer import GatedLayer, PreparedGates


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
    cudnn_name = "gru"
    recurrent_candidate_initializer = "orthogonal"

    def __init__(self, dim: int, weight_norm: bool, reset_after: bool, **kwargs):
        super().__init__(dim, weight_norm, **kwargs)
        self.reset_after = reset_after

    @property
    def has_cudnn_form(self) -> bool:
        """Whether cuDNN has the formula: its GRU resets after the product."""
        return self.reset_after

    def build(self, input_shape: tuple) -> None:
        """Create the weights for inputs of width `input_shape[-1]`."""
        super().build(input_shape)
        if self.reset_after:
            self.recurrent_bias = self.add_weight(shape=(self.dim,), name="recurrent_bias", initializer="zeros")

    def prepare(self) -> PreparedGates:
        """Return the weights, weight norm applied."""
        prepared = super().prepare()
        if self.reset_after:
            prepared = prepared._replace(recurrent_bias=value_of(self.recurrent_bias, self.compute_dtype))
        return prepared

    def narrowed(self, prepared: PreparedGates) -> PreparedGates:
        """Return the weights in int8, except a recurrent matrix that is used in two parts."""
        narrowed = super().narrowed(prepared)
        return narrowed if self.reset_after else narrowed._replace(recurrent=prepared.recurrent)

    def step(self, projected: Any, state: tuple, prepared: PreparedGates) -> tuple:
        """Return the next state `(h,)`."""
        (h,) = state
        both = 2 * self.dim
        if self.reset_after:
            product = multiply(h, prepared.recurrent)
            remembered = product[:, both:] + prepared.recurrent_bias
            update, _, candidate = _gates(projected, product, lambda reset: reset * remembered)
        else:
            product = ops.matmul(h, prepared.recurrent[:, :both])
            kernel = prepared.recurrent[:, both:]
            update, _, candidate = _gates(projected, product, lambda reset: ops.matmul(reset * h, kernel))
        return (update * h + (1 - update) * candidate,)

    def sequence(self, projected: Any, state: tuple, prepared: PreparedGates) -> tuple[Any, tuple]:
        """Run a window; see `GatedLayer.sequence`."""
        if not self.reset_after or isinstance(prepared.recurrent, Narrow):
            return super().sequence(projected, state, prepared)
        outputs = _run_sequence(projected, state[0], prepared.recurrent, prepared.recurrent_bias)
        return outputs, (outputs[-1],)


def _gates(projected: Any, product: Any, reset_memory: Callable[[Any], Any]) -> tuple[Any, Any, Any]:
    """Return update gate, reset gate and candidate, each `(B, dim)`.

    Args:
        projected: the inputs' share of all three, `(B, 3 dim)`.
        product: the state's share of the two gates, in its first 2 dim columns.
        reset_memory: from the reset gate to the state's share of the candidate, `(B, dim)` each.
    """
    both = 2 * (projected.shape[-1] // 3)
    update, reset = ops.split(ops.sigmoid(projected[:, :both] + product[:, :both]), 2, axis=-1)
    return update, reset, ops.tanh(projected[:, both:] + reset_memory(reset))


@ops.custom_gradient
def _run_sequence(projected: Any, h0: Any, recurrent: Any, recurrent_bias: Any) -> Any:
    """Return all states of a GRU that resets after the product: `(S, B, 3 dim)` and `(B, dim)` to `(S, B, dim)`.

    The gates are kept. Backwards, with g the gradient of a state, the gates' gradients are g times slopes that do not
    depend on g; the loop has one product, and the recurrent matrix' gradient is formed after it in a single one.
    """
    dim = h0.shape[-1]

    def forward(row: Any, h: Any) -> tuple[tuple, Any]:
        product = ops.matmul(h, recurrent)
        remembered = product[:, 2 * dim :] + recurrent_bias
        update, reset, candidate = _gates(row, product, lambda reset: reset * remembered)
        # An operation less than in `step`, which keeps the rounding that runs have generated with.
        h = candidate + update * (h - candidate)
        return (h, update, reset, remembered, candidate), h

    (states, update, reset, remembered, candidate), _ = scan_steps(forward, projected, h0)

    def gradient(upstream: Any) -> tuple:
        before = ops.concatenate([h0[None], states[:-1]])
        to_update = (before - candidate) * update * (1 - update)
        to_candidate = (1 - update) * (1 - candidate * candidate)
        to_reset = to_candidate * remembered * reset * (1 - reset)
        to_product = ops.concatenate([to_update, to_reset, to_candidate * reset], axis=-1)
        transposed = ops.transpose(recurrent)

        def backward(row: tuple, g: Any) -> tuple[Any, Any]:
            above, slopes, kept = row
            g = g + above
            return g, g * kept + ops.matmul(slopes * ops.tile(g, (1, 3)), transposed)

        grown, to_h0 = scan_steps(backward, (upstream, to_product, update), ops.zeros_like(h0), reverse=True)
        products = to_product * ops.tile(grown, (1, 1, 3))
        inputs = ops.concatenate([products[..., : 2 * dim], to_candidate * grown], axis=-1)
        to_recurrent = ops.matmul(ops.transpose(ops.reshape(before, (-1, dim))), ops.reshape(products, (-1, 3 * dim)))
        return inputs, to_h0, to_recurrent, sum_rows(products[..., 2 * dim :])

    return states, gradient
