"""The laws of the tier contract: each is a function of a case, and its name is what it claims."""

import functools
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_samplernn.backend import compiled, gradients
from keras_samplernn.conditions.layout import nothing
from keras_samplernn.model.lowering import absorb, narrow_form, release
from keras_samplernn.model.tier import Inputs, Tier
from keras_samplernn.testing.case import ROWS, STEPS, Case, as_array, as_arrays, as_tensors, each, steps_of
from keras_samplernn.testing.comparing import HALF_PRECISION_TOLERANCE, TOLERANCE, agree, require
from keras_samplernn.testing.declared import declared_shapes_are_true, half_precision_keeps_its_dtypes
from keras_samplernn.testing.purity import PURITY
from keras_samplernn.testing.usage import the_conditions_are_used, the_context_is_used, the_state_is_used

COMPILED = "let nothing depend on Python's own values of tensors"
PRECISE = "compute sums over many numbers, norms and exponents in float32"
FINITE_GRADIENTS = "look for a square root, a norm or a division where its argument may be 0"


def rows_are_independent(case: Case) -> None:
    """A row's outputs are the same whatever the other rows are, and where there are none."""
    others = each(lambda x, y: np.concatenate([x[:1], y[1:]]), case.inputs, case.draw_inputs(seed=2))
    together, mixed = case.whole, case.window(others)
    expected = _first_row(together)
    agree(
        _first_row(mixed), expected, tolerance=0, note=" among other neighbours; compute nothing across the batch axis"
    )
    agree(case.window(each(lambda x: x[:1], case.inputs)), expected, note=" for a row alone")


def a_later_input_changes_nothing_earlier(case: Case) -> None:
    """Other samples, contexts or conditions from a step on do not change the outputs before it."""
    half, (before, _) = STEPS // 2, case.whole
    others = case.draw_inputs(seed=2)
    late = each(lambda x, y: np.concatenate([x[:, :half], y[:, half:]], axis=1), case.inputs, others)
    for fields in (("codes", "wave"), ("shares",), ("context",), ("conditions",)):
        after, _ = case.window(case.inputs._replace(**{name: getattr(late, name) for name in fields}))
        steps = np.flatnonzero((after != before)[:, :half].any(axis=(0, 2, 3)))
        changed = f"new {' and '.join(fields)} from step {half} on changed the outputs of steps {steps}"
        require(not steps.size, f"{changed}; let a step of sequence depend on itself and on those before it alone")


def sequence_equals_repeated_step(case: Case) -> None:
    """`sequence`, which trains, and repeated `step`, which generates, give the same outputs and state."""
    differences = np.abs(case.whole[0] - case.stepped[0]).max(axis=(0, 2, 3), initial=0)
    apart = np.flatnonzero(~(differences <= TOLERANCE * np.abs(case.stepped[0]).max(initial=0)))
    since = f" from step {apart[0]} of {STEPS} on" if apart.size else ""
    agree(case.whole, case.stepped, note=f" between sequence and repeated step{since}; compute the same in both")


def carried_state_joins_windows(case: Case) -> None:
    """Two halves of a window, with the state carried from one to the other, give the same as the whole."""
    first, state = case.window(steps_of(case.inputs, slice(0, STEPS // 2)))
    state = tuple(ops.convert_to_tensor(x) for x in state)
    second, state = case.window(steps_of(case.inputs, slice(STEPS // 2, STEPS)), state)
    note = " between two halves and the whole; start sequence from the state that it is given"
    agree((np.concatenate([first, second], axis=1), state), case.whole, note=note)


def conditions_past_the_end_are_taken(case: Case) -> None:
    """After the end of a sound there are none; outputs are finite there, and equal in a window and in steps."""
    if case.inputs.conditions is None:
        return
    conditions = case.inputs.conditions.map(np.copy)
    past = nothing(case.binding.streams, conditions.exists.shape, fades=True)
    for array, empty in zip(conditions, past, strict=True):
        array[:, -2, case.tier.frame_size // 2 :] = empty[:, -2, case.tier.frame_size // 2 :]
        array[:, -1] = empty[:, -1]
    inputs = case.inputs._replace(conditions=conditions)
    seen = case.window(inputs)
    require(
        np.isfinite(seen[0]).all(),
        "outputs are not finite past the end of a sound; divide by no count of targets that may be 0",
    )
    agree(seen, case.steps(inputs), note=" between sequence and repeated step past the end of a sound")


def kernels_can_be_folded(case: Case) -> None:
    """Contexts times a released kernel give the same outputs; an absorbed kernel multiplies the outputs."""
    tier, expected = case.tier, case.stepped
    prepared = tier.prepare()
    released = release(tier, prepared)
    if released is not None:
        kernel = as_array(released.kernel)
        inputs = case.inputs._replace(context=None if case.inputs.context is None else case.inputs.context @ kernel)
        agree(
            case.steps(inputs, prepared=released.prepared),
            expected,
            note=" after the kernel was released; multiply by it all that meets the context",
        )
    kernel = np.random.default_rng(4).normal(size=(case.binding.output_dim, 7)).astype("float32")
    absorbed = absorb(tier, prepared, ops.convert_to_tensor(kernel))
    if absorbed is not None:
        folded = expected[0] @ kernel, expected[1]
        agree(
            case.steps(case.inputs, prepared=absorbed.prepared),
            folded,
            note=" after a kernel was absorbed; multiply the outputs by it, context by context",
        )


def narrow_weights_give_close_numbers(case: Case) -> None:
    """With int8 weights, the outputs of a single row are close to those with float32."""
    row = each(lambda x: x[:1], case.inputs)
    narrowed = narrow_form(case.tier, case.tier.prepare())
    expected = _first_row(case.stepped)
    agree(
        case.steps(row, prepared=narrowed),
        expected,
        HALF_PRECISION_TOLERANCE,
        note=" with weights in int8; let narrowed use narrow alone",
    )


def xla_gives_the_same_numbers(case: Case) -> None:
    """`sequence` and `step` compile with the result of `prepare` as an argument, as generation passes it."""
    agree(
        case.window(case.inputs, run=compiled(case.tier.sequence)),
        case.whole,
        note=f" when sequence was compiled; {COMPILED}",
    )
    agree(
        case.steps(case.inputs, run=compiled(case.tier.step)), case.whole, note=f" when step was compiled; {COMPILED}"
    )


def half_precision_gives_close_numbers(case: Case) -> None:
    """Under mixed_bfloat16 outputs and state are close to float32's."""
    seen = as_arrays(case.half(as_tensors(case.inputs), case.half.initial_state(ROWS)))
    agree(seen, case.whole, HALF_PRECISION_TOLERANCE, note=f" between mixed_bfloat16 and float32; {PRECISE}")


def gradients_reach_every_weight(case: Case, graph: bool = False) -> None:
    """Training through `sequence` moves each trainable weight, in either precision."""
    directions = np.random.default_rng(3).normal(size=case.whole[0].shape).astype("float32")
    for dtype, tier in (("float32", case.tier), ("mixed_bfloat16", case.half)):
        trainee = _Trainee(tier)
        weights = trainee.trainable_weights
        found = gradients(functools.partial(trainee.total, case.inputs, directions), weights, graph) if weights else []
        arrays = [as_array(gradient) for gradient in found]
        idle = [weight.path for weight, array in zip(weights, arrays, strict=True) if not array.any()]
        remedy = "let outputs depend on it, through keras.ops alone, or do not make it"
        require(not idle, f"in {dtype} no gradient reaches {', '.join(idle)}; {remedy}")
        require(
            all(np.isfinite(array).all() for array in arrays),
            f"in {dtype} gradients are not finite; {FINITE_GRADIENTS}",
        )


def gradients_reach_every_weight_in_a_graph(case: Case) -> None:
    """The same in the graph that training compiles."""
    gradients_reach_every_weight(case, graph=True)


class _Trainee(keras.layers.Layer):
    """A layer around a tier, for training it."""

    def __init__(self, tier: Tier):
        super().__init__(name="trainee", dtype=tier.dtype_policy)
        self.tier = tier
        self.built = True

    def call(self, inputs: Inputs, training: bool = False) -> Any:
        """Return the outputs; layers inside the tier that train otherwise than they run follow `training`."""
        return self.tier(inputs, self.tier.initial_state(ROWS))[0]

    def total(self, inputs: Inputs, directions: np.ndarray) -> Any:
        """Return a sum of all outputs, each with a weight of its own."""
        return ops.sum(directions * ops.cast(self(as_tensors(inputs), training=True), "float32"))


def _first_row(result: tuple) -> tuple:
    outputs, state = result
    return outputs[:1], [x[:1] for x in state]


def _everywhere(cases: list[Case]) -> list[Case]:
    return cases


def corners(cases: list[Case]) -> list[Case]:
    """Return the place with the fewest inputs, and the one with the most."""
    return [cases[0], cases[-1]]


def _fullest(cases: list[Case]) -> list[Case]:
    return cases[-1:]


# Each law, and the places where it is checked: laws that compile take longest, and are checked in few.
LAWS = {
    PURITY[0]: _fullest,
    declared_shapes_are_true: _everywhere,
    **dict.fromkeys(PURITY[1:], _fullest),
    the_state_is_used: _fullest,
    the_context_is_used: _fullest,
    the_conditions_are_used: _fullest,
    half_precision_keeps_its_dtypes: corners,
    rows_are_independent: _everywhere,
    a_later_input_changes_nothing_earlier: _everywhere,
    sequence_equals_repeated_step: _everywhere,
    carried_state_joins_windows: _everywhere,
    conditions_past_the_end_are_taken: _everywhere,
    kernels_can_be_folded: _everywhere,
    narrow_weights_give_close_numbers: corners,
    xla_gives_the_same_numbers: corners,
    half_precision_gives_close_numbers: _everywhere,
    gradients_reach_every_weight: _everywhere,
    gradients_reach_every_weight_in_a_graph: _fullest,
}
