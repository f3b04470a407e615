"""Reads what a file says of a sound, or a score, in any of the formats that have a reader."""

from collections.abc import Callable, Mapping
from pathlib import Path

from keras_samplernn.conditions.readers.header import POINTS, SPANS, find_header
from keras_samplernn.conditions.readers.labels import read_labels
from keras_samplernn.conditions.readers.midi import read_midi
from keras_samplernn.conditions.readers.npy import read_npy
from keras_samplernn.conditions.readers.rows import read_rows
from keras_samplernn.conditions.readers.sound import Sound
from keras_samplernn.conditions.readers.spans import read_spans
from keras_samplernn.conditions.readers.table import read_table_points, read_table_rows
from keras_samplernn.conditions.readers.textgrid import read_textgrid
from keras_samplernn.conditions.streams import Streams
from keras_samplernn.conditions.track import Track
from keras_samplernn.errors import UserError
from keras_samplernn.text import quote, read_lines


def read_track(path: Path, streams: Streams, sample_rate: int, samples: int | None = None, said: str = "") -> Track:
    """Read a file of conditions as a track, exact to the sample.

    Args:
        path: the file; its suffix, in `SUFFIXES`, says its format.
        streams: that the file may speak of, at least one. Each has spans in the track: where the file says nothing,
            the stream's `gaps`, or none.
        sample_rate: in Hz, at which the track counts.
        samples: length of the sound that the file belongs to, at that rate; None: the file is a score, and its rows,
            its last end or its end label are the length.
        said: what is told of that sound, and may be why the file has another length.

    Raises:
        UserError: one line: the place, what is wrong there, and the remedy.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        found = f"{quote(path.suffix)} is not a format of conditions" if path.suffix else "has no suffix of a format"
        raise UserError(f"{path}: {found}; formats are {', '.join(SUFFIXES)}")
    return reader(path, streams, Sound(sample_rate, samples, said))


def _read_csv(path: Path, streams: Streams, sound: Sound) -> Track:
    # A tab may be the delimiter of a last line with empty cells.
    text = read_lines(path, b"\r\n ")
    header = find_header(path, text, streams)
    if header is None:
        return read_rows(path, text.rstrip(), streams[0], sound)
    if header.delimiter != "\t":
        text = text.rstrip()
    read = {SPANS: read_spans, POINTS: read_table_points, (): read_table_rows}[header.times]
    return read(path, text, header, streams, sound)


_READERS: Mapping[str, Callable[[Path, Streams, Sound], Track]] = {
    ".csv": _read_csv,
    ".txt": read_labels,
    ".textgrid": read_textgrid,
    ".mid": read_midi,
    ".midi": read_midi,
    ".npy": read_npy,
}
SUFFIXES = tuple(_READERS)
