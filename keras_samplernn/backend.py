"""The two things that Keras does not offer alike on its backends: compiling a function, and a loop over time.

TensorFlow unless Keras runs on JAX. All else in tiers, model and loop is `keras.ops`.
"""

from collections.abc import Callable
from typing import Any

import keras


def compiled(function: Callable) -> Callable:
    """Compile a function of tensors with XLA."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    import tensorflow

    return tensorflow.function(function, jit_compile=True, autograph=False)


def scan_steps(
    function: Callable[[Any, Any], tuple[Any, Any]], rows: Any, state: Any, reverse: bool = False
) -> tuple[Any, Any]:
    """Apply `function(row, state) -> (outputs, state)` to each row along the first axis.

    Differentiable, compiled or not. (`keras.ops.scan` cannot be trained under TensorFlow's compiler and wants outputs
    shaped like the state.)

    Args:
        function: takes a row and the state, returns outputs of any structure and the next state, shaped as before.
        rows: any structure of tensors `(S, ...)`, S known and at least 1.
        state: any structure of tensors.
        reverse: whether the last row comes first. Outputs lie where their rows lie.

    Returns:
        The outputs, each `(S, ...)`, and the last state.
    """
    if keras.backend.backend() == "jax":
        import jax

        state, outputs = jax.lax.scan(lambda state, row: function(row, state)[::-1], state, rows, reverse=reverse)
        return outputs, state
    return _scan_tensorflow(function, rows, state, reverse)


def _scan_tensorflow(function: Callable, rows: Any, state: Any, reverse: bool) -> tuple[Any, Any]:
    import tensorflow as tf

    tree = keras.tree
    steps = tree.flatten(rows)[0].shape[0]
    order = range(steps - 1, -1, -1) if reverse else range(steps)
    row_arrays = [
        tf.TensorArray(x.dtype, steps, element_shape=x.shape[1:], clear_after_read=False).unstack(x)
        for x in tree.flatten(rows)
    ]

    def step(number: Any, state: Any) -> tuple[Any, Any]:
        return function(tree.pack_sequence_as(rows, [array.read(number) for array in row_arrays]), state)

    def body(done: Any, state: Any, arrays: list) -> tuple[Any, Any, list]:
        number = order[0] + done * order.step
        outputs, state = step(number, state)
        return done + 1, state, [array.write(number, x) for array, x in zip(arrays, tree.flatten(outputs), strict=True)]

    # Outside the loop, the first step tells what kind of outputs there are.
    outputs, state = step(order[0], state)
    arrays = [tf.TensorArray(x.dtype, steps, element_shape=x.shape).write(order[0], x) for x in tree.flatten(outputs)]
    if steps > 1:  # XLA fails on a loop of no iterations
        _, state, arrays = tf.while_loop(
            lambda done, *_: done < steps, body, (1, state, arrays), parallel_iterations=1, maximum_iterations=steps - 1
        )
    return tree.pack_sequence_as(outputs, [array.stack() for array in arrays]), state
