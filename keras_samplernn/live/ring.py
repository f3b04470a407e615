"""The ring between the thread that generates and what plays: a few blocks, so that a control is heard soon."""

import threading
from collections import deque

import numpy as np


class Ring:
    """Blocks of sound that wait to be played.

    Args:
        blocks: how many may wait.
        channels: of a block.

    Attributes:
        underruns: how often something was to be played and was not there.
    """

    def __init__(self, blocks: int, channels: int):
        self._most, self._channels = blocks, channels
        self._blocks: deque[np.ndarray] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self.underruns = 0

    def put(self, block: np.ndarray) -> bool:
        """Add a block `(n, channels)`, once there is room; return False if the ring is closed and it was not added."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._blocks) < self._most or self._closed)
            if not self._closed:
                self._blocks.append(block)
                self._changed.notify_all()
            return not self._closed

    def take(self, samples: int) -> np.ndarray:
        """Return the next samples, `(samples, channels)`, at once; what is not there is silence, and is counted.

        At the end of the sound there are fewer.
        """
        sound, done = np.zeros((samples, self._channels), np.float32), 0
        with self._changed:
            while done < samples and self._blocks:
                block = self._blocks[0]
                piece = block[: samples - done]
                sound[done : done + len(piece)] = piece
                done += len(piece)
                if len(piece) < len(block):
                    self._blocks[0] = block[len(piece) :]
                else:
                    self._blocks.popleft()
            self._changed.notify_all()
            if done < samples:
                if self._closed:
                    return sound[:done]
                self.underruns += 1
        return sound

    def next(self, timeout: float | None = None) -> np.ndarray | None:
        """Return the next block, once there is one; None at the end of the sound, or after `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._blocks or self._closed, timeout)
            if not self._blocks:
                return None
            self._changed.notify_all()
            return self._blocks.popleft()

    def wait(self) -> None:
        """Wait until the ring is full, or closed."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._blocks) >= self._most or self._closed)

    def close(self) -> None:
        """Take no more blocks; those that wait may still be played."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def ended(self) -> bool:
        """Whether it is closed and all was played."""
        with self._changed:
            return self._closed and not self._blocks
