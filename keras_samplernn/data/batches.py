"""Batches of an epoch: tf.data reads the windows of a plan, step by step.

A batch is a pure function of the plan and the step. To resume, start at step n: no iterator has a state to save.
"""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from keras_samplernn.conditions.layout import Conditions, nothing
from keras_samplernn.data.dropout import Dropout
from keras_samplernn.data.gains import Gains
from keras_samplernn.data.noise import InputNoise
from keras_samplernn.data.plan import Plan, Windows


class Gathered(NamedTuple):
    """What one step reads from the corpus.

    Attributes:
        codes: (B, lookback + seq_len) int32. The `lookback` codes before the targets are the samples that precede them
            in their sound, and silence before the sound's first sample; past a piece's end codes are silence.
        heard: the same as the model hears it; None: without noise.
        conditions: (B, seq_len, ...), none past a piece's end; None where the corpus has no streams.
    """

    codes: np.ndarray
    heard: np.ndarray | None
    conditions: Conditions | None


def gather_windows(
    corpus,
    windows: Windows,
    seq_len: int,
    lookback: int,
    silence: int,
    dropout: Dropout | None = None,
    noise: InputNoise | None = None,
    gains: Gains | None = None,
) -> Gathered:
    """Read the windows of one step from the corpus."""
    lanes = len(windows.sound)
    codes = np.full((lanes, lookback + seq_len), silence, np.int32)
    heard = None if noise is None else codes.copy()
    conditions = nothing(corpus.streams, (lanes, seq_len), corpus.fades) if corpus.streams else None
    for lane, (sound, offset, _, valid, piece) in enumerate(zip(*(field.tolist() for field in windows), strict=True)):
        if not valid:
            continue
        entry = corpus.sounds[sound]
        first = entry.start + offset
        known = min(offset, lookback)
        place = lane, slice(lookback - known, lookback + valid)
        codes[place] = corpus.codes[first - known : first + valid]
        if gains is not None:
            codes[place] = gains.applied(codes[place], sound, offset - known, piece)
        if noise is not None:
            heard[place] = noise.heard(codes[place], sound, offset - known, piece)
        if conditions is not None:
            hidden, lookahead = (None, True) if dropout is None else (dropout.hidden[piece], dropout.lookahead[piece])
            entry.columns.write(conditions, (lane, slice(valid)), offset, offset + valid, hidden, lookahead)
    return Gathered(codes, heard, conditions)


def make_batches(
    corpus, plan: Plan, lookback: int, silence: int, first_step: int = 0, lanes: slice | None = None
) -> tf.data.Dataset:
    """Return the batches of a plan from `first_step` on, in order; several are read ahead in parallel.

    Args:
        corpus: has `sounds` (each with `start` and `columns`), flat `codes`, `streams` and `fades`.
        plan: of the sounds of `corpus`.
        lookback: samples before the targets, L.
        silence: code of the sample 0.0.
        first_step: 0 to `plan.steps`; the step at which an interrupted run goes on.
        lanes: of the plan that are read, B of them; None: all.

    Returns:
        A dataset of dicts: codes (B, L + T), reset (B,) and valid (B,), all int32; if the plan has noise, heard
        (B, L + T) int32, what the model hears in place of codes; if it has continuations, own_starts (B, N) int32 and
        own_uniforms (B, N, k, parts) float32, as `Continuations.at` returns them; and, if the corpus has them,
        conditions, arrays (B, T, ...).
    """
    read_lanes, seq_len = lanes or slice(None), plan.seq_len
    lanes = len(range(plan.lanes)[read_lanes])
    window, lane = (lanes, lookback + seq_len), (lanes,)
    shapes = {"codes": window, "reset": lane, "valid": lane} | ({"heard": window} if plan.noise else {})
    types = dict.fromkeys(shapes, tf.int32)
    if plan.continuations:
        shapes |= zip(("own_starts", "own_uniforms"), plan.continuations.shapes(lanes, seq_len), strict=True)
        types |= {"own_starts": tf.int32, "own_uniforms": tf.float32}
    like = nothing(corpus.streams, (lanes, seq_len), corpus.fades)
    expected = [array for array in like if array is not None] if corpus.streams else []

    def read(step: np.ndarray) -> tuple[np.ndarray, ...]:
        windows = Windows(*(field[read_lanes] for field in plan.at(int(step))))
        codes, heard, conditions = gather_windows(
            corpus, windows, seq_len, lookback, silence, plan.dropout, plan.noise, plan.gains
        )
        own = None, None
        if plan.continuations:
            own = plan.continuations.at(windows.sound, windows.offset, windows.piece, seq_len)
        reset, valid = windows.reset.astype(np.int32), windows.valid.astype(np.int32)
        arrays = codes, reset, valid, heard, *own, *(conditions or ())
        return tuple(array for array in arrays if array is not None)

    def batch(step: tf.Tensor) -> dict[str, Any]:
        all_types = [*types.values(), *(tf.as_dtype(array.dtype) for array in expected)]
        found = iter(tf.numpy_function(read, [step], all_types, stateful=False))
        tensors = {name: tf.ensure_shape(next(found), shape) for name, shape in shapes.items()}
        if corpus.streams:
            tensors["conditions"] = like.map(lambda array: tf.ensure_shape(next(found), array.shape))
        return tensors

    steps = tf.data.Dataset.range(first_step, plan.steps)
    batches = steps.map(batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return batches.prefetch(tf.data.AUTOTUNE)
