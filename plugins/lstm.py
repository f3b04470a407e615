"""The long short-term memory, with a gradient of its own for whole windows."""

from typing import Any

import keras
from keras import ops

from keras_samplernn import Narrow, multiply, scan_steps
from keras_samplernn.plugins.gated_layer import GatedLayer, PreparedGates


class LSTM(GatedLayer):
    """Long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000).

    The gates are, in this order: input, forget, candidate, output.

        c' = sigmoid(f) c + sigmoid(i) tanh(g)        h' = sigmoid(o) tanh(c')

    The bias of the forget gate starts at 3, so that at first sigmoid(3) = 0.95 of the cell is kept in each step.

    Args:
        dim: width of the state `h` and of the cell `c`.
        weight_norm: whether both matrices are weight-normalised.
    """

    gates = 4
    states = 2
    cudnn_name = "lstm"

    def bias_initializer(self, shape: tuple, dtype: Any = None) -> Any:
        """Return 3 for the forget gate, 0 for the others."""
        return ops.repeat(ops.convert_to_tensor([0.0, 3.0, 0.0, 0.0], dtype), shape[0] // 4)

    def step(self, projected: Any, state: tuple, prepared: PreparedGates) -> tuple:
        """Return the next state `(h, c)`."""
        h, c = state
        gates = projected + multiply(h, prepared.recurrent)
        input_gate, forget_gate, candidate, output_gate = ops.split(gates, 4, axis=-1)
        c = ops.sigmoid(forget_gate) * c + ops.sigmoid(input_gate) * ops.tanh(candidate)
        return (ops.sigmoid(output_gate) * ops.tanh(c), c)

    def sequence(self, projected: Any, state: tuple, prepared: PreparedGates) -> tuple[Any, tuple]:
        """Run a window; see `GatedLayer.sequence`."""
        if isinstance(prepared.recurrent, Narrow):
            return super().sequence(projected, state, prepared)
        outputs, c = _run_sequence(projected, *state, prepared.recurrent)
        return outputs, (outputs[-1], c)


@ops.custom_gradient
def _run_sequence(projected: Any, h0: Any, c0: Any, recurrent: Any) -> tuple[Any, Any]:
    """Return all outputs `(S, B, dim)` of an LSTM and its last cell `(B, dim)`, from `(S, B, 4 dim)` and both states.

    The gates are kept. Backwards, the gates' gradients are those of h and c times slopes that do not depend on them;
    the loop has one product, and the recurrent matrix' gradient is formed after it in a single one.
    """
    dim = h0.shape[-1]

    def forward(row: Any, state: tuple) -> tuple[tuple, tuple]:
        h, c = state
        gates = row + ops.matmul(h, recurrent)
        input_gate, forget_gate = ops.split(ops.sigmoid(gates[:, : 2 * dim]), 2, axis=-1)
        candidate, output_gate = ops.tanh(gates[:, 2 * dim : 3 * dim]), ops.sigmoid(gates[:, 3 * dim :])
        c = forget_gate * c + input_gate * candidate
        tanh_c = ops.tanh(c)
        h = output_gate * tanh_c
        return (h, c, input_gate, forget_gate, candidate, output_gate, tanh_c), (h, c)

    (outputs, cells, input_gate, forget_gate, candidate, output_gate, tanh_c), (_, last) = scan_steps(
        forward, projected, (h0, c0)
    )

    def gradient(*upstream: Any) -> tuple:
        above_outputs, above_last = keras.tree.flatten(upstream)
        c_before = ops.concatenate([c0[None], cells[:-1]])
        cell_slopes = ops.concatenate(
            [
                candidate * input_gate * (1 - input_gate),
                c_before * forget_gate * (1 - forget_gate),
                input_gate * (1 - candidate * candidate),
            ],
            axis=-1,
        )
        output_slope = tanh_c * output_gate * (1 - output_gate)
        h_to_c = output_gate * (1 - tanh_c * tanh_c)
        transposed = ops.transpose(recurrent)

        def backward(row: tuple, state: tuple) -> tuple[Any, tuple]:
            above, from_h, from_c, onward, kept = row
            h, c = state
            h = h + above
            c = c + h * onward
            gates = ops.concatenate([from_c * ops.tile(c, (1, 3)), from_h * h], axis=-1)
            return gates, (ops.matmul(gates, transposed), c * kept)

        rows = above_outputs, output_slope, cell_slopes, h_to_c, forget_gate
        gates, (to_h0, to_c0) = scan_steps(backward, rows, (ops.zeros_like(h0), above_last), reverse=True)
        before = ops.concatenate([h0[None], outputs[:-1]])
        to_recurrent = ops.matmul(ops.transpose(ops.reshape(before, (-1, dim))), ops.reshape(gates, (-1, 4 * dim)))
        return gates, to_h0, to_c0, to_recurrent

    return (outputs, last), gradient
