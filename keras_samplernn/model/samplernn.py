"""The model: a stack of tiers, and the loss."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_samplernn.conditions.layout import Conditions
from keras_samplernn.conditions.streams import Stream
from keras_samplernn.model.lowering import lower, narrow_form
from keras_samplernn.model.tier import Binding, Inputs, Tier


class SampleRNN(keras.Model):
    """A stack of tiers from slow to fast: each passes contexts to the next, the last one gives logits (paper, 2.1).

    A window holds `lookback + T` codes: the lookback, then the T targets. Step j of a tier of frame size F reads
    the samples just before target `j * F`, never a target that it has to predict. Its conditions are those of
    targets `j * F ... (j + 1) * F - 1`.

    `forward` is a pure function of codes, conditions and states; the model holds only its weights.

    Args:
        tiers: unbound tiers, slow to fast; each frame size divides the one above and the last is 1.
        q_levels: number of codes.
        streams: the condition streams; none for an unconditional model.
    """

    def __init__(self, tiers: Sequence[Tier], q_levels: int, streams: Sequence[Stream] = (), **kwargs):
        super().__init__(**kwargs)
        self.q_levels = q_levels
        self.streams = tuple(streams)
        self.tiers = list(tiers)
        neighbours = zip([None, *self.tiers[:-1]], self.tiers, [*self.tiers[1:], None], strict=True)
        for above, tier, below in neighbours:
            tier.bind(
                Binding(
                    ratio=tier.frame_size // below.frame_size if below else 1,
                    output_dim=below.dim if below else q_levels,
                    q_levels=q_levels,
                    streams=self.streams,
                    frame_size_above=above.frame_size if above else None,
                )
            )
            tier.build()
        self.built = True

    @property
    def top_frame_size(self) -> int:
        """Samples per step of the slowest tier."""
        return self.tiers[0].frame_size

    @property
    def lookback(self) -> int:
        """Number of samples before the first target of a window."""
        return max(self.top_frame_size, *(tier.reads for tier in self.tiers))

    def prepare(self, samples: int | None = None) -> tuple[list[Any], list[Any]]:
        """Return the prepared form of each tier, and the matrices that contexts are multiplied by; see `lower`."""
        return lower(self.tiers, samples)

    def generation_weights(self, precision: str = "float32") -> tuple[list[Any], list[Any]]:
        """Return the result of `prepare` in the form that generation uses.

        Args:
            precision: "int8" narrows the matrices of each tier's step; "float32" leaves them as they are.
        """
        prepared, kernels = self.prepare()
        if precision == "int8":
            prepared = [narrow_form(tier, form) for tier, form in zip(self.tiers, prepared, strict=True)]
        return prepared, kernels

    def initial_states(self, batch_size: int) -> list[tuple]:
        """Return the state of each tier before the first sample of a sound."""
        return [tier.initial_state(batch_size) for tier in self.tiers]

    def rescale(self, codes: Any) -> Any:
        """Map codes to the wave that tiers read, in [-2, 2)."""
        return ops.cast(2.0 * (ops.cast(codes, "float32") / (self.q_levels / 2) - 1.0), self.compute_dtype)

    def tier_inputs(self, tier: Tier, codes: Any, wave: Any, context: Any, conditions: Any) -> Inputs:
        """Cut a window for one tier.

        Args:
            tier: the tier, of frame size F.
            codes: `(B, lookback + T)`.
            wave: the same, rescaled.
            context: `(B, T/F, dim)` or None.
            conditions: arrays `(B, T, ...)` or None.

        Returns:
            `Inputs` of S = T/F steps.
        """
        frame, reads = tier.frame_size, tier.reads
        steps = (codes.shape[1] - self.lookback) // frame
        # (S, reads): step j reads the samples before target j * F
        first = ops.arange(steps, dtype="int32")[:, None] * frame + (self.lookback - reads)
        where = first + ops.arange(reads, dtype="int32")[None, :]
        if not tier.takes_conditions:
            conditions = None
        elif conditions is not None:
            conditions = conditions.map(lambda x: ops.reshape(x, (-1, steps, frame, *x.shape[2:])))
        return Inputs(ops.take(codes, where, axis=1), ops.take(wave, where, axis=1), context, conditions)

    def forward(
        self, codes: Any, conditions: Any, states: list[tuple], weights: tuple[list, list] | None = None
    ) -> tuple[Any, list[tuple]]:
        """Run a window, teacher-forced.

        Args:
            codes: `(B, lookback + T)` int32; T is a multiple of the top frame size.
            conditions: arrays `(B, T, ...)`; for a single stream of classes also `(B, T)` int32, -1 past the end of a
                sound; None if the model is unconditional.
            states: the state of each tier before the window.
            weights: what `generation_weights` returned; None: the present weights, in the form for training.

        Returns:
            Logits `(B, T, q_levels)` float32, and the states after the window.
        """
        if conditions is not None and not isinstance(conditions, Conditions):
            conditions = Conditions(ops.cast(conditions >= 0, "float32"), ops.expand_dims(conditions, -1))
        wave, context, after = self.rescale(codes), None, []
        weights = weights or self.prepare((codes.shape[0] or 1) * (codes.shape[1] - self.lookback))
        for tier, state, form, kernel in zip(self.tiers, states, *weights, strict=True):
            inputs = self.tier_inputs(tier, codes, wave, context, conditions)
            outputs, state = tier(inputs, state, prepared=form)
            if kernel is not None:
                outputs = ops.matmul(outputs, kernel)
            context = ops.reshape(outputs, (-1, outputs.shape[1] * outputs.shape[2], outputs.shape[3]))
            after.append(state)
        return ops.cast(context, "float32"), after

    def call(self, inputs: dict[str, Any], states: list[tuple] | None = None, training: bool = False) -> Any:
        """Return the logits of a batch of windows; with `states`, also each tier's state after them.

        Args:
            inputs: `codes` and, if the model is conditional, `conditions`, as in `forward`; with `states` also `reset`
                `(B,)`, not 0 in rows that start a new sound.
            states: the state of each tier before the windows; None: the initial state in every row.
            training: whether dropout is active.
        """
        codes = inputs["codes"]
        before = self.initial_states(codes.shape[0] or ops.shape(codes)[0])
        if states is not None:
            states = keras.tree.map_structure(lambda new, old: ops.cast(old, new.dtype), before, states)
            before = restart_rows(inputs["reset"], before, states)
        logits, after = self.forward(codes, inputs.get("conditions"), before)
        return logits if states is None else (logits, after)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True) -> Any:
        """Return the mean bits per sample, for Keras' own `fit`, which treats windows as independent of each other.

        The `fit` command uses `training.step`, which carries states from window to window.
        """
        bits = bits_per_sample(y, y_pred)
        weights = ops.ones_like(bits) if sample_weight is None else sample_weight
        return ops.sum(bits * weights) / ops.maximum(ops.sum(weights), 1.0)


def bits_per_sample(targets: Any, logits: Any) -> Any:
    """Return the negative log2-likelihood of each target: `(B, T)` int32 and `(B, T, Q)` to `(B, T)`."""
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


def restart_rows(flags: Any, fresh: Any, carried: Any) -> Any:
    """Return `fresh` in rows whose flag `(B,)` is not 0, `carried` in others: any structure of tensors `(B, ...)`."""

    def choose(new: Any, old: Any) -> Any:
        return ops.where(ops.reshape(flags != 0, (-1, *([1] * (len(old.shape) - 1)))), new, old)

    return keras.tree.map_structure(choose, fresh, carried)
