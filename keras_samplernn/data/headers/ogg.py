"""The pages of an Ogg Vorbis file."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from keras_samplernn.data.headers.header import Header, HeaderError, check_sample_rate

_BEGINS, _ENDS = 2, 4


class _Page(NamedTuple):
    flags: int
    granule: int  # samples up to the end of the page; -1 if no packet ends on it
    number: int
    head: bytes  # the first bytes of its payload


def read_ogg_header(path: Path) -> Header:
    """Return the header of the Ogg Vorbis file at `path`, after reading the headers of all its pages.

    Raises HeaderError where the last page or one before it is missing (libsndfile reads the rest without an error),
    and for chained streams (libsndfile reads only the first of them).
    """
    pages = _pages(path)
    first = next(pages, None)
    if first is None or not first.flags & _BEGINS:
        raise HeaderError("does not begin with an Ogg page; convert it or give it its true suffix")
    if first.head[:7] != b"\x01vorbis" or len(first.head) < 16:
        raise HeaderError("is an Ogg file, but its stream is not Vorbis; convert it to FLAC or Ogg Vorbis")
    channels, sample_rate = struct.unpack_from("<BI", first.head, 11)
    check_sample_rate(sample_rate)
    last, samples = first, 0
    for page in pages:
        if page.flags & _BEGINS:
            raise HeaderError("holds more than one stream; separate or re-encode it")
        if page.number != last.number + 1:
            raise HeaderError(f"lacks page {last.number + 1} of its stream; copy it again")
        last, samples = page, max(samples, page.granule)
    if not last.flags & _ENDS:
        raise HeaderError("is truncated: its end-of-stream page is missing; copy it again")
    return Header("VORBIS", sample_rate, channels, samples, True)


def _pages(path: Path) -> Iterator[_Page]:
    size = path.stat().st_size
    with path.open("rb") as file:
        while (head := file.read(27))[:4] == b"OggS" and len(head) == 27:
            flags, granule, number, segments = struct.unpack("<5xBq4xI4xB", head)
            length = sum(file.read(segments))
            following = file.tell() + length
            payload = file.read(min(length, 32))
            if following > size:
                return
            yield _Page(flags, granule, number, payload)
            file.seek(following)
