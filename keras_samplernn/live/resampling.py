"""Blocks of the model's rate at that of an output, without a gap between them."""

import numpy as np
import soxr


class Resampler:
    """Resamples a stream of blocks; at the same rate it does nothing.

    Args:
        before: sample rate of the blocks, in Hz.
        after: sample rate of the output, in Hz.
        channels: of a block.

    Attributes:
        holds: whether samples wait in it, until a last call.
    """

    def __init__(self, before: int, after: int, channels: int):
        self.holds = before != after
        self._stream = None if before == after else soxr.ResampleStream(before, after, channels, "float32", "LQ")

    def __call__(self, block: np.ndarray, last: bool = False) -> np.ndarray:
        """Return the samples, `(n, channels)`, that a block `(m, channels)` makes possible; n may be 0."""
        if self._stream is None:
            return block
        return self._stream.resample_chunk(block, last).reshape(-1, block.shape[1])
