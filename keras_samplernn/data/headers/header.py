"""What all readers of headers return and raise."""

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
    """What is decoded by itself.

    Attributes:
        spans: start and end of each run of bytes of the file, at least one.
        prefix: stands before them.
        between: stands for what is left out between them.
    """

    spans: tuple[tuple[int, int], ...]
    prefix: bytes = b""
    between: bytes = b""


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


_MAGICS = {
    b"caff": ".caf",
    b"riff": ".w64",
    b".snd": ".au",
    b"fLaC": ".flac",
    b"OggS": ".ogg",
    b"ID3": ".mp3",
    b"\xff\xfb": ".mp3",
    b"\xff\xf3": ".mp3",
}
# Containers: the kind of what they hold comes after their length.
_KINDS = {(b"RIFF", b"WAVE"): ".wav", (b"FORM", b"AIFF"): ".aiff", (b"FORM", b"AIFC"): ".aiff"}
_UNREAD = {b"NIST_1A": "a NIST SPHERE file", b"\x1aE\xdf\xa3": "a Matroska or WebM file", b"0&\xb2u": "a WMA file"}
_MOST_TAGS, _MOST_BETWEEN = 100, 1 << 32  # of the latter, bytes


class HeaderError(Exception):
    """A header that cannot be read. The text has value, rule and remedy; the caller adds the path."""


def foreign(head: bytes, expected: str) -> HeaderError:
    """Return the error for a file whose first bytes, 12 of them, are not those of the format that its suffix tells."""
    convert = "convert its sound: ffmpeg -i FILE FILE.wav"
    if unread := next((kind for magic, kind in _UNREAD.items() if head.startswith(magic)), None):
        return HeaderError(f"is {unread}, not {expected}; {convert}")
    known = next((suffix for magic, suffix in _MAGICS.items() if head.startswith(magic)), None)
    known = _KINDS.get((head[:4], head[8:12]), known)
    if known is None and head[:4] in (b"RIFF", b"FORM"):
        container = head[:4].decode()
        return HeaderError(f"is a {container} file of the kind {head[8:12]!r}, which is not {expected}; {convert}")
    remedy = f"it looks like a {known} file: give it that suffix" if known else "convert it or give it its true suffix"
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


def skip_id3(file: BinaryIO) -> int:
    """Go to the end of the ID3v2 tags with which a file begins, and return its position."""
    position = 0
    for _ in range(_MOST_TAGS):
        file.seek(position)
        head = file.read(10)
        if len(head) < 10 or head[:3] != b"ID3":
            break
        footer = 10 if head[5] & 0x10 else 0
        bits = zip(head[6:10], (21, 14, 7, 0), strict=True)
        position += 10 + footer + sum((byte & 0x7F) << shift for byte, shift in bits)
    return file.seek(position)


def find_bytes(file: BinaryIO, wanted: bytes, position: int) -> int:
    """Return where some bytes come next, from `position` on; -1 where they do not."""
    last, before = position + _MOST_BETWEEN, b""
    file.seek(position)
    while position < last and (block := file.read(1 << 16)):
        found = (before + block).find(wanted)
        if found >= 0:
            return position - len(before) + found
        position, before = position + len(block), (before + block)[-len(wanted) + 1 :]
    return -1
