"""Condition files: the class of every audio sample, one per line."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from keras_samplernn.data.condition_faults import why_a_header, why_another_length, why_not_a_class
from keras_samplernn.data.text import BLOCK_BYTES, quote, read_lines, shorten, unquoted
from keras_samplernn.errors import UserError, collect, nearest
from keras_samplernn.names import nfc
from keras_samplernn.spec import CLASS_NUMBER


def read_conditions(
    path: str | Path, classes: int | Sequence[str], samples: int | None = None, sample_rate: int = 0, said: str = ""
) -> np.ndarray:
    """Read a condition file as (n,) int32 classes.

    UTF-8, or UTF-16 with a byte order mark, any line ends, `1.0` for 1, blanks or quotes around a value, and missing or
    blank last lines are accepted. An empty file has 0 conditions.

    Args:
        path: the csv file.
        classes: the number of classes, or their names. Where classes have names, a line holds a name, or the number
            of the class, unless the name of some class is a number itself.
        samples: the length of the sound that the conditions belong to; None for any length.
        sample_rate: of that sound, in Hz.
        said: what is told of that sound, and may be why the lengths differ.

    Raises:
        UserError: a line that names the first line that is not a class, or both lengths; and before it one that names a
            header.
    """
    text = read_lines(Path(path))
    lines = text.count(b"\n") + 1
    parser = _Parser(path, classes, text)
    problems: list[str] = []
    if header := parser.why_a_header(lines == samples):
        problems.append(f"{path}:1: {header}")
        parser = _Parser(path, classes, text.partition(b"\n")[2], first_line=2)
    conditions = collect(problems, parser.parse)
    replaced = header and lines == samples  # a class in the place of line 1 makes the file whole
    if conditions is not None and samples not in (None, len(conditions)) and not replaced:
        sound = f"{samples} samples ({said})" if said else f"{samples} samples"
        reason = why_another_length(len(conditions), samples, sample_rate, bool(header))
        problems.append(
            f"{path}: {len(conditions)} conditions {'below line 1 ' if header else ''}for a sound of {sound}, {reason};"
            " give one line for each sample of the audio file"
        )
    if problems:
        raise UserError(*problems)
    return conditions


def resample_conditions(conditions: np.ndarray, samples: int) -> np.ndarray:
    """Resample (n,) conditions to (samples,) of the same duration; each is the nearest in time."""
    centres = (2 * np.arange(samples, dtype=np.int64) + 1) * len(conditions) // max(2 * samples, 1)
    return conditions[centres]


def describe_classes(classes: int | Sequence[str]) -> str:
    """Return the classes, a number of them or their names, as messages list them."""
    if isinstance(classes, int):
        return f"0 to {classes - 1}"
    return ", ".join(classes[:10]) + (f" and {len(classes) - 10} more" if len(classes) > 10 else "")


class _Parser:
    """Reads classes from lines: a block at once where it has only plain numbers, line by line where it has not."""

    def __init__(self, path: str | Path, classes: int | Sequence[str], text: bytes, first_line: int = 1):
        self.path, self.text, self.first_line = path, text, first_line
        self.names = () if isinstance(classes, int) else tuple(map(nfc, classes))
        self.count = classes if isinstance(classes, int) else len(classes)
        self.takes_numbers = not any(CLASS_NUMBER.fullmatch(name) for name in self.names)
        self.class_of: Mapping[bytes, int] = {name.encode(): number for number, name in enumerate(self.names)}

    def parse(self) -> np.ndarray:
        blocks, line = [np.zeros(0, np.int32)], self.first_line
        for block in _blocks_of_lines(self.text):
            blocks.append(self._parse_block(block, line))
            line += len(blocks[-1])
        return np.concatenate(blocks)

    def why_a_header(self, fits: bool) -> str:
        """Return why line 1 is not a class while the others are; empty if it is not so."""
        first = self.text[: max(self.text.find(b"\n"), 0)].decode(errors="replace")
        return "" if self._is_written_class(first) else why_a_header(self._first_lines(), fits, self._is_written_class)

    def _parse_block(self, block: bytes, first_line: int) -> np.ndarray:
        conditions = self._parse_numbers(block) if self.takes_numbers else None
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
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)
            try:
                numbers = np.fromstring(block, np.float64 if odd else np.int64, sep="\n")
            except (ValueError, DeprecationWarning):
                return None
        # NumPy skips blank lines; then there are fewer numbers than lines.
        lines = block.count(b"\n") + (not block.endswith(b"\n"))
        if len(numbers) != lines or numbers.min() < 0 or numbers.max() >= self.count:
            return None
        conditions = numbers.astype(np.int32)
        return conditions if np.array_equal(conditions, numbers) else None

    def _parse_line(self, line: bytes, number: int) -> int:
        place = f"{self.path}:{number}"
        try:
            value = nfc(unquoted(line.decode()))
        except UnicodeDecodeError:
            raise UserError(f"{place}: is not UTF-8 text; save it as UTF-8, one class per line") from None
        if not value:
            raise UserError(f"{place}: blank line inside the file; every condition after it would shift by one sample")
        if value in self.names:
            return self.names.index(value)
        if not self._is_class(value):
            raise UserError(f"{place}: {self._why_not_a_class(value)}")
        figure, shown = float(value), shorten(value)
        if figure < 0:
            raise UserError(f"{place}: {shown} is negative; classes are {self._range()}")
        if figure >= self.count:
            raise UserError(f"{place}: class {shown} is out of range; classes are {self._range()}")
        if figure != int(figure):
            raise UserError(f"{place}: {shown} is a fraction; a class is a whole number, {self._range()}")
        return int(figure)

    def _is_class(self, value: str) -> bool:
        return value in self.names or bool(self.takes_numbers and CLASS_NUMBER.fullmatch(value))

    def _is_written_class(self, line: str) -> bool:
        return self._is_class(nfc(unquoted(line)))

    def _first_lines(self) -> list[str]:
        return self.text[:BLOCK_BYTES].decode(errors="replace").split("\n")

    def _why_not_a_class(self, value: str) -> str:
        if reason := why_not_a_class(self._first_lines(), value, self._is_written_class):
            return reason
        if self.names:
            return f"{quote(value)} is not a class; classes are {self._range()}{nearest(value[:100], self.names)}"
        return f"{quote(value)} is not a class; write one whole number per line, {self._range()}"

    def _range(self) -> str:
        return describe_classes(self.names or self.count)


def _blocks_of_lines(text: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(text):
        end = text.find(b"\n", start + BLOCK_BYTES) + 1 or len(text)
        yield text[start:end]
        start = end
