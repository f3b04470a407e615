"""The remembered hashes of files, in the cache folder: a table for each part of a corpus."""

import hashlib
import json
import os
import re
import time
import uuid
from contextlib import suppress
from pathlib import Path

from keras_samplernn.data.cache import HASHES, cache_folder
from keras_samplernn.errors import UserError
from keras_samplernn.files import staged_file

_SHA256 = re.compile("[0-9a-f]{64}")
# A file that is changed again within one tick of its clock looks unchanged: younger files are not remembered.
_SETTLED_NS = 3 * 10**9


class RememberedHashes:
    """SHA-256 of files; a file of known path, size and modification time is not read again.

    Args:
        table: name of the table; see `Part`.
    """

    def __init__(self, table: str):
        self._path = cache_folder() / HASHES / f"{table}.json"
        # By path: size in bytes, modification time in ns, digest.
        self._known: dict[str, list] = {}
        self._changed = False
        with suppress(OSError, ValueError, RecursionError):
            known = json.loads(self._path.read_text(encoding="utf-8"))
            if isinstance(known, dict):
                self._known = {path: entry for path, entry in known.items() if _is_entry(entry)}

    def known(self, path: Path) -> str | None:
        """Return the hex digest of the file at `path` if it is known."""
        with suppress(OSError):
            place, stamp = _stamp(path)
            return self._remembered(place, stamp)
        return None

    def sha256(self, path: Path) -> str:
        """Return the hex digest of the file at `path`; raise UserError where it cannot be read."""
        try:
            place, stamp = _stamp(path)
            if known := self._remembered(place, stamp):
                return known
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}; make it readable or move it away") from None
        self._known.pop(place, None)
        if time.time_ns() - stamp[1] > _SETTLED_NS:
            self._known[place] = [*stamp, digest]
            self._changed = True
        return digest

    def save(self) -> None:
        """Write the table if it has changed; if it cannot be written, files are read again the next time."""
        if not self._changed:
            return
        with suppress(OSError, UserError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # Several processes may write it at a time.
            hidden = self._path.with_name(f"{self._path.name}.{uuid.uuid4().hex}")
            with staged_file(self._path, hidden=hidden) as stream:
                stream.write(json.dumps(self._known).encode())

    def _remembered(self, place: str, stamp: list[int]) -> str | None:
        known = self._known.get(place)
        return known[2] if known is not None and known[:2] == stamp else None


def _stamp(path: Path) -> tuple[str, list[int]]:
    """Return the place of a file, and its size in bytes and modification time in ns."""
    status = path.stat()
    return os.path.abspath(path), [status.st_size, status.st_mtime_ns]  # noqa: PTH100 (a corpus has many files)


def _is_entry(entry: object) -> bool:
    return (
        isinstance(entry, list)
        and [type(value) for value in entry] == [int, int, str]
        and bool(_SHA256.fullmatch(entry[2]))
    )
