"""A window in chunks, so that gradients reach through all of it while memory holds the activations of one chunk."""

from typing import Any

import keras
from keras import ops

from keras_samplernn.model.samplernn import SampleRNN
from keras_samplernn.training.remat import scan_again


def bits_in_chunks(
    model: SampleRNN, batch: dict[str, Any], targets: Any, states: list[tuple], samples: int
) -> tuple[Any, list[tuple]]:
    """Return the bits of each target of a window in training, and the states after it.

    They are those of the whole window, and so are their gradients, for which each chunk is run again. The states of the
    tiers go from chunk to chunk, and those of random generators too, so that each chunk has a dropout of its own.

    Args:
        model: built; called within the scope of its variables.
        batch: what the model hears, as `SampleRNN.call` takes it with states.
        targets: `(B, T)` int32.
        states: the state of each tier before the window, float32.
        samples: targets of a chunk, whole top frames; T is a multiple of it.

    Returns:
        Bits `(B, T)` float32, and the state of each tier, float32.
    """
    trained, others = model.trainable_variables, model.non_trainable_variables

    def run(weights: tuple, row: tuple, carried: tuple) -> tuple[Any, tuple]:
        (values, prepared), (chunk, targets), (states, random_states) = weights, row, carried
        with keras.StatelessScope(zip([*trained, *others], [*values, *random_states], strict=True)) as scope:
            outputs, states = model(chunk, states=states, training=True, weights=lambda: prepared)
            bits = sum(model.head.part_bits(outputs, targets, prepared.head))
        states = keras.tree.map_structure(lambda state: ops.cast(state, "float32"), states)
        return bits, (states, [scope.get_current_value(variable) for variable in others])

    # Once for all chunks; but layers may also read variables that are not in their prepared forms.
    weights = [ops.copy(variable) for variable in trained], model.prepare(targets.shape[0] * targets.shape[1])
    rows = _cut(batch, targets.shape[1], samples), _side_by_side(targets, samples)
    bits, (states, random_states) = scan_again(run, weights, rows, (states, [ops.copy(each) for each in others]))
    for variable, value in zip(others, random_states, strict=True):
        variable.assign(value)
    return ops.reshape(ops.swapaxes(bits, 0, 1), targets.shape), states


def _cut(batch: dict[str, Any], targets: int, samples: int) -> dict[str, Any]:
    """Cut windows of so many targets into chunks, `(chunks, B, ...)`: each is a window with a lookback of its own."""
    first = ops.arange(0, targets, samples, dtype="int32")
    lookback = batch["codes"].shape[1] - targets
    where = first[:, None] + ops.arange(lookback + samples, dtype="int32")[None]
    chunks = {
        "codes": ops.swapaxes(ops.take(batch["codes"], where, axis=1), 0, 1),
        # Only the first chunk can begin a sound.
        "reset": ops.where(first[:, None] == 0, batch["reset"][None], 0),
    }
    if "conditions" in batch:
        chunks["conditions"] = keras.tree.map_structure(
            lambda array: None if array is None else _side_by_side(array, samples), batch["conditions"]
        )
    return chunks


def _side_by_side(array: Any, samples: int) -> Any:
    """Cut `(B, T, ...)` into chunks `(chunks, B, samples, ...)`."""
    return ops.swapaxes(ops.reshape(array, (array.shape[0], -1, samples, *array.shape[2:])), 0, 1)
