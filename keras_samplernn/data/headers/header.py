"""The result and the error of all readers of headers."""

from typing import NamedTuple

SAMPLE_RATES = range(1000, 384_001)


class Header(NamedTuple):
    """A header that does not contradict itself or the size of its file."""

    encoding: str
    sample_rate: int
    channels: int
    samples: int  # per channel
    tensorflow_io: bool  # whether tensorflow-io was proven to decode such a file rightly


class HeaderError(Exception):
    """A header that cannot be true. The text has value, rule and remedy; the caller adds the path."""


def check_sample_rate(sample_rate: int) -> None:
    """Raise HeaderError for a rate, in Hz, that no recording has."""
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
