"""Who prepares a part: processes that share a cache folder, on one host or several, claim parts by locked files.

Nothing depends on a claim but that no work is done twice: what is prepared takes its name as a whole, and where two
processes have made the same, one is kept.
"""

import enum
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from keras_samplernn.data.cache import CLAIM, cache_folder


class Claim(enum.Enum):
    """What became of a claim.

    Attributes:
        TAKEN: another process holds it.
        HELD: this process holds it until it is released, or the process ends, however it ends.
        UNKNOWN: there are no locks here; another process may think that it holds it too.
    """

    TAKEN = enum.auto()
    HELD = enum.auto()
    UNKNOWN = enum.auto()


@contextmanager
def claimed(place: str) -> Iterator[Claim]:
    """Claim what has that place, for the block.

    The lock is on a file that is open for writing, since NFS gives no other one on a whole file. The system releases it
    when its process dies, on whichever host that is. On a file system without locks the claim is UNKNOWN: then a part
    may be prepared twice, which costs time, and never not at all.
    """
    path = cache_folder() / f"{CLAIM}{place}"
    while True:
        try:
            cache_folder().mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:  # the cache is only read
            yield Claim.UNKNOWN
            return
        try:
            claim = _lock(descriptor)
            if claim is Claim.HELD and not _has_name(descriptor, path):
                continue  # whoever held it has removed the file; claim the one that has its name now
            try:
                yield claim
            finally:
                # While it is locked: a file of that name is always the one that counts.
                if claim is not Claim.TAKEN:
                    with suppress(OSError):
                        path.unlink()
            return
        finally:
            os.close(descriptor)


def _lock(descriptor: int) -> Claim:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return Claim.TAKEN
    except OSError:
        return Claim.UNKNOWN
    return Claim.HELD


def _has_name(descriptor: int, path: Path) -> bool:
    with suppress(OSError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False
