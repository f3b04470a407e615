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
    """Records how wavs are made, one by one, in the `generation.json` of their folder.

    A JSON object can only be rewritten as a whole. So each entry is first a line of a hidden journal in the same
    folder, forced to the disk. When the command ends, with success or not, the journal is merged into the object, which
    is replaced in one step: each entry is written twice, however many there are. If a command is killed, the next one
    merges its journal.

    Args:
        folder: the existing folder of the wavs. No other process writes to it.
        overwrite: replace a `generation.json` that `generate` did not write.

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
        with contextlib.suppress(OSError):  # `add` has raised the error already
            self._stream.close()
        # After a failure, report that one; the journal is kept if merging fails too.
        with contextlib.nullcontext() if failure is None else contextlib.suppress(UserError):
            self._merge()

    def add(self, name: str, entry: dict[str, Any]) -> None:
        """Record how the wav of this name was made."""
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
    """Return the entries of a `generation.json` by the names of the wavs; empty if the file does not exist.

    Raises:
        UserError: `generate` did not write the file.
    """
    with contextlib.suppress(OSError, ValueError, RecursionError):
        if not os.path.lexists(path):
            return {}
        with open_file(path) as stream:
            if isinstance(sounds := json.loads(stream.read()), dict):
                return sounds
    raise UserError(f"{path}: is not what `generate` writes; give --overwrite, or --out another folder")


def check_record(folder: Path, overwrite: bool) -> None:
    """Raise UserError if the record in a folder is too large for more entries, or `generate` did not write it."""
    path = folder / RECORD
    # Python objects take many times the memory of their text.
    if sum(map(_bytes_in, (path, folder / JOURNAL))) > MOST_BYTES:
        raise UserError(f"{path}: has more than {MOST_BYTES // 1_000_000} MB; give --out another folder")
    if not overwrite:
        read_record(path)


def _bytes_in(path: Path) -> int:
    return path.lstat().st_size if os.path.lexists(path) else 0


def _entries(journal: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the entries of a journal, if it exists; a line that was cut, or is not an entry, is skipped."""
    with contextlib.suppress(OSError), open_file(journal) as stream:
        for line in stream:
            with contextlib.suppress(ValueError, RecursionError):
                if isinstance(entry := json.loads(line), dict):
                    yield from entry.items()
