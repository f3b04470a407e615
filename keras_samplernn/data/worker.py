"""A process of its own for native decoders, so that one that crashes does not end the program.

Nothing heavy is imported at the top: the process sets its environment before it loads TensorFlow.
"""

import contextlib
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from keras_samplernn.errors import UserError
from keras_samplernn.machine import usable_cores

if TYPE_CHECKING:
    from keras_samplernn.data.inspection import AudioInfo
    from keras_samplernn.data.native import Decoded

# A decoder's limit is processor time, so that other work on the machine does not count; by the clock it may take
# PATIENCE times as long.
LEAST_SECONDS, LEAST_BYTES_A_SECOND, PATIENCE = 2.0, 1_000_000, 30
# Enough to hide the disk; every file that is being decoded is held in memory whole.
PARALLEL_FILES = min(4, usable_cores())
_READY = "ready"


def decode_in_worker(infos: "Sequence[AudioInfo]") -> "Iterator[Decoded]":
    """Decode in a spawned process; yield the results in order.

    If the process dies or takes too long, new ones decode the rest one file at a time, which shows the file that
    was the cause.

    Raises:
        UserError: the process could not start.
    """
    pending, at_once = deque(infos), True
    while pending:
        with _Worker() as worker:
            alive = True
            while pending and alive:
                group = list(pending) if at_once else [pending[0]]
                # Several at once share the processor.
                seconds = [_seconds_for(info) * (PARALLEL_FILES if at_once else 1) for info in group]
                try:
                    worker.connection.send((group, seconds))
                    for limit in seconds:
                        decoded = worker.receive(PATIENCE * limit)
                        pending.popleft()
                        yield decoded
                # A process that is killed while it sends leaves part of a message, which is a plain OSError.
                except (EOFError, OSError) as fault:
                    alive = False
                    if not at_once:
                        status = None if isinstance(fault, TimeoutError) else worker.exit_status()
                        too_slow = status in (None, -signal.SIGPROF)
                        pending.popleft()
                        yield _failed("took too long" if too_slow else f"crashed (exit status {status})")
                    at_once = False


def _seconds_for(info: "AudioInfo") -> float:
    """Return how long a decoder may compute: many times what a file of that size needs."""
    with contextlib.suppress(OSError):  # the decoder reports a file that is gone
        return LEAST_SECONDS + info.path.stat().st_size / LEAST_BYTES_A_SECOND
    return LEAST_SECONDS


class _Worker:
    """A spawned process and the connection to it; killed on leaving."""

    def __enter__(self) -> "_Worker":
        # spawn, not fork: TensorFlow's threads do not survive a fork.
        context = multiprocessing.get_context("spawn")
        try:
            self.connection, theirs = context.Pipe()
            with theirs:
                self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
                self._process.start()
        except OSError as error:
            raise _cannot_start(error.strerror or str(error)) from error
        try:
            answer = self.connection.recv()
        except (EOFError, OSError):
            answer = f"exit status {self.exit_status()}"
        if answer != _READY:
            self.__exit__()
            raise _cannot_start(answer)
        return self

    def __exit__(self, *_) -> None:
        self._process.kill()
        self._process.join()
        self.connection.close()

    def receive(self, seconds: float) -> "Decoded":
        """Return what the process sends next.

        Raises:
            TimeoutError: it takes longer than `seconds`.
            EOFError, OSError: it has died.
        """
        import numpy as np

        from keras_samplernn.data.native import Decoded

        if not self.connection.poll(seconds):
            raise TimeoutError
        shape, fault = self.connection.recv()
        return Decoded(np.frombuffer(self.connection.recv_bytes(), np.float32).reshape(shape), fault)

    def exit_status(self) -> int | None:
        self._process.join(timeout=5)
        return self._process.exitcode


def _cannot_start(reason: str) -> UserError:
    return UserError(
        f"FLAC, Ogg, Opus and MP3 files: the process that decodes them could not start ({reason}); free memory, or"
        ' convert the files to WAV; in a Python script of your own, begin its calls under `if __name__ == "__main__":`'
    )


def _failed(how: str) -> "Decoded":
    import numpy as np

    from keras_samplernn.data.native import Decoded

    return Decoded(np.zeros((0, 1), np.float32), f"the decoder {how}")


def _send(connection: Connection, decoded: "Decoded") -> None:
    """Send what `_Worker.receive` returns; samples as they lie in memory, since pickling would copy them."""
    connection.send((decoded.wave.shape, decoded.fault))
    connection.send_bytes(decoded.wave.reshape(-1).view("uint8"))


def _serve(connection: Connection) -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    # TensorFlow and native decoders write remarks to stderr that no setting hides; errors are sent.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    try:
        from keras_samplernn.data.inspection import has_tensorflow_io
        from keras_samplernn.data.native import decode_all

        has_tensorflow_io()  # imports it, which takes longer than a file may
    except Exception as error:
        connection.send(repr(error))
        return
    connection.send(_READY)
    while True:
        try:
            group, seconds = connection.recv()
        except EOFError:
            return
        decoded = decode_all(group, PARALLEL_FILES)
        for limit in seconds:
            # When it runs out, its signal ends the process, even inside native code.
            signal.setitimer(signal.ITIMER_PROF, limit)
            _send(connection, next(decoded))
        signal.setitimer(signal.ITIMER_PROF, 0)
