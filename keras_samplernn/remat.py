"""A loop whose activations are held for one step at a time, and computed again for the gradients.

This is gradient checkpointing (Chen et al. 2016, "Training deep nets with sublinear memory cost"), with a checkpoint
before each step.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_samplernn.backend import scan_steps


def scan_again(
    function: Callable[[Any, Any, Any], tuple[Any, Any]], weights: Any, rows: Any, state: Any
) -> tuple[Any, Any]:
    """Apply `function(weights, row, state) -> (outputs, state)` to each row along the first axis.

    The result is that of `scan_steps`. Only the rows, and the state before each of them, are held for the gradients;
    the function is called again for each row, from the last to the first.

    Args:
        function: pure. It reads every float tensor that has a gradient from its arguments, and no variables.
        weights: any structure of tensors and None.
        rows: any structure of tensors `(S, ...)` and None, S known and at least 1.
        state: any structure of tensors. Everything random comes from it, so that the second call draws what the first
            one drew.

    Returns:
        The outputs, each `(S, ...)`, and the last state.
    """
    if keras.backend.backend() == "jax":
        import jax

        again = jax.checkpoint(function, prevent_cse=False)
        state, outputs = jax.lax.scan(lambda state, row: again(weights, row, state)[::-1], state, rows)
        return outputs, state
    return _scan_tensorflow(function, weights, rows, state)


def _scan_tensorflow(function: Callable, weights: Any, rows: Any, state: Any) -> tuple[Any, Any]:
    import tensorflow as tf

    given = weights, rows, state
    numbers = ops.arange(_tensors(rows)[0].shape[0], dtype="int32")
    structures = []  # of the outputs and the last state

    @tf.custom_gradient
    def run(*tensors: Any) -> tuple[list[Any], Callable]:
        weights, rows, state = _pack(given, tensors)

        def forward(number: Any, state: Any) -> tuple[Any, Any]:
            outputs, after = function(weights, _row(rows, number), state)
            return (outputs, state), after

        (outputs, before), after = scan_steps(forward, numbers, state)
        structures.append((outputs, after))

        def gradient(*upstream: Any) -> list[Any]:
            to_outputs, to_state = _pack((outputs, after), upstream)
            # In float32: sums over many rows lose too much in half precision.
            to_weights = [tf.zeros(each.shape, "float32") for each in _floats(weights)]

            def backward(number: Any, carried: tuple) -> tuple[list[Any], tuple]:
                to_state, to_weights = carried
                at = weights, _row(rows, number), _row(before, number)
                sources = [_floats(each) for each in at]
                with tf.GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch(sources)
                    results = function(*at)
                slopes = tape.gradient(
                    _floats(results),
                    sources,
                    [*_floats(_row(to_outputs, number)), *to_state],
                    unconnected_gradients=tf.UnconnectedGradients.ZERO,
                )
                slopes = [[tf.convert_to_tensor(each) for each in part] for part in slopes]
                sums = [total + tf.cast(more, "float32") for total, more in zip(to_weights, slopes[0], strict=True)]
                return slopes[1], (slopes[2], sums)

            to_rows, (to_state, to_weights) = scan_steps(
                backward, numbers, (_floats(to_state), to_weights), reverse=True
            )
            to_weights = [tf.cast(each, like.dtype) for each, like in zip(to_weights, _floats(weights), strict=True)]
            found = iter([*to_weights, *to_rows, *to_state])
            return [next(found) if each.dtype.is_floating else None for each in tensors]

        return _tensors((outputs, after)), gradient

    results = run(*_tensors(given))
    return _pack(structures[0], results if isinstance(results, list | tuple) else [results])


def _tensors(structure: Any) -> list[Any]:
    """Return every tensor in a structure that may hold None."""
    return [each for each in keras.tree.flatten(structure) if each is not None]


def _floats(structure: Any) -> list[Any]:
    """Return every tensor in a structure that can have a gradient."""
    return [each for each in _tensors(structure) if each.dtype.is_floating]


def _pack(like: Any, tensors: Any) -> Any:
    """Return a structure like another one, with other tensors in it and None where that has None."""
    left = iter(tensors)
    return keras.tree.map_structure(lambda each: None if each is None else next(left), like)


def _row(structure: Any, number: Any) -> Any:
    return keras.tree.map_structure(lambda each: None if each is None else each[number], structure)
