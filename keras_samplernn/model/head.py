"""The head contract: what the outputs of the bottom tier mean, and what tiers read of a code."""

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_samplernn.spec import MOST_LEVELS

Choose = Callable[[Any, int], Any]


class Head(keras.layers.Layer):
    """One head: the distribution of a code, from the outputs of the bottom tier.

    A code has one part or several, each drawn from logits, the later ones given those before. A head is written with
    `keras` and `keras.ops` only. The arguments of its constructor, with type hints, are its fields in a spec; it passes
    `**kwargs` on to Keras.

    It implements `width`, `part_bits` and `draw`. It may have weights (`build`, `prepare`, `narrowed`), and let tiers
    read of a code less than the code itself (`read_levels`, `has_shares`, `read`), so that their tables stay small.
    `keras_samplernn.testing.check_head` tests a head against the contract.

    Attributes:
        parts: the names of the parts of a code, in the order in which they are drawn.
        levels: the numbers of codes that the head takes.
        mu: the mu of mu-law that its codes are companded by, if the spec gives none; None: `q_levels` - 1.
        has_shares: whether `read` gives shares.
    """

    parts: tuple[str, ...] = ("code",)
    levels: range = range(2, MOST_LEVELS + 1)
    mu: int | None = None
    has_shares: bool = False
    q_levels: int

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)

    def bind(self, q_levels: int) -> None:
        """Store the number of codes. Called once, before `build`."""
        self.q_levels = q_levels

    @property
    def width(self) -> int:
        """Number of outputs that the bottom tier must give for each sample."""
        raise NotImplementedError(f"{type(self).__name__} must have a width")

    @property
    def read_levels(self) -> int:
        """Number of different codes that tiers read."""
        return self.q_levels

    def read(self, codes: Any) -> tuple[Any, Any]:
        """Return what tiers read of codes, besides their wave.

        Args:
            codes: int32 of any shape.

        Returns:
            Codes from 0 to `read_levels` - 1, int32 of the same shape, for tables; and shares in [-1, 1], float32 of
            the same shape, which say where in its table's entry a code lies; None without `has_shares`.
        """
        return codes, None

    @property
    def numbers_per_sample(self) -> int:
        """How many numbers `part_bits` makes of a sample's outputs, such as further logits; memory is planned by it."""
        return 0

    def build(self) -> None:
        """Create the weights; by default none."""

    def prepare(self) -> Any:
        """Return what depends on the weights alone, for the other methods: tensors in any structure, or None."""
        return None

    def narrowed(self, prepared: Any) -> Any:
        """Return the prepared form with its large matrices in int8."""
        return prepared

    def part_bits(self, outputs: Any, codes: Any, prepared: Any) -> list[Any]:
        """Return the negative log2-likelihood of each part of the codes, given the parts before: arrays `(B, T)`.

        Args:
            outputs: of the bottom tier, `(B, T, width)` float32.
            codes: `(B, T)` int32.
            prepared: what `prepare` returned.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement part_bits(outputs, codes, prepared)")

    def bits(self, outputs: Any, codes: Any) -> Any:
        """Return the negative log2-likelihood of each code, `(B, T)`, with the present weights."""
        return sum(self.part_bits(outputs, codes, self.prepare()))

    def draw(self, outputs: Any, choose: Choose, prepared: Any) -> Any:
        """Draw a code for each row; compiled into the loop of generation.

        Args:
            outputs: of the bottom tier, `(B, width)` float32.
            choose: `choose(logits, part)` draws the part of that number from logits `(B, Q)`, and returns `(B,)` int32.
                Temperature, uniforms and guidance are its business. Under guidance, the rows of a sound get the same.
            prepared: what `prepare` returned.

        Returns:
            Codes `(B,)` int32.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement draw(outputs, choose, prepared)")


def bits_per_sample(targets: Any, logits: Any) -> Any:
    """Return the negative log2-likelihood of each target, `(B, T)` float32.

    Args:
        targets: codes, `(B, T)` int32.
        logits: `(B, T, Q)` float32, of a softmax over Q codes.
    """
    return _cross_entropy(logits, targets) / math.log(2)


@ops.custom_gradient
def _cross_entropy(logits: Any, targets: Any) -> Any:
    """Return -ln softmax(logits)[target] as `(B, T)`.

    The gradient is written by hand: TensorFlow's, with deterministic operations, is a slow scatter over all logits.
    """
    shifted = logits - ops.max(logits, axis=-1, keepdims=True)
    weights = ops.exp(shifted)
    total = ops.sum(weights, axis=-1, keepdims=True)
    chosen = ops.take_along_axis(shifted, targets[..., None], axis=-1)

    def gradient(upstream: Any) -> tuple:
        slopes = weights / total - ops.one_hot(targets, logits.shape[-1], dtype=logits.dtype)
        return slopes * upstream[..., None], None

    return (ops.log(total) - chosen)[..., 0], gradient
