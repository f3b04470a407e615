"""Praat's TextGrids, saved as text, long or short: an interval tier for each stream."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from keras_samplernn.conditions.readers.labels import END
from keras_samplernn.conditions.readers.sound import Sound
from keras_samplernn.conditions.readers.values import SpanValues
from keras_samplernn.conditions.streams import Stream
from keras_samplernn.conditions.track import Item, Track
from keras_samplernn.errors import UserError, nearest
from keras_samplernn.names import nfc
from keras_samplernn.text import quote, read_lines

# What Praat reads: texts in quotes, and numbers and flags that stand free. All else explains them, as in `xmin = 0`.
_TOKEN = re.compile(r'"((?:[^"]|"")*)"|(?<!\S)(-?[\d.]+(?:[eE][+-]?\d+)?|<\w+>)(?!\S)|(?<!\S)!.*')
_MOST_TIERS = 1000


class _Tier(NamedTuple):
    name: str
    has_intervals: bool
    marks: list[tuple[str, str, str, str]]  # place, begin, end and label; a point ends where it begins


def read_textgrid(path: Path, streams: Sequence[Stream], sound: Sound) -> Track:
    """Read a TextGrid. A point tier named `end`, or else the end of the TextGrid, is the length of a score.

    A tier belongs to the stream of its name; the only interval tier to the only stream. An interval without a label
    says nothing. Tiers that name no stream are passed over.

    Raises:
        UserError: one line: the file is not a whole TextGrid, no tier names a stream, or a label is not a value.
    """
    xmin, xmax, tiers = parse_textgrid(path)
    if sound.at(xmin, f"{path}: xmin"):
        raise UserError(f"{path}: begins at {xmin} s; in Praat: Modify, Shift times to, start time 0")
    intervals = [tier for tier in tiers if tier.has_intervals]
    named = {stream.name: [tier for tier in intervals if tier.name == stream.name] for stream in streams}
    if len(streams) == len(intervals) == 1:
        named = {streams[0].name: intervals}
    _check_tiers(path, named, intervals)
    items: dict[str, list[Item]] = {stream.name: [] for stream in streams}
    for stream in streams:
        reader = SpanValues(stream)
        for tier in named[stream.name]:
            for place, begin, stop, label in tier.marks:
                if label:
                    start, end = sound.at(begin, place), sound.at(stop, place)
                    if end < start:
                        raise UserError(f"{place}: ends before it begins; give it an end after its begin")
                    try:
                        value, target = reader.read(label)
                    except ValueError as error:
                        raise UserError(f"{place}: {stream.name}: {error}") from None
                    items[stream.name].append(Item(start, end, value, target, place))
    ends = [mark for tier in tiers if not tier.has_intervals and tier.name == END for mark in tier.marks]
    place, time = ends[0][:2] if ends else (str(path), xmax)
    end = sound.at(time, place)
    if ends:
        sound.check_stop(end, place)
    return sound.lay(streams, items, end)


def _check_tiers(path: Path, named: dict[str, list[_Tier]], tiers: list[_Tier]) -> None:
    names = [tier.name for tier in tiers]
    for stream, own in named.items():
        if len(own) > 1:
            raise UserError(f"{path}: {len(own)} tiers are named {quote(stream)}; remove or rename all but one")
    listed = ", ".join(map(quote, names)) or "none"
    if not any(named.values()):
        raise UserError(f"{path}: no interval tier is named as a stream, {', '.join(named)}; its tiers are {listed}")
    others = [name for name in names if name not in named]
    for stream, own in named.items():
        if not own and len(named) > 1 and (similar := nearest(stream, others)):
            raise UserError(f"{path}: no interval tier is named {quote(stream)}{similar}")


def parse_textgrid(path: Path) -> tuple[str, str, list[_Tier]]:
    """Return the begin and the end of a TextGrid, and its tiers."""
    try:
        text = read_lines(path).decode()
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not UTF-8 or UTF-16 text; in Praat: Save as text file") from None
    if "ooTextFile" not in text[:100] or '"TextGrid"' not in text[:200]:
        raise UserError(f"{path}: is not a TextGrid saved as text; in Praat: Save as text file")
    tokens = _Tokens(path, text)
    tokens.skip(2)
    xmin, xmax = tokens.take(), tokens.take()
    tiers = []
    if tokens.take() == "<exists>":
        for _ in range(tokens.count(_MOST_TIERS)):
            kind, name = tokens.take(), nfc(tokens.take().strip())
            has_intervals = kind == "IntervalTier"
            if kind not in ("IntervalTier", "TextTier"):
                raise UserError(f"{tokens.place}: {quote(kind)} is not a kind of tier; in Praat: Save as text file")
            tokens.skip(2)
            marks = []
            for _ in range(tokens.count()):
                begin = tokens.take()
                stop = tokens.take() if has_intervals else begin
                label = nfc(tokens.take().strip())
                marks.append((tokens.place, begin, stop, label))
            tiers.append(_Tier(name, has_intervals, marks))
    return xmin, xmax, tiers


class _Tokens:
    """The values of a TextGrid, one after the other."""

    def __init__(self, path: Path, text: str):
        self._path, self._text = path, text
        self._found = self._tokens()
        self._line, self._counted = 1, 0

    @property
    def place(self) -> str:
        """Where the last value stands."""
        return f"{self._path}:{self._line}"

    def _tokens(self) -> Iterator[str]:
        for found in _TOKEN.finditer(self._text):
            if not found[0].startswith("!"):
                self._line += self._text.count("\n", self._counted, found.start())
                self._counted = found.start()
                yield found[2] if found[1] is None else found[1].replace('""', '"')

    def take(self) -> str:
        """Return the next value; UserError if there is none."""
        value = next(self._found, None)
        if value is None:
            raise UserError(f"{self._path}: ends early, at line {self._line}; save it again as a text file")
        return value

    def skip(self, values: int) -> None:
        """Pass over values."""
        for _ in range(values):
            self.take()

    def count(self, most: int = 10**9) -> int:
        """Return the next value as a number of things."""
        value = self.take()
        if not (value.isascii() and value.isdecimal()) or int(value) > most:
            raise UserError(f"{self.place}: {quote(value)} is not a number of tiers or labels; save it again as text")
        return int(value)
