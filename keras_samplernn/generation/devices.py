"""Several devices at once: which there are, and what is made on each, gathered in one thread."""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

Piece = TypeVar("Piece")


def visible_devices() -> list[str]:
    """Return the names of TensorFlow's GPUs, or of its CPUs if there is no GPU; a CPU is one unless it was divided."""
    import tensorflow

    devices = tensorflow.config.list_logical_devices("GPU") or tensorflow.config.list_logical_devices("CPU")
    return [device.name for device in devices]


def on_device(name: str | None) -> contextlib.AbstractContextManager[Any]:
    """Return a context in which this thread computes on a device; None: on the one that TensorFlow chooses."""
    if name is None:
        return contextlib.nullcontext()
    import tensorflow

    return tensorflow.device(name)


class _Stopped(BaseException):
    """Nobody takes the pieces any more."""


def gathered(streams: Sequence[Callable[[], Iterator[Piece]]]) -> Iterator[Piece]:
    """Run streams side by side, each in a thread of its own, and yield their pieces as they come.

    Each stream's pieces keep their order. A stream waits if its pieces are not taken. Once one has failed, or the
    iterator is closed, all of them end at their next piece.

    Args:
        streams: each is called in its thread, which has no device set.

    Raises:
        Exception: what a stream raised.
    """
    pieces: queue.Queue = queue.Queue(maxsize=2 * len(streams))
    stopped = threading.Event()

    def put(piece: Piece | None, failure: BaseException | None = None) -> None:
        while not stopped.is_set():
            with contextlib.suppress(queue.Full):
                return pieces.put((piece, failure), timeout=0.1)
        raise _Stopped

    def run(stream: Callable[[], Iterator[Piece]]) -> None:
        with contextlib.suppress(_Stopped):
            try:
                for piece in stream():
                    put(piece)
                put(None)
            except Exception as error:  # the thread that takes the pieces raises it
                put(None, error)

    threads = [threading.Thread(target=run, args=(stream,), daemon=True) for stream in streams]
    for thread in threads:
        thread.start()
    left = len(threads)
    try:
        while left:
            piece, failure = pieces.get()
            if failure is not None:
                raise failure
            if piece is None:
                left -= 1
            else:
                yield piece
    finally:
        stopped.set()
        for thread in threads:
            thread.join()
