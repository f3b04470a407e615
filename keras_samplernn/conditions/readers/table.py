"""A csv with a column for each stream: a row for each audio sample, or a row for each point in time."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_samplernn.conditions.readers.blocks import RowRuns, blocks_of_lines
from keras_samplernn.conditions.readers.header import Header, cells_of
from keras_samplernn.conditions.readers.points import lay_points
from keras_samplernn.conditions.readers.sound import Sound, has_decimal_comma
from keras_samplernn.conditions.readers.values import values_of
from keras_samplernn.conditions.streams import ClassesStream, Stream
from keras_samplernn.conditions.track import Track, constant
from keras_samplernn.errors import UserError
from keras_samplernn.text import quote, shorten

# Smaller than that of plain classes: a block that is read line by line takes many times its size.
_BLOCK_BYTES = 1 << 22
_NO_NUMBER = ["", "none", "nan"]
# pandas reads these as numbers if a column has nothing else.
_TRUTH = (b"rue", b"RUE", b"alse", b"ALSE")


def read_table_rows(path: Path, text: bytes, header: Header, streams: Sequence[Stream], sound: Sound) -> Track:
    """Read the text of a csv, its header included, in which every line is an audio sample.

    Raises:
        UserError: one line, which names the first line and the column that is wrong, or both lengths.
    """
    rows = {stream.name: RowRuns(dtype_of(stream)) for stream in header.streams}
    samples = 0
    for _, columns in _blocks(path, text, header):
        samples += len(columns[0])
        for stream, values in zip(header.streams, columns, strict=True):
            rows[stream.name].add(values)
    sound.check_rows(path, samples, bool(header.lines))
    spans = {name: each.spans() for name, each in rows.items()}
    for stream in streams:
        if stream.name not in spans:
            spans[stream.name] = constant(stream, values_of(stream).nothing, samples)
    return Track(samples, spans)


def read_table_points(path: Path, text: bytes, header: Header, streams: Sequence[Stream], sound: Sound) -> Track:
    """Read the text of a csv, its header included, in which every line is a point in time, in seconds, and its values.

    Raises:
        UserError: one line, which names the first line and the column that is wrong.
    """
    places, values = [np.zeros(0, np.int64)], [[np.zeros(0, dtype_of(stream))] for stream in header.streams]
    for line, (times, *columns) in _blocks(path, text, header):
        at = (sound.at(time.strip(), f"{path}:{number}") for number, time in enumerate(times, line))
        places.append(np.fromiter(at, np.int64, len(times)))
        for column, block in zip(values, columns, strict=True):
            column.append(block)
    columns = {stream.name: np.concatenate(blocks) for stream, blocks in zip(header.streams, values, strict=True)}
    return lay_points(lambda point: f"{path}:{point + 2}", np.concatenate(places), columns, streams, sound)


def dtype_of(stream: Stream) -> type:
    """Return the type of a stream's values in a track."""
    return np.int32 if isinstance(stream, ClassesStream) else np.float32


def _blocks(path: Path, text: bytes, header: Header) -> Iterator[tuple[int, list[Any]]]:
    """Yield blocks of lines: the number of the first line; the columns, first the times, if there are any, as text."""
    body = text.partition(b"\n")[2] if header.lines else text
    reader, line = _BlockReader(path, header), 1 + header.lines
    for block in blocks_of_lines(body, _BLOCK_BYTES):
        block = block.removesuffix(b"\n").removesuffix(b"\r")
        columns = reader.read_quickly(block)
        if columns is None:
            columns = reader.read_carefully(block, line)
        yield line, columns
        line += len(columns[0])


class _BlockReader:
    """Reads a block of lines with pandas where each is plain, and else line by line, up to the first fault."""

    def __init__(self, path: Path, header: Header):
        self._path, self._header = path, header
        self._values = [values_of(stream) for stream in header.streams]
        self._streams = list(enumerate(header.streams, len(header.times)))

    def read_quickly(self, block: bytes) -> list[Any] | None:
        """Return the columns of a block; None if it has something in it that only `read_carefully` understands."""
        if not self._is_regular(block) or any(word in block for word in _TRUTH):
            return None
        import pandas as pd  # here, since most files are read without it

        numbers = [column for column, stream in self._streams if not isinstance(stream, ClassesStream)]
        classes = [column for column, stream in self._streams if isinstance(stream, ClassesStream)]
        try:
            frame = pd.read_csv(
                io.BytesIO(block),
                sep=self._header.delimiter,
                header=None,
                names=range(self._header.width),
                index_col=False,
                dtype={0: object, **dict.fromkeys(numbers, np.float64), **dict.fromkeys(classes, "category")},
                keep_default_na=False,
                na_values=dict.fromkeys(numbers, _NO_NUMBER),
                skip_blank_lines=False,
                float_precision="round_trip",
            )
            columns = [
                self._column(frame[column], values)
                for (column, _), values in zip(self._streams, self._values, strict=True)
            ]
        except (ValueError, OverflowError, pd.errors.ParserError):
            return None
        return [frame[0].tolist(), *columns] if self._header.times else columns

    def _is_regular(self, block: bytes) -> bool:
        """Return whether each line has as many cells as the header, and nothing has to be looked at more closely."""
        if not block or b"'" in block or b"\0" in block or block.count(b"\r") != block.count(b"\r\n"):
            return False
        characters = np.frombuffer(block, np.uint8)
        ends, delimiters = characters == ord("\n"), characters == ord(self._header.delimiter)
        if b'"' in block and (np.cumsum(characters == ord('"')) % 2)[ends | delimiters].any():
            return False  # one stands in quotes
        width, lines = self._header.width, block.count(b"\n") + 1
        if width == 1:
            blank = block[:1] in (b"\n", b"\r") or b"\n\n" in block or b"\n\r" in block or block[-1:] == b"\n"
            return not blank and not delimiters.any()
        marks = ends[ends | delimiters]
        if len(marks) != width * lines - 1:
            return False
        rows = np.append(marks, True).reshape(lines, width)
        return bool(rows[:, -1].all() and rows.sum() == lines)

    def _column(self, cells: Any, values: Any) -> np.ndarray:
        if cells.dtype != "category":
            numbers = cells.to_numpy()
            if np.isinf(numbers).any():
                raise ValueError("not finite")
            return numbers
        names, codes = list(map(str, cells.cat.categories)), cells.cat.codes.to_numpy()
        if self._header.width == 1 and any(name.isspace() for name in names):
            raise ValueError("a blank line")
        return np.array([self._value(values, name.strip()) for name in names], np.int32)[codes]

    def read_carefully(self, block: bytes, first_line: int) -> list[Any]:
        """Return the columns of a block; UserError, which names the line and the column, if it has a fault."""
        rows = [self._row(line, f"{self._path}:{number}") for number, line in enumerate(block.split(b"\n"), first_line)]
        columns: list[Any] = [list(column) for column in zip(*rows, strict=True)]
        for column, stream in self._streams:
            columns[column] = np.array(columns[column], np.int32 if isinstance(stream, ClassesStream) else np.float64)
        return columns

    def _row(self, line: bytes, place: str) -> list[Any]:
        header = self._header
        try:
            text = line.decode()
        except UnicodeDecodeError:
            raise UserError(f"{place}: is not UTF-8 text; save it as UTF-8") from None
        if not (text.strip("\r ") if header.delimiter == "\t" else text.strip()):
            shift = "every condition after it would shift by one sample"
            raise UserError(f"{place}: blank line inside the file; {'remove it' if header.times else shift}")
        cells = cells_of(text, header.delimiter)
        if len(cells) != header.width:
            raise UserError(f"{place}: {_why_not_so_many(text, cells, header)}")
        for (column, stream), values in zip(self._streams, self._values, strict=True):
            try:
                cells[column] = self._value(values, cells[column])
            except ValueError as error:
                raise UserError(f"{place}: {stream.name}: {error}") from None
        return cells

    @staticmethod
    def _value(values: Any, cell: str) -> Any:
        return values.one(cell) if cell else values.nothing


def _why_not_so_many(line: str, cells: Sequence[str], header: Header) -> str:
    columns = f"has {len(cells)} column{'s' if len(cells) > 1 else ''}, and the header {header.width}"
    if not header.lines:
        columns = f"has {len(cells)} columns; write one number per line, or a header that names the columns"
        if has_decimal_comma(line.strip()):
            columns = f"{quote(line)} has a decimal comma; write {shorten(line.strip().replace(',', '.'))}"
    elif len(cells) > header.width and header.delimiter == ",":
        columns += '; a decimal comma? write a point, or ";" between the columns'
    else:
        columns += "; give each line a value, or nothing, between the delimiters"
    return columns
