"""Samples to a WAV file, which appears whole or not at all."""

import contextlib
import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from keras_samplernn.errors import UserError
from keras_samplernn.files import open_file, staged_file, writing

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
# A WAV file states its length in 32 bits of bytes; 1 kB for what is not samples.
MOST_SAMPLES = (2**32 - 1024) // 2


def to_pcm16(wave) -> np.ndarray:
    """Return the int16 samples that a file of 16 bits holds for `wave`: floats in [-1, 1]; what is beyond is clipped.

    A reader divides them by 32768.
    """
    return np.clip(np.rint(np.asarray(wave, np.float32) * 32768), -32768, 32767).astype(np.int16)


def as_read_back(wave) -> np.ndarray:
    """Return the float32 samples that reading a file of 16 bits gives where `wave` was written into it."""
    return to_pcm16(wave).astype(np.float32) / 32768


class _Discarded(Exception):
    """What was written is not wanted."""


class WavWriter:
    """Streams 16-bit PCM into a WAV file.

    The samples go to a hidden file beside `path`, which `commit` renames and `discard` removes: `path` is always a
    whole file or not there. No samples make a valid WAV of 0 frames. As a context manager it commits when the block
    ends well, and discards when it does not.

    Args:
        path: the file to write; its folder exists.
        sample_rate: in Hz.
        channels: of the sound; the samples of a moment follow each other.

    Raises:
        UserError: the file cannot be written, or outgrows the 4 GiB of a WAV file.
    """

    def __init__(self, path: str | Path, sample_rate: int, channels: int = 1):
        self.path = Path(path)
        self.sample_rate, self.channels = sample_rate, channels
        self._bytes = 0
        self._staging = contextlib.ExitStack()
        self._file = self._staging.enter_context(staged_file(self.path))
        with writing(self.path):
            self._file.write(self._header())

    def write(self, wave) -> None:
        """Append samples, (n,) floats; they are clipped to [-1, 1]."""
        data = to_pcm16(wave).astype("<i2").tobytes()
        if self._bytes + len(data) > 2 * MOST_SAMPLES:
            raise UserError(f"{self.path}: a WAV file holds 4 GiB at most; generate shorter sounds")
        with writing(self.path):
            self._file.write(data)
        self._bytes += len(data)

    def commit(self, before: Callable[[str], None] | None = None) -> None:
        """Finish the file and rename it to `path`.

        Args:
            before: called with the sha256 of the whole file, before the file has its name.
        """
        with self._staging.pop_all():
            self._file.seek(0)
            self._file.write(self._header())
            if before is not None:
                self._file.flush()
                with open_file(Path(self._file.name)) as stream:
                    digest = hashlib.file_digest(stream, "sha256").hexdigest()
                before(digest)

    def discard(self) -> None:
        """Remove what was written; nothing happens after `commit`."""
        with contextlib.suppress(_Discarded), self._staging.pop_all():
            raise _Discarded

    def __enter__(self) -> "WavWriter":
        return self

    def __exit__(self, failure, *_) -> None:
        self.commit() if failure is None else self.discard()

    def _header(self) -> bytes:
        rate, width = self.sample_rate, 2 * self.channels
        return _HEADER.pack(
            *(b"RIFF", _HEADER.size - 8 + self._bytes, b"WAVE"),
            *(b"fmt ", 16, 1, self.channels, rate, rate * width, width, 16),
            *(b"data", self._bytes),
        )
