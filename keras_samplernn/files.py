"""Files of the program's own: nothing half-written stands under a final name, and nothing is read through a link."""

import contextlib
import errno
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from keras_samplernn.errors import REMEDIES, UserError


@contextlib.contextmanager
def writing(path: Path, instead: str = "choose another folder") -> Iterator[None]:
    """Tell what keeps the block from writing `path` as the user's error: a full disk, a folder that is not theirs.

    Args:
        path: what is written.
        instead: what to do where nothing else is known to help.
    """
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error.strerror, instead) from error


def cannot_write(path: Path, reason: str, instead: str = "choose another folder") -> UserError:
    """Return the error of a file or folder that takes nothing, for `reason` in the system's words."""
    remedy = f"{REMEDIES[reason]} or {instead}" if reason in REMEDIES else instead
    return UserError(f"{path}: cannot be written: {reason}; {remedy}")


def make_folder(path: Path) -> None:
    """Make a folder, and those that it lies in, unless it is there."""
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)


def create_file(path: Path) -> BinaryIO:
    """Open a new file for writing; whatever had its name before, a link even, is removed and not written to."""
    path.unlink(missing_ok=True)
    return path.open("xb")


def open_file(path: Path) -> BinaryIO:
    """Open a file of the program's own for reading; OSError where it is a link, a device or a pipe."""
    # Without O_NONBLOCK opening a named pipe waits for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is no regular file", str(path))
    return os.fdopen(descriptor, "rb")


def home_folder() -> Path:
    """Return the user's home; UserError where it is not known."""
    try:
        return Path.home()
    except RuntimeError:
        raise UserError("HOME: is not set, and this user has no home folder; set it") from None


def named(path: Path) -> Path:
    """Return the same place under a path that has a name, which "." has not."""
    return path if path.name else path.absolute()


def partial_of(path: Path) -> Path:
    """Return the hidden name that a file or folder has while it is not whole."""
    return path.with_name(f".{path.name}.partial")


def replace_file(path: Path, content: bytes) -> None:
    """Write a file beside `path`, force it to the disk and rename it over `path`."""
    partial = partial_of(path)
    with writing(path):
        try:
            with create_file(partial) as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(path)
        finally:
            # Where a folder does not take the file, it has none to remove either.
            with contextlib.suppress(OSError):
                partial.unlink()
        sync_folder(path.parent)


def replace_json(path: Path, value: Any) -> None:
    """Write a JSON file in the manner of `replace_file`."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    # A file name that is no text has half surrogate pairs in it; escaped, they are JSON.
    replace_file(path, text.encode(errors="backslashreplace"))


def sync_folder(folder: Path) -> None:
    """Force a folder's entries to the disk, so that a rename in it outlives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
