"""Locks on a folder of wavs: one command writes into it, or several shards of one division."""

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from pathlib import Path

from keras_samplernn.errors import UserError
from keras_samplernn.files import writing
from keras_samplernn.shard import Shard

_SHARDS_LOCK = re.compile(r"\.generation-\d+of(\d+)\.lock")


def lock_of(out: Path, shard: Shard) -> Path:
    """Return the hidden file that a shard locks while it runs, and removes afterwards."""
    return out / f".generation-{shard.number}of{shard.count}.lock"


@contextlib.contextmanager
def locked_out(out: Path, shard: Shard | None) -> Iterator[None]:
    """Keep other `generate` processes out of a folder, if its file system has locks.

    Shards of the same number of parts write different files, so they let each other in.

    Args:
        out: an existing folder.
        shard: the part of the sounds that is made; None: all.

    Raises:
        UserError: another process writes there.
    """
    with contextlib.ExitStack() as held:
        with writing(out):
            folder = os.open(out, os.O_RDONLY)
        held.callback(os.close, folder)
        if not _lock(folder, fcntl.LOCK_EX if shard is None else fcntl.LOCK_SH):
            raise UserError(f"{out}: another `generate` is writing there; wait for it, or give --out another folder")
        if shard is not None:
            held.enter_context(_shard_locked(out, shard))
        yield


@contextlib.contextmanager
def _shard_locked(out: Path, shard: Shard) -> Iterator[None]:
    path = lock_of(out, shard)
    with writing(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    try:
        # A command that has just ended may have removed the file that was opened.
        if not _lock(descriptor, fcntl.LOCK_EX) or not _is_there(path, descriptor):
            raise UserError(
                f"{out}: another `generate --shard {shard}` is writing there; wait for it, or give --out another folder"
            )
        try:
            _refuse_other_divisions(out, shard)
            yield
        finally:
            with contextlib.suppress(OSError):
                path.unlink()
    finally:
        os.close(descriptor)


def _refuse_other_divisions(out: Path, shard: Shard) -> None:
    """Raise UserError if a shard of another number of parts is being made: both could make the same sound."""
    for path in out.iterdir():
        found = _SHARDS_LOCK.fullmatch(path.name)
        if found is None or int(found[1]) == shard.count:
            continue
        with contextlib.suppress(OSError):  # it has just ended
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            free = _lock(descriptor, fcntl.LOCK_SH)
            os.close(descriptor)
            if not free:
                raise UserError(
                    f"{out}: another `generate` is writing there, one of {found[1]} shards; wait for it, or give --out"
                    " another folder"
                )


def _lock(descriptor: int, kind: int) -> bool:
    """Lock an open file or folder; return False if another process has it."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network file systems have no locks
        pass
    return True


def _is_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except OSError:
        return False
