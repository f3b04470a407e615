"""A head with random weights, and random inputs for its methods."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from keras_samplernn.model.head import Head
from keras_samplernn.testing.case import as_array, randomise
from keras_samplernn.testing.purity import Methods

ROWS, STEPS, Q_LEVELS = 4, 6, 16


class HeadCase:
    """A head with random weights, random outputs of a bottom tier and random codes."""

    def __init__(self, head_class: type[Head], config: dict[str, Any]):
        self.head_class, self.config = head_class, config
        self.head = self.checked = self.build("float32")
        randomise(self.head)
        rng = np.random.default_rng(1)
        self.outputs = rng.normal(0, 2, (ROWS, STEPS, self.head.width)).astype("float32")
        self.codes = rng.integers(0, self.head.q_levels, (ROWS, STEPS)).astype("int32")

    def build(self, dtype: str) -> Head:
        """Return the head, bound and built, with new weights."""
        levels = self.head_class.levels
        head = self.head_class(**self.config, dtype=dtype)
        head.bind(Q_LEVELS if Q_LEVELS in levels else levels[0])
        head.build()
        return head

    @functools.cached_property
    def half(self) -> Head:
        """The head in half precision, with this case's weights."""
        head = self.build("mixed_bfloat16")
        for weight, other in zip(head.weights, self.head.weights, strict=True):
            weight.assign(other)
        return head

    def methods(self, layer: Head) -> Methods:
        """Return calls of the methods of a head."""
        outputs, codes = ops.convert_to_tensor(self.outputs), ops.convert_to_tensor(self.codes)
        return {
            "prepare": layer.prepare,
            "part_bits": lambda: layer.part_bits(outputs, codes, layer.prepare()),
            "draw": lambda: layer.draw(outputs[:, 0], greedily, layer.prepare()),
        }

    def bits(self, outputs: np.ndarray, codes: np.ndarray, head: Head | None = None, prepared: Any = ...) -> np.ndarray:
        """Return the bits of each part, `(B, T, parts)`."""
        head = head or self.head
        form = head.prepare() if prepared is ... else prepared
        parts = head.part_bits(ops.convert_to_tensor(outputs), ops.convert_to_tensor(codes), form)
        return np.stack([as_array(each) for each in parts], axis=-1)

    def drawn(self, outputs: np.ndarray, choose: Callable) -> np.ndarray:
        """Return the codes that are drawn from outputs `(B, width)`."""
        return ops.convert_to_numpy(self.head.draw(ops.convert_to_tensor(outputs), choose, self.head.prepare()))


def greedily(logits: Any, part: int) -> Any:
    """Choose the likeliest code of a part."""
    return ops.cast(ops.argmax(logits, axis=-1), "int32")


def head_can_be_built(head_class: type[Head], config: dict[str, Any]) -> HeadCase:
    """The constructor takes the config, `bind` the number of codes, and `build` makes the weights."""
    return HeadCase(head_class, config)
