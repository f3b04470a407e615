"""The model: a stack of tiers, and a head."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
from keras import ops

from keras_samplernn.conditions.layout import Conditions
from keras_samplernn.conditions.streams import Stream
from keras_samplernn.model.head import Head
from keras_samplernn.model.lowering import lower, narrow_form
from keras_samplernn.model.tier import Binding, Inputs, Tier


class Prepared(NamedTuple):
    """What depends on the weights alone.

    Attributes:
        tiers: the prepared form of each tier.
        kernels: for each tier the matrix that its contexts are multiplied by, or None; see `lower`.
        head: the prepared form of the head.
    """

    tiers: list[Any]
    kernels: list[Any]
    head: Any


class SampleRNN(keras.Model):
    """A stack of tiers from slow to fast: each passes contexts to the next, the last one to the head (paper, 2.1).

    A window holds `lookback + T` codes: the lookback, then the T targets. Step j of a tier of frame size F reads
    the samples just before target `j * F`, never a target that it has to predict. Its conditions are those of
    targets `j * F ... (j + 1) * F - 1`.

    `forward` is a pure function of codes, conditions and states; the model holds only its weights.

    Args:
        tiers: unbound tiers, slow to fast; each frame size divides the one above and the last is 1.
        q_levels: number of codes.
        streams: the condition streams; none for an unconditional model.
        head: unbound; what the outputs of the last tier mean.
    """

    def __init__(self, tiers: Sequence[Tier], q_levels: int, streams: Sequence[Stream] = (), *, head: Head, **kwargs):
        super().__init__(**kwargs)
        self.q_levels = q_levels
        self.head = head
        head.bind(q_levels)
        head.build()
        self.streams = tuple(streams)
        self.tiers = list(tiers)
        neighbours = zip([None, *self.tiers[:-1]], self.tiers, [*self.tiers[1:], None], strict=True)
        for above, tier, below in neighbours:
            tier.bind(
                Binding(
                    ratio=tier.frame_size // below.frame_size if below else 1,
                    output_dim=below.dim if below else head.width,
                    q_levels=head.read_levels,
                    streams=self.streams,
                    frame_size_above=above.frame_size if above else None,
                    has_shares=head.has_shares,
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

    def prepare(self, samples: int | None = None) -> Prepared:
        """Return the prepared forms; for the number of samples, see `lower`."""
        return Prepared(*lower(self.tiers, samples), self.head.prepare())

    def generation_weights(self, precision: str = "float32") -> Prepared:
        """Return the result of `prepare` in the form that generation uses.

        Args:
            precision: "int8" narrows the matrices of each tier's step and of the head; "float32" leaves them as they
                are.
        """
        forms = self.prepare()
        if precision == "int8":
            narrowed = [narrow_form(tier, form) for tier, form in zip(self.tiers, forms.tiers, strict=True)]
            return Prepared(narrowed, forms.kernels, self.head.narrowed(forms.head))
        return forms

    def initial_states(self, batch_size: int) -> list[tuple]:
        """Return the state of each tier before the first sample of a sound."""
        return [tier.initial_state(batch_size) for tier in self.tiers]

    def rescale(self, codes: Any) -> Any:
        """Map codes to the wave that tiers read, in [-2, 2)."""
        return ops.cast(2.0 * (ops.cast(codes, "float32") / (self.q_levels / 2) - 1.0), self.compute_dtype)

    def read(self, codes: Any, context: Any = None, conditions: Any = None) -> Inputs:
        """Return codes as tiers read them, with the context and the conditions beside them."""
        read, shares = self.head.read(codes)
        shares = None if shares is None else ops.cast(shares, self.compute_dtype)
        return Inputs(read, self.rescale(codes), context, conditions, shares)

    def tier_inputs(self, tier: Tier, window: Inputs) -> Inputs:
        """Cut a window for one tier.

        Args:
            tier: the tier, of frame size F.
            window: `read` codes `(B, lookback + T)`, the context `(B, T/F, dim)` or None, and the conditions, arrays
                `(B, T, ...)` or None.

        Returns:
            `Inputs` of S = T/F steps.
        """
        frame, reads = tier.frame_size, tier.reads
        steps = (window.codes.shape[1] - self.lookback) // frame
        # (S, reads): step j reads the samples before target j * F
        first = ops.arange(steps, dtype="int32")[:, None] * frame + (self.lookback - reads)
        where = first + ops.arange(reads, dtype="int32")[None, :]
        conditions = window.conditions if tier.takes_conditions else None
        if conditions is not None:
            conditions = conditions.map(lambda x: ops.reshape(x, (-1, steps, frame, *x.shape[2:])))
        codes, wave, shares = (
            None if x is None else ops.take(x, where, axis=1) for x in (window.codes, window.wave, window.shares)
        )
        return Inputs(codes, wave, window.context, conditions, shares)

    def forward(
        self, codes: Any, conditions: Any, states: list[tuple], weights: Prepared | None = None
    ) -> tuple[Any, list[tuple]]:
        """Run a window, teacher-forced.

        Args:
            codes: `(B, lookback + T)` int32; T is a multiple of the top frame size.
            conditions: arrays `(B, T, ...)`; for a single stream of classes also `(B, T)` int32, -1 past the end of a
                sound; None if the model is unconditional.
            states: the state of each tier before the window.
            weights: what `generation_weights` returned; None: the present weights, in the form for training.

        Returns:
            Outputs for the head, `(B, T, head.width)` float32, and the states after the window.
        """
        if conditions is not None and not isinstance(conditions, Conditions):
            conditions = Conditions(ops.cast(conditions >= 0, "float32"), ops.expand_dims(conditions, -1))
        window, after = self.read(codes, conditions=conditions), []
        weights = weights or self.prepare((codes.shape[0] or 1) * (codes.shape[1] - self.lookback))
        for tier, state, form, kernel in zip(self.tiers, states, weights.tiers, weights.kernels, strict=True):
            outputs, state = tier(self.tier_inputs(tier, window), state, prepared=lambda form=form: form)
            if kernel is not None:
                outputs = ops.matmul(outputs, kernel)
            context = ops.reshape(outputs, (-1, outputs.shape[1] * outputs.shape[2], outputs.shape[3]))
            window = window._replace(context=context)
            after.append(state)
        return ops.cast(window.context, "float32"), after

    def call(
        self,
        inputs: dict[str, Any],
        states: list[tuple] | None = None,
        training: bool = False,
        weights: Callable[[], Prepared] | None = None,
    ) -> Any:
        """Return the outputs of a batch of windows; with `states`, also each tier's state after them.

        Args:
            inputs: `codes` and, if the model is conditional, `conditions`, as in `forward`; with `states` also `reset`
                `(B,)`, not 0 in rows that start a new sound.
            states: the state of each tier before the windows; None: the initial state in every row.
            training: whether dropout is active.
            weights: returns those of `forward`; None: the present ones. A function for the reason given in `Tier.call`.
        """
        codes = inputs["codes"]
        before = self.initial_states(codes.shape[0] or ops.shape(codes)[0])
        if states is not None:
            states = keras.tree.map_structure(lambda new, old: ops.cast(old, new.dtype), before, states)
            before = restart_rows(inputs["reset"], before, states)
        outputs, after = self.forward(codes, inputs.get("conditions"), before, weights and weights())
        return outputs if states is None else (outputs, after)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True) -> Any:
        """Return the mean bits per sample, for Keras' own `fit`, which treats windows as independent of each other.

        The `fit` command uses `training.step`, which carries states from window to window.
        """
        bits = self.head.bits(y_pred, y)
        weights = ops.ones_like(bits) if sample_weight is None else sample_weight
        return ops.sum(bits * weights) / ops.maximum(ops.sum(weights), 1.0)


def restart_rows(flags: Any, fresh: Any, carried: Any) -> Any:
    """Return `fresh` in rows whose flag `(B,)` is not 0, `carried` in others: any structure of tensors `(B, ...)`."""

    def choose(new: Any, old: Any) -> Any:
        return ops.where(ops.reshape(flags != 0, (-1, *([1] * (len(old.shape) - 1)))), new, old)

    return keras.tree.map_structure(choose, fresh, carried)
