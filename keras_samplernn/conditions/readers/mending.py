"""A csv with a row for each sample that cannot be read, mended where what was meant is certain."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from keras_samplernn.conditions.readers.faults import rate_of_rows
from keras_samplernn.conditions.readers.rows import read_rows
from keras_samplernn.conditions.readers.sound import Sound
from keras_samplernn.conditions.readers.values import ClassValues
from keras_samplernn.conditions.streams import ClassesStream
from keras_samplernn.errors import UserError
from keras_samplernn.names import nfc
from keras_samplernn.text import quote, unquoted

# A length that is off by less is that of another program's rounding or padding, not of another sound.
_MOST_SECONDS_OFF = 0.1
_DELIMITERS = ";,\t|"


class Mended(NamedTuple):
    """A mended text.

    Attributes:
        text: a class on each line, without a header.
        changes: what was changed, in order, for people.
    """

    text: bytes
    changes: list[str]


def mend_rows(path: Path, text: bytes, stream: ClassesStream, sound: Sound) -> Mended | None:
    """Mend the text of a csv with a class on each line.

    What is mended: a header; a delimiter at the end of lines; all values in one line; a column that counts the lines;
    blank lines in addition to those that the sound needs; letter case of names; rows at another usual sample rate; and
    a length that is off by less than 0.1 s.

    Args:
        path: of the file, for messages.
        text: as `read_lines` returns it.
        stream: whose classes the lines hold.
        sound: that the file belongs to, with its length.

    Returns:
        None if it cannot be read after all of this; values that are missing or unknown are never guessed.
    """
    mender = _Mender(stream, sound, [line.strip() for line in text.decode(errors="replace").split("\n")])
    mender.mend()
    mended = "".join(f"{line}\n" for line in mender.lines).encode()
    try:
        read_rows(path, mended.rstrip(), stream, sound)
    except UserError:
        return None
    return Mended(mended, mender.changes) if mender.changes else None


class _Mender:
    """Mends lines step by step.

    Attributes:
        lines: as they are by now, without blanks around them.
        changes: what was changed.
    """

    def __init__(self, stream: ClassesStream, sound: Sound, lines: Sequence[str]):
        self.lines, self.changes = list(lines), []
        self._values, self._sound = ClassValues(stream), sound
        self._folded = {name.casefold(): name for name in self._values.names}

    def mend(self) -> None:
        for step in (
            self._take_off_separator_line,
            self._split_one_line,
            self._take_off_delimiters,
            self._take_off_counts,
            self._take_off_header,
            self._take_out_blanks,
            self._respell,
            self._take_off_number_header,
            self._resample,
            self._fit,
        ):
            step()

    def _is_class(self, value: str) -> bool:
        value = nfc(unquoted(value))
        return self._values.is_class(value) or value.casefold() in self._folded

    def _take_off_separator_line(self) -> None:
        if len(self.lines[0]) == len("sep=;") and self.lines[0].startswith("sep="):
            self.changes.append(f"took off the line {quote(self.lines.pop(0))}")

    def _split_one_line(self) -> None:
        for delimiter in _DELIMITERS if len(self.lines) == 1 else "":
            fields = [field.strip() for field in self.lines[0].strip(delimiter).split(delimiter)]
            if len(fields) > 1 and all(map(self._is_class, fields)):
                self.lines = fields
                self.changes.append(f"wrote the {len(fields):,} values of one line on a line each")
                return

    def _take_off_counts(self) -> None:
        for delimiter in _DELIMITERS:
            rows = [line.split(delimiter) for line in self.lines]
            if len(rows) < 3 or any(len(row) != 2 for row in rows):
                continue
            numbers = [unquoted(row[0]) for row in rows[1:]]
            first = int(numbers[0]) if numbers[0].isdecimal() else 0
            if numbers == [str(first + number) for number in range(len(numbers))]:
                self.lines = [row[1].strip() for row in rows]
                self.changes.append("took off a column that counts the lines")
                return

    def _take_off_delimiters(self) -> None:
        def bare(line: str) -> str:
            return line.rstrip(_DELIMITERS + " ")

        count = sum(bare(line) != line and self._is_class(bare(line)) for line in self.lines)
        if count:
            self.lines = [bare(line) if self._is_class(bare(line)) else line for line in self.lines]
            self.changes.append(f"took a delimiter off the end of {count:,} lines")

    def _take_off_header(self) -> None:
        first, *others = self.lines
        if others and not self._is_class(first) and all(map(self._is_class, filter(None, others))):
            self.changes.append(f"took off the header {quote(self.lines.pop(0))}")

    def _take_out_blanks(self) -> None:
        blank = self.lines.count("")
        if blank and len(self.lines) - blank == self._sound.samples:
            self.lines = [line for line in self.lines if line]
            self.changes.append(f"took out {blank:,} blank line{'s' * (blank > 1)}")

    def _respell(self) -> None:
        spelled: dict[str, str] = {}
        for line, count in Counter(self.lines).items():
            name = nfc(unquoted(line))
            known = self._folded.get(name.casefold())
            if known is not None and not self._values.is_class(name):
                spelled[line] = known
                self.changes.append(f"wrote {quote(known)} for {quote(line)} on {count:,} lines")
        if spelled:
            self.lines = [spelled.get(line, line) for line in self.lines]

    def _take_off_number_header(self) -> None:
        # pandas names a column without a name 0, which is a class too.
        if len(self.lines) == self._sound.samples + 1 and self.lines[0] == "0":
            self.changes.append(f"took off the first line, {quote(self.lines.pop(0))}, a header that pandas writes")

    def _resample(self) -> None:
        samples, count = self._sound.samples, len(self.lines)
        rate = rate_of_rows(count, samples, self._sound.sample_rate)
        if rate is not None:
            self.lines = [self.lines[(2 * sample + 1) * count // (2 * samples)] for sample in range(samples)]
            self.changes.append(f"took rows at {self._sound.sample_rate} Hz from those at {rate} Hz")

    def _fit(self) -> None:
        more = len(self.lines) - self._sound.samples
        if not more or abs(more) >= _MOST_SECONDS_OFF * self._sound.sample_rate:
            return
        if more > 0:
            del self.lines[self._sound.samples :]
            self.changes.append(f"took off the last {more:,} line{'s' * (more > 1)}")
        elif self.lines:
            self.lines += [self.lines[-1]] * -more
            self.changes.append(f"repeated the last line {-more:,} time{'s' * (more < -1)}")
