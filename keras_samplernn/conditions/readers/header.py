"""The first line of a csv: whether it names the columns, which ones, and what stands between them."""

import contextlib
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from keras_samplernn.conditions.readers.values import ClassValues
from keras_samplernn.conditions.streams import ClassesStream, Stream, classes_streams
from keras_samplernn.errors import UserError, nearest
from keras_samplernn.names import nfc
from keras_samplernn.spec import CLASS_NUMBER
from keras_samplernn.text import quote, unquoted

POINTS, SPANS = ("seconds",), ("start", "stop")
_DELIMITERS = ",;\t"
OTHER_WORDS = {
    **dict.fromkeys(("time", "times", "t", "sec", "second", "time_s"), "seconds"),
    **dict.fromkeys(("begin", "from", "onset"), "start"),
    **dict.fromkeys(("end", "to", "offset"), "stop"),
}


class Header(NamedTuple):
    """The columns of a csv.

    Attributes:
        delimiter: what stands between them.
        times: the names of the columns of times, which come first: none, `POINTS` or `SPANS`.
        streams: the stream of each other column.
        lines: number of lines of the header, 1; 0: it is understood without one.
    """

    delimiter: str
    times: tuple[str, ...]
    streams: tuple[Stream, ...]
    lines: int = 1

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.times) + len(self.streams)


def find_header(path: Path, text: bytes, streams: Sequence[Stream]) -> Header | None:
    """Return the columns of a csv; None if it has no header and is a plain list of the only stream's classes.

    Args:
        path: of the csv, for messages.
        text: of the csv.
        streams: that columns may name.

    Raises:
        UserError: one line: the header is wrong, or there is none and there are several streams.
    """
    place = f"{path}:1"
    line = text.partition(b"\n")[0].decode(errors="replace").rstrip("\r")
    if line.isdecimal() and len(streams) == 1 and isinstance(streams[0], ClassesStream):
        return None  # as in most files; what follows takes its time
    known = {stream.name: stream for stream in streams}
    delimiter, cells = _split(line, {*known, *POINTS, *SPANS})
    if not _is_header(line, cells, streams):
        if len(streams) == 1:
            only = streams[0]
            return None if isinstance(only, ClassesStream) else Header(delimiter, (), (only,), lines=0)
        if not text:
            return Header(delimiter, (), tuple(streams), lines=0)
        raise UserError(
            f"{place}: {quote(line)} is not a header, and there are {len(streams)} streams; add a first line that"
            f" names the columns, any of {', '.join(known)}"
        )
    times = next((each for each in (SPANS, POINTS) if tuple(cells[: len(each)]) == each), ())
    named = cells[len(times) :]
    # Of `start,end`, the second is the wrong one.
    for name in sorted(named, key=lambda name: name in (*POINTS, *SPANS)):
        if name not in known:
            raise UserError(f"{place}: {_why_not_a_stream(name, known)}")
        if named.count(name) > 1:
            raise UserError(f"{place}: {quote(name)} names two columns; give each stream one")
    if not named:
        raise UserError(f"{place}: names no stream; add a column for one of {', '.join(known)}")
    return Header(delimiter, times, tuple(known[name] for name in named))


def cells_of(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line, without blanks and quotes around them."""
    cells = line.split(delimiter)
    if '"' in line:
        # What csv cannot read, as a carriage return inside a line, is shown to the user as it is.
        with contextlib.suppress(csv.Error):
            cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), cells)
    return [unquoted(cell) for cell in cells]


def _split(line: str, words: set[str]) -> tuple[str, list[str]]:
    """Return the delimiter that gives the most known words, and the cells between it."""
    splits = [(each, [nfc(cell) for cell in cells_of(line, each)]) for each in _DELIMITERS]
    return max(splits, key=lambda split: (sum(cell in words for cell in split[1]), len(split[1]) > 1))


def _is_header(line: str, cells: Sequence[str], streams: Sequence[Stream]) -> bool:
    names = {stream.name for stream in streams}
    if len(streams) > 1:
        classes = (name for stream in classes_streams(streams) for name in stream.classes)
        is_value = CLASS_NUMBER.fullmatch(cells[0]) or cells[0] in classes
        return any(cell in names for cell in cells) or not (cells[0] == "" or is_value)
    only = streams[0]
    if isinstance(only, ClassesStream) and ClassValues(only).is_class(nfc(unquoted(line))):
        return False
    if len(cells) == 1:
        return cells[0] in names
    return all(cells) and (any(cell in names for cell in cells) or tuple(cells[:2]) == SPANS or cells[0] == POINTS[0])


def _why_not_a_stream(name: str, known: dict[str, Stream]) -> str:
    if not name:
        return "a column has no name: an index? remove it (pandas: index=False)"
    if name in (*POINTS, *SPANS):
        return f"{quote(name)} is a time; the first columns are seconds, or start,stop, or there are no times"
    other = OTHER_WORDS.get(name.lower())
    hint = f'; did you mean "{other}"?' if other else nearest(name[:100], [*known, *POINTS, *SPANS])
    return f"{quote(name)} is not a stream; streams are {', '.join(known)}{hint}"
