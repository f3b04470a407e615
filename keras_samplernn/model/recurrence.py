"""A differentiable loop over time that compiles on every backend."""

from collections.abc import Callable
from typing import Any

import keras


def scan_steps(function: Callable[[Any, tuple], tuple[Any, tuple]], rows: Any, state: tuple) -> tuple[Any, tuple]:
    """Apply `function(row, state) -> (output, state)` to each row along axis 1.

    `keras.ops.scan` cannot be trained under TensorFlow's compiler; `keras.layers.RNN` can.

    Args:
        function: takes a row `(B, width)` and the state, returns an output `(B, out)` and the next state, both of
            the state's dtype.
        rows: `(B, S, width)`.
        state: tensors `(B, *shape)`.

    Returns:
        The outputs `(B, S, out)` and the last state.
    """
    dtype = keras.backend.standardize_dtype(state[0].dtype)
    loop = keras.layers.RNN(_Cell(function, state, dtype), return_sequences=True, return_state=True, dtype=dtype)
    # `call` itself: through the layer, rows would be cast (codes rounded in half precision), or, without autocast,
    # the variables that `function` reads would not be.
    outputs, *state = loop.call(rows, initial_state=list(state))
    return outputs, tuple(state)


class _Cell:
    """The part of Keras' cell contract that `keras.layers.RNN` needs around a function."""

    def __init__(self, function: Callable, state: tuple, compute_dtype: str):
        self.function = function
        self.state_size = [tensor.shape[-1] for tensor in state]
        self.compute_dtype = compute_dtype

    def call(self, row: Any, state: list) -> tuple[Any, list]:
        outputs, state = self.function(row, tuple(state))
        return outputs, list(state)

    __call__ = call
