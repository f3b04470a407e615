"""The user's cache folder: prepared corpora, and the remembered hashes of files."""

import hashlib
import json
import os
import re
import shutil
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from keras_samplernn.errors import UserError
from keras_samplernn.files import home_folder, staged_file, staged_folder, writing

MANIFEST = "manifest.json"
_HASHES = "hashes.json"
_ENTRY = re.compile(r"[0-9a-f]{32}")
_STAGED = ".staged-"
_OTHER_FOLDER = "set KERAS_SAMPLERNN_CACHE to another folder"
# A file changed again within its clock's tick looks unchanged: younger files are not remembered.
_SETTLED_NS = 3 * 10**9


@dataclass(frozen=True)
class CacheEntry:
    """One prepared corpus in the cache.

    Attributes:
        folder: where it lies.
        manifest: its manifest; see `Corpus`.
        size_bytes: what it takes on disk.
    """

    folder: Path
    manifest: dict
    size_bytes: int


def cache_folder() -> Path:
    """Return `$KERAS_SAMPLERNN_CACHE`, or `keras_samplernn` in the user's cache folder."""
    if chosen := os.environ.get("KERAS_SAMPLERNN_CACHE"):
        try:
            return Path(chosen).expanduser()
        except RuntimeError:
            raise UserError(f"KERAS_SAMPLERNN_CACHE = {chosen}: there is no such home; set an absolute path") from None
    if sys.platform == "darwin":
        return home_folder() / "Library" / "Caches" / "keras_samplernn"
    base = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    return (Path(base) if base else home_folder() / ".cache") / "keras_samplernn"


def list_cache() -> list[CacheEntry]:
    """Return the prepared corpora in the cache, sorted by folder."""
    entries = []
    for folder in _ours(cache_folder(), _ENTRY.fullmatch):
        with suppress(OSError, ValueError):
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            entries.append(CacheEntry(folder, manifest, _size(folder)))
    return entries


def clear_cache() -> int:
    """Remove the prepared corpora, what interrupted runs left, and the remembered hashes; return the bytes freed.

    Other files that lie in the cache folder are left alone.
    """
    freed = 0
    for folder in _ours(cache_folder(), lambda name: _ENTRY.fullmatch(name) or name.startswith(_STAGED)):
        freed += _size(folder)
        shutil.rmtree(folder, ignore_errors=True)
    for table in cache_folder().glob(f"{_HASHES}*"):
        table.unlink(missing_ok=True)
    return freed


@contextmanager
def staged_entry(key: str) -> Iterator[Path]:
    """Give an empty folder to fill; when the block ends well it is synced and becomes the entry `key`.

    Where another process was faster, its entry stays: it holds the same. Raises UserError where the cache cannot be
    written.
    """
    root = cache_folder()
    with writing(root, _OTHER_FOLDER):
        root.mkdir(parents=True, exist_ok=True)
        hidden = root / f"{_STAGED}{uuid.uuid4().hex}"
        with staged_folder(root / key, hidden=hidden, instead=_OTHER_FOLDER, place=_place_entry) as staged:
            yield staged


def _place_entry(staged: Path, entry: Path) -> None:
    try:
        staged.rename(entry)
    except OSError:
        if not (entry / MANIFEST).is_file():
            raise


class RememberedHashes:
    """SHA-256 of files; a file of known path, size and modification time is not read again."""

    def __init__(self):
        self._path = cache_folder() / _HASHES
        self._known: dict[str, list] = {}
        with suppress(OSError, ValueError):
            known = json.loads(self._path.read_text(encoding="utf-8"))
            self._known = known if isinstance(known, dict) else {}

    def sha256(self, path: Path) -> str:
        """Return the hex digest of the file at `path`; raise UserError where it cannot be read."""
        try:
            status = path.stat()
            place, stamp = str(path.absolute()), [status.st_size, status.st_mtime_ns]
            known = self._known.get(place)
            if isinstance(known, list) and len(known) == 3 and known[:2] == stamp:
                return known[2]
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}; make it readable or move it away") from None
        self._known.pop(place, None)
        if time.time_ns() - status.st_mtime_ns > _SETTLED_NS:
            self._known[place] = [*stamp, digest]
        return digest

    def save(self) -> None:
        """Write the table beside itself and rename; one that cannot be written only costs time later."""
        with suppress(OSError, UserError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            hidden = self._path.with_name(f"{_HASHES}.{uuid.uuid4().hex}")
            with staged_file(self._path, hidden=hidden) as stream:
                stream.write(json.dumps(self._known).encode())


def _ours(root: Path, is_ours) -> list[Path]:
    if not root.is_dir():
        return []
    return sorted(folder for folder in root.iterdir() if folder.is_dir() and is_ours(folder.name))


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
