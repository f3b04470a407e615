"""The plan of an epoch: which samples are in which lane at which step.

A plan is a pure function of the files' lengths, the seed and the epoch, so that no iterator has a state to save.
"""

import heapq
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_samplernn.data.balance import Balance
from keras_samplernn.data.continuations import Continuations
from keras_samplernn.data.draws import Purpose, epoch_bits
from keras_samplernn.data.dropout import Dropout
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
