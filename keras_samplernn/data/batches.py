"""Batches of an epoch: a NumPy plan says which samples are in which lane at which step, and tf.data reads them.

A plan is a pure function of the files' lengths, the seed and the epoch, and a batch is a pure function of the plan
and the step. To resume, start at step n: no iterator has a state to save.
"""

import heapq
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from keras_samplernn.conditions.layout import Conditions, nothing
from keras_samplernn.data.balance import Balance
from keras_samplernn.data.continuations import Continuations
from keras_samplernn.data.draws import Purpose, epoch_bits
from keras_samplernn.data.gains import Gains
from keras_samplernn.data.noise import InputNoise


class Windows(NamedTuple):
    """The windows of one step, of `seq_len` targets each, one for each of B lanes. Fields are int64 arrays (B,)."""

    sound: np.ndarray
    """Index of the sound in the corpus; 0 for a lane that has no more pieces."""
    offset: np.ndarray
    """Position of the first target in its sound, in samples; 0 for a lane that has no more pieces."""
    reset: np.ndarray
    """1 where the lane starts from the initial state: at a piece's first window, and where it has no more pieces."""
    valid: np.ndarray
    """Number of targets that exist, 0 to `seq_len`; the rest of the window is past the piece's end."""
    piece: np.ndarray
    """Number of the piece in the plan; 0 for a lane that has no more pieces."""


class Dropout(NamedTuple):
    """Which conditions are not told in the pieces of a plan.

    Attributes:
        hidden: (pieces, streams) bool, whether a stream is none.
        lookahead: (pieces,) bool, whether the ends of spans and what comes after them are known.
    """

    hidden: np.ndarray
    lookahead: np.ndarray


def draw_dropout(pieces: int, streams: int, share: float, lookahead_share: float, seed: int, epoch: int) -> Dropout:
    """Draw for each piece of an epoch's plan which of its conditions are not told.

    Args:
        pieces: number of pieces in the epoch's plan.
        streams: number of condition streams.
        share: of pieces in which a stream is none, 0 to 1; streams are drawn independently.
        lookahead_share: of pieces in which the ends of spans are unknown.
        seed: non-negative; what is drawn depends on it, on `epoch` and on the number of pieces alone.
        epoch: non-negative.
    """
    source = epoch_bits(Purpose.CONDITIONS, seed, epoch)
    drawn = source.random_raw((pieces, streams + 1)) / 2.0**64
    return Dropout(drawn[:, 1:] < share, drawn[:, 0] >= lookahead_share)


class Plan:
    """Pieces of sounds end to end on lanes, cut into windows of `seq_len` targets.

    Memory grows with the number of pieces, not of windows: `at` finds the windows of a step by bisection.

    Args:
        pieces: (P, 5), for each piece its sound, first sample, samples, lane, and the step of its first window.
        lanes: windows side by side in a batch, at least 1.
        seq_len: targets of a window, in samples, at least 1.

    Attributes:
        steps: windows of the longest lane; 0 where there are no pieces.
        pieces: number of pieces.
        dropout: conditions that are not told; None: all are told.
        gains: of the pieces; None: they are as the corpus has them.
        noise: on what the model hears; None: there is none.
        continuations: where the model hears itself; None: nowhere.
    """

    dropout: Dropout | None = None
    gains: Gains | None = None
    noise: InputNoise | None = None
    continuations: Continuations | None = None

    def __init__(self, pieces: np.ndarray, lanes: int, seq_len: int):
        self.lanes = lanes
        self.seq_len = seq_len
        sound, start, samples, lane, first = np.asarray(pieces, np.int64).reshape(-1, 5).T
        self.steps = int((first + _windows_of(samples, seq_len)).max(initial=0))
        self.pieces = len(sound)
        order = np.lexsort((first, lane))
        self._sound, self._start, self._samples = sound[order], start[order], samples[order]
        self._lane, self._first = lane[order], first[order]
        # One number for (lane, step), sorted, so that one search is enough for all lanes.
        self._keys = self._lane * self.steps + self._first

    def at(self, step: int) -> Windows:
        """Return the windows of a step, 0 <= step < `steps`; IndexError for any other step."""
        if not 0 <= step < self.steps:
            raise IndexError(f"step {step} is outside the plan's {self.steps} steps")
        lanes = np.arange(self.lanes)
        found = np.searchsorted(self._keys, lanes * self.steps + step, side="right") - 1
        piece = np.maximum(found, 0)
        done = (step - self._first[piece]) * self.seq_len
        left = self._samples[piece] - done
        runs = (found >= 0) & (self._lane[piece] == lanes) & (left > 0)
        return Windows(
            sound=np.where(runs, self._sound[piece], 0),
            offset=np.where(runs, self._start[piece] + done, 0),
            reset=np.where(runs, done == 0, True).astype(np.int64),
            valid=np.where(runs, np.minimum(left, self.seq_len), 0),
            piece=np.where(runs, piece, 0),
        )


def _windows_of(samples: int | np.ndarray, seq_len: int) -> int | np.ndarray:
    return -(-samples // seq_len)


def plan_epoch(
    lengths: Sequence[int],
    lanes: int,
    seq_len: int,
    *,
    segment_samples: int | None = None,
    seed: int = 0,
    epoch: int = 0,
    balance: Balance | None = None,
) -> Plan:
    """Plan one epoch of training: cut the files into segments and shuffle them.

    Without `balance`, every sample is a target once.

    The segments are put end to end and cut into one equal part for each lane, so that all lanes have work to the
    last step: with few lanes at its end, an epoch would end on the gradients of few sounds.

    Args:
        lengths: samples of each sound.
        lanes: windows side by side in a batch.
        seq_len: targets of a window, in samples.
        segment_samples: most samples of a segment, rounded down to whole windows but to one window at least; None:
            files are cut only where a lane ends.
        seed: non-negative; the order depends on it and on `epoch` alone.
        epoch: non-negative.
        balance: says how often segments are visited; None: each is once.
    """
    segments = segments_of(lengths, seq_len, segment_samples)
    if balance is not None:
        segments = segments[balance.visits(segments, seed, epoch)]
    source = epoch_bits(Purpose.ORDER, seed, epoch)
    order = np.argsort(source.random_raw(len(segments)), kind="stable")
    return Plan(_lay_evenly(segments[order], lanes, seq_len), lanes, seq_len)


def segments_of(lengths: Sequence[int], seq_len: int, segment_samples: int | None) -> np.ndarray:
    """Return the segments of sounds, `(S, 3)`: sound, first sample, samples; see `plan_epoch`."""
    longest = max(segment_samples // seq_len, 1) * seq_len if segment_samples is not None else max([1, *lengths])
    return np.array(
        [
            (sound, start, min(longest, samples - start))
            for sound, samples in enumerate(lengths)
            for start in range(0, samples, longest)
        ],
        np.int64,
    ).reshape(-1, 3)


def _lay_evenly(segments: np.ndarray, lanes: int, seq_len: int) -> np.ndarray:
    """Put the windows of all segments end to end and cut them into equal lanes; return the pieces, as `Plan` takes."""
    windows = _windows_of(segments[:, 2], seq_len)
    begins = np.cumsum(windows) - windows  # of each segment, counted in windows
    total = int(windows.sum())
    lane_begins = np.arange(lanes) * total // lanes
    piece_begins = np.union1d(begins, lane_begins[lane_begins < total])
    segment = np.searchsorted(begins, piece_begins, side="right") - 1
    lane = np.searchsorted(lane_begins, piece_begins, side="right") - 1
    skipped = (piece_begins - begins[segment]) * seq_len
    samples = np.minimum(segments[segment, 2] - skipped, (np.append(piece_begins[1:], total) - piece_begins) * seq_len)
    return np.stack(
        [segments[segment, 0], segments[segment, 1] + skipped, samples, lane, piece_begins - lane_begins[lane]], axis=1
    )


def plan_once(lengths: Sequence[int], lanes: int, seq_len: int) -> Plan:
    """Plan one pass over whole files, for validation and test; the longest come first, so that lanes end together."""
    shortest = [(0, lane) for lane in range(lanes)]
    pieces = []
    for sound in sorted(range(len(lengths)), key=lambda sound: -lengths[sound]):
        if not lengths[sound]:
            continue
        first, lane = shortest[0]
        pieces.append((sound, 0, lengths[sound], lane, first))
        heapq.heapreplace(shortest, (first + _windows_of(lengths[sound], seq_len), lane))
    return Plan(np.array(pieces, np.int64), lanes, seq_len)


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
            codes[place] = gains.applied(codes[place], piece)
        if noise is not None:
            heard[place] = noise.heard(codes[place], sound, offset - known, piece)
        if conditions is not None:
            hidden, lookahead = (None, True) if dropout is None else (dropout.hidden[piece], dropout.lookahead[piece])
            entry.columns.write(conditions, (lane, slice(valid)), offset, offset + valid, hidden, lookahead)
    return Gathered(codes, heard, conditions)


def make_batches(corpus, plan: Plan, lookback: int, silence: int, first_step: int = 0) -> tf.data.Dataset:
    """Return the batches of a plan from `first_step` on, in order; several are read ahead in parallel.

    Args:
        corpus: has `sounds` (each with `start` and `columns`), flat `codes`, `streams` and `fades`.
        plan: of the sounds of `corpus`.
        lookback: samples before the targets, L.
        silence: code of the sample 0.0.
        first_step: 0 to `plan.steps`; the step at which an interrupted run goes on.

    Returns:
        A dataset of dicts: codes (B, L + T), reset (B,) and valid (B,), all int32; if the plan has noise, heard
        (B, L + T) int32, what the model hears in place of codes; if it has continuations, own_starts (B, N) int32 and
        own_uniforms (B, N, k, parts) float32, as `Continuations.at` returns them; and, if the corpus has them,
        conditions, arrays (B, T, ...).
    """
    lanes, seq_len = plan.lanes, plan.seq_len
    window, lane = (lanes, lookback + seq_len), (lanes,)
    shapes = {"codes": window, "reset": lane, "valid": lane} | ({"heard": window} if plan.noise else {})
    types = dict.fromkeys(shapes, tf.int32)
    if plan.continuations:
        shapes |= zip(("own_starts", "own_uniforms"), plan.continuations.shapes(lanes, seq_len), strict=True)
        types |= {"own_starts": tf.int32, "own_uniforms": tf.float32}
    like = nothing(corpus.streams, (lanes, seq_len), corpus.fades)
    expected = [array for array in like if array is not None] if corpus.streams else []

    def read(step: np.ndarray) -> tuple[np.ndarray, ...]:
        windows = plan.at(int(step))
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
