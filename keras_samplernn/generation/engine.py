"""The compiled loop: each tier steps once, then the tiers below it, for a block of top frames and a batch of rows."""

import functools
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from keras_samplernn.backend import compiled, compiled_once
from keras_samplernn.conditions.layout import Conditions
from keras_samplernn.generation.contrast import Contrast
from keras_samplernn.generation.guidance import guided
from keras_samplernn.generation.sampling import draw_codes
from keras_samplernn.model.samplernn import Prepared, SampleRNN, restart_rows

# The same for blocks of any length, so that the state after a primer does not depend on it.
PRIMER_SAMPLES = 2048


class Weights(NamedTuple):
    """The weights of a model at one moment: training or loading afterwards does not change them.

    Attributes:
        variables: the model's own, for the state before a sound and for primers.
        prepared: the form that generation uses.
    """

    variables: list[Any]
    prepared: Prepared


class Carry(NamedTuple):
    """Everything that the next samples of a row depend on, besides conditions, temperatures and uniforms.

    Attributes:
        history: `(B, lookback)` int32, the last codes.
        states: the state of each tier.
    """

    history: Any
    states: list[tuple]


class GenerationEngine:
    """Generates block after block of a batch of rows in one compiled function.

    An engine holds no weights and no state: everything that a block depends on is an argument. Streams that share an
    engine, each with its own weights and carry, do not disturb each other, and new weights need no new compiling.

    Args:
        model: its tiers determine the computation. Runs are generated from in float32; a model in mixed_bfloat16 has
            its outputs, and so the probabilities of codes, in float32 too.
        silence: the code of silence, which comes before every sound.
        rows: number of rows of the batch.
        block_samples: length of a block in samples; rounded up to whole top frames.
        precision: precision of the matrices: "float32" or, for a single row, "int8".
        fades: whether classes may cross-fade.
        guidance: what sounds are guided away from; None: they are not guided, which costs nothing.

    Attributes:
        frames: number of top frames in a block.
        rows_of_a_sound: number of rows that share their codes, for guidance; `rows` counts them as one.
        parts_of_a_code: number of parts in which the head draws a code, each with uniforms of its own.
    """

    def __init__(
        self,
        model: SampleRNN,
        silence: int,
        rows: int,
        block_samples: int,
        precision: str = "float32",
        fades: bool = False,
        guidance: Contrast | None = None,
    ):
        self.model = model
        self.fades = fades
        self.guidance = guidance
        self.rows_of_a_sound = 1 if guidance is None else guidance.rows
        self.parts_of_a_code = len(model.head.parts)
        self.precision = precision
        self.silence = silence
        self.rows = rows
        self.frames = -(-block_samples // model.top_frame_size)
        self.block_samples = self.frames * model.top_frame_size
        self._advance = compiled_once(self._advance_block)
        self._within = compiled(self._advance_block)
        self._forward = compiled(self._forward_window)

    def weights(self) -> Weights:
        """Return the model's present weights, in the form that the other methods take."""
        variables = [ops.copy(variable) for variable in self.model.variables]
        return Weights(variables, self.model.generation_weights(self.precision))

    def silent_start(self, weights: Weights, rows: int | None = None) -> Carry:
        """Return the carry before the first sample of a sound: a history of silence, and initial states."""
        rows = self.rows * self.rows_of_a_sound if rows is None else rows
        history = ops.full((rows, self.model.lookback), self.silence, dtype="int32")
        with self._variables_of(weights.variables):
            return Carry(history, self.model.initial_states(rows))

    def primed_start(self, weights: Weights, codes: np.ndarray, conditions: Conditions | None) -> Carry:
        """Return the carry after a primer, the same in every row.

        A primer that does not fill whole top frames is padded on the left with silence, under the primer's first
        condition.

        Args:
            weights: what `weights` returned; the primer uses their training form, whatever the precision.
            codes: `(n,)`, at least one.
            conditions: arrays `(n, ...)`, or None if the model is unconditional.
        """
        frame = self.model.top_frame_size
        padding = -len(codes) % frame
        codes = np.pad(codes, (padding, 0), constant_values=self.silence).astype("int32")
        if conditions is not None:
            conditions = conditions.map(lambda x: np.concatenate([np.repeat(x[:1], padding, axis=0), x])[None])
        carry = self.silent_start(weights, rows=1)
        longest = -(-PRIMER_SAMPLES // frame) * frame
        for start in range(0, len(codes), longest):
            piece = slice(start, start + longest)
            window = np.concatenate([ops.convert_to_numpy(carry.history), codes[None, piece]], axis=1)
            states = self._forward(
                weights.variables,
                ops.convert_to_tensor(window),
                None if conditions is None else conditions.at((slice(None), piece)).map(ops.convert_to_tensor),
                carry.states,
            )
            carry = Carry(ops.convert_to_tensor(window[:, -self.model.lookback :]), states)
        rows = self.rows * self.rows_of_a_sound
        return keras.tree.map_structure(lambda tensor: ops.repeat(tensor, rows, axis=0), carry)

    def advance(
        self,
        weights: Weights,
        carry: Carry,
        start: Carry,
        begins: np.ndarray,
        conditions: Conditions | None,
        uniforms: np.ndarray,
        temperatures: np.ndarray,
        strengths: np.ndarray | None = None,
    ) -> tuple[np.ndarray, Carry]:
        """Generate the next block of every row.

        Args:
            weights: what `weights` returned.
            carry: what the previous block returned.
            start: the carry with which a sound starts.
            begins: `(rows, frames)` int32, not 0 if the row starts a sound at that top frame.
            conditions: arrays `(rows, block_samples, ...)`, of all rows of each sound; None if the model is
                unconditional.
            uniforms: `(rows, block_samples, parts)` float32 in [0, 1), one for each part of a code.
            temperatures: `(rows, frames)` float32, one for each top frame.
            strengths: `(rows, frames)` float32, the strength of the guidance; None if there is none.

        Returns:
            Codes `(rows, block_samples)` int32, and the carry for the next block.
        """
        conditions = None if conditions is None else conditions.map(ops.convert_to_tensor)
        controls = (begins, uniforms, temperatures, strengths)
        controls = (None if x is None else ops.convert_to_tensor(x) for x in controls)
        codes, carry = self._advance(weights.prepared, carry, start, conditions, *controls)
        return ops.convert_to_numpy(codes), carry

    def advance_within(
        self, prepared: Prepared, carry: Carry, conditions: Conditions | None, uniforms: Any, temperatures: Any
    ) -> tuple[Any, Carry]:
        """Do what `advance` does within a function that is being traced, for sounds that have begun; no guidance.

        Args:
            prepared: of what `weights` returned.
            carry: as in `advance`.
            conditions: tensors, as in `advance`.
            uniforms: tensor, as in `advance`.
            temperatures: tensor, as in `advance`.
        """
        begins = ops.zeros((self.rows, self.frames), "int32")
        return self._within(prepared, carry, carry, conditions, begins, uniforms, temperatures, None)

    def _variables_of(self, values: list[Any]) -> keras.StatelessScope:
        """Return the scope in which the model's variables have these values."""
        return keras.StatelessScope(zip(self.model.variables, values, strict=True))

    def _forward_window(self, variables, window, conditions, states):
        """Return the states after a window; this is what is compiled."""
        with self._variables_of(variables):
            return self.model.forward(window, conditions, states)[1]

    def _advance_block(self, prepared, carry, start, conditions, begins, uniforms, temperatures, strengths):
        """See `advance`; this is what is compiled."""
        frame, rows = self.model.top_frame_size, self.rows_of_a_sound

        def top_frame(number, carry, codes):
            carry = restart_rows(_repeated(ops.take(begins, number, axis=1), rows), start, carry)
            strength = None if strengths is None else ops.take(strengths, number, axis=1)
            fire = _Firing(self.model, prepared, ops.take(temperatures, number, axis=1), strength, rows)
            carry = fire(0, carry, None, *_columns((conditions, uniforms), number * frame, frame))
            return number + 1, carry, ops.slice_update(codes, (0, number * frame), carry.history[::rows, -frame:])

        codes = ops.zeros((self.rows, self.block_samples), "int32")
        _, carry, codes = ops.while_loop(lambda number, *_: number < self.frames, top_frame, (0, carry, codes))
        return codes, carry


class _Firing:
    """One pass through the tiers: a step of a tier, then for each of its contexts a step of the tier below."""

    def __init__(self, model: SampleRNN, prepared: Prepared, temperatures: Any, strengths: Any, rows_of_a_sound: int):
        self.model = model
        self.prepared = prepared
        self.temperatures = temperatures
        self.strengths = strengths
        self.rows_of_a_sound = rows_of_a_sound

    def __call__(self, level: int, carry: Carry, context: Any, conditions: Any, uniforms: Any) -> Carry:
        """Run a step of tier `level` and all below it.

        Args:
            level: number of the tier; 0 at the top.
            carry: before the step.
            context: `(B, dim)`, or None at the top.
            conditions: arrays `(B, F, ...)`, of the step's targets, or None.
            uniforms: `(B, F, parts)`, of the step's targets.
        """
        tier = self.model.tiers[level]
        codes = carry.history[:, self.model.lookback - tier.reads :]
        inputs = self.model.read(codes, context, conditions if tier.takes_conditions else None)
        # Slow tier first: its contexts must exist before the tiers below step.
        outputs, state = tier.step(inputs, carry.states[level], self.prepared.tiers[level])
        carry = carry._replace(states=[*carry.states[:level], state, *carry.states[level + 1 :]])
        if level + 1 == len(self.model.tiers):
            choose = functools.partial(self._choose, uniforms[:, 0])
            code = self.model.head.draw(ops.cast(outputs[:, 0], "float32"), choose, self.prepared.head)
            return carry._replace(history=ops.concatenate([carry.history[:, 1:], code[:, None]], axis=1))

        if self.prepared.kernels[level] is not None:
            outputs = ops.matmul(outputs, self.prepared.kernels[level])
        below = self.model.tiers[level + 1].frame_size

        def slot(number, carry):
            piece = _columns((conditions, uniforms), number * below, below)
            return number + 1, self(level + 1, carry, ops.take(outputs, number, axis=1), *piece)

        return ops.while_loop(lambda number, _: number < tier.binding.ratio, slot, (0, carry))[1]

    def _choose(self, uniforms: Any, logits: Any, part: int) -> Any:
        """Draw a part of each sound's code, under guidance if there is any, for all rows of the sound.

        Args:
            uniforms: `(B, parts)`.
            logits: of all rows, `(B * rows_of_a_sound, Q)`.
            part: number of the part.
        """
        if self.strengths is not None:
            logits = guided(logits, self.rows_of_a_sound, self.strengths[:, None])
        return _repeated(draw_codes(logits, uniforms[:, part], self.temperatures), self.rows_of_a_sound)


def _columns(tensors: Any, start: Any, width: int) -> Any:
    """Return `[:, start : start + width]` of each tensor `(B, n, ...)` in a structure; `start` may be a tensor."""

    def cut(tensor: Any) -> Any:
        if tensor is None:
            return None
        rest = tensor.shape[2:]
        return ops.slice(tensor, (0, start, *[0] * len(rest)), (tensor.shape[0], width, *rest))

    return keras.tree.map_structure(cut, tensors)


def _repeated(tensor: Any, times: int) -> Any:
    """Return each row of a tensor several times, side by side."""
    return tensor if times == 1 else ops.repeat(tensor, times, axis=0)
