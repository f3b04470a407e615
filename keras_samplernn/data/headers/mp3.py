"""The frames of an MP3 file."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from keras_samplernn.data.headers.header import Header, HeaderError, Part, Remark, skip_id3

_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_KBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_TAGS = b"TAG", b"ID3", b"APETAGEX", b"LYRICSBE"
# A decoder that does not see a hole puts frames together that do not belong together, which is a loud noise; but it
# gives up at one of more than 1,024 bytes.
_HOLE = bytes(64)
# Bytes 0xff that do not begin a frame; and bytes between two of them.
_MOST_SKIPPED, _MOST_BETWEEN = 1_000_000, 100_000_000
# The walk looks one frame ahead and goes back, so a block begins a longest frame before the position asked for.
_BLOCK_BYTES, _FRAME_BYTES = 1 << 16, 1 << 12


class _Blocks:
    """The bytes of a file, one block of which is in memory."""

    def __init__(self, stream: BinaryIO):
        self._descriptor = stream.fileno()
        self.size = os.fstat(self._descriptor).st_size
        self._begin, self._block = 0, b""

    def read(self, position: int, count: int) -> bytes:
        """Return `count` bytes, or fewer at the end of the file."""
        begin = position - self._begin
        if begin < 0 or begin + count > len(self._block):
            self._begin = max(0, position - _FRAME_BYTES)
            begin = position - self._begin
            self._block = os.pread(self._descriptor, begin + max(count, _BLOCK_BYTES), self._begin)
        return self._block[begin : begin + count]

    def find_sync(self, position: int) -> int:
        """Return the position of the next byte 0xff, with which a frame may begin; -1 if there is none."""
        last = position + _MOST_BETWEEN
        while self.read(position, 1):
            found = self._block.find(b"\xff", position - self._begin)
            if found >= 0:
                return self._begin + found
            position = self._begin + len(self._block)
            if position > last:
                raise _not_mpeg()
        return -1


def _not_mpeg() -> HeaderError:
    return HeaderError("has too many bytes outside MPEG layer III frames; convert it or give it its true suffix")


class _Frame(NamedTuple):
    position: int
    length: int  # bytes
    sample_rate: int
    channels: int
    samples: int
    tag: int  # position of a Xing or Info tag in the frame

    @property
    def end(self) -> int:
        return self.position + self.length


class _Stream:
    """Frames that one encoder wrote: a Xing or Info tag in the first of them describes the others.

    Args:
        frame: the first one.
        data: the file.
    """

    def __init__(self, frame: _Frame, data: _Blocks):
        self.first = frame
        self.spans = [(frame.position, frame.end)]
        self.head = data.read(frame.position, frame.length)
        self.tag = _tag(frame, data)
        self.frames = 0 if self.tag else 1  # without the tag's own
        self.between = b""

    def add(self, frame: _Frame, hole: int) -> None:
        """Add the next frame, and tell how many damaged bytes are before it."""
        self.frames += 1
        if hole:
            self.between = _HOLE
        if frame.position == self.spans[-1][1]:
            self.spans[-1] = self.spans[-1][0], frame.end
        else:
            self.spans.append((frame.position, frame.end))

    @property
    def stated(self) -> int:
        """The number of frames that the tag states; 0: it states none."""
        return int.from_bytes(self.tag[8:12], "big") if self.tag and self.tag[7] & 1 else 0

    @property
    def samples(self) -> int:
        """The samples that gapless decoding gives."""
        return max(self.frames * self.first.samples - _padding(self.tag), 0)

    def part(self) -> Part:
        """Return what to decode: the tag states as many frames as there are."""
        if not self.tag or not self.tag[7] & 1:
            return Part(tuple(self.spans), between=self.between)
        count = self.first.tag + 8
        head = self.head[:count] + self.frames.to_bytes(4, "big") + self.head[count + 4 :]
        return Part(((self.first.end, self.spans[0][1]), *self.spans[1:]), head, self.between)


def read_mp3_header(path: Path) -> Header:
    """Return the header of the MP3 file at `path`, after reading the headers of all its frames.

    The number of samples is that of gapless decoding: without encoder delay and padding, if a LAME tag states them.
    Files that were joined to one are read one after the other. A remark says what is missing or left out.
    """
    with path.open("rb") as stream:
        return _read_header(_Blocks(stream), skip_id3(stream))


def _read_header(data: _Blocks, begin: int) -> Header:
    streams: list[_Stream] = []
    remarks: list[Remark] = []
    cut = holes = end = 0
    for frame in _frames(data, begin):
        continued = streams and frame.sample_rate == streams[-1].first.sample_rate and not _tag(frame, data)
        hole = frame.position - end if streams else 0
        if hole and data.read(end, 8).startswith(_TAGS):
            hole = 0
        if hole and _parse_frame(data, end):
            cut += 1
        elif continued:
            holes += hole
        end = frame.end
        if end > data.size:
            cut += 1
        elif continued:
            streams[-1].add(frame, hole)
        else:
            streams.append(_Stream(frame, data))
    if not streams:
        raise HeaderError("has no MPEG layer III frame; convert it or give it its true suffix")
    first = streams[0].first
    if cut:
        remarks.append(
            Remark("the last frame is cut short: left out", f"of {cut:,} joined files" * (cut > 1), lost=True)
        )
    if holes:
        remarks.append(Remark("damaged, bytes between the frames: left out", f"{holes:,} bytes", lost=True))
    read = [each for each in streams if each.frames and each.first.sample_rate == first.sample_rate]
    if not read:
        raise HeaderError("has no frame with sound; it is empty or truncated: copy it again")
    for each in read:
        if each.frames + 1 < each.stated:
            missing = f"{each.frames:,} of {each.stated:,} frames are there"
            remarks.append(Remark("truncated: what is there is read", missing, lost=True))
        elif 0 < each.stated < each.frames:
            stated = f"{each.frames:,} instead of {each.stated:,}"
            remarks.append(Remark("has more frames than its header states: all are read", stated))
    if len(read) > 1:
        remarks.append(Remark("several files joined to one: all are read", f"{len(read)} files"))
    if others := sum(each.frames for each in streams) - sum(each.frames for each in read):
        remarks.append(Remark("frames of another sample rate: left out", f"{others:,} frames", lost=True))
    return Header(
        encoding="MPEG_LAYER_III",
        sample_rate=first.sample_rate,
        channels=max(each.first.channels for each in read),
        samples=sum(each.samples for each in read),
        parts=tuple(each.part() for each in read),
        tensorflow_io=len(streams) == 1 and not remarks,
        remarks=tuple(remarks),
    )


def _tag(frame: _Frame, data: _Blocks) -> bytes:
    """Return the Xing or Info tag in a frame; empty if there is none."""
    if data.read(frame.position + frame.tag, 4) not in (b"Xing", b"Info"):
        return b""
    tag = data.read(frame.position + frame.tag, frame.length - frame.tag)
    return tag if len(tag) >= 8 else b""


def _padding(tag: bytes) -> int:
    """Return the samples of delay and padding, as stated by the LAME extension of a Xing tag; 0 if it has none."""
    if not tag:
        return 0
    flags = tag[7]
    lame = 8 + 4 * (flags & 1) + 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1) + 4 * (flags >> 3 & 1)
    packed = int.from_bytes(tag[lame + 21 : lame + 24], "big")
    return (packed >> 12) + (packed & 0xFFF)


def _frames(data: _Blocks, position: int) -> Iterator[_Frame]:
    """Yield the frames; bytes between two runs of frames are skipped, as decoders do."""
    held, looked_inside, skipped = None, False, 0
    while True:
        position = data.find_sync(position)
        frame = _parse_frame(data, position) if position >= 0 else None
        if held and frame and position == held.end:
            yield held
            held, position = frame, frame.end
        elif held and not looked_inside and held.end != data.size:
            # Nothing follows: if another frame begins inside, this one was cut short when files were joined.
            looked_inside, position = True, held.position + 1
        elif position < 0:
            break
        elif frame and _continues(data, frame):
            if held and position >= held.end:
                yield held
            held, looked_inside, position = frame, False, frame.end
        else:
            position, skipped = position + 1, skipped + 1
            if skipped == _MOST_SKIPPED:
                raise _not_mpeg()
    if held:
        yield held


def _continues(data: _Blocks, frame: _Frame) -> bool:
    """Return whether a frame of the same rate or the file's end follows: many bytes look like a header by chance."""
    after = _parse_frame(data, frame.end)
    return frame.end == data.size or (after is not None and after.sample_rate == frame.sample_rate)


def _parse_frame(data: _Blocks, position: int) -> _Frame | None:
    head = data.read(position, 4)
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:  # layer III only
        return None
    version = head[1] >> 3 & 3
    bitrate, rate, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or rate == 3 or bitrate in (0, 15):
        return None
    first_version = version == 3
    kbits = (_KBITS_1 if first_version else _KBITS_2)[bitrate]
    sample_rate = _RATES[version][rate]
    length = (144 if first_version else 72) * kbits * 1000 // sample_rate + padding
    channels = 1 if head[3] >> 6 == 3 else 2
    side = (17 if channels == 1 else 32) if first_version else (9 if channels == 1 else 17)
    return _Frame(position, length, sample_rate, channels, 1152 if first_version else 576, 4 + side)
