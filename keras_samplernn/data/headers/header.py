"""What all readers of headers return and raise."""

import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

SAMPLE_RATES = range(1000, 384_001)
_CHANNELS = range(1, 1025)  # libsndfile takes no more


class Remark(NamedTuple):
    """What a user should know about how a file is read.

    Attributes:
        kind: what is said of all such files, such as "last bytes are part of a frame: left out".
        detail: what is said of this one; may be empty.
        lost: whether a part of the sound is not read.
    """

    kind: str
    detail: str = ""
    lost: bool = False


class Part(NamedTuple):
    """A part of a file that is decoded by itself: the bytes `start` to `end`, with `prefix` before them."""

    start: int
    end: int
    prefix: bytes = b""


class Header(NamedTuple):
    """A header, and where the samples lie that it describes.

    Attributes:
        encoding: "PCM_16", "VORBIS", ..., as soundfile names it.
        sample_rate: in Hz.
        channels: 1 or more.
        samples: per channel, as far as the header and the size of the file tell; None: decoding will tell.
        parts: what soundfile decodes, one after another; empty: the file as it is.
        tensorflow_io: whether tensorflow-io was proven to decode such a file rightly.
        remarks: what was assumed, and what is left out.
        raw: whether the parts are samples of a fixed size, without a header of their own.
        big_endian: the order of the bytes of such samples.
    """

    encoding: str
    sample_rate: int
    channels: int
    samples: int | None
    parts: tuple[Part, ...] = ()
    tensorflow_io: bool = False
    remarks: tuple[Remark, ...] = ()
    raw: bool = False
    big_endian: bool = False


# From this number of bytes on, 32 bits hold no length: programs that write to a pipe put such numbers there.
LEAST_UNKNOWN = 0x7FFFF000
_MOST_CHUNKS = 10_000
_MAGICS = {
    b"RIFF": ".wav",
    b"FORM": ".aiff",
    b"caff": ".caf",
    b"riff": ".w64",
    b".snd": ".au",
    b"fLaC": ".flac",
    b"OggS": ".ogg",
    b"ID3": ".mp3",
    b"\xff\xfb": ".mp3",
    b"\xff\xf3": ".mp3",
}


class HeaderError(Exception):
    """A header that cannot be read. The text has value, rule and remedy; the caller adds the path."""


def foreign(head: bytes, expected: str) -> HeaderError:
    """Return the error for a file whose first bytes are not those of the format that its suffix tells."""
    kind = next((suffix for magic, suffix in _MAGICS.items() if head.startswith(magic)), None)
    remedy = f"it looks like a {kind} file: give it that suffix" if kind else "convert it or give it its true suffix"
    return HeaderError(f"begins with {head[:4]!r}, which is not {expected}; {remedy}")


def check_layout(sample_rate: int, channels: int) -> None:
    """Raise HeaderError for a rate, in Hz, that no recording has, and for no channels or too many."""
    if channels not in _CHANNELS:
        raise HeaderError(
            f"has {channels} channels, outside {_CHANNELS[0]} to {_CHANNELS[-1]}; the header is damaged: convert the"
            " file again"
        )
    if sample_rate not in SAMPLE_RATES:
        raise HeaderError(
            f"sample rate {sample_rate} Hz is outside {SAMPLE_RATES[0]} to {SAMPLE_RATES[-1]} Hz; "
            "the header is damaged or the file must be converted"
        )


def id3_length(head: bytes) -> int:
    """Return the length in bytes of the ID3v2 tag that begins with `head` (10 bytes at least); 0 if there is none."""
    if len(head) < 10 or head[:3] != b"ID3":
        return 0
    footer = 10 if head[5] & 0x10 else 0
    return 10 + footer + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))


def chunks(
    file: BinaryIO, position: int, size: int, layout: str, align: int = 2, counted: int = 0
) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, position of the content and its length, as stated, of each chunk from `position` on.

    Args:
        size: bytes of the file; a chunk whose head lies beyond is not yielded.
        layout: of a chunk's head, name and length, as `struct` has it.
        align: chunks begin at multiples of it.
        counted: bytes of the head that its length counts too.

    Raises:
        HeaderError: there are more chunks than any program writes.
    """
    head = struct.Struct(layout)
    for _ in range(_MOST_CHUNKS):
        if position + head.size > size:
            return
        file.seek(position)
        name, length = head.unpack(file.read(head.size))
        length = max(length - counted, 0)
        position += head.size
        yield name, position, length
        position += length + -length % align
    raise HeaderError(f"has {_MOST_CHUNKS:,} chunks before its samples; it is damaged: convert it again")


def whole_frames(stated: int | None, rest: int, block: int) -> tuple[int, list[Remark]]:
    """Return how many bytes of samples there are in whole frames, and a remark on each assumption.

    Args:
        stated: their number by the header; None: it states none.
        rest: bytes from the first sample to the end of the file.
        block: bytes of a frame, one sample of each channel.
    """
    length, remarks = rest if stated is None else min(stated, rest), []
    if stated is None:
        remarks.append(Remark("length not stated: read to the end of the file"))
    elif stated > rest:
        missing = f"{stated - rest:,} bytes missing"
        remarks.append(Remark("shorter than its header states: read to the end of the file", missing, lost=True))
    if partial := length % block:
        remarks.append(Remark("last bytes are part of a frame: left out", f"{partial} of {block} bytes"))
    return length - partial, remarks


def raw_header(
    encoding: str,
    sample_rate: int,
    channels: int,
    sample_bytes: int,
    start: int,
    length: int,
    big_endian: bool,
    remarks: Iterable[Remark],
) -> Header:
    """Return the header of `length` bytes of samples of a fixed size, for soundfile to decode."""
    return Header(
        encoding=encoding,
        sample_rate=sample_rate,
        channels=channels,
        samples=length // (channels * sample_bytes),
        parts=(Part(start, start + length),),
        remarks=tuple(remarks),
        raw=True,
        big_endian=big_endian,
    )


def pcm_header(
    encoding: str,
    sample_rate: int,
    channels: int,
    sample_bytes: int,
    start: int,
    size: int,
    stated: int | None,
    big_endian: bool,
    remarks: tuple[Remark, ...] = (),
) -> Header:
    """Return the header of the whole frames that are there from `start` on, whatever the header states.

    Args:
        sample_bytes: bytes of a sample.
        start: position of the first one in the file.
        size: bytes of the file.
        stated: bytes of samples by the header; None: it states none.
        remarks: further ones.

    Raises:
        HeaderError: the sample rate or the number of channels is impossible.
    """
    check_layout(sample_rate, channels)
    start = min(start, size)
    length, said = whole_frames(stated, size - start, channels * sample_bytes)
    return raw_header(encoding, sample_rate, channels, sample_bytes, start, length, big_endian, (*remarks, *said))
