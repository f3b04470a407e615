"""The line in which a performer sees what sounds, in a terminal."""

import contextlib
import sys
import time

import numpy as np

_SECONDS = 0.2
_FLOOR_DB = -99.0


class Display:
    """Shows time, level, values and underruns on stderr, several times a second; nothing where it is no terminal.

    Args:
        sample_rate: of the blocks that are played, in Hz.
    """

    def __init__(self, sample_rate: int):
        self._sample_rate = sample_rate
        self._shown = sys.stderr.isatty()
        self._told = time.monotonic()
        self._peak = 0.0
        self.samples = 0

    @property
    def seconds(self) -> float:
        """How much was played."""
        return self.samples / self._sample_rate

    def on_block(self, block: np.ndarray) -> None:
        """Note a block `(n, channels)` that is played."""
        self.samples += len(block)
        if self._shown and block.size:
            self._peak = max(self._peak, float(np.abs(block).max()))

    def show(self, text: str) -> None:
        """Show the line if it is time, with what is known besides."""
        now = time.monotonic()
        if not self._shown or now - self._told < _SECONDS:
            return
        level = 20 * np.log10(self._peak) if self._peak > 0 else _FLOOR_DB
        self._told, self._peak = now, 0.0
        self._write(f"{self.seconds:8.1f} s  {max(level, _FLOOR_DB):5.1f} dB  {text}")

    def end(self) -> None:
        """Clear the line."""
        if self._shown:
            self._write("")

    def _write(self, line: str) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.write(f"\r\x1b[K{line:.150}")
            sys.stderr.flush()
