"""A process of its own for native decoders.

Nothing heavy is imported at the top: the worker sets its environment before TensorFlow is loaded there.
"""

import contextlib
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from keras_samplernn.data.inspection import AudioInfo

# Of the processor's time, so that a machine's other work is no file's fault; and how many times as long by the clock.
LEAST_SECONDS, LEAST_BYTES_A_SECOND, PATIENCE = 2.0, 1_000_000, 30
# Enough to hide the disk; every decoded file in flight is held in memory whole.
PARALLEL_FILES = min(4, os.cpu_count() or 1)
_READY = "ready"


def decode_in_worker(infos: "Sequence[AudioInfo]") -> "Iterator[np.ndarray | str]":
    """Decode in a spawned process; yield, in order, (samples, channels) float32 or the decoder's words.

    Where the worker dies or is at a file for too long, a new one is given the rest one file at a time, so that the
    guilty file is known.

    Raises:
        RuntimeError: a worker could not start.
    """
    pending, at_once = deque(infos), True
    while pending:
        with _Worker() as worker:
            alive = True
            while pending and alive:
                group = list(pending) if at_once else [pending[0]]
                # Several at once are decoded side by side.
                seconds = [_seconds_for(info) * (PARALLEL_FILES if at_once else 1) for info in group]
                try:
                    worker.connection.send((group, seconds))
                    for limit in seconds:
                        wave = worker.receive(PATIENCE * limit)
                        pending.popleft()
                        yield wave
                except (EOFError, ConnectionError, TimeoutError) as fault:
                    alive = False
                    if not at_once:
                        status = None if isinstance(fault, TimeoutError) else worker.exit_status()
                        hung = status in (None, -signal.SIGPROF)
                        pending.popleft()
                        yield f"the decoder {'did not end' if hung else f'died of it (exit status {status})'}"
                    at_once = False


def _seconds_for(info: "AudioInfo") -> float:
    """Return how long a decoder may compute at a file: many times what it needs for one of that size."""
    with contextlib.suppress(OSError):  # the decoder will say that it is gone
        return LEAST_SECONDS + info.path.stat().st_size / LEAST_BYTES_A_SECOND
    return LEAST_SECONDS


class _Worker:
    """A spawned process and the connection to it; killed on leaving."""

    def __enter__(self) -> "_Worker":
        # spawn, not fork: TensorFlow's threads do not survive a fork.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        try:
            said = self.connection.recv()
        except (EOFError, ConnectionError):
            # No file is to blame: most often the program's own script has no `if __name__ == "__main__":`.
            said = f"exit status {self.exit_status()}"
        if said != _READY:
            self.__exit__()
            raise RuntimeError(f"the decoding process could not start: {said}")
        return self

    def __exit__(self, *_) -> None:
        self._process.kill()
        self._process.join()
        self.connection.close()

    def receive(self, seconds: float) -> "np.ndarray | str":
        """Return what the process sends next; TimeoutError where it takes longer, EOFError where it dies."""
        import numpy as np

        if not self.connection.poll(seconds):
            raise TimeoutError
        shape = self.connection.recv()
        if isinstance(shape, str):
            return shape
        return np.frombuffer(self.connection.recv_bytes(), np.float32).reshape(shape)

    def exit_status(self) -> int | None:
        self._process.join(timeout=5)
        return self._process.exitcode


def _send(connection: Connection, wave: "np.ndarray | str") -> None:
    """Send what `_Worker.receive` returns; samples as they lie in memory, since pickling would copy them."""
    if isinstance(wave, str):
        connection.send(wave)
        return
    connection.send(wave.shape)
    connection.send_bytes(wave.reshape(-1).view("uint8"))


def _serve(connection: Connection) -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    # TensorFlow and native decoders write remarks to stderr that no setting hides; what matters is sent.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    try:
        from keras_samplernn.data.inspection import has_tensorflow_io
        from keras_samplernn.data.pipeline import run_pipeline

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
        waves = run_pipeline(group, PARALLEL_FILES)
        for limit in seconds:
            # Its signal ends the process, in the midst of native code too.
            signal.setitimer(signal.ITIMER_PROF, limit)
            _send(connection, next(waves))
        signal.setitimer(signal.ITIMER_PROF, 0)
