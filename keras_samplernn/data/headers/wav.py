"""The header of a RIFF/WAVE file."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from keras_samplernn.data.headers.header import (
    LEAST_UNKNOWN,
    Header,
    HeaderError,
    Remark,
    check_layout,
    chunks,
    foreign,
    id3_length,
    raw_header,
    whole_frames,
)

_PCM, _FLOAT, _ALAW, _ULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
# By format tag and bytes of a sample: PCM of 20 bits, for example, lies in the upper bits of 3 bytes.
_ENCODINGS = {
    (_PCM, 1): "PCM_U8",
    (_PCM, 2): "PCM_16",
    (_PCM, 3): "PCM_24",
    (_PCM, 4): "PCM_32",
    (_FLOAT, 4): "FLOAT",
    (_FLOAT, 8): "DOUBLE",
    (_ALAW, 1): "ALAW",
    (_ULAW, 1): "ULAW",
}
# Only soundfile's own readers know where the samples of these are.
COMPRESSED = {2: "MS_ADPCM", 0x11: "IMA_ADPCM", 0x31: "GSM610"}
_ORDERS = {b"RIFF": "<", b"RF64": "<", b"BW64": "<", b"RIFX": ">"}
# The end of every extensible format that contains a classic tag.
_SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")


def read_wav_header(path: Path) -> Header:
    """Return the header of the WAV file at `path`.

    Lengths in the header that the file's size contradicts are not believed, and a remark says what was assumed.
    HeaderError where it is not a WAV file, or where the header leaves two ways to read the samples.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        tag = id3_length(file.read(10))
        file.seek(tag)
        head = file.read(12)
        if len(head) < 12:
            raise HeaderError("ends before a RIFF header; it is empty, truncated or not a WAV file: copy it again")
        order = _ORDERS.get(head[:4])
        if order is None or head[8:] != b"WAVE":
            raise foreign(head, "a WAV file")
        held = {}
        for name, position, length in chunks(file, tag + 12, size, f"{order}4sI"):
            if name == b"data":
                start = position
                break
            if name in (b"fmt ", b"ds64", b"fact"):
                held[name] = file.read(min(length, 64))
        else:
            raise HeaderError("ends before a data chunk; it is empty, truncated or not a WAV file: copy it again")
        if b"fmt " not in held:
            raise HeaderError("has no fmt chunk before its samples; the header is damaged: convert the file again")
        encoding, sample_rate, channels, block, remarks = parse_format(held[b"fmt "], order)
        if encoding in COMPRESSED.values():
            stated = int.from_bytes(held.get(b"fact", b"")[:4], "little" if order == "<" else "big")
            return Header(encoding, sample_rate, channels, stated or None)
        stated = _stated_length(length, held.get(b"ds64", b""), size - start)
        length, said = _true_length(file, start, size, stated, block, order)
    sample_bytes = block // channels
    return raw_header(encoding, sample_rate, channels, sample_bytes, start, length, order == ">", (*remarks, *said))


def _stated_length(length: int, ds64: bytes, rest: int) -> int:
    """Return the bytes of samples that the header states: RF64 has a chunk of its own with 64 bits for them."""
    long = struct.unpack_from("<Q", ds64, 8)[0] if len(ds64) >= 16 else 0
    return long if long and (length == 0xFFFFFFFF or long <= rest < length) else length


def _true_length(
    file: BinaryIO, start: int, size: int, stated: int, block: int, order: str
) -> tuple[int, list[Remark]]:
    """Return the bytes of whole frames from `start` on, and remarks where they are not those stated."""
    rest = size - start
    if stated > rest:
        return whole_frames(None if stated >= LEAST_UNKNOWN else stated, rest, block)
    after = _bytes_outside_chunks(file, start + stated, size, order) if stated < rest else 0
    length, remarks = whole_frames(rest if after and not stated else stated, rest, block)
    if after and not stated:
        remarks.append(Remark("states 0 samples, was not closed: read to the end of the file", f"{rest:,} bytes"))
    elif after:
        what = "bytes follow the samples that are neither samples nor chunks: left out"
        remarks.append(Remark(what, f"{after:,} bytes", lost=True))
    return length, remarks


def _bytes_outside_chunks(file: BinaryIO, position: int, size: int, order: str) -> int:
    """Return how many bytes from `position` to the end of the file are not chunks or zeros."""
    for name, start, length in chunks(file, position, size, f"{order}4sI"):
        if not all(0x20 <= byte < 0x7F for byte in name) or start + length > size:
            break
        position = start + length + length % 2
    file.seek(min(position, size))
    return max(size - position, 0) if any(block.strip(b"\0") for block in _blocks(file)) else 0


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(1 << 20):
        yield block


def parse_format(chunk: bytes, order: str) -> tuple[str, int, int, int, tuple[Remark, ...]]:
    """Return encoding, rate in Hz, channels and bytes per frame; and a remark on a byte rate that is wrong."""
    if len(chunk) < 16:
        raise HeaderError(f"has a fmt chunk of {len(chunk)} bytes, at least 16 are needed; convert the file again")
    tag, channels, sample_rate, byte_rate, block, bits = struct.unpack_from(f"{order}HHIIHH", chunk)
    if tag == _EXTENSIBLE and chunk[26:40] == _SUBFORMAT_TAIL:
        tag = struct.unpack_from(f"{order}H", chunk, 24)[0]
    sample_bytes = -(-bits // 8)
    encoding = _ENCODINGS.get((tag, sample_bytes)) if tag == _PCM or bits == 8 * sample_bytes else None
    encoding = COMPRESSED.get(tag, encoding)
    if encoding is None:
        raise HeaderError(
            f"has {bits} bits per sample under format tag {tag:#06x}, which is not read; convert it to 16-bit PCM"
        )
    check_layout(sample_rate, channels)
    if encoding in COMPRESSED.values():
        return encoding, sample_rate, channels, block, ()
    if block != channels * sample_bytes:
        raise HeaderError(
            f"has blockAlign {block}, but {channels} channels of {bits} bits are {channels * sample_bytes} bytes; "
            "the header contradicts itself: convert the file again"
        )
    right = byte_rate == sample_rate * block
    remark = Remark("byte rate is wrong: the sample rate is believed", f"{sample_rate} Hz")
    return encoding, sample_rate, channels, block, () if right else (remark,)
