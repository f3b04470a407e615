"""The user's cache folder, the prepared corpora in it, and the parts that they are made of."""

import fcntl
import os
import re
import shutil
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from keras_samplernn.data.manifest import read_manifest
from keras_samplernn.errors import UserError
from keras_samplernn.files import home_folder, remove, staged_folder, writing

HASHES = "hashes"
CLAIM = ".claim-"
_ENTRY = re.compile(r"[0-9a-f]{32}")
_PART = re.compile(r"part-[0-9a-f]{32}")
_HIDDEN = ".staged-"
_OLDER_HASHES = "hashes.json"
_OTHER_FOLDER = "set KERAS_SAMPLERNN_CACHE to another folder"


@dataclass(frozen=True)
class CacheEntry:
    """One prepared corpus in the cache.

    Attributes:
        folder: its folder.
        manifest: its manifest; see `Corpus`.
        size_bytes: its size on the disk, with that of its parts, which other corpora may share.
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
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else home_folder() / ".cache") / "keras_samplernn"


def part_name(key: str) -> str:
    """Return the name of the folder of a part, which lies beside those of the corpora."""
    return f"part-{key}"


def list_cache() -> list[CacheEntry]:
    """Return the prepared corpora in the cache, sorted by folder; what is damaged is left out."""
    entries = []
    for folder in _folders(_ENTRY.fullmatch):
        with suppress(OSError, ValueError):
            entries.append(cache_entry(folder, read_manifest(folder)))
    return entries


def cache_entry(folder: Path, manifest: dict) -> CacheEntry:
    """Return the entry of a corpus with its size."""
    return CacheEntry(folder, manifest, _size(folder) + sum(map(_size, _parts_of(manifest))))


def loose_parts(entries: Iterable[CacheEntry]) -> tuple[int, int]:
    """Return how many parts in the cache belong to none of the corpora, and their size in bytes.

    They come from a preparation that is not done, or from sounds that have changed since.
    """
    named = {folder for entry in entries for folder in _parts_of(entry.manifest)}
    loose = [folder for folder in _folders(_PART.fullmatch) if folder not in named]
    return len(loose), sum(map(_size, loose))


def clear_cache(say: Callable[[str], None] = print) -> int:
    """Remove the prepared corpora, what interrupted preparations left, and the remembered hashes.

    Other files in the cache folder are kept, and so are the finished parts and the staged files of a preparation that
    is under way.

    Args:
        say: called with a line for people if something was kept for a preparation that is under way.

    Returns:
        The bytes freed.
    """
    removed = _folders(_ENTRY.fullmatch)
    with _locked(fcntl.LOCK_EX | fcntl.LOCK_NB) as alone:
        parts, staged = _folders(_PART.fullmatch), _folders(lambda name: name.startswith(_HIDDEN))
        unfinished = parts + staged
        if alone:
            removed += unfinished
            for claim in cache_folder().glob(f"{CLAIM}*"):
                claim.unlink(missing_ok=True)
        elif unfinished:
            named = {folder for entry in list_cache() for folder in _parts_of(entry.manifest)}
            removed += [folder for folder in parts if folder in named]
            kept = "a corpus is being prepared, and its unfinished files were kept"
            say(f"{cache_folder()}: {kept}; clear the cache again afterwards")
        freed = sum(map(_remove_folder, removed))
    for table in (cache_folder() / HASHES).glob("*.json*"):
        table.unlink(missing_ok=True)
    with suppress(OSError):
        (cache_folder() / HASHES).rmdir()
    for table in cache_folder().glob(f"{_OLDER_HASHES}*"):
        table.unlink(missing_ok=True)
    return freed


@contextmanager
def preparing() -> Iterator[None]:
    """Keep the finished parts of a preparation from being cleared, for the block."""
    with suppress(OSError):
        cache_folder().mkdir(parents=True, exist_ok=True)
    with _locked(fcntl.LOCK_SH):
        yield


@contextmanager
def staged_entry(path: Path, is_whole: Callable[[Path], bool]) -> Iterator[Path]:
    """Give an empty folder to fill, which becomes the one at `path` when the block ends well.

    If another process has made the same one meanwhile, that one is kept. A damaged one is replaced.

    Args:
        path: folder of a corpus or of a part, in the cache folder.
        is_whole: tells whether the folder of an entry is not damaged.

    Raises:
        UserError: the cache cannot be written. OSErrors of the block pass through; put what it writes under
            `writing_cache`.
    """
    with writing_cache():
        cache_folder().mkdir(parents=True, exist_ok=True)

    def place(staged: Path, entry: Path) -> None:
        while True:
            try:
                staged.rename(entry)
            except OSError:
                if not os.access(entry, os.R_OK):  # none is there, or another user's
                    raise
                if is_whole(entry):
                    return
                aside = _hidden_name(entry)
                # Another process that found it damaged may have moved it first.
                with suppress(FileNotFoundError):
                    entry.rename(aside)
                    remove(aside)
            else:
                return

    with (
        _locked(fcntl.LOCK_SH),
        staged_folder(path, hidden=_hidden_name(path), instead=_OTHER_FOLDER, place=place) as staged,
    ):
        with writing_cache():
            staged.chmod(0o700)  # whatever the cache folder's permissions are: sounds may be private
        yield staged


def writing_cache() -> AbstractContextManager[None]:
    """Turn an OSError of the block into the UserError that the cache cannot be written."""
    return writing(cache_folder(), _OTHER_FOLDER)


@contextmanager
def _locked(how: int) -> Iterator[bool]:
    """Lock the cache folder: shared by preparations, exclusive for clearing; give whether it is known to be locked."""
    try:
        descriptor = os.open(cache_folder(), os.O_RDONLY)
    except OSError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, how)
            locked = True
        except OSError:  # taken, or on a file system without locks
            locked = False
        yield locked
    finally:
        os.close(descriptor)


def remove_abandoned(path: Path) -> None:
    """Remove what processes that were killed have staged for `path`; call it where no other one prepares that."""
    for staged in cache_folder().glob(f"{_HIDDEN}{path.name}-*"):
        shutil.rmtree(staged, ignore_errors=True)


def _hidden_name(path: Path) -> Path:
    # Several processes may prepare the same.
    return cache_folder() / f"{_HIDDEN}{path.name}-{uuid.uuid4().hex}"


def _parts_of(manifest: dict) -> list[Path]:
    return [cache_folder() / part_name(part["key"]) for part in manifest["parts"]]


def _folders(is_ours: Callable[[str], object]) -> list[Path]:
    root = cache_folder()
    if not root.is_dir():
        return []
    return sorted(folder for folder in root.iterdir() if folder.is_dir() and is_ours(folder.name))


def _remove_folder(folder: Path) -> int:
    """Remove as much of a folder as can be removed; return the bytes."""
    size = _size(folder)
    shutil.rmtree(folder, ignore_errors=True)
    return size - _size(folder)


def _size(folder: Path) -> int:
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # another process may remove it
                size += Path(place, name).stat().st_size
    return size
