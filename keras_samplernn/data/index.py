"""The index: a text file that lists condition files."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

from keras_samplernn.data.pairs import sound_stem
from keras_samplernn.errors import UserError, nearest
from keras_samplernn.names import existing, nfc
from keras_samplernn.spec import CLASS_NUMBER
from keras_samplernn.text import quote, read_lines, unquoted

_MOST_HINTS, _MOST_FIELDS = 10, 100  # to look for files takes time
# From this share of lines that are classes on, a file is taken for a condition file: a header or two do not matter.
_SHARE_OF_CLASSES = 0.9
# A path is listed once; of a condition file's lines, most are those before them again.
_LEAST_REPEATED = 4
_NEVER_AN_INDEX = (".textgrid", ".mid", ".midi", ".npy")
# Begin and end of a span, and perhaps its label; or the frequencies that Audacity writes in a line of their own.
_LABEL = re.compile(r"\d+([.,]\d+)?\t\d+([.,]\d+)?(\t|$)|\\\t")
# What stands between delimiters, quotes and brackets.
_FIELD = re.compile(r"[^\t;,| \"'\[\]]+")


def read_index(path: str | Path, class_names: Sequence[str], problems: list[str]) -> list[Path]:
    """Read an index: one condition file per line, relative to the index's folder; blank lines are passed over.

    Args:
        path: the index.
        class_names: names of the spec's classes; with them, and numbers, a condition file is told from an index.
        problems: get a line for each file that is missing, and for each stem that is the same as another one or would
            be on a file system that ignores case (sounds are named by them).

    Returns:
        The files without such a problem.

    Raises:
        UserError: the index is empty, is not text, or is a condition file of any format.
    """
    path = Path(path)
    if path.suffix.lower() in _NEVER_AN_INDEX:
        raise UserError(f"{path}: is a condition file of the format {path.suffix}; {_instead(path)}")
    text = read_lines(path)
    try:
        lines = enumerate(text.decode().split("\n"), 1)
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}:{line}: is not UTF-8 text; save the index as UTF-8") from None
    entries = [(number, entry) for number, line in lines if (entry := line.strip())]
    if not entries:
        raise UserError(f"{path}: is empty; list one condition file per line")
    _refuse_conditions(path, [entry for _, entry in entries], class_names)
    found: list[Path] = []
    missing = 0
    line_of_stem: dict[str, tuple[int, str]] = {}
    listings: dict[Path, dict[str, Path]] = {}
    for number, entry in entries:
        file = existing(path.parent / entry, listings)
        if not _is_file(file) and (bare := unquoted(entry)) != entry:
            file = existing(path.parent / bare, listings)
        if any(unicodedata.category(character) == "Cc" for character in entry.replace("\t", "")):
            problems.append(f"{path}:{number}: {quote(entry)} holds a control character; rename the file")
        elif not _is_file(file):
            missing += 1
            problems.append(f"{path}:{number}: {quote(entry)} {_why_no_file(file, path.parent, entry, missing)}")
        else:
            stem = sound_stem(file)
            other, same = line_of_stem.setdefault(_folded(stem), (number, stem))
            if other == number:
                found.append(file)
            elif stem == same:
                both = f'has the stem of line {other}, both would be written to "{stem}.wav"'
                problems.append(f'{path}:{number}: "{entry}" {both}; rename one')
            else:
                differ = f'and line {other}, "{same}", differ only in case or Unicode form'
                remedy = "some file systems would keep only one of the two sounds; rename one"
                problems.append(f'{path}:{number}: "{entry}" {differ}; {remedy}')
    return found


def _refuse_conditions(path: Path, entries: Sequence[str], class_names: Sequence[str]) -> None:
    """Raise UserError where the entries are not paths but conditions: classes, labels, or the same few over and over.

    Classes may have quotes or delimiters between them.
    """
    names = set(class_names)

    def is_class(value: str) -> bool:
        return nfc(value) in names or bool(CLASS_NUMBER.fullmatch(value))

    # A condition file has few different lines.
    classes = {
        entry
        for entry in set(entries)
        if (is_class(entry) or ((fields := _FIELD.findall(entry)) and all(map(is_class, fields))))
        and not _is_file(path.parent / entry)
    }
    count = sum(entry in classes for entry in entries)
    of_all = f"of its {len(entries):,} lines"
    if count >= _SHARE_OF_CLASSES * len(entries):
        raise UserError(f"{path}: looks like a condition file, {count:,} {of_all} are classes; {_instead(path)}")
    # Classes of another run, perhaps: what they say is told when the file is read as what it is.
    labels = sum(bool(_LABEL.match(entry)) for entry in entries)
    if labels >= _SHARE_OF_CLASSES * len(entries):
        raise UserError(f"{path}: looks like a label track, {labels:,} {of_all} begin with two times; {_instead(path)}")
    different = {*entries}
    if len(entries) >= _LEAST_REPEATED * len(different) and not any(_is_file(path.parent / each) for each in different):
        raise UserError(
            f"{path}: looks like a condition file, {len(different):,} {of_all} are different and none is a file;"
            f" {_instead(path)}"
        )


def _instead(path: Path) -> str:
    """Return how a condition file is given, and what an index is."""
    return f"give it by --conditions {path}; an index is a text file with the path of one condition file per line"


def _why_no_file(file: Path, folder: Path, entry: str, missing: int) -> str:
    """Return why an entry of an index in a folder is not a file; `missing` counts those that are not."""
    if _is(Path.is_dir, file):
        return "is a folder; list the condition files in it"
    if _is(Path.is_symlink, file):
        return "is a link that leads nowhere; mend or remove it"
    fields = _FIELD.findall(entry)[:_MOST_FIELDS]
    files = [field for field in fields if _is_file(folder / field)]
    if len(files) > 1:
        return f"holds {len(files)} paths; write one on each line"
    # A blank may be in a name too: what stands beside the path must be a number then.
    numbers = all(field in files or CLASS_NUMBER.fullmatch(field) for field in fields)
    if "\t" in entry or (files and (numbers or re.search("[;,|]", entry))):
        return "holds more than a path; write the path alone on each line"
    if "\\" in entry:
        return "is not a file; write / between folders"
    hint = _neighbour(file) if missing <= _MOST_HINTS else ""
    return f"is not a file{hint or '; relative paths are relative to the index'}"


def _folded(stem: str) -> str:
    """Return the same text for all stems that are one name on some file system."""
    return nfc(nfc(stem).casefold())


def _is_file(path: Path) -> bool:
    return _is(Path.is_file, path)


def _is(kind: Callable[[Path], bool], path: Path) -> bool:
    try:
        return kind(path)
    except (OSError, ValueError):
        # A line too long for a name, or one that holds a NUL.
        return False


def _neighbour(file: Path) -> str:
    """Return a hint at the file in the same folder with the most similar name."""
    try:
        return nearest(file.name, (other.name for other in file.parent.iterdir()))
    except (OSError, ValueError):
        return ""
