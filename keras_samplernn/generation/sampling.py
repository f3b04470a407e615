"""Drawing codes from logits, with given uniforms and a temperature."""

import hashlib
from typing import Any

import numpy as np
from keras import ops


def draw_codes(logits: Any, uniforms: Any, temperatures: Any) -> Any:
    """Draw each row's code from softmax(logits / temperature) by inverting its cumulative distribution.

    The code is the first whose cumulative probability exceeds the uniform, so that the same uniforms serve every
    temperature.

    Args:
        logits: `(B, Q)` float32.
        uniforms: `(B,)` in [0, 1).
        temperatures: `(B,)`, not negative; at 0 the likeliest code is taken.

    Returns:
        Codes `(B,)` int32.
    """
    q_levels = logits.shape[-1]
    greedy = ops.cast(ops.argmax(logits, axis=-1), "int32")
    peak = ops.max(logits, axis=-1, keepdims=True)
    weights = ops.exp((logits - peak) / ops.where(temperatures > 0, temperatures, 1.0)[:, None])
    cumulative = _cumulative_sum(weights)
    below = ops.sum(ops.cast(cumulative <= uniforms[:, None] * cumulative[:, -1:], "int32"), axis=-1)
    # Rounding can leave the product on the last sum itself.
    drawn = ops.minimum(below, q_levels - 1)
    return ops.where(temperatures > 0, drawn, greedy)


def _cumulative_sum(values: Any) -> Any:
    """Return the cumulative sum along the last axis, by doubling strides: XLA compiles `cumsum` to a quadratic loop."""
    width, stride = values.shape[-1], 1
    while stride < width:
        values = values + ops.pad(values[:, : width - stride], ((0, 0), (stride, 0)))
        stride *= 2
    return values


class UniformStream:
    """The uniforms of one sound, keyed by (seed, stem): they do not depend on other sounds or on the batch.

    Args:
        seed: any integer.
        stem: the name of the sound.
        parts: number of parts of a code; the uniforms of each do not depend on how many there are.
    """

    def __init__(self, seed: int, stem: str, parts: int = 1):
        names = [f"{seed}\0{stem}", *(f"part {number}\0{seed}\0{stem}" for number in range(1, parts))]
        keys = [hashlib.sha256(name.encode(errors="surrogateescape")).digest()[:16] for name in names]
        self._generators = [np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little"))) for key in keys]

    def take(self, samples: int) -> np.ndarray:
        """Return the next uniforms, `(samples, parts)` float32 in [0, 1)."""
        return np.stack([each.random(samples, dtype=np.float32) for each in self._generators], axis=-1)
