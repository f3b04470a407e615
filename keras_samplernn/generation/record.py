"""`generation.json`: how each wav of a folder was made."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from keras_samplernn.errors import UserError
from keras_samplernn.files import create_file, open_file, replace_json, writing

RECORD, JOURNAL = "generation.json", ".generation.jsonl"
MOST_BYTES = 100_000_000


class Record:
    """Notes how wavs are made, one by one, in the `generation.json` of their folder.

    A JSON object cannot be added to without writing it anew. So each entry is a line of a hidden journal beside it,
    forced to the disk, and when the command ends, well or not, the journal is merged into the object, which is replaced
    at once. That writes each entry twice, however many there are. What a killed command leaves in the journal is merged
    by the next one.

    Args:
        folder: of the wavs; exists. Nobody else writes to it.
        overwrite: a `generation.json` that is not ours is replaced.

    Raises:
        UserError: the record cannot be read or written.
    """

    def __init__(self, folder: Path, overwrite: bool):
        self._path, self._journal = folder / RECORD, folder / JOURNAL
        self._overwrite = overwrite

    def __enter__(self) -> "Record":
        self._merge()
        with writing(self._path):
            self._stream = create_file(self._journal)
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: TracebackType | BaseException | None) -> None:
        with contextlib.suppress(OSError):  # what the disk did not take was told when it was added
            self._stream.close()
        # The first failure is the one told; the journal is kept then.
        with contextlib.nullcontext() if failure is None else contextlib.suppress(UserError):
            self._merge()

    def add(self, name: str, entry: dict[str, Any]) -> None:
        """Note how the wav of this name was made."""
        with writing(self._path):
            self._stream.write(json.dumps({name: entry}).encode() + b"\n")
            self._stream.flush()
            os.fsync(self._stream.fileno())

    def _merge(self) -> None:
        """Add the journal's entries to the object, and remove the journal."""
        entries = dict(_entries(self._journal))
        if entries:
            try:
                sounds = read_record(self._path)
            except UserError:
                if not self._overwrite:
                    raise
                sounds = {}
            replace_json(self._path, sounds | entries)
        with writing(self._path):
            self._journal.unlink(missing_ok=True)


def read_record(path: Path) -> dict[str, Any]:
    """Return what a `generation.json` says of each wav, if there is one.

    Raises:
        UserError: it is somebody else's.
    """
    with contextlib.suppress(OSError, ValueError, RecursionError):
        if not os.path.lexists(path):
            return {}
        with open_file(path) as stream:
            if isinstance(sounds := json.loads(stream.read()), dict):
                return sounds
    raise UserError(f"{path}: is not what `generate` writes; give --overwrite, or --out another folder")


def check_record(folder: Path, overwrite: bool) -> None:
    """Raise UserError where entries could not be added to the record in a folder: it is too large, or not ours."""
    path = folder / RECORD
    # Python's objects take many times the bytes of their text.
    if sum(map(_bytes_in, (path, folder / JOURNAL))) > MOST_BYTES:
        raise UserError(f"{path}: has more than {MOST_BYTES // 1_000_000} MB; give --out another folder")
    if not overwrite:
        read_record(path)


def _bytes_in(path: Path) -> int:
    return path.lstat().st_size if os.path.lexists(path) else 0


def _entries(journal: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the entries of a journal, if there is one; a line that was cut short, or that is not ours, is left out."""
    with contextlib.suppress(OSError), open_file(journal) as stream:
        for line in stream:
            with contextlib.suppress(ValueError, RecursionError):
                if isinstance(entry := json.loads(line), dict):
                    yield from entry.items()
