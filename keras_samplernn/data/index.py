"""The index: a text file that lists condition files."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from keras_samplernn.errors import UserError, nearest
from keras_samplernn.names import existing, nfc
from keras_samplernn.spec import CLASS_NUMBER
from keras_samplernn.text import quote, read_lines

_MOST_HINTS = 10  # to look for one takes time
# From this share of lines that are classes on, a file is taken for a condition file: a header or two do not matter.
_SHARE_OF_CLASSES = 0.9


def read_index(path: str | Path, class_names: Sequence[str] = ()) -> list[Path]:
    """Read an index: one condition file per line, relative to the index's folder; blank lines are passed over.

    Args:
        path: the index.
        class_names: names of the spec's classes; with them, and numbers, a condition file is told from an index.

    Raises:
        UserError: the index is empty, is not text, or is a condition file; or, one line each, files that are missing,
            and stems that are the same or would be on a file system that ignores case (sounds are named by them).
    """
    path = Path(path)
    try:
        lines = enumerate(read_lines(path).decode().split("\n"), 1)
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not UTF-8 text; list one condition file per line") from None
    entries = [(number, entry) for number, line in lines if (entry := line.strip())]
    if not entries:
        raise UserError(f"{path}: is empty; list one condition file per line")
    _refuse_conditions(path, [entry for _, entry in entries], class_names)
    found: list[Path] = []
    problems: list[str] = []
    missing = 0
    line_of_stem: dict[str, tuple[int, str]] = {}
    for number, entry in entries:
        file = existing(path.parent / entry)
        if any(unicodedata.category(character) == "Cc" for character in entry):
            problems.append(f"{path}:{number}: {quote(entry)} holds a control character; rename the file")
        elif not _is_file(file):
            missing += 1
            hint = _neighbour(file) if missing <= _MOST_HINTS else ""
            remedy = hint or "; relative paths are relative to the index"
            problems.append(f"{path}:{number}: {quote(entry)} is not a file{remedy}")
        else:
            other, stem = line_of_stem.setdefault(_folded(file.stem), (number, file.stem))
            if other == number:
                found.append(file)
            elif stem == file.stem:
                both = f'has the stem of line {other}, both would be written to "{stem}.wav"'
                problems.append(f'{path}:{number}: "{entry}" {both}; rename one')
            else:
                differ = f'and line {other}, "{stem}", differ only in case or Unicode form'
                remedy = "some file systems would keep only one of the two sounds; rename one"
                problems.append(f'{path}:{number}: "{entry}" {differ}; {remedy}')
    if problems:
        raise UserError(*problems)
    return found


def _refuse_conditions(path: Path, entries: Sequence[str], class_names: Sequence[str]) -> None:
    """Raise UserError where the entries are not paths but classes."""
    names = set(class_names)
    # A condition file has few different lines.
    classes = {
        entry
        for entry in set(entries)
        if (entry in names or CLASS_NUMBER.fullmatch(entry)) and not _is_file(path.parent / entry)
    }
    count = sum(entry in classes for entry in entries)
    if count >= _SHARE_OF_CLASSES * len(entries):
        raise UserError(
            f"{path}: looks like a condition file, {count:,} of its {len(entries):,} lines are classes; an index is a"
            " text file with the path of one condition file per line: list this file in one"
        )


def _folded(stem: str) -> str:
    """Return the same text for all stems that are one name on some file system."""
    return nfc(nfc(stem).casefold())


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        # A line too long for a name, or one that holds a NUL.
        return False


def _neighbour(file: Path) -> str:
    """Return a hint at the file in the same folder with the most similar name."""
    try:
        return nearest(file.name, (other.name for other in file.parent.iterdir()))
    except (OSError, ValueError):
        return ""
