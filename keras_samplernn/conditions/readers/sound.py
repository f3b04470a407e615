"""The sound that a file of conditions belongs to: its length, its rate, and the times that lie within it."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from keras_samplernn.conditions.readers.faults import why_another_length
from keras_samplernn.conditions.streams import Stream
from keras_samplernn.conditions.track import Item, Track, lay_spans, sample_at
from keras_samplernn.errors import UserError
from keras_samplernn.text import quote, shorten

# What a file may say past the end of a sound: label tracks are drawn by hand, and Praat and others round.
_OVERSHOOT_SECONDS = 0.1
_MOST_SECONDS = 1e6
_TIME = re.compile(r"(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_LONGEST_TIME = 60
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+", re.ASCII)


class Sound(NamedTuple):
    """What is known of the sound that a file belongs to.

    Attributes:
        sample_rate: in Hz.
        samples: its length; None: the file is a score, and says the length itself.
        said: what is told of the sound, and may be why a file has another length.
    """

    sample_rate: int
    samples: int | None = None
    said: str = ""

    def at(self, seconds: str, place: str) -> int:
        """Return the sample that begins nearest to a time, in seconds; UserError if the text is not a time."""
        if len(seconds) > _LONGEST_TIME or not _TIME.fullmatch(seconds):
            raise UserError(f"{place}: {_why_not_a_time(seconds)}")
        if float(seconds) > _MOST_SECONDS:
            raise UserError(f"{place}: {shorten(seconds)} s is longer than any sound; write times in seconds")
        return sample_at(seconds, self.sample_rate)

    def check_rows(self, path: Path, rows: int, header: bool = False, row: str = "line", where: str = "") -> None:
        """Raise UserError unless a file with a row for each sample has as many as the sound has samples.

        Args:
            path: of the file.
            rows: their number, the header aside.
            header: whether the file has one.
            row: what a row is called.
            where: which rows these are, if not all.
        """
        if self.samples is None or rows == self.samples:
            return
        sound = f"{self.samples} samples ({self.said})" if self.said else f"{self.samples} samples"
        reason = why_another_length(rows, self.samples, self.sample_rate, header)
        raise UserError(
            f"{path}: {rows} conditions {where}for a sound of {sound}, {reason}; give one"
            f" {row} for each sample of the audio file"
        )

    def check_stop(self, stop: int, place: str) -> None:
        """Raise UserError if what stops before a sample lies far past the end of the sound."""
        if self.samples is not None and stop - self.samples >= _OVERSHOOT_SECONDS * self.sample_rate:
            sound = f"the sound{f' ({self.said})' if self.said else ''} ends at {self.samples / self.sample_rate:.3f} s"
            raise UserError(
                f"{place}: lasts until {stop / self.sample_rate:.3f} s, but {sound}; end it there, or is it the file of"
                " another sound?"
            )

    def lay(self, streams: Sequence[Stream], items: Mapping[str, Sequence[Item]], end: int) -> Track:
        """Return the track of what a file says in spans.

        Args:
            streams: that have spans in the track.
            items: of each stream, by its name; in any order.
            end: length of the score in samples; without effect if the length of the sound is known.

        Raises:
            UserError: items overlap where they may not, or lie past the end of the sound.
        """
        samples = end if self.samples is None else self.samples
        for said in items.values():
            for item in said:
                self.check_stop(item.stop, item.place)
        # A number that is none, NaN, is the same as none said, and nothing can move to it.
        said = {name: [item for item in each if item.value == item.value] for name, each in items.items()}
        return Track(samples, {each.name: lay_spans(each, said.get(each.name, ()), samples) for each in streams})


def is_time(text: str) -> bool:
    """Return whether a text is a time in seconds."""
    return bool(_TIME.fullmatch(text))


def has_decimal_comma(text: str) -> bool:
    """Return whether a text is a number with a comma in place of the decimal point."""
    return bool(_DECIMAL_COMMA.fullmatch(text))


def _why_not_a_time(text: str) -> str:
    if has_decimal_comma(text):
        return f"{quote(text)} has a decimal comma; write {shorten(text.replace(',', '.'))}"
    if text[:1] == "-" and is_time(text[1:]):
        return f"{shorten(text)} s is before the sound begins; times begin at 0"
    return f"{quote(text)} is not a time; write seconds, as 1.25"
