"""Writing files so that nothing half-written ever stands under a final name."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from keras_samplernn.errors import UserError


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Tell what keeps the block from writing `path` as the user's error: a full disk, a folder that is not theirs."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written: {error.strerror}; free the space or choose another folder"
        ) from error


def make_folder(path: Path) -> None:
    """Make a folder, and those that it lies in, unless it is there."""
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file beside `path`, force it to the disk and rename it over `path`."""
    partial = path.with_name(f".{path.name}.partial")
    with writing(path):
        try:
            with partial.open("wb") as stream:
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
