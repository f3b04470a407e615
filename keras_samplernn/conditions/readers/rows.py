"""The plainest condition file: the class of every audio sample, one per line, without a header."""

import contextlib
import warnings
from collections import Counter
from functools import cached_property
from pathlib import Path

import numpy as np

from keras_samplernn.conditions.readers.blocks import RowRuns, blocks_of_lines
from keras_samplernn.conditions.readers.faults import why_a_header, why_not_a_class
from keras_samplernn.conditions.readers.sound import Sound
from keras_samplernn.conditions.readers.values import ClassValues
from keras_samplernn.conditions.streams import ClassesStream
from keras_samplernn.conditions.track import Track
from keras_samplernn.errors import UserError, collect, nearest
from keras_samplernn.names import nfc
from keras_samplernn.text import BLOCK_BYTES, quote, unquoted

_FEW = 0.1
_MOST_DIGITS = 9  # of a number that int32 holds, whatever it is


def read_rows(path: Path, text: bytes, stream: ClassesStream, sound: Sound) -> Track:
    """Read a text with a class on each line.

    Any line ends, `1.0` for 1, and blanks or quotes around a value are accepted. An empty text has 0 conditions. Where
    classes have names, a line holds a name, or the number of the class, unless the name of some class is a number.

    Raises:
        UserError: a line that names the first line that is not a class, with the number of others; one that names both
            lengths; and before them one that names a header.
    """
    fits = text.count(b"\n") + 1 == sound.samples
    parser, problems = _Parser(path, stream, text), []
    if header := parser.why_a_header(fits):
        problems.append(f"{path}:1: {header}")
        parser = _Parser(path, stream, text.partition(b"\n")[2], first_line=2)
    rows = collect(problems, parser.parse)
    count = parser.count_lines() if rows is None else rows.samples
    # A class in the place of line 1 would make the file whole.
    if count is not None and not (header and fits):
        below = (True, "line", "below line 1 ") if header else ()
        collect(problems, sound.check_rows, path, count, *below)
    if problems:
        raise UserError(*problems)
    return Track(rows.samples, {stream.name: rows.spans()})


class _Parser:
    """Reads classes from lines: a block at once where it has only plain numbers, line by line where it has not."""

    def __init__(self, path: Path, stream: ClassesStream, text: bytes, first_line: int = 1):
        self.path, self.text, self.values, self.first_line = path, text, ClassValues(stream), first_line
        self.class_of = {name.encode(): number for name, number in self.values.class_of.items()}

    def parse(self) -> RowRuns:
        rows = RowRuns(np.int32)
        try:
            for block in blocks_of_lines(self.text, BLOCK_BYTES):
                rows.add(self._parse_block(block, rows.samples + self.first_line))
        except UserError as error:
            others = sum(self._faulty_lines.values()) - 1
            told = f"{error} (and {others:,} more wrong line{'s' * (others > 1)})"
            raise UserError(told if others and self._are_few else str(error)) from None
        return rows

    def count_lines(self) -> int | None:
        """Return the number of lines of a text with faults; None if the faults leave open how many there are to be."""
        whole = self._are_few and all(line.strip() for line in self._faulty_lines)
        return self._count if whole else None

    @property
    def _count(self) -> int:
        return self.text.count(b"\n") + 1

    @property
    def _are_few(self) -> bool:
        """Return whether the wrong lines are few, so that each is a fault of its own, and not one of the whole file."""
        return sum(self._faulty_lines.values()) <= _FEW * self._count

    @cached_property
    def _faulty_lines(self) -> Counter[bytes]:
        """Return the different lines that are not classes, each with its number."""
        found = Counter(self.text.split(b"\n"))
        for line in [*found]:
            with contextlib.suppress(UserError):
                self._parse_line(line, 0)
                del found[line]
        return found

    def why_a_header(self, fits: bool) -> str:
        """Return why line 1 is not a class while the others are; empty if it is not so."""
        first = self.text[: max(self.text.find(b"\n"), 0)].decode(errors="replace")
        return "" if self._is_written_class(first) else why_a_header(self._first_lines(), fits, self._is_written_class)

    def _parse_block(self, block: bytes, first_line: int) -> np.ndarray:
        conditions = self._parse_numbers(block) if self.values.takes_numbers else None
        if conditions is not None:
            return conditions
        lines = block.removesuffix(b"\n").split(b"\n")
        class_of, parse_line = self.class_of.get, self._parse_line
        return np.fromiter(
            (
                parse_line(line, number) if (known := class_of(line)) is None else known
                for number, line in enumerate(lines, first_line)
            ),
            np.int32,
            len(lines),
        )

    def _parse_numbers(self, block: bytes) -> np.ndarray | None:
        """Return the classes of a block in which every line is a number in range; None for any other block."""
        odd = block.translate(None, b"0123456789\n")
        if odd.translate(None, b".eE+-"):
            return None
        lines = block.count(b"\n") + (not block.endswith(b"\n"))
        numbers = None if odd else _of_one_width(block, lines)
        if numbers is None:
            with warnings.catch_warnings():
                warnings.simplefilter("error", DeprecationWarning)
                try:
                    numbers = np.fromstring(block, np.float64 if odd else np.int64, sep="\n")
                except (ValueError, DeprecationWarning):
                    return None
        # NumPy skips blank lines; then there are fewer numbers than lines.
        if len(numbers) != lines or numbers.min() < 0 or numbers.max() >= self.values.count:
            return None
        conditions = numbers.astype(np.int32, copy=False)
        return conditions if not odd or np.array_equal(conditions, numbers) else None

    def _parse_line(self, line: bytes, number: int) -> int:
        place = f"{self.path}:{number}"
        try:
            value = nfc(unquoted(line.decode()))
        except UnicodeDecodeError:
            raise UserError(f"{place}: is not UTF-8 text; save it as UTF-8, one class per line") from None
        if not value:
            raise UserError(f"{place}: blank line inside the file; every condition after it would shift by one sample")
        if not self.values.is_class(value):
            raise UserError(f"{place}: {self._why_not_a_class(value)}")
        try:
            return self.values.number(value)
        except ValueError as error:
            raise UserError(f"{place}: {error}") from None

    def _is_written_class(self, line: str) -> bool:
        return self.values.is_class(nfc(unquoted(line)))

    def _first_lines(self) -> list[str]:
        return self.text[:BLOCK_BYTES].decode(errors="replace").split("\n")

    def _why_not_a_class(self, value: str) -> str:
        values = self.values
        if reason := why_not_a_class(self._first_lines(), value, self._is_written_class):
            return reason
        if values.names:
            return f"{quote(value)} is not a class; classes are {values.range}{nearest(value[:100], values.names)}"
        return f"{quote(value)} is not a class; write one whole number per line, {values.range}"


def _of_one_width(block: bytes, lines: int) -> np.ndarray | None:
    """Return the numbers of lines that have as many digits as the first one; None where one has not.

    It is several times as fast as NumPy's parser, which knows less of the text.

    Args:
        block: digits and line ends.
        lines: number of lines.
    """
    width = block.find(b"\n") + 1 or len(block) + 1
    if not 1 < width <= _MOST_DIGITS + 1 or len(block.removesuffix(b"\n")) + 1 != lines * width:
        return None
    rows = np.frombuffer(block if block.endswith(b"\n") else block + b"\n", np.uint8).reshape(lines, width)
    # As many line ends as lines, and each in its place: all else are digits.
    if (rows[:, -1] != ord("\n")).any():
        return None
    numbers = np.zeros(lines, np.int32)
    for digits in rows[:, :-1].T:
        numbers = 10 * numbers + digits - ord("0")
    return numbers
