"""Laws about what a tier makes of what it is given: its state, the context from above, the conditions."""

from itertools import pairwise
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_samplernn.testing.case import ROWS, STEPS, Case, as_array, as_tensors, steps_of
from keras_samplernn.testing.comparing import require


def the_state_is_used(case: Case) -> None:
    """Each tensor of the state changes from step to step, and outputs depend on it."""
    tier, prepared = case.tier, case.tier.prepare()
    start = tier.initial_state(ROWS)
    states, outputs = _steps(case, start, prepared)
    for number in range(len(start)):
        moves = any(not np.array_equal(one[number], other[number]) for one, other in pairwise(states))
        require(
            moves,
            f"step returned state {number} as it got it, in each of {STEPS} steps; return the state after the step",
        )
        moved = [_other(tensor) if each == number else tensor for each, tensor in enumerate(start)]
        _, others = _steps(case, tuple(moved), prepared)
        require(
            not np.array_equal(outputs, others),
            f"no output depends on state {number}; read state[{number}] in step, or declare no such state",
        )


def the_context_is_used(case: Case) -> None:
    """Where there is a tier above, outputs depend on its contexts: else what it learns reaches no sound."""
    _require_read(case, "context", "in step, add it to what is computed where it is not None")


def the_conditions_are_used(case: Case) -> None:
    """A tier that takes conditions depends on them."""
    remedy = (
        "make self.conditions = self.add_conditions(width) in build, and in step add "
        'self.conditions(inputs.conditions, prepared["conditions"]); or set conditioned = False in the class'
    )
    _require_read(case, "conditions", remedy)


def _require_read(case: Case, name: str, remedy: str) -> None:
    """Require outputs to change with some of the inputs, if they are given."""
    if getattr(case.inputs, name) is None:
        return
    others = case.inputs._replace(**{name: getattr(case.draw_inputs(seed=2), name)})
    changes = not np.array_equal(case.window(others)[0], case.whole[0])
    require(changes, f"no output depends on inputs.{name}; {remedy}")


def _steps(case: Case, state: tuple, prepared: Any) -> tuple[list[list[np.ndarray]], np.ndarray]:
    """Return the state before the first step and after each, and the outputs."""
    states, outputs = [state], []
    for number in range(STEPS):
        one, state = case.tier.step(as_tensors(steps_of(case.inputs, number)), state, prepared)
        states.append(state)
        outputs.append(as_array(one))
    return [[as_array(tensor) for tensor in each] for each in states], np.stack(outputs)


def _other(tensor: Any) -> Any:
    """Return a tensor with each element moved by 1, up or down."""
    if keras.backend.standardize_dtype(tensor.dtype) == "bool":
        return ops.logical_not(tensor)
    signs = np.random.default_rng(5).choice([-1, 1], tuple(tensor.shape))
    return tensor + ops.cast(signs, tensor.dtype)
