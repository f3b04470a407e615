"""The header of a RIFF/WAVE file."""

import struct
from pathlib import Path
from typing import BinaryIO

from keras_samplernn.data.headers.header import Header, HeaderError, check_sample_rate

_PCM, _FLOAT, _ALAW, _ULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_ENCODINGS = {
    (_PCM, 8): "PCM_U8",
    (_PCM, 16): "PCM_16",
    (_PCM, 24): "PCM_24",
    (_PCM, 32): "PCM_32",
    (_FLOAT, 32): "FLOAT",
    (_FLOAT, 64): "DOUBLE",
    (_ALAW, 8): "ALAW",
    (_ULAW, 8): "ULAW",
}
# The end of every extensible format that contains a classic tag.
_SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")
# What programs write as the length when they write to a pipe (the second is SoX's).
_UNKNOWN_LENGTHS = {0xFFFFFFFF, 0x7FFFF000}
# Before the samples; no program writes as many.
_MOST_CHUNKS = 10_000
# tensorflow-io decodes 32-bit integers to NaN, has no 64-bit floats and fails on odd numbers of 8-bit samples.
_PROVEN = {"PCM_16", "PCM_24", "FLOAT"}


def read_wav_header(path: Path) -> Header:
    """Return the header of the WAV file at `path`; HeaderError where it contradicts itself or the file's size."""
    size = path.stat().st_size
    with path.open("rb") as file:
        magic, riff_length, form = _unpack(file, "<4sI4s", "a RIFF header")
        if magic not in (b"RIFF", b"RF64") or form != b"WAVE":
            raise HeaderError(f"begins with {magic!r}, which is not a WAV file; convert it or give it its true suffix")
        chunks: dict[bytes, bytes] = {}
        plain = magic == b"RIFF"
        for _ in range(_MOST_CHUNKS):
            name, length = _unpack(file, "<4sI", "a data chunk")
            if name == b"data":
                break
            content = file.read(min(length, 64))
            if name in (b"fmt ", b"ds64"):
                chunks[name] = content
            file.seek(length - len(content) + length % 2, 1)
            # tensorflow-io does not skip the padding byte, and then finds no samples.
            plain = plain and length % 2 == 0
        else:
            raise HeaderError(f"has {_MOST_CHUNKS:,} chunks before its samples; it is damaged: convert it again")
        start = file.tell()
    if b"fmt " not in chunks:
        raise HeaderError("has no fmt chunk before its samples; the header is damaged: convert the file again")
    encoding, sample_rate, channels, block = _parse_format(chunks[b"fmt "])
    if length == 0xFFFFFFFF and len(chunks.get(b"ds64", b"")) >= 16:
        length = struct.unpack_from("<Q", chunks[b"ds64"], 8)[0]
    rest = size - start
    if length in _UNKNOWN_LENGTHS and length > rest:
        length, plain = rest - rest % block, False
    if length > rest:
        raise HeaderError(f"is truncated: its header states {length} bytes of samples, {rest} are there; copy it again")
    if length == 0 and rest and riff_length + 8 < size:
        raise HeaderError(
            f"states 0 bytes of samples, but {rest} bytes follow; the recording was not closed: repair it"
        )
    if length % block:
        raise HeaderError(f"has {length} bytes of samples, not a multiple of the {block} of a frame; convert it again")
    # If a chunk after the samples has an odd length, tensorflow-io reads past its end.
    plain = plain and rest == length and length % 2 == 0
    return Header(encoding, sample_rate, channels, length // block, plain and encoding in _PROVEN)


def _unpack(file: BinaryIO, layout: str, what: str) -> tuple:
    data = file.read(struct.calcsize(layout))
    if len(data) < struct.calcsize(layout):
        raise HeaderError(f"ends before {what}; it is empty, truncated or not a WAV file: copy it again")
    return struct.unpack(layout, data)


def _parse_format(chunk: bytes) -> tuple[str, int, int, int]:
    """Return encoding, rate in Hz, channels and bytes per frame."""
    if len(chunk) < 16:
        raise HeaderError(f"has a fmt chunk of {len(chunk)} bytes, at least 16 are needed; convert the file again")
    tag, channels, sample_rate, byte_rate, block, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == _EXTENSIBLE and chunk[26:40] == _SUBFORMAT_TAIL:
        tag = struct.unpack_from("<H", chunk, 24)[0]
    encoding = _ENCODINGS.get((tag, bits))
    if encoding is None:
        raise HeaderError(
            f"has {bits} bits per sample under format tag {tag:#06x}, which is not read; convert it to 16-bit PCM"
        )
    if channels == 0:
        raise HeaderError("has 0 channels; the header is damaged: convert the file again")
    if block != channels * bits // 8:
        raise HeaderError(
            f"has blockAlign {block}, but {channels} channels of {bits} bits are {channels * bits // 8} bytes; "
            "the header contradicts itself: convert the file again"
        )
    check_sample_rate(sample_rate)
    if byte_rate != sample_rate * block:
        raise HeaderError(
            f"has byte rate {byte_rate}, but {sample_rate} Hz of {block} bytes are {sample_rate * block}; "
            "the header contradicts itself: convert the file again"
        )
    return encoding, sample_rate, channels, block
