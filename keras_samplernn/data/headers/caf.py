"""The chunks of a Core Audio file."""

import struct
from pathlib import Path

from keras_samplernn.data.headers.header import Header, HeaderError, check_layout, chunks, foreign, pcm_header

_FLOAT, _LITTLE_ENDIAN = 1, 2
_ENCODINGS = {
    (True, 4): "FLOAT",
    (True, 8): "DOUBLE",
    (False, 1): "PCM_S8",
    (False, 2): "PCM_16",
    (False, 3): "PCM_24",
    (False, 4): "PCM_32",
}


def read_caf_header(path: Path) -> Header:
    """Return the header of the Core Audio file at `path`; HeaderError where it is none, or of another encoding."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if (magic := file.read(8)[:4]) != b"caff":
            raise foreign(magic, "a CAF file")
        description, samples = b"", None
        for name, start, length in chunks(file, 8, size, ">4sq", align=1):
            if name == b"desc":
                description = file.read(32)
            elif name == b"data":  # a count of edits, then the samples; of unknown length where it states -1
                samples = start + 4, length - 4 if length else None
                break
    if len(description) < 32 or samples is None:
        raise HeaderError("has no desc or no data chunk; it is truncated or damaged: copy it again")
    rate, kind, flags, block, _, channels, bits = struct.unpack(">d4sIIIII", description)
    sample_rate = round(rate) if 0 < rate < 1e9 else 0
    if kind == b"alac":
        check_layout(sample_rate, channels)
        return Header("ALAC", sample_rate, channels, None)
    encoding = _ENCODINGS.get((bool(flags & _FLOAT), bits // 8)) if kind == b"lpcm" and bits % 8 == 0 else None
    if encoding is None or not channels or block != channels * bits // 8:
        raise HeaderError(
            f"has {bits} bits per sample of type {kind!r} in frames of {block} bytes, which is not read; convert it to"
            " 16-bit PCM"
        )
    big_endian = not flags & _LITTLE_ENDIAN
    return pcm_header(encoding, sample_rate, channels, bits // 8, samples[0], size, samples[1], big_endian)
