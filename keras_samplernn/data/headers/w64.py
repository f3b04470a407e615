"""The chunks of a Wave64 file, a WAV file whose names and lengths are longer."""

from pathlib import Path

from keras_samplernn.data.headers.chunks import Form, read_chunks
from keras_samplernn.data.headers.coded import CODED, RIFF, TAIL, coded_prefix
from keras_samplernn.data.headers.header import Header, foreign
from keras_samplernn.data.headers.samples import samples_header
from keras_samplernn.data.headers.wav import parse_format

_FORMAT = b"fmt " + TAIL
_FORM = Form("<16sQ", b"data" + TAIL, (RIFF,), align=8, counted=24, unknown=1 << 62)


def read_w64_header(path: Path) -> Header:
    """Return the header of the Wave64 file at `path`; HeaderError where it is none, or as for WAV files."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if (magic := file.read(16)) != RIFF:
            raise foreign(magic, "a Wave64 file")
        held, (start, stated) = read_chunks(file, 40, size, _FORM, (_FORMAT,), _FORMAT)
        layout, remarks = parse_format(held[_FORMAT], "<")
        prefix = coded_prefix(held[_FORMAT]) if layout.encoding in CODED.values() else None
        return samples_header(file, size, layout, start, stated, _FORM, remarks, prefix)
