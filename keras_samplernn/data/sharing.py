"""The parts of a corpus prepared by this process, or by several on all cores, beside others that share the cache."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait as wait_for_any

from keras_samplernn.data.parts import Part, samples_in
from keras_samplernn.data.prepared_part import Preparation, Prepared
from keras_samplernn.errors import UserError
from keras_samplernn.machine import FLOAT_BYTES, machine_bytes

# Between two looks at what other processes have done.
WAIT_SECONDS = 0.2
# Imported libraries; and the copies of its longest sound that a process holds: decoded, resampled, with its conditions.
_PROCESS_BYTES, _COPIES = 200_000_000, 8

# Prepares parts by their numbers, and yields what became of each as it ends; None: another process is at it.
_Work = Callable[[Iterable[int]], Iterator[tuple[int, Prepared | None]]]


def prepare_parts(
    parts: Sequence[Part],
    preparation: Preparation,
    processes: int = 1,
    show: Callable[[int, int], None] = lambda done, total: None,
) -> list[Prepared]:
    """Prepare the parts that are not in the cache, and wait for those that other processes prepare.

    If such a process dies, its parts are prepared here.

    Args:
        parts: of a corpus.
        preparation: how.
        processes: how many of this program work at a time; with more than 1, all are spawned.
        show: called now and then with the estimated samples that are done, and those of all parts.

    Returns:
        What became of each part.

    Raises:
        UserError: the cache cannot be written, or a process cannot start.
    """
    if not parts:
        return []
    found: dict[int, Prepared] = {}
    total, others = samples_in(parts), 0
    processes = min(processes, len(parts), _most_processes(parts))

    def tell(own: int) -> None:
        show(min(own + others, total), total)

    with (_alone if processes == 1 else _together)(parts, preparation, processes, tell) as work:
        while left := [number for number in range(len(parts)) if number not in found]:
            before = len(found)
            for number, prepared in work(left):
                if prepared is not None:
                    found[number] = prepared
                    others += 0 if prepared.fresh else samples_in([parts[number]])
            if len(found) == before:
                tell(0)
                time.sleep(WAIT_SECONDS)
    return [found[number] for number in range(len(parts))]


def _most_processes(parts: Sequence[Part]) -> int:
    longest = max(max(part.samples) for part in parts)
    return max(machine_bytes() // 2 // (_PROCESS_BYTES + _COPIES * FLOAT_BYTES * longest), 1)


@contextmanager
def _alone(parts: Sequence[Part], preparation: Preparation, _, tell: Callable[[int], None]) -> Iterator[_Work]:
    own = 0

    def done(samples: int) -> None:
        nonlocal own
        own += samples
        tell(own)

    yield lambda numbers: ((number, preparation.prepare(parts[number], done)) for number in numbers)


@contextmanager
def _together(
    parts: Sequence[Part], preparation: Preparation, processes: int, tell: Callable[[int], None]
) -> Iterator[_Work]:
    # spawn, not fork: TensorFlow's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    own, stopped = context.Value("q", 0), context.Event()
    pool = ProcessPoolExecutor(processes, context, _begin, (preparation, own, stopped))

    def work(numbers: Iterable[int]) -> Iterator[tuple[int, Prepared | None]]:
        number_of = {pool.submit(_prepare, parts[number]): number for number in numbers}
        while number_of:
            for future in wait(number_of, WAIT_SECONDS, FIRST_COMPLETED).done:
                result = future.result()
                if isinstance(result, list):
                    raise UserError(*result)
                yield number_of.pop(future), result
            tell(own.value)

    try:
        yield work
    except BrokenProcessPool:
        raise UserError(
            "a process that prepares sounds was killed: is there too little memory? free some, and give the same"
            " command again, which goes on from here"
        ) from None
    finally:
        stopped.set()
        pool.shutdown(cancel_futures=True)


class _Stopped(Exception):
    """The program ends; what is half-written is removed."""


def _begin(preparation: Preparation, own, stopped) -> None:
    """Begin a process of the pool."""
    global _shared
    _shared = preparation, own, stopped
    # Ctrl-C reaches every process of a terminal; the first one tells the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    wait_for_any([multiprocessing.parent_process().sentinel])
    os._exit(1)


def _prepare(part: Part) -> Prepared | list[str] | None:
    """Prepare a part in a process of the pool; return the lines of a UserError, which does not survive pickling."""
    preparation, own, stopped = _shared

    def done(samples: int) -> None:
        if stopped.is_set():
            raise _Stopped
        with own.get_lock():
            own.value += samples

    try:
        return preparation.prepare(part, done)
    except UserError as error:
        return list(error.lines)
