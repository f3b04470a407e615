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
    """Apply `function(weights, row, state) -> (outputs, state)` to each row along the first axis, as `scan_steps` does.

    Only the state before each row is held for the gradients: for these, the function is applied to each row again, from
    the last to the first.

    Args:
        function: pure, without variables.
        weights: any structure of tensors and None. Gradients reach what is passed here and in `state`, nothing else.
        rows: any structure of tensors `(S, ...)` and None, S known and at least 1; no gradients reach them.
        state: any structure of tensors. All that is random must follow from it, so that the same is drawn again.

    Returns:
        The outputs, each `(S, ...)`, and the last state.
    """
    if keras.backend.backend() == "jax":
        import jax

        again = jax.checkpoint(function, prevent_cse=False)  # a loop has no common subexpressions with another
        state, outputs = jax.lax.scan(lambda state, row: again(weights, row, state)[::-1], state, rows)
        return outputs, state
    return _scan_tensorflow(function, weights, rows, state)


def _scan_tensorflow(function: Callable, weights: Any, rows: Any, state: Any) -> tuple[Any, Any]:
    import tensorflow as tf

    given = weights, state
    numbers = ops.arange(_tensors(rows)[0].shape[0], dtype="int32")
    results = []  # their structure

    @tf.custom_gradient
    def run(*tensors: Any) -> tuple[list[Any], Callable]:
        weights, state = _pack(given, tensors)

        def forward(number: Any, state: Any) -> tuple[Any, Any]:
            outputs, after = function(weights, _row(rows, number), state)
            return (outputs, state), after

        (outputs, before), after = scan_steps(forward, numbers, state)
        results.append((outputs, after))

        def gradient(*upstream: Any) -> list[Any]:
            to_outputs, to_state = _pack((outputs, after), upstream)

            def backward(number: Any, carried: tuple) -> tuple[Any, tuple]:
                to_state, to_weights = carried
                earlier = _row(before, number)
                sources = _floats(earlier), _floats(weights)
                with tf.GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch(sources)
                    reached = _floats(function(weights, _row(rows, number), earlier))
                upstream = [*_floats(_row(to_outputs, number)), *to_state]
                to_state, more = tape.gradient(reached, sources, upstream, tf.UnconnectedGradients.ZERO)
                more = [tf.cast(tf.convert_to_tensor(each), "float32") for each in more]
                return (), (to_state, [each + one for each, one in zip(to_weights, more, strict=True)])

            # In float32: sums over many rows lose too much in half precision.
            zeros = [tf.zeros(each.shape, "float32") for each in _floats(weights)]
            _, (to_state, sums) = scan_steps(backward, numbers, (_floats(to_state), zeros), reverse=True)
            to_weights = [tf.cast(each, like.dtype) for each, like in zip(sums, _floats(weights), strict=True)]
            found = iter([*to_weights, *to_state])
            return [next(found) if each.dtype.is_floating else None for each in tensors]

        return _tensors((outputs, after)), gradient

    tensors = tf.nest.flatten(run(*_tensors(given)))  # a single one comes without a list
    return _pack(results[0], tensors)


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
