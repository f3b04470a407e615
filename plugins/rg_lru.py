"""The real-gated linear recurrent unit (RG-LRU; De et al. 2024, "Griffin", section 2.4), without its products.

    h_t = a_t h_(t-1) + sqrt(1 - a_t^2) i_t x_t        log a_t = -(c r_t softplus(rate) + 1e-6)

All of it is element by element. The gates r_t and i_t depend on the input alone, so that the matrix products of a
window come before its loop. For all weights and inputs, a_t is below 1; fed with noise, a state stays as large as the
noise.
"""

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_samplernn import scan_steps

# c of the paper: how fast the trained rates move beside other weights.
SHARPNESS = 8.0
# The slowest that a state can forget, in log a: a is below 1 in float32 too, and the slope of sqrt(1 - a^2) is bounded.
LEAST_RATE = 1e-6


def initial_rates(slowest: float) -> Callable:
    """Return an initializer for rates: time constants from 2 steps to the slowest, uniform in their logarithm.

    Args:
        slowest: time constant of the slowest state in steps while the recurrence gate is half open; at least 2 counts.
    """

    def initialize(shape: tuple, dtype: Any = None) -> Any:
        exponents = keras.random.uniform(shape, math.log(2.0), math.log(max(slowest, 2.0)), dtype)
        # The inverse of softplus; half open, the gate halves the rate.
        return ops.log(ops.expm1(2.0 / SHARPNESS * ops.exp(-exponents)))

    return initialize


def gated_decay(content: Any, recurrence_gate: Any, input_gate: Any, rates: Any) -> tuple[Any, Any]:
    """Return a and what is added to the states, in float32.

    Args:
        content: x, `(..., dim)`.
        recurrence_gate: before its sigmoid, of the shape of x; open, the state forgets at its full rate.
        input_gate: before its sigmoid, of the shape of x.
        rates: `(dim,)` float32, before the softplus.
    """
    content, recurrence_gate, input_gate = (ops.cast(x, "float32") for x in (content, recurrence_gate, input_gate))
    log_decay = -(SHARPNESS * ops.sigmoid(recurrence_gate) * ops.softplus(rates) + LEAST_RATE)
    # 1 - a^2 from log a: the difference itself would lose its digits where a is near 1.
    scale = ops.sqrt(-ops.expm1(2.0 * log_decay))
    return ops.exp(log_decay), scale * ops.sigmoid(input_gate) * content


def one_step(decay: Any, added: Any, before: Any) -> tuple[Any, Any]:
    """Return the next state, `(B, dim)`, once as output and once as state."""
    after = decay * before + added
    return after, after


def whole_window(decay: Any, added: Any, before: Any) -> tuple[Any, Any]:
    """Return the states of all steps, `(S, B, dim)` from `(S, B, dim)`, and the last one."""
    states = _linear_recurrence(decay, added, before)
    return states, states[-1]


@ops.custom_gradient
def _linear_recurrence(decay: Any, added: Any, before: Any) -> Any:
    """Return all states; backwards it is the same recurrence, from the last step to the first."""
    states, _ = scan_steps(lambda row, h: one_step(*row, h), (decay, added), before)

    def gradient(upstream: Any) -> tuple:
        def backward(row: tuple, g: Any) -> tuple[Any, Any]:
            kept, above = row
            g = g + above
            return g, g * kept

        grown, to_before = scan_steps(backward, (decay, upstream), ops.zeros_like(before), reverse=True)
        return grown * ops.concatenate([before[None], states[:-1]]), grown, to_before

    return states, gradient
