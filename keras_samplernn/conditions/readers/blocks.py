"""Files with a row for each sample: read in blocks, and kept as spans, so that an hour of them fits into memory."""

from collections.abc import Iterator

import numpy as np

from keras_samplernn.conditions.track import Spans, runs


def blocks_of_lines(text: bytes, block_bytes: int) -> Iterator[bytes]:
    """Yield a text in blocks of whole lines, each little more than so many bytes."""
    start = 0
    while start < len(text):
        end = text.find(b"\n", start + block_bytes) + 1 or len(text)
        yield text[start:end]
        start = end


class RowRuns:
    """The spans of a stream that is given sample by sample, block by block.

    Args:
        dtype: of its values.

    Attributes:
        samples: number of samples so far.
    """

    def __init__(self, dtype: type):
        self.samples = 0
        self._starts, self._values = [np.zeros(0, np.int64)], [np.zeros(0, dtype)]
        self._dtype = dtype

    def add(self, values: np.ndarray) -> None:
        """Add the `(n,)` values of the next samples."""
        spans = runs(values.astype(self._dtype, copy=False))
        first = 0
        if len(values) and len(last := self._values[-1]):
            joined = last[-1] == spans.values[0] or (last[-1] != last[-1] and spans.values[0] != spans.values[0])
            first = int(joined)
        if len(spans.values) > first:
            self._starts.append(spans.starts[first:] + self.samples)
            self._values.append(spans.values[first:])
        self.samples += len(values)

    def spans(self) -> Spans:
        """Return the spans of all samples so far."""
        starts, values = np.concatenate(self._starts), np.concatenate(self._values)
        return Spans(starts, values, values)
