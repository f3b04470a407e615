"""`generation.json`: how each wav of a folder was made; a shard has a record of its own, `generation-1of4.json`."""

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from keras_samplernn.errors import UserError
from keras_samplernn.files import create_file, open_file, replace_json, writing
from keras_samplernn.shard import Shard

RECORD, JOURNAL = "generation.json", ".generation.jsonl"
MOST_BYTES = 100_000_000
_ANY_RECORD = re.compile(r"generation(-\d+of\d+)?\.json|\.generation(-\d+of\d+)?\.jsonl")


def record_of(folder: Path, shard: Shard | None) -> Path:
    """Return the record that a command writes: shards that run at the same time must not wait for each other."""
    return folder / RECORD.replace(".", f"{_suffix(shard)}.")


def journal_of(folder: Path, shard: Shard | None) -> Path:
    """Return the hidden journal of a command."""
    return folder / JOURNAL.replace(".jsonl", f"{_suffix(shard)}.jsonl")


def _suffix(shard: Shard | None) -> str:
    return "" if shard is None else f"-{shard.number}of{shard.count}"


class Record:
    """Records how wavs are made, one by one, in the `generation.json` of their folder.

    A JSON object can only be rewritten as a whole. So each entry is first a line of a hidden journal in the same
    folder, forced to the disk. When the command ends, with success or not, the journal is merged into the object, which
    is replaced in one step: each entry is written twice, however many there are. If a command is killed, the next one
    merges its journal.

    Args:
        folder: the existing folder of the wavs. No other process writes this record.
        overwrite: replace a `generation.json` that `generate` did not write.
        shard: the part of the sounds that the command makes; None: all.

    Raises:
        UserError: the record cannot be read or written.
    """

    def __init__(self, folder: Path, overwrite: bool, shard: Shard | None = None):
        self._path, self._journal = record_of(folder, shard), journal_of(folder, shard)
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

    def adopt(self, entries: Mapping[str, dict[str, Any]]) -> None:
        """Take over entries that other records of the folder have, and this one does not."""
        own = read_record(self._path) if entries else {}
        with writing(self._path):
            for name, entry in entries.items():
                if own.get(name) != entry:
                    self._stream.write(json.dumps({name: entry}).encode() + b"\n")
            self._stream.flush()

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


def every_entry(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return what all records and journals of a folder say of each wav, by its name.

    Files that `generate` did not write say nothing, and what other commands are just writing may be left out.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    paths = [path for path in folder.iterdir() if _ANY_RECORD.fullmatch(path.name)] if folder.is_dir() else []
    # Journals are hidden, so they come first: one that is merged meanwhile is in its record.
    for path in sorted(paths):
        pairs: Iterator[tuple[str, Any]] = iter(())
        if path.suffix == ".jsonl":
            pairs = _entries(path)
        elif _bytes_in(path) <= MOST_BYTES:
            with contextlib.suppress(UserError):
                pairs = iter(read_record(path).items())
        for name, entry in pairs:
            if isinstance(entry, dict):
                found.setdefault(name, []).append(entry)
    return found


def check_record(folder: Path, overwrite: bool, shard: Shard | None = None) -> None:
    """Raise UserError if the record in a folder is too large for more entries, or `generate` did not write it."""
    path = record_of(folder, shard)
    # Python objects take many times the memory of their text.
    if sum(map(_bytes_in, (path, journal_of(folder, shard)))) > MOST_BYTES:
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
