"""The pages of an Ogg file that holds Vorbis or Opus."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from keras_samplernn.data.headers.header import Header, HeaderError, Part, Remark, check_layout, find_bytes

_BEGINS, _ENDS = 2, 4
# The rates that Opus decodes to; its pages count samples of the highest.
_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
_MAGIC = b"OggS"
_MOST_DAMAGED = 10_000
_MOST_OF_A_PAGE = 255 * 8192  # samples
_BITS_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class _Page(NamedTuple):
    start: int
    end: int
    flags: int
    granule: int  # samples up to the end of the page; -1 if no packet ends on it
    serial: int  # of its stream
    number: int
    head: bytes  # the first bytes of its payload


class _Stream:
    """A stream of pages, which begins with the header of its codec."""

    def __init__(self, first: _Page):
        self.first = self.last = first
        self.spans = [(first.start, first.end)]
        self.begin = self.granule = self.missing = 0
        head = first.head
        if head[:7] == b"\x01vorbis" and len(head) >= 16:
            self.encoding, self.delay = "VORBIS", 0
            self.channels, self.sample_rate = struct.unpack_from("<BI", head, 11)
            self.page_rate = self.sample_rate
        elif head[:8] == b"OpusHead" and len(head) >= 16:
            self.encoding, self.page_rate = "OPUS", _OPUS_RATES[-1]
            self.channels, self.delay, recorded = struct.unpack_from("<BHI", head, 9)
            # As libsndfile does: to the least rate that is not below that of the recording.
            self.sample_rate = next((rate for rate in _OPUS_RATES if rate >= recorded), _OPUS_RATES[-1])
        else:
            raise HeaderError("is an Ogg file, but its stream is neither Vorbis nor Opus; convert it to FLAC or WAV")
        check_layout(self.sample_rate, self.channels)

    def add(self, page: _Page) -> None:
        """Add the next page."""
        self.missing += max(page.number - self.last.number - 1, 0)
        if not self.granule and page.granule > _MOST_OF_A_PAGE:
            self.begin = page.granule  # a part of a broadcast, which counts from the beginning of that
        self.last, self.granule = page, max(self.granule, page.granule)
        if page.start == self.spans[-1][1]:
            self.spans[-1] = self.spans[-1][0], page.end
        else:
            self.spans.append((page.start, page.end))

    @property
    def samples(self) -> int:
        """The samples up to the end of the last page, as far as its number tells."""
        return max(self.granule - self.begin - self.delay, 0) * self.sample_rate // self.page_rate


def read_ogg_header(path: Path) -> Header:
    """Return the header of the Ogg file at `path`, after reading all its pages.

    Streams that follow one another are read one after the other. A remark says which pages are missing or damaged
    (decoders read the rest without an error). HeaderError for streams side by side, such as those of a video.
    """
    streams: list[_Stream] = []
    remarks: list[Remark] = []
    end = between = strays = 0
    with path.open("rb") as file:
        for page in _pages(file):
            if page.start > end and not _is_damaged_page(file, end):
                between += page.start - end
            end = page.end
            if page.flags & _BEGINS:
                if streams and streams[-1].last is streams[-1].first:
                    raise HeaderError(
                        "holds several streams side by side; extract the sound: ffmpeg -i FILE -vn FILE.wav"
                    )
                streams.append(_Stream(page))
            elif streams and page.serial == streams[-1].first.serial:
                streams[-1].add(page)
            else:
                strays += 1
    if not streams:
        raise HeaderError("does not begin with an Ogg page; convert it or give it its true suffix")
    first = streams[0]
    read = [each for each in streams if (each.encoding, each.sample_rate) == (first.encoding, first.sample_rate)]
    if missing := strays + sum(each.missing for each in read):
        remarks.append(Remark("pages are missing or damaged: the others are read", f"{missing:,} pages", lost=True))
    if not all(each.last.flags & _ENDS for each in read):
        remarks.append(Remark("truncated: what is there is read", "the last page is missing", lost=True))
    if between:
        remarks.append(Remark("bytes between Ogg pages: left out", f"{between:,} bytes"))
    if len(read) > 1:
        remarks.append(Remark("several files joined to one: all are read", f"{len(read)} files"))
    if others := len(streams) - len(read):
        remarks.append(Remark("streams of another rate or codec: left out", f"{others} streams", lost=True))
    whole = len(streams) == 1 and first.spans[0][0] == 0 and len(first.spans) == 1
    return Header(
        encoding=first.encoding,
        sample_rate=first.sample_rate,
        channels=max(each.channels for each in read),
        samples=sum(each.samples for each in read),
        parts=() if whole else tuple(Part(tuple(each.spans)) for each in read),
        tensorflow_io=first.encoding == "VORBIS" and whole and not remarks,
        remarks=tuple(remarks),
    )


def _pages(file: BinaryIO) -> Iterator[_Page]:
    """Yield the whole pages of a file, wherever they are; those with a wrong checksum are left out, as decoders do."""
    start = 0
    for _ in range(_MOST_DAMAGED):
        while page := _read_page(file, start):
            yield page
            start = page.end
        start = find_bytes(file, _MAGIC, start + 1)
        if start < 0:
            return
    raise HeaderError(f"has {_MOST_DAMAGED:,} damaged Ogg pages; copy it again")


def _read_page(file: BinaryIO, start: int) -> _Page | None:
    """Return the page at `start`; None if there is none, or it is damaged."""
    file.seek(start)
    head = file.read(27)
    if len(head) < 27 or head[:4] != _MAGIC:
        return None
    flags, granule, serial, number, checksum, segments = struct.unpack("<5xBqIIIB", head)
    lengths = file.read(segments)
    payload = file.read(sum(lengths))
    if len(payload) < sum(lengths) or checksum != _checksum(head[:22] + bytes(4) + head[26:] + lengths + payload):
        return None
    return _Page(start, file.tell(), flags, granule, serial, number, payload[:32])


def _is_damaged_page(file: BinaryIO, start: int) -> bool:
    """Return whether a page begins at `start`, which others of its stream will betray as missing."""
    file.seek(start)
    return file.read(4) == _MAGIC


def _checksum(data: bytes) -> int:
    """Return the CRC-32 of Ogg: that of zlib with the bits of each byte, and of the result, in the other order."""
    reflected = zlib.crc32(data.translate(_BITS_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(reflected.to_bytes(4, "little").translate(_BITS_REVERSED), "big")
