"""The last tier and the head over a window in pieces, so that their activations never exist for all of it at once."""

from typing import Any

import keras
from keras import ops

from keras_samplernn.model.samplernn import HandedDown, SampleRNN
from keras_samplernn.model.tier import Inputs
from keras_samplernn.remat import scan_again


def bits_in_pieces(
    model: SampleRNN, handed: HandedDown, targets: Any, samples: int, training: bool
) -> tuple[Any, list[tuple]]:
    """Return the bits of each target of a window, and the states after it.

    They are those of the last tier and the head over the whole window, and so are their gradients. For these, each
    piece is computed again. A state of the last tier, and of its random generators, goes from piece to piece.

    Args:
        model: its tiers above the last have run.
        handed: what they handed down.
        targets: `(B, T)` int32.
        samples: targets of a piece; T is a multiple of it.
        training: whether dropout is active.

    Returns:
        Bits `(B, T)` float32, and the state of each tier.
    """
    tier, head, number = model.tiers[-1], model.head, len(model.tiers) - 1
    # Layers may read variables that are not in their prepared forms.
    variables = [*tier.trainable_variables, *head.trainable_variables]
    random_states = [*tier.non_trainable_variables, *head.non_trainable_variables]

    def run(weights: tuple, row: tuple, carried: tuple) -> tuple[Any, tuple]:
        (values, form, head_form), (window, targets), (state, others) = weights, row, carried
        forms = handed.weights._replace(tiers=[*handed.weights.tiers[:-1], form])
        with keras.StatelessScope(zip([*variables, *random_states], [*values, *others], strict=True)) as scope:
            outputs, state = model.run_tier(number, window, state, forms, training)
            bits = sum(head.part_bits(ops.cast(outputs, "float32"), targets, head_form))
        return bits, (state, [scope.get_current_value(variable) for variable in random_states])

    weights = [ops.copy(variable) for variable in variables], handed.weights.tiers[-1], head.prepare()
    rows = _cut(handed.window, model.lookback, samples), _beside(targets, samples)
    carried = handed.states[-1], [ops.copy(variable) for variable in random_states]
    bits, (state, others) = scan_again(run, weights, rows, carried)
    for variable, value in zip(random_states, others, strict=True):
        variable.assign(value)
    return ops.reshape(ops.swapaxes(bits, 0, 1), targets.shape), [*handed.states[:-1], state]


def _cut(window: Inputs, lookback: int, samples: int) -> Inputs:
    """Cut a window into windows of so many targets, `(pieces, B, ...)`; each has the samples before its first target."""
    pieces = (window.codes.shape[1] - lookback) // samples
    where = ops.arange(pieces, dtype="int32")[:, None] * samples + ops.arange(lookback + samples, dtype="int32")[None]
    codes, wave, shares = (
        None if x is None else ops.swapaxes(ops.take(x, where, axis=1), 0, 1)
        for x in (window.codes, window.wave, window.shares)
    )
    conditions = window.conditions
    if conditions is not None:
        conditions = conditions.map(lambda x: _beside(x, samples))
    return Inputs(codes, wave, _beside(window.context, samples), conditions, shares)


def _beside(array: Any, samples: int) -> Any:
    """Cut `(B, T, ...)` into pieces `(pieces, B, samples, ...)`."""
    return ops.swapaxes(ops.reshape(array, (array.shape[0], -1, samples, *array.shape[2:])), 0, 1)
