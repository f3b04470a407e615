"""The chunks of an AIFF or AIFC file."""

import struct
from pathlib import Path

from keras_samplernn.data.headers.header import (
    LEAST_UNKNOWN,
    Header,
    HeaderError,
    check_layout,
    chunks,
    foreign,
    id3_length,
    pcm_header,
)

# By compression type, and bytes of a sample for integers: encoding and whether the first byte is the highest.
_ENCODINGS = {
    **{
        (kind, size): (f"PCM_{8 * size}" if size > 1 else "PCM_S8", kind != b"sowt")
        for kind in (b"NONE", b"twos", b"sowt")
        for size in (1, 2, 3, 4)
    },
    **{(kind, 4): ("FLOAT", True) for kind in (b"fl32", b"FL32")},
    **{(kind, 8): ("DOUBLE", True) for kind in (b"fl64", b"FL64")},
    (b"in24", 3): ("PCM_24", True),
    (b"in32", 4): ("PCM_32", True),
    **{(kind, 1): ("ULAW", True) for kind in (b"ulaw", b"ULAW")},
    **{(kind, 1): ("ALAW", True) for kind in (b"alaw", b"ALAW")},
}
# Only soundfile's own readers know where the samples of these are.
_COMPRESSED = {b"ima4": "IMA_ADPCM", b"GSM ": "GSM610"}


def read_aiff_header(path: Path) -> Header:
    """Return the header of the AIFF or AIFC file at `path`; HeaderError where it is none, or of another encoding."""
    size = path.stat().st_size
    with path.open("rb") as file:
        position = id3_length(file.read(10))
        file.seek(position)
        magic, _, form = struct.unpack(">4sI4s", file.read(12).ljust(12, b"\0"))
        if magic != b"FORM" or form not in (b"AIFF", b"AIFC"):
            raise foreign(magic, "an AIFF file")
        common, samples = b"", None
        for name, start, length in chunks(file, position + 12, size, ">4sI"):
            if name == b"COMM":
                common = file.read(min(length, 64))
            elif name == b"SSND" and len(head := file.read(8)) == 8:
                samples = start + 8 + int.from_bytes(head[:4], "big"), length - 8
            if common and samples:
                break
    if len(common) < 18 or samples is None:
        raise HeaderError("has no COMM or no SSND chunk; it is truncated or damaged: copy it again")
    channels, frames, bits = struct.unpack_from(">hIh", common)
    kind = common[18:22] if form == b"AIFC" else b"NONE"
    sample_bytes = -(-bits // 8) if kind not in (b"ulaw", b"ULAW", b"alaw", b"ALAW") else 1
    sample_rate = round(_extended(common[8:18]))
    if kind in _COMPRESSED:
        check_layout(sample_rate, channels)
        return Header(_COMPRESSED[kind], sample_rate, channels, None)
    if (kind, sample_bytes) not in _ENCODINGS:
        raise HeaderError(f"has {bits} bits per sample of type {kind!r}, which is not read; convert it to 16-bit AIFF")
    encoding, big_endian = _ENCODINGS[kind, sample_bytes]
    # Frames are stated twice; where a program wrote to a pipe, in neither place.
    stated = frames * channels * sample_bytes or samples[1]
    known = stated if 0 < stated < LEAST_UNKNOWN else None
    return pcm_header(encoding, sample_rate, channels, sample_bytes, samples[0], size, known, big_endian)


def _extended(data: bytes) -> float:
    """Return a float of 80 bits; 0 where it is not a positive number."""
    exponent, mantissa = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:], "big")
    return mantissa * 2.0 ** (exponent - 16383 - 63) if 16383 <= exponent < 16383 + 32 else 0.0
