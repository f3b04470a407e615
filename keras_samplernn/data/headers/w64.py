"""The chunks of a Wave64 file, a WAV file whose names and lengths are longer."""

from pathlib import Path

from keras_samplernn.data.headers.header import Header, HeaderError, chunks, foreign, pcm_header
from keras_samplernn.data.headers.wav import COMPRESSED, parse_format

_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")
_FORMAT, _DATA = b"fmt " + _TAIL, b"data" + _TAIL


def read_w64_header(path: Path) -> Header:
    """Return the header of the Wave64 file at `path`; HeaderError where it is none, or as for WAV files."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if (magic := file.read(16)) != _RIFF:
            raise foreign(magic, "a Wave64 file")
        layout = b""
        for name, start, stated in chunks(file, 40, size, "<16sQ", align=8, counted=24):
            if name == _FORMAT:
                layout = file.read(min(stated, 64))
            elif name == _DATA and layout:
                encoding, sample_rate, channels, block, remarks = parse_format(layout, "<")
                if encoding in COMPRESSED.values():
                    return Header(encoding, sample_rate, channels, None)
                sample_bytes = block // channels
                return pcm_header(encoding, sample_rate, channels, sample_bytes, start, size, stated, False, remarks)
    raise HeaderError("has no fmt or no data chunk; it is truncated or damaged: copy it again")
