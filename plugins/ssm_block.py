"""A residual block of `frame_ssm`: a gated diagonal recurrence, then a gated feed-forward part."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops

from keras_samplernn import Linear, affine, narrow, value_of
from keras_samplernn.plugins.rg_lru import gated_decay, initial_rates

EPSILON = 1e-6


class PreparedBlock(NamedTuple):
    """A block's weights as it uses them: matrices with their biases, and rates `(dim,)`."""

    mix: Any  # dim to 4 dim: content, recurrence gate, input gate, output gate
    rates: Any
    mixed: Any  # dim to dim
    widen: Any  # dim to 2 expansion dim: content, gate
    widened: Any  # expansion dim to dim


class SSMBlock(keras.layers.Layer):
    """Two residual parts: RG-LRU between Linears, and GEGLU (Shazeer 2020), each behind a root-mean-square norm.

    The norms have no scale of their own, since a Linear follows each.

    Args:
        dim: width of the block and of its state.
        expansion: width of the feed-forward part, in multiples of `dim`.
        blocks: how many blocks are stacked; the more, the less each adds at first.
        slowest: time constant of the slowest state at first, in steps.
        weight_norm: whether the Linears are weight-normalised.
    """

    def __init__(self, dim: int, expansion: int, blocks: int, slowest: float, weight_norm: bool, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.expansion = expansion
        self.slowest = slowest
        options = {"weight_norm": weight_norm, "dtype": self.dtype_policy}
        # Two, since an initializer draws the same numbers each time.
        last, last_widened = (keras.initializers.VarianceScaling(2.0 / blocks, "fan_in", "uniform") for _ in range(2))
        self.mix = Linear(4 * dim, initializer="lecun_uniform", name="mix", **options)
        self.mixed = Linear(dim, initializer=last, name="mixed", **options)
        self.widen = Linear(2 * expansion * dim, initializer="lecun_uniform", name="widen", **options)
        self.widened = Linear(dim, initializer=last_widened, name="widened", **options)

    def build(self) -> None:
        """Create the weights."""
        for linear in (self.mix, self.mixed, self.widen):
            linear.build((self.dim,))
        self.widened.build((self.expansion * self.dim,))
        # Not rounded in half precision: a rate of a thousandth decides what is heard seconds later.
        self.rates = self.add_weight(
            shape=(self.dim,), initializer=initial_rates(self.slowest), name="rates", autocast=False
        )

    def prepare(self) -> PreparedBlock:
        """Return the weights, weight norm applied."""
        linears = self.mix, self.mixed, self.widen, self.widened
        mix, mixed, widen, widened = (linear.prepare() for linear in linears)
        return PreparedBlock(mix, value_of(self.rates), mixed, widen, widened)

    @staticmethod
    def narrowed(prepared: PreparedBlock) -> PreparedBlock:
        """Return the weights with all matrices in int8."""
        names = "mix", "mixed", "widen", "widened"
        linears = {name: getattr(prepared, name) for name in names}
        return prepared._replace(**{name: (narrow(matrix), bias) for name, (matrix, bias) in linears.items()})

    def run(self, x: Any, before: Any, prepared: PreparedBlock, recur: Callable, dropout: Callable) -> tuple[Any, Any]:
        """Run a step or a window.

        Args:
            x: `([S,] B, dim)`.
            before: the state, `(B, dim)`.
            prepared: what `prepare` returned.
            recur: `one_step` or `whole_window`.
            dropout: what both parts go through before they are added to x.

        Returns:
            What comes out, of the shape of x, and the next state.
        """
        content, recurrence_gate, input_gate, output_gate = ops.split(affine(rms_norm(x), prepared.mix), 4, axis=-1)
        decay, added = gated_decay(content, recurrence_gate, input_gate, prepared.rates)
        states, after = recur(decay, added, ops.cast(before, "float32"))
        heard = ops.cast(states, x.dtype) * ops.gelu(output_gate)
        x = x + dropout(affine(heard, prepared.mixed))
        wide, gate = ops.split(affine(rms_norm(x), prepared.widen), 2, axis=-1)
        return x + dropout(affine(wide * ops.gelu(gate), prepared.widened)), ops.cast(after, before.dtype)


def rms_norm(x: Any) -> Any:
    """Divide by the root of the mean square over the last axis, computed in float32."""
    exact = ops.cast(x, "float32")
    mean_square = ops.mean(ops.square(exact), axis=-1, keepdims=True)
    return ops.cast(exact * ops.rsqrt(mean_square + EPSILON), x.dtype)
