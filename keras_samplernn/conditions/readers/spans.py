"""A csv of spans: `start,stop` and a column for each stream, in seconds, or in samples where all times are whole."""

from collections.abc import Sequence
from pathlib import Path

from keras_samplernn.conditions.readers.header import SPANS, Header, cells_of
from keras_samplernn.conditions.readers.sound import Sound
from keras_samplernn.conditions.readers.values import SpanValues
from keras_samplernn.conditions.streams import Stream
from keras_samplernn.conditions.track import Item, Track
from keras_samplernn.errors import UserError

_MOST_DIGITS = 15
# Times that end in such a small part of the sound, but fit it as seconds, are meant as seconds.
_SUSPICIOUS_SHARE = 0.01


def read_spans(path: Path, text: bytes, header: Header, streams: Sequence[Stream], sound: Sound) -> Track:
    """Read the text of a csv, its header included. The last stop is the length of a score.

    Raises:
        UserError: one line, which names the first line that is wrong.
    """
    rows = _rows(path, text, header)
    times = [time for _, cells in rows for time in cells[:2]]
    whole = bool(times) and all(time.isascii() and time.isdecimal() and len(time) <= _MOST_DIGITS for time in times)
    if whole:
        _refuse_seconds(path, max(map(int, times)), sound)
    at = (lambda time, place: int(time)) if whole else sound.at
    readers = [SpanValues(stream) for stream in header.streams]
    items: dict[str, list[Item]] = {stream.name: [] for stream in header.streams}
    end = 0
    for number, cells in rows:
        place = f"{path}:{number}"
        start, stop = at(cells[0], place), at(cells[1], place)
        said = list(zip(header.streams, readers, cells[2:], strict=True))
        if stop < start or (cells[0] == cells[1] and any(cells[2:])):
            raise UserError(f"{place}: starts at {cells[0]} and stops at {cells[1]}; a span stops after its start")
        end = max(end, stop)
        for stream, reader, cell in said:
            if cell:
                try:
                    value, target = reader.read(cell)
                except ValueError as error:
                    raise UserError(f"{place}: {stream.name}: {error}") from None
                items[stream.name].append(Item(start, stop, value, target, place))
    return sound.lay(streams, items, end)


def _rows(path: Path, text: bytes, header: Header) -> list[tuple[int, list[str]]]:
    """Return the cells of each line that is not blank, with its number."""
    rows = []
    for number, line in enumerate(text.split(b"\n")[1:], 2):
        place = f"{path}:{number}"
        try:
            cells = cells_of(line.decode().rstrip("\r"), header.delimiter)
        except UnicodeDecodeError:
            raise UserError(f"{place}: is not UTF-8 text; save it as UTF-8") from None
        if not any(cells):
            continue
        if len(cells) > header.width or len(cells) < len(SPANS):
            hint = '; a decimal comma? write a point, or ";" between the columns' if header.delimiter == "," else ""
            raise UserError(f"{place}: has {len(cells)} columns, and the header {header.width}{hint}")
        rows.append((number, cells + [""] * (header.width - len(cells))))
    return rows


def _refuse_seconds(path: Path, last: int, sound: Sound) -> None:
    if sound.samples is None or not last:
        return
    seconds = sound.samples / sound.sample_rate
    if last <= seconds + 1 and last < _SUSPICIOUS_SHARE * sound.samples:
        raise UserError(
            f"{path}: all times are whole, so they count samples, and the last is {last} of {sound.samples}; if they"
            f" are seconds, write one with a point, as {last}.0"
        )
