"""Laws about what a tier declares of its outputs and its state."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_samplernn.model.tier import Inputs, Tier
from keras_samplernn.testing.case import ROWS, STEPS, Case, as_array, as_tensors, steps_of
from keras_samplernn.testing.comparing import require

TENSORS = "compute it with keras.ops"
ALIKE = "let state_shapes, initial_state and what is returned agree"
FINITE = "look for a division by 0, a logarithm of 0, or an exp of large numbers"


def declared_shapes_are_true(case: Case) -> None:
    """`state_shapes`, `initial_state`, `step` and `sequence` agree, and every number is finite."""
    _require_declared(case, case.tier)


def half_precision_keeps_its_dtypes(case: Case) -> None:
    """Under mixed_bfloat16, state comes and goes in bfloat16, and weights are cast where Keras casts none."""
    _require_declared(case, case.half)
    _require_cast_weights(case.half, as_tensors(steps_of(case.inputs, 0)))


class _InPrecision(keras.layers.Layer):
    """Calls a function as training does: inputs, state and weights in the tier's precision."""

    def __init__(self, tier: Tier, function: Callable[[Inputs, tuple], Any]):
        super().__init__(dtype=tier.dtype_policy)
        self.tier, self.function, self.built = tier, function, True

    def call(self, inputs: Inputs, state: tuple) -> Any:
        return self.function(inputs, state)


def _require_cast_weights(tier: Tier, inputs: Inputs) -> None:
    """Require `prepare` to give the same dtypes within a call of the model and outside of one, as `fit` needs both."""
    within: dict[str, str] = {}
    _InPrecision(tier, lambda *_: within.update(_dtypes(tier.prepare())))(inputs, tier.initial_state(ROWS))
    for name, dtype in _dtypes(tier.prepare()).items():
        require(
            dtype == within[name],
            f"prepare gives {name} in {dtype} where Keras casts no weights, as in fit with remat_samples or "
            f"own_continuations, and in {within[name]} elsewhere; cast the weight there: value_of(weight, "
            "self.compute_dtype)",
        )


def _dtypes(prepared: Any) -> dict[str, str]:
    """Return the dtype of each tensor of a prepared form, by its keys."""
    found = keras.tree.flatten_with_path(prepared)
    return {
        ".".join(map(str, path)): _dtype(ops.convert_to_tensor(tensor)) for path, tensor in found if tensor is not None
    }


def _require_declared(case: Case, tier: Tier) -> None:
    under = "" if tier is case.tier else " under mixed_bfloat16"
    state = tier.initial_state(ROWS)
    _require_state(f"initial_state{under}", state, tier)
    for method, inputs, axes, sizes in (
        ("step", steps_of(case.inputs, 0), "(B, ratio, output_dim)", (ROWS,)),
        ("sequence", case.inputs, "(B, S, ratio, output_dim)", (ROWS, STEPS)),
    ):
        run = getattr(tier, method)
        result = _InPrecision(tier, lambda *given, run=run: run(*given, tier.prepare()))(as_tensors(inputs), state)
        where = method + under
        pair = isinstance(result, tuple) and len(result) == 2
        require(pair, f"{where} must return (outputs, state), got {_described(result)}; without a state, (outputs, ())")
        outputs, after = result
        require(ops.is_tensor(outputs), f"{where}: outputs must be a tensor, got {_described(outputs)}; {TENSORS}")
        expected = (*sizes, case.binding.ratio, case.binding.output_dim)
        require(
            _shape(outputs) == expected,
            f"{where}: outputs have the shape {_shape(outputs)}, not {axes} = {expected}; reshape them",
        )
        allowed = {"float32", tier.compute_dtype}
        require(
            _dtype(outputs) in allowed, f"{where}: outputs are {_dtype(outputs)}, not {tier.compute_dtype}; cast them"
        )
        require(bool(np.isfinite(as_array(outputs)).all()), f"{where}: outputs are not finite; {FINITE}")
        _require_state(where, after, tier)


def _require_state(where: str, state: Any, tier: Tier) -> None:
    """Require a state to be as declared."""
    shapes = tier.state_shapes
    require(isinstance(state, tuple), f"{where}: state must be a tuple, got {_described(state)}; write (state,)")
    counts = f"{where}: state has {len(state)} tensors, state_shapes declares {len(shapes)}"
    require(len(state) == len(shapes), f"{counts}; {ALIKE}")
    for number, (tensor, shape) in enumerate(zip(state, shapes, strict=True)):
        what, expected = f"{where}: state {number}", (ROWS, *shape)
        require(ops.is_tensor(tensor), f"{what} must be a tensor, got {_described(tensor)}; {TENSORS}")
        shapes_seen = f"{what} has the shape {_shape(tensor)}, state_shapes declares {expected}"
        require(_shape(tensor) == expected, f"{shapes_seen}; {ALIKE}")
        dtype, of = _dtype(tensor), tier.compute_dtype
        require(
            dtype == of or "float" not in dtype,
            f"{what} is {dtype}, not {of}; make it with dtype=self.compute_dtype, and what computes it with "
            "dtype=self.dtype_policy, or cast it",
        )
        require(bool(np.isfinite(as_array(tensor)).all()), f"{what} is not finite; {FINITE}")


def _described(value: Any) -> str:
    if ops.is_tensor(value):
        return f"a tensor of the shape {_shape(value)}"
    of = f" of {len(value)}" if isinstance(value, (tuple, list, dict)) else ""
    return "None" if value is None else f"{type(value).__name__}{of}"


def _shape(tensor: Any) -> tuple[int, ...]:
    return tuple(tensor.shape)


def _dtype(tensor: Any) -> str:
    return keras.backend.standardize_dtype(tensor.dtype)
