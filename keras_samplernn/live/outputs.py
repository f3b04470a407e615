"""Where the sound goes: raw PCM on a stream, a wav, or a sound device. All of them empty a ring."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol

import numpy as np

from keras_samplernn.data.wav_writer import WavWriter, to_pcm16
from keras_samplernn.errors import UserError
from keras_samplernn.live.ring import Ring

# A reader that plays keeps time itself, and its clock is not ours: a little faster, it never waits for us.
_HASTE = 1.0005
_PIPE_BYTES = 4096
_WAIT_SECONDS = 0.1


class Output(Protocol):
    """Plays what a ring gives until that has ended.

    Attributes:
        late: number of blocks that were not there when they were to be played.
    """

    late: int

    def play(self, ring: Ring, on_block: Callable[[np.ndarray], None], show: Callable[[], None]) -> None:
        """Play until the ring has ended.

        Args:
            ring: of blocks.
            on_block: called with each block that is played, `(n, channels)`, perhaps in a thread that must not wait.
            show: called now and then, in the thread that called this.
        """

    def __enter__(self) -> "Output": ...

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class _Clock:
    """Waits until the next block is due, by the time of its samples."""

    def __init__(self, sample_rate: float):
        self._sample_rate, self._due = sample_rate, None

    def left(self) -> float:
        """Return the seconds until the next block is due; the first one is due at once."""
        return 0.0 if self._due is None else self._due - time.monotonic()

    def wait(self, samples: int) -> None:
        """Wait until a block of so many samples is due."""
        while (left := self.left()) > 0:
            time.sleep(min(left, _WAIT_SECONDS))
        now = time.monotonic()
        # What came late does not make up for it in a hurry.
        begins = now if self._due is None or left < -samples / self._sample_rate else self._due
        self._due = begins + samples / self._sample_rate


class PcmStream:
    """Raw little-endian 16-bit PCM, channels side by side, in time; a block that is late is silence.

    Args:
        stream: takes bytes, such as stdout.
        sample_rate: in Hz.
        block: samples of a block.
    """

    def __init__(self, stream: BinaryIO, sample_rate: int, block: int):
        self._stream, self._block = stream, block
        self._clock = _Clock(sample_rate * _HASTE)
        self.late = 0
        _shorten_pipe(stream)

    def play(self, ring: Ring, on_block: Callable[[np.ndarray], None], show: Callable[[], None]) -> None:
        """Play until the ring has ended, or nobody reads any more."""
        ring.wait()
        while not ring.ended:
            self._clock.wait(self._block)
            block = ring.take(self._block)
            self.late = ring.underruns
            on_block(block)
            show()
            try:
                self._stream.write(to_pcm16(block).astype("<i2").tobytes())
                self._stream.flush()
            except (BrokenPipeError, ConnectionResetError):
                ring.close()
                return

    def __enter__(self) -> "PcmStream":
        return self

    def __exit__(self, *failure: object) -> None:
        pass


class WavFile:
    """A wav, in time; a block that is late is waited for, so that nothing is lost.

    Args:
        path: the file; it gets its name when it is whole.
        sample_rate: in Hz.
        channels: of the sound.
    """

    def __init__(self, path: Path, sample_rate: int, channels: int):
        self._writer = WavWriter(path, sample_rate, channels)
        self._clock = _Clock(sample_rate)
        self.late = 0

    def play(self, ring: Ring, on_block: Callable[[np.ndarray], None], show: Callable[[], None]) -> None:
        """Write until the ring has ended."""
        ring.wait()
        while not ring.ended:
            block = ring.next(max(self._clock.left(), 0.0))
            if block is None and not ring.ended:
                self.late += 1
                block = ring.next()
            if block is None:
                break
            self._clock.wait(len(block))
            on_block(block)
            show()
            self._writer.write(block.reshape(-1))

    def __enter__(self) -> "WavFile":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._writer.commit() if kind is None or not issubclass(kind, Exception) else self._writer.discard()


class Device:
    """A sound device, by PortAudio; its callback only copies. Needs sounddevice, the extra `live`.

    Args:
        name: of the device or a part of it, or its number; "default" is the system's.
        sample_rate: in Hz.
        channels: of the sound.
        block: samples of a block.

    Raises:
        UserError: sounddevice or PortAudio is missing, or the device does not open.
    """

    def __init__(self, name: str, sample_rate: int, channels: int, block: int):
        try:
            import sounddevice
        except ImportError:
            raise UserError(
                f'--out {name}: a sound device needs sounddevice; install "keras-samplernn[live]", or give a .wav or -'
            ) from None
        except OSError as error:
            raise UserError(
                f"--out {name}: sounddevice found no PortAudio ({error}); install it (Debian: libportaudio2), or give"
                " --out - and a player, as in live RUN --out - | aplay -f S16_LE -r RATE"
            ) from None
        chosen = None if name == "default" else int(name) if name.isdecimal() else name
        self.late, self._ring, self._on_block = 0, None, None
        try:
            self._stream = sounddevice.OutputStream(
                samplerate=sample_rate,
                blocksize=block,
                device=chosen,
                channels=channels,
                dtype="float32",
                latency="low",
                callback=self._callback,
            )
        except (sounddevice.PortAudioError, ValueError) as error:
            known = ", ".join(f"{one['index']} {one['name']}" for one in sounddevice.query_devices())
            raise UserError(
                f"--out {name}: does not open at {sample_rate} Hz ({error}); give another --rate, or one of the devices"
                f" {known or '(there are none)'}"
            ) from None

    def play(self, ring: Ring, on_block: Callable[[np.ndarray], None], show: Callable[[], None]) -> None:
        """Play until the ring has ended."""
        self._ring, self._on_block = ring, on_block
        ring.wait()
        with self._stream:
            while not ring.ended:
                time.sleep(_WAIT_SECONDS)
                self.late = ring.underruns
                show()

    def _callback(self, out: np.ndarray, frames: int, _time: object, _status: object) -> None:
        sound = self._ring.take(frames)
        out[: len(sound)], out[len(sound) :] = sound, 0
        self._on_block(sound)

    def __enter__(self) -> "Device":
        return self

    def __exit__(self, *failure: object) -> None:
        self._stream.close()


def _shorten_pipe(stream: BinaryIO) -> None:
    """Let a pipe hold as little as it can: what it holds is heard later than what was asked for after it."""
    try:
        import fcntl

        fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    except (ImportError, OSError, AttributeError, ValueError):
        return  # a file, a socket, or another system


def is_stdout(out: str) -> bool:
    """Return whether an output is the standard output."""
    return out == "-"


def is_wav(out: str) -> bool:
    """Return whether an output is a file."""
    return out.lower().endswith(".wav") or os.sep in out
