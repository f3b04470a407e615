"""What workers tell each other: that all can start, with the same work; what the chief has read; that one is lost."""

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import tensorflow as tf

from keras_samplernn.distribution.replicas import Replicas
from keras_samplernn.errors import UserError

# What a collective operation raises, by how the connection ended.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.UnknownError,
)
# Numbers of 8 bytes that are sent at a time.
_PIECE = 1 << 22


def from_chief(replicas: Replicas, content: bytes) -> bytes:
    """Return the bytes that the chief calls this with; every worker calls it, the others with any bytes."""
    if replicas.workers == 1:
        return content
    mine = content if replicas.is_chief else b""
    length = int(replicas.total_of_workers(np.array([len(mine)]))[0])
    pieces = []
    for start in range(0, length, 8 * _PIECE):
        size = min(8 * _PIECE, length - start)
        piece = mine[start : start + size].ljust(-(-size // 8) * 8, b"\0")
        numbers = np.frombuffer(piece, np.int64) if replicas.is_chief else np.zeros(-(-size // 8), np.int64)
        pieces.append(replicas.total_of_workers(numbers).tobytes()[:size])
    return b"".join(pieces)


@contextlib.contextmanager
def starting_together(replicas: Replicas) -> Iterator[None]:
    """Let no worker go on after the block before all have come to its end; where one fails in it, all end.

    Raises:
        UserError: that of the block, or which other workers have failed.
    """
    failed = np.zeros(replicas.workers, np.int64)
    try:
        yield
    except Exception:
        failed[replicas.worker] = 1
        replicas.total_of_workers(failed)
        raise
    others = np.flatnonzero(replicas.total_of_workers(failed))
    if len(others):
        raise UserError(f"{_workers(others)} could not start, as told there; mend that, and start all workers again")


def check_same(replicas: Replicas, tell_facts: Callable[[], Mapping[str, str]]) -> None:
    """Compare what the workers will work on.

    Args:
        replicas: of all workers, each of which calls this.
        tell_facts: returns text, by what it is: "the spec", "the sounds". Not called where a worker is alone.

    Raises:
        UserError: on every worker, one line for each fact in which some differ from the chief.
    """
    if replicas.workers == 1:
        return
    facts = tell_facts()
    digests = np.zeros((replicas.workers, len(facts)), np.int64)
    for column, text in enumerate(facts.values()):
        digests[replicas.worker, column] = int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")
    digests = replicas.total_of_workers(digests)
    differing = (digests != digests[0]).T
    problems = [
        f"{_workers(np.flatnonzero(others))} differ in {fact} from worker 0; start all workers with the same command on"
        " the same files and the same versions"
        for fact, others in zip(facts, differing, strict=True)
        if others.any()
    ]
    if problems:
        raise UserError(*problems)


@contextlib.contextmanager
def telling_lost_workers(replicas: Replicas) -> Iterator[None]:
    """Turn the error of a step that another worker does not take part in into a UserError."""
    try:
        yield
    except _LOST as error:
        if replicas.workers == 1:
            raise
        raise UserError(
            f"worker {replicas.worker} of {replicas.workers}: another worker has ended or cannot be reached"
            f" ({type(error).__name__}); the last checkpoint is kept: start all workers again with the same command"
        ) from error


def _workers(numbers: np.ndarray) -> str:
    return f"worker {', '.join(map(str, numbers))}"
