"""The pages of an Ogg file that holds Vorbis or Opus."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from keras_samplernn.data.headers.header import Header, HeaderError, Part, Remark, check_layout

_BEGINS, _ENDS = 2, 4
# The rates that Opus decodes to; its pages count samples of the highest.
_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)


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
        self.granule = self.missing = 0
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
        self.last, self.granule = page, max(self.granule, page.granule)

    @property
    def samples(self) -> int:
        """The samples up to the end of the last page, as far as its number tells."""
        return max(self.granule - self.delay, 0) * self.sample_rate // self.page_rate


def read_ogg_header(path: Path) -> Header:
    """Return the header of the Ogg file at `path`, after reading the headers of all its pages.

    Streams that follow one another are read one after the other. A remark says which pages are missing (libsndfile
    reads the rest without an error). HeaderError for streams side by side, such as those of a video.
    """
    streams: list[_Stream] = []
    remarks: list[Remark] = []
    for page in _pages(path):
        if page.flags & _BEGINS:
            if streams and streams[-1].last is streams[-1].first:
                raise HeaderError("holds several streams side by side; extract the sound: ffmpeg -i FILE -vn FILE.wav")
            streams.append(_Stream(page))
        elif streams and page.serial == streams[-1].first.serial:
            streams[-1].add(page)
    if not streams:
        raise HeaderError("does not begin with an Ogg page; convert it or give it its true suffix")
    first = streams[0]
    read = [each for each in streams if (each.encoding, each.sample_rate) == (first.encoding, first.sample_rate)]
    if missing := sum(each.missing for each in read):
        remarks.append(Remark("pages are missing: the others are read", f"{missing:,} pages", lost=True))
    if not all(each.last.flags & _ENDS for each in read):
        remarks.append(Remark("truncated: what is there is read", "the last page is missing", lost=True))
    if len(read) > 1:
        remarks.append(Remark("several files joined to one: all are read", f"{len(read)} files"))
    if others := len(streams) - len(read):
        remarks.append(Remark("streams of another rate or codec: left out", f"{others} streams", lost=True))
    return Header(
        encoding=first.encoding,
        sample_rate=first.sample_rate,
        channels=max(each.channels for each in read),
        samples=sum(each.samples for each in read),
        parts=tuple(Part(each.first.start, each.last.end) for each in read) if len(streams) > 1 else (),
        tensorflow_io=first.encoding == "VORBIS" and len(streams) == 1 and not remarks,
        remarks=tuple(remarks),
    )


def _pages(path: Path) -> Iterator[_Page]:
    """Yield the whole pages of a file, up to the first bytes that are no page."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = 0
        while (head := file.read(27))[:4] == b"OggS" and len(head) == 27:
            flags, granule, serial, number, segments = struct.unpack("<5xBqII4xB", head)
            length = sum(file.read(segments))
            end = file.tell() + length
            payload = file.read(min(length, 32))
            if end > size:
                return
            yield _Page(start, end, flags, granule, serial, number, payload)
            file.seek(end)
            start = end
