"""Faults on purpose: the disk is full, or the process dies, at the nth operation that changes the disk."""

import contextlib
import errno
import io
import os
import signal
from collections.abc import Callable, Iterator
from unittest import mock

CHANGES = ("mkdir", "rename", "replace", "unlink", "rmdir", "fsync")


class Killed(BaseException):
    """The process is dead: nothing that it would do afterwards reaches the disk."""


@contextlib.contextmanager
def watched(before: Callable[[str], None]) -> Iterator[None]:
    """Call `before(kind)` ahead of every write of Python's to a file, and of each of `CHANGES`."""

    class File(io.FileIO):
        def write(self, data) -> int:
            before("write")
            return super().write(data)

    io_open = io.open

    def opened(file, mode="r", *args, **options):
        if isinstance(file, int) or "b" not in mode or not set(mode) & set("wxa+"):
            return io_open(file, mode, *args, **options)
        before("open")
        return (io.BufferedRandom if "+" in mode else io.BufferedWriter)(
            File(file, mode.replace("b", ""), opener=options.get("opener"))
        )

    def announced(kind: str) -> Callable:
        function = getattr(os, kind)

        def call(*args, **options):
            before(kind)
            return function(*args, **options)

        return call

    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(io, "open", opened))
        for kind in CHANGES:
            stack.enter_context(mock.patch.object(os, kind, announced(kind)))
        yield


def operations(function: Callable[[], object]) -> list[str]:
    """Call a function and return the kinds of its operations, in order."""
    kinds: list[str] = []
    with watched(kinds.append):
        function()
    return kinds


@contextlib.contextmanager
def killed_at(number: int) -> Iterator[None]:
    """Die at the operation of that number, counted from 0: it and all later ones raise Killed."""
    done = 0

    def before(kind: str) -> None:
        nonlocal done
        done += 1
        if done > number:
            raise Killed

    with watched(before), contextlib.suppress(Killed):
        yield


@contextlib.contextmanager
def dying_at(number: int) -> Iterator[None]:
    """Kill this process itself at the operation of that number, counted from 0."""
    left = number

    def before(kind: str) -> None:
        nonlocal left
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    with watched(before):
        yield


@contextlib.contextmanager
def disk_full_at(number: int) -> Iterator[None]:
    """From the operation of that number on, the disk takes nothing more; removing and renaming still work."""
    done = 0

    def before(kind: str) -> None:
        nonlocal done
        done += 1
        if done > number and kind in ("open", "write", "mkdir", "fsync"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with watched(before):
        yield
