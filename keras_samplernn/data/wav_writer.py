"""Sound to disk: nothing, or the whole file."""

import os
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np

from keras_samplernn.errors import UserError
from keras_samplernn.files import create_file, partial_of, sync_folder, writing

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")


class WavWriter:
    """Streams 16-bit PCM, mono, into a WAV file.

    The samples go to a hidden file beside the target, which `commit` syncs and renames and `discard` removes: under
    its own name there is only ever a whole file. No samples make a valid WAV of 0 frames. As a context manager it
    commits when the block ends well and discards when it does not.

    Args:
        path: the file to write; its folder exists.
        sample_rate: in Hz.

    Raises:
        UserError: the file cannot be written, or outgrows the 4 GiB of a WAV file.
    """

    def __init__(self, path: str | Path, sample_rate: int):
        self.path = Path(path)
        self.sample_rate = sample_rate
        self._staged = partial_of(self.path)
        self._bytes = 0
        with writing(self.path):
            self._file = create_file(self._staged)
            self._file.write(self._header())

    def write(self, wave) -> None:
        """Append samples, (n,) floats in [-1, 1]; what is beyond is clipped."""
        wave = np.asarray(wave, np.float32)
        data = np.clip(np.rint(wave * 32768), -32768, 32767).astype("<i2").tobytes()
        if self._bytes + len(data) > 0xFFFFFFFF - _HEADER.size:
            raise UserError(f"{self.path}: a WAV file holds 4 GiB at most; generate shorter sounds")
        with writing(self.path):
            self._file.write(data)
        self._bytes += len(data)

    def commit(self) -> None:
        """Give the file its name: it is whole."""
        try:
            with writing(self.path):
                self._file.seek(0)
                self._file.write(self._header())
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
                self._staged.replace(self.path)
                sync_folder(self.path.parent)
        finally:
            self.discard()

    def discard(self) -> None:
        """Remove what was written, unless it was committed."""
        # A full disk fails once more when the buffer is flushed; the first failure is the one told.
        with suppress(OSError):
            self._file.close()
        self._staged.unlink(missing_ok=True)

    def __enter__(self) -> "WavWriter":
        return self

    def __exit__(self, failure, *_) -> None:
        self.commit() if failure is None else self.discard()

    def _header(self) -> bytes:
        rate = self.sample_rate
        return _HEADER.pack(
            *(b"RIFF", _HEADER.size - 8 + self._bytes, b"WAVE"),
            *(b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16),
            *(b"data", self._bytes),
        )
