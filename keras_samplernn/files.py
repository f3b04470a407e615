"""The program's own files and folders: each has its final name only when it is whole, and links are not followed."""

import contextlib
import errno
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from keras_samplernn.errors import REMEDIES, UserError

_ELSEWHERE = "choose another folder"
# What some network and FUSE file systems answer to fsync of a folder: they have no such operation.
_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}


@contextlib.contextmanager
def writing(path: Path, instead: str = _ELSEWHERE) -> Iterator[None]:
    """Turn an OSError of the block into the UserError that `path` cannot be written.

    Args:
        path: what the block writes.
        instead: the remedy where no better one is known.
    """
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error.strerror or str(error), instead) from error


def cannot_write(path: Path, reason: str, instead: str = _ELSEWHERE) -> UserError:
    """Return the error of a file or folder that cannot be written, for `reason` in the system's words."""
    remedy = f"{REMEDIES[reason]} or {instead}" if reason in REMEDIES else instead
    return UserError(f"{path}: cannot be written: {reason}; {remedy}")


def make_folder(path: Path) -> None:
    """Make a folder and its parents; keep those that exist."""
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)


def create_file(path: Path) -> BinaryIO:
    """Open a new file for writing; whatever has its name is removed first, and a link is not followed."""
    remove(path)
    return path.open("xb")


def remove(path: Path) -> None:
    """Remove a file, a folder with all in it, or a link; nothing happens where there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def open_file(path: Path) -> BinaryIO:
    """Open a file that the program wrote for reading; OSError where it is a link, a device or a pipe."""
    # Without O_NONBLOCK opening a named pipe waits for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


def home_folder() -> Path:
    """Return the user's home; UserError where it is not known."""
    try:
        return Path.home()
    except RuntimeError:
        raise UserError("HOME: is not set, and this user has no home folder; set it") from None


def named(path: Path) -> Path:
    """Return the same place as a path with a name; "." has none."""
    return path if path.name else path.absolute()


def partial_of(path: Path) -> Path:
    """Return the hidden name of a file or folder that is not whole yet."""
    return path.with_name(f".{path.name}.partial")


@contextlib.contextmanager
def staged_file(path: Path, *, hidden: Path | None = None, instead: str = _ELSEWHERE) -> Iterator[BinaryIO]:
    """Give a stream to a hidden file; when the block ends well, the file is on the disk and takes the place of `path`.

    Whatever had the hidden name before is removed. On any exception the hidden file is removed and `path` stays as
    it was.

    Args:
        path: the file; its folder exists.
        hidden: a name in the same folder, `partial_of(path)` unless given. Where several processes may write `path`
            at a time, each needs a hidden name of its own.
        instead: as in `writing`.

    Raises:
        UserError: the file cannot be written. Every OSError of the block counts as that.
    """
    hidden = hidden or partial_of(path)
    with writing(path, instead), contextlib.ExitStack() as at_last:
        at_last.callback(_quietly, remove, hidden)
        stream = create_file(hidden)
        # On a full disk closing fails too, since it writes what is buffered; the first failure is the one to tell.
        at_last.callback(_quietly, stream.close)
        yield stream
        stream.flush()
        os.fsync(stream.fileno())
        stream.close()
        hidden.replace(path)
        sync_folder(path.parent)


@contextlib.contextmanager
def staged_folder(
    path: Path,
    *,
    hidden: Path | None = None,
    instead: str = _ELSEWHERE,
    place: Callable[[Path, Path], object] = Path.rename,
) -> Iterator[Path]:
    """Give an empty hidden folder; when the block ends well, all in it is on the disk and it is renamed to `path`.

    Whatever had the hidden name before is removed. On any exception the hidden folder is removed.

    Args:
        path: the folder, which does not exist yet; the folder above it does.
        hidden: a name in the same folder, `partial_of(path)` unless given. Where several processes may make `path`
            at a time, each needs a hidden name of its own.
        instead: as in `writing`.
        place: called with `hidden` and `path` to rename one to the other. What it leaves under the hidden name is
            removed.

    Raises:
        UserError: the folder cannot be made, forced to the disk or renamed. The block may read as well as write, so
            its own OSErrors pass through; put what it writes under `writing(path)`.
    """
    hidden = hidden or partial_of(path)
    with contextlib.ExitStack() as at_last:
        at_last.callback(_quietly, remove, hidden)
        with writing(path, instead):
            remove(hidden)
            hidden.mkdir()
        yield hidden
        with writing(path, instead):
            for folder, _, files in os.walk(hidden, topdown=False):
                for name in files:
                    _sync(Path(folder, name))
                sync_folder(Path(folder))
            place(hidden, path)
            sync_folder(path.parent)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file in the manner of `staged_file`."""
    with staged_file(path) as stream:
        stream.write(content)


def replace_json(path: Path, value: Any) -> None:
    """Write a JSON file in the manner of `staged_file`."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    # A file name that is not UTF-8 has half surrogate pairs in it; escaped, they are JSON.
    replace_file(path, text.encode(errors="backslashreplace"))


def sync_folder(folder: Path) -> None:
    """Force a folder's entries to the disk, where its file system can, so that a rename in it outlives a power cut."""
    try:
        _sync(folder)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _quietly(function: Callable[..., object], *arguments: object) -> None:
    with contextlib.suppress(OSError):
        function(*arguments)
