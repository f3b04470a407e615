"""The chunks of an AIFF or AIFC file."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from keras_samplernn.data.headers.chunks import Form, read_chunks, what_follows
from keras_samplernn.data.headers.header import Header, HeaderError, Remark, check_layout, foreign, skip_id3
from keras_samplernn.data.headers.samples import SHORTER, Layout, samples_header

# By compression type, and bytes of a sample for integers: encoding and whether the first byte is the highest.
_ENCODINGS = {
    **{
        (kind, size): (f"PCM_{8 * size}" if size > 1 else "PCM_S8", kind != b"sowt")
        for kind in (b"NONE", b"twos", b"sowt")
        for size in (1, 2, 3, 4)
    },
    (b"raw ", 1): ("PCM_U8", True),
    (b"in24", 3): ("PCM_24", True),
    (b"in32", 4): ("PCM_32", True),
    (b"42ni", 3): ("PCM_24", False),
    (b"23ni", 4): ("PCM_32", False),
}
# The bits that the header states for these do not count.
_OF_ONE_SIZE = {
    **dict.fromkeys((b"fl32", b"FL32"), ("FLOAT", 4)),
    **dict.fromkeys((b"fl64", b"FL64"), ("DOUBLE", 8)),
    **dict.fromkeys((b"ulaw", b"ULAW"), ("ULAW", 1)),
    **dict.fromkeys((b"alaw", b"ALAW"), ("ALAW", 1)),
}
# Only soundfile's own readers decode the blocks of these, of so many bytes a channel.
_CODED = {b"ima4": ("IMA_ADPCM", 34), b"GSM ": ("GSM610", 33)}
_FORM = Form(">4sI", b"SSND", (b"FORM",), before=8)


def read_aiff_header(path: Path) -> Header:
    """Return the header of the AIFF or AIFC file at `path`; HeaderError where it is none, or of another encoding."""
    size = path.stat().st_size
    with path.open("rb") as file:
        position = skip_id3(file)
        magic, _, form = struct.unpack(">4sI4s", head := file.read(12).ljust(12, b"\0"))
        if magic != b"FORM" or form not in (b"AIFF", b"AIFC"):
            raise foreign(head, "an AIFF file")
        held, (start, by_chunk) = read_chunks(file, position + 12, size, _FORM, (b"COMM",), b"COMM")
        file.seek(start - _FORM.before)
        offset = int.from_bytes(file.read(4), "big")
        start, by_chunk = start + offset, by_chunk and max(by_chunk - offset, 0)
        common = held[b"COMM"]
        if len(common) < 18:
            raise HeaderError("has a COMM chunk that ends early; it is truncated or damaged: copy it again")
        channels, frames, bits = struct.unpack_from(">hIh", common)
        sample_rate = round(_extended(common[8:18]))
        check_layout(sample_rate, channels)
        kind = common[18:22] if form == b"AIFC" else b"NONE"
        if kind in _CODED:
            encoding, block = _CODED[kind]
            block *= channels
            stated = by_chunk and by_chunk - (by_chunk % block == 1)  # as below
            layout = Layout(encoding, sample_rate, channels, block)
            return samples_header(file, size, layout, start, stated, _FORM, (), _coded_prefix(common))
        encoding, sample_bytes, big_endian = _encoding(kind, bits)
        layout = Layout(encoding, sample_rate, channels, channels * sample_bytes, big_endian)
        stated, remarks = _stated_length(file, size, start, by_chunk or 0, frames * layout.block, layout.block)
        return samples_header(file, size, layout, start, stated, _FORM, remarks)


def _encoding(kind: bytes, bits: int) -> tuple[str, int, bool]:
    """Return encoding, bytes of a sample, and whether the first of them is the highest."""
    if kind in _OF_ONE_SIZE:
        return *_OF_ONE_SIZE[kind], True
    sample_bytes = -(-bits // 8)
    if (kind, sample_bytes) not in _ENCODINGS:
        raise HeaderError(f"has {bits} bits per sample of type {kind!r}, which is not read; convert it to 16-bit AIFF")
    encoding, big_endian = _ENCODINGS[kind, sample_bytes]
    return encoding, sample_bytes, big_endian


def _stated_length(
    file: BinaryIO, size: int, start: int, by_chunk: int, by_frames: int, block: int
) -> tuple[int, list[Remark]]:
    """Return the bytes of samples that the header states, and a remark where it does so twice, and differently.

    The length of the chunk counts where the file fits it; else the number of frames.
    """
    by_chunk -= by_chunk - by_frames == 1  # libsndfile counts the byte that makes the length of the chunk even
    if not by_chunk or start + by_chunk > size or what_follows(file, start, by_chunk, size, _FORM):
        return by_frames or by_chunk, []
    there, stated = by_chunk // block, by_frames // block
    if there > stated:
        what = "has more samples than its header states: all are read"
        return by_chunk, [Remark(what, f"{there:,} instead of {stated:,}")]
    missing = [Remark(SHORTER, f"{stated - there:,} frames missing", lost=True)] if there < stated else []
    return by_chunk, missing


def _coded_prefix(common: bytes) -> Callable[[int], bytes]:
    """Return the function that makes an AIFC header, with this COMM chunk, for a number of bytes of coded samples."""

    def prefix(length: int) -> bytes:
        filled = common + b"\0" * (len(common) % 2)
        body = b"AIFCCOMM" + struct.pack(">I", len(common)) + filled + b"SSND" + struct.pack(">III", length + 8, 0, 0)
        return b"FORM" + struct.pack(">I", len(body) + length) + body

    return prefix


def _extended(data: bytes) -> float:
    """Return a float of 80 bits; 0 where it is not a positive number."""
    exponent, mantissa = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:], "big")
    return mantissa * 2.0 ** (exponent - 16383 - 63) if 16383 <= exponent < 16383 + 32 else 0.0
