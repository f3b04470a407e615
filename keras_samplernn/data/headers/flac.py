"""The STREAMINFO block and the last frame of a FLAC file."""

from pathlib import Path
from typing import BinaryIO, NamedTuple

from keras_samplernn.data.headers.header import (
    Header,
    HeaderError,
    Part,
    Remark,
    check_layout,
    find_bytes,
    foreign,
    skip_id3,
)

_MAGIC = b"fLaC"
_HEAD_BYTES = 4 + 4 + 34
_STREAMINFO = (b"\0\0\0\x22", b"\x80\0\0\x22")  # the head of that block, without and with the flag of the last one
_TOTAL = (1 << 36) - 1
_TAIL_BYTES, _LEAST_FRAME_BYTES = 1 << 17, 10
_MOST_STREAMS = 10_000
_BITS = {1: 8, 2: 12, 4: 16, 5: 20, 6: 24, 7: 32}


class _Stream(NamedTuple):
    """A stream, which begins with its STREAMINFO block."""

    start: int
    end: int
    head: bytes

    @property
    def packed(self) -> int:
        """20 bits rate, 3 bits channels - 1, 5 bits bits - 1, 36 bits samples."""
        return int.from_bytes(self.head[18:26], "big")

    @property
    def sample_rate(self) -> int:
        return self.packed >> 44

    @property
    def channels(self) -> int:
        return (self.packed >> 41 & 7) + 1

    @property
    def bits(self) -> int:
        return (self.packed >> 36 & 31) + 1

    @property
    def stated(self) -> int:
        """The number of samples; 0: unknown."""
        return self.packed & _TOTAL

    @property
    def block(self) -> int:
        """The most samples of a frame."""
        return int.from_bytes(self.head[10:12], "big")

    def part(self, samples: int) -> Part:
        """Return what to decode so that this number of samples is read; 0: as many as there are."""
        packed = (self.packed & ~_TOTAL | samples).to_bytes(8, "big")
        return Part(((self.start + _HEAD_BYTES, self.end),), self.head[:18] + packed + self.head[26:])


def read_flac_header(path: Path) -> Header:
    """Return the header of the FLAC file at `path`. Only decoding shows whether all samples are there.

    Files that were joined to one are read one after the other. A number of samples is not believed if the file is too
    small for it, or the last frame lies behind it.
    """
    with path.open("rb") as file:
        streams = _streams(file, path.stat().st_size)
        first = streams[0]
        read = [each for each in streams if (each.sample_rate, each.bits) == (first.sample_rate, first.bits)]
        samples, remarks = zip(*(_samples(file, each) for each in read), strict=True)
    said = [remark for remark in remarks if remark]
    if len(read) > 1:
        said.append(Remark("several files joined to one: all are read", f"{len(read)} files"))
    if others := len(streams) - len(read):
        said.append(Remark("joined files of another rate or bit depth: left out", f"{others} files", lost=True))
    plain = len(streams) == 1 and first.start == 0 and samples[0] == first.stated
    return Header(
        encoding=f"PCM_{first.bits}" if first.bits > 8 else f"PCM_S{first.bits}",
        sample_rate=first.sample_rate,
        channels=max(each.channels for each in read),
        samples=sum(samples) if all(samples) else None,
        parts=() if plain else tuple(each.part(count) for each, count in zip(read, samples, strict=True)),
        remarks=tuple(said),
    )


def _samples(file: BinaryIO, stream: _Stream) -> tuple[int, Remark | None]:
    """Return how many samples a stream has, 0 if only decoding will tell, and a remark unless it states them."""
    if not stream.stated:
        return 0, Remark("length not stated: read to the end of the file")
    most = (stream.end - stream.start) // _LEAST_FRAME_BYTES * max(stream.block, 1)
    if stream.stated > max(most, 1 << 16):
        what = "states more samples than a file of its size can hold: read to the end of the file"
        return 0, Remark(what, f"{stream.stated:,}")
    last = _last_sample(file, stream)
    if last > stream.stated:
        what = "has more samples than its header states: all are read"
        return last, Remark(what, f"{last:,} instead of {stream.stated:,}")
    return stream.stated, None


def _last_sample(file: BinaryIO, stream: _Stream) -> int:
    """Return how many samples there are up to the end of the last frame; 0 if its header is not found."""
    begin = max(stream.start + _HEAD_BYTES, stream.end - _TAIL_BYTES)
    file.seek(begin)
    tail = file.read(stream.end - begin) + bytes(16)
    at = len(tail) - 16
    while (at := tail.rfind(b"\xff", 0, at)) >= 0:
        if tail[at + 1] & 0xFE == 0xF8 and (end := _end_of_frame(tail[at : at + 16], stream)):
            return end
    return 0


def _end_of_frame(head: bytes, stream: _Stream) -> int:
    """Return how many samples there are up to the end of a frame that may begin with `head`; 0 if it does not."""
    block_code, rate_code, assignment, bits_code = head[2] >> 4, head[2] & 15, head[3] >> 4, head[3] >> 1 & 7
    channels = assignment + 1 if assignment < 8 else 2
    ones = 8 - (head[4] ^ 0xFF).bit_length()  # as in UTF-8: of how many bytes the number is
    place = 4 + max(ones, 1)
    rest = head[5:place]
    if channels != stream.channels or assignment > 10 or head[3] & 1 or ones in (1, 8):
        return 0
    if block_code == 0 or rate_code == 15 or not stream.block:
        return 0
    if _BITS.get(bits_code, stream.bits) != stream.bits or any(byte & 0xC0 != 0x80 for byte in rest):
        return 0
    number = head[4] & 0x7F >> ones
    for byte in rest:
        number = number << 6 | byte & 0x3F
    if block_code == 1:
        block = 192
    elif block_code in (6, 7):
        size = block_code - 5
        block, place = int.from_bytes(head[place : place + size], "big") + 1, place + size
    else:
        block = 576 << block_code - 2 if block_code < 6 else 256 << block_code - 8
    place += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if block > stream.block or _crc_8(head[:place]) != head[place]:
        return 0
    return number + block if head[1] & 1 else number * stream.block + block


def _crc_8(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value << 1 ^ (0x107 if value & 0x80 else 0)
    return value


def _streams(file: BinaryIO, size: int) -> list[_Stream]:
    starts = [skip_id3(file)]
    head = file.read(_HEAD_BYTES)
    if head[:4] != _MAGIC:
        raise foreign(head, "a FLAC file")
    if len(head) < _HEAD_BYTES or head[4] & 0x7F != 0:
        raise HeaderError("has no STREAMINFO block; it is truncated or damaged: copy it again")
    heads, position = [head], starts[0]
    for _ in range(_MOST_STREAMS):
        position = find_bytes(file, _MAGIC, position + _HEAD_BYTES)
        if position < 0:
            break
        file.seek(position)
        head = file.read(_HEAD_BYTES)
        if len(head) == _HEAD_BYTES and head[4:8] in _STREAMINFO:
            starts.append(position)
            heads.append(head)
    streams = [_Stream(*each) for each in zip(starts, [*starts[1:], size], heads, strict=True)]
    check_layout(streams[0].sample_rate, streams[0].channels)
    return streams
