"""What is wrong with a generated sound for everyone to hear: it is silent, clipped, or stuck at one value."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.streams import NONE, Streams, classes_streams

SILENT_PEAK = 0.001  # -60 dBFS
FULL_SCALE, MOST_AT_FULL_SCALE = 0.995, 0.001  # the highest of 256 linear codes is 0.996
STUCK_SECONDS = 1.0
RESTS = "rest", "silence", "silent", "sil", "pause"
"""Names of classes in which a sound may stand still, besides stretches of which the conditions say nothing."""


class FaultFinder:
    """Listens to a sound while it is written, piece by piece, in memory that does not depend on its length.

    Args:
        sample_rate: in Hz.
        silence: the code of silence.
        streams: of the model.
        columns: what is asked for in the sound; None if the model is unconditional.
    """

    def __init__(self, sample_rate: int, silence: int, streams: Streams = (), columns: Columns | None = None):
        self._rate, self._silence = sample_rate, silence
        self._asked = _Asked(streams, columns)
        self._samples = self._at_full_scale = 0
        self._low, self._high = np.inf, -np.inf
        self._code, self._since = -1, 0
        self._longest = 0, 0  # first sample and length

    def add(self, codes: np.ndarray, wave: np.ndarray) -> None:
        """Take the next codes `(n,)` and their samples `(n,)`."""
        if not len(codes):
            return
        self._low, self._high = min(self._low, float(wave.min())), max(self._high, float(wave.max()))
        self._at_full_scale += int(np.count_nonzero(np.abs(wave) >= FULL_SCALE))
        changes = np.flatnonzero(np.diff(codes, prepend=self._code))
        begins = np.append(self._since, self._samples + changes)
        lasting = np.diff(begins) >= STUCK_SECONDS * self._rate
        for place in np.flatnonzero(lasting):
            code = self._code if place == 0 else int(codes[changes[place - 1]])
            self._note_run(int(begins[place]), int(begins[place + 1]), code)
        self._code, self._since = int(codes[-1]), int(begins[-1])
        self._samples += len(codes)

    def faults(self) -> dict[str, Any]:
        """Return what is wrong with the whole sound, for its record; empty if nothing is.

        `silent`: true, if no sample is farther than -60 dBFS from the middle, unless nothing but rests is asked for.
        `clipped_share`: of samples at full scale, if they are more than one in a thousand. `stuck_seconds` and
        `stuck_from_seconds`: the longest stretch of one value, if it is longer than a second. One of silence counts
        where a class is asked for that is not a rest.
        """
        if not self._samples:
            return {}
        if self._high - self._low < 2 * SILENT_PEAK:
            return {"silent": True} if self._asked.sounding(0, self._samples) else {}
        found: dict[str, Any] = {}
        share = self._at_full_scale / self._samples
        if share > MOST_AT_FULL_SCALE:
            found["clipped_share"] = round(share, 4)
        self._note_run(self._since, self._samples, self._code)
        first, length = self._longest
        if length:
            found |= {
                "stuck_seconds": round(length / self._rate, 3),
                "stuck_from_seconds": round(first / self._rate, 3),
            }
        return found

    def _note_run(self, start: int, stop: int, code: int) -> None:
        """Keep a run of one code if it is a fault, and the longest one so far."""
        if code == self._silence:
            sounding = self._asked.sounding(start, stop) if self._asked.known else 0
        else:
            sounding = stop - start
        if sounding >= STUCK_SECONDS * self._rate and stop - start > self._longest[1]:
            self._longest = start, stop - start


class _Asked:
    """Where the conditions of a sound ask for something else than a rest.

    Attributes:
        known: whether there is a stream of classes, which says so.
    """

    def __init__(self, streams: Streams, columns: Columns | None):
        self._spans = []
        for stream in classes_streams(streams) if columns is not None else ():
            rests = [number for number, name in enumerate(stream.classes) if name.casefold() in RESTS]
            self._spans.append((columns.track.spans[stream.name], rests))
        self.known = bool(self._spans)

    def sounding(self, start: int, stop: int) -> int:
        """Return for how many of some samples a class is asked for and no rest; all of them if it is not known."""
        if not self.known:
            return stop - start
        edges = np.unique(np.concatenate([[start, stop], *(spans.starts for spans, _ in self._spans)]))
        edges = edges[(edges >= start) & (edges <= stop)]
        classes, resting = np.zeros((2, len(edges) - 1), bool)
        for spans, rests in self._spans:
            at = np.searchsorted(spans.starts, edges[:-1], side="right") - 1
            classes |= (spans.values[at] != NONE) | (spans.targets[at] != NONE)
            resting |= np.isin(spans.values[at], rests) & np.isin(spans.targets[at], rests)
        return int(np.diff(edges)[classes & ~resting].sum())


def remedies(faults: Mapping[str, Any], conditional: bool, guidance: float) -> Iterator[str]:
    """Yield a line for each fault of a sound, without the name of the file, with what to try.

    Args:
        faults: as `FaultFinder.faults` returns them.
        conditional: whether the sound has conditions, so that it can be guided.
        guidance: the strength of its guidance.
    """
    bolder = "a higher --temperature, another --checkpoint or --seed"
    if conditional:
        bolder += f", or --guidance {max(2.0, guidance + 1):g}"
    if "silent" in faults:
        yield f"silent, below -60 dBFS throughout; try {bolder}"
    if "clipped_share" in faults:
        calmer = "a lower --temperature, another --checkpoint" + (", or a lower --guidance" if guidance > 1 else "")
        yield f"clipped, {faults['clipped_share']:.1%} of the samples stand at full scale; try {calmer}"
    if "stuck_seconds" in faults:
        yield (
            f"stuck at one value for {faults['stuck_seconds']:.2f} s, from {faults['stuck_from_seconds']:.2f} s on;"
            f" try {bolder}"
        )
