"""Laws about what a tier declares of its outputs and its state."""

from itertools import pairwise
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_samplernn.model.tier import Tier
from keras_samplernn.testing.case import ROWS, STEPS, Case, as_array, as_tensors, steps_of
from keras_samplernn.testing.comparing import require


def declared_shapes_are_true(case: Case) -> None:
    """`state_shapes`, `initial_state`, `step` and `sequence` agree, and every number is finite."""
    _require_declared(case, case.tier)


def half_precision_keeps_its_dtypes(case: Case) -> None:
    """Under mixed_bfloat16, state comes and goes in bfloat16."""
    _require_declared(case, case.half)


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


class _InPrecision(keras.layers.Layer):
    """Calls a tier's method as training does: inputs, state and weights in the tier's precision."""

    def __init__(self, tier: Tier, method: str):
        super().__init__(dtype=tier.dtype_policy)
        self.tier, self.method, self.built = tier, method, True

    def call(self, inputs: Any, state: tuple) -> Any:
        return getattr(self.tier, self.method)(inputs, state, self.tier.prepare())


def _require_declared(case: Case, tier: Tier) -> None:
    under = "" if tier is case.tier else " under mixed_bfloat16"
    state = tier.initial_state(ROWS)
    _require_state(f"initial_state{under}", state, tier)
    for method, inputs, axes, sizes in (
        ("step", steps_of(case.inputs, 0), "(B, ratio, output_dim)", (ROWS,)),
        ("sequence", case.inputs, "(B, S, ratio, output_dim)", (ROWS, STEPS)),
    ):
        result = _InPrecision(tier, method)(as_tensors(inputs), state)
        where = method + under
        pair = isinstance(result, tuple) and len(result) == 2
        require(pair, f"{where} must return (outputs, state), got {_described(result)}")
        outputs, after = result
        require(ops.is_tensor(outputs), f"{where}: outputs must be a tensor, got {_described(outputs)}")
        expected = (*sizes, case.binding.ratio, case.binding.output_dim)
        require(
            _shape(outputs) == expected, f"{where}: outputs have the shape {_shape(outputs)}, not {axes} = {expected}"
        )
        allowed = {"float32", tier.compute_dtype}
        require(
            _dtype(outputs) in allowed, f"{where}: outputs are {_dtype(outputs)}, not {tier.compute_dtype}; cast them"
        )
        require(bool(np.isfinite(as_array(outputs)).all()), f"{where}: outputs are not finite")
        _require_state(where, after, tier)


def _require_state(where: str, state: Any, tier: Tier) -> None:
    """Require a state to be as declared."""
    shapes = tier.state_shapes
    require(isinstance(state, tuple), f"{where}: state must be a tuple, got {_described(state)}; write (state,)")
    counts = f"{where}: state has {len(state)} tensors, state_shapes declares {len(shapes)}"
    require(len(state) == len(shapes), counts)
    for number, (tensor, shape) in enumerate(zip(state, shapes, strict=True)):
        what, expected = f"{where}: state {number}", (ROWS, *shape)
        require(ops.is_tensor(tensor), f"{what} must be a tensor, got {_described(tensor)}")
        require(_shape(tensor) == expected, f"{what} has the shape {_shape(tensor)}, state_shapes declares {expected}")
        dtype, of = _dtype(tensor), tier.compute_dtype
        require(
            dtype == of or "float" not in dtype,
            f"{what} is {dtype}, not {of}; make it with dtype=self.compute_dtype, and what computes it with "
            "dtype=self.dtype_policy, or cast it",
        )
        require(bool(np.isfinite(as_array(tensor)).all()), f"{what} is not finite")


def _described(value: Any) -> str:
    if ops.is_tensor(value):
        return f"a tensor of the shape {_shape(value)}"
    of = f" of {len(value)}" if isinstance(value, (tuple, list, dict)) else ""
    return "None" if value is None else f"{type(value).__name__}{of}"


def _shape(tensor: Any) -> tuple[int, ...]:
    return tuple(tensor.shape)


def _dtype(tensor: Any) -> str:
    return keras.backend.standardize_dtype(tensor.dtype)
