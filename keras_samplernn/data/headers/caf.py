"""The chunks of a Core Audio file."""

import struct
from pathlib import Path

from keras_samplernn.data.headers.chunks import Form, read_chunks
from keras_samplernn.data.headers.header import Header, HeaderError, check_layout, foreign
from keras_samplernn.data.headers.samples import Layout, samples_header

_FLOAT, _LITTLE_ENDIAN = 1, 2
# By type, whether they are floats, and bits of a sample.
_ENCODINGS = {
    (b"lpcm", True, 32): "FLOAT",
    (b"lpcm", True, 64): "DOUBLE",
    (b"lpcm", False, 8): "PCM_S8",
    (b"lpcm", False, 16): "PCM_16",
    (b"lpcm", False, 24): "PCM_24",
    (b"lpcm", False, 32): "PCM_32",
    (b"ulaw", False, 8): "ULAW",
    (b"alaw", False, 8): "ALAW",
}
# The chunk of samples begins with a count of edits; it states -1 where their length is unknown.
_FORM = Form(">4sq", b"data", (b"caff",), before=4, align=1, unknown=1 << 62)


def read_caf_header(path: Path) -> Header:
    """Return the header of the Core Audio file at `path`; HeaderError where it is none, or of another encoding."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if (magic := file.read(12))[:4] != b"caff":
            raise foreign(magic, "a CAF file")
        held, (start, stated) = read_chunks(file, 8, size, _FORM, (b"desc",), b"desc")
        if len(held[b"desc"]) < 32:
            raise HeaderError("has a desc chunk that ends early; it is truncated or damaged: copy it again")
        rate, kind, flags, block, _, channels, bits = struct.unpack_from(">d4sIIIII", held[b"desc"])
        sample_rate = round(rate) if 0 < rate < 1e9 else 0
        check_layout(sample_rate, channels)
        if kind == b"alac":
            return Header("ALAC", sample_rate, channels, None)
        encoding = _ENCODINGS.get((kind, bool(flags & _FLOAT), bits))
        if encoding is None or block != channels * bits // 8:
            raise HeaderError(
                f"has {bits} bits per sample of type {kind!r} in frames of {block} bytes, which is not read; convert it"
                " to 16-bit PCM"
            )
        layout = Layout(encoding, sample_rate, channels, block, not flags & _LITTLE_ENDIAN)
        return samples_header(file, size, layout, start, stated, _FORM)
