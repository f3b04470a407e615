"""The chunks of which WAV, AIFF, Core Audio and Wave64 files are made."""

import struct
from collections.abc import Collection, Iterator
from typing import BinaryIO, NamedTuple

from keras_samplernn.data.headers.header import HeaderError, Remark

# From this number of bytes on, 32 bits hold no length: programs that write to a pipe put such numbers there.
LEAST_UNKNOWN = 0x7FFFF000
OUTSIDE = "bytes follow the samples that are neither samples nor chunks: left out"
_MOST_CHUNKS, _MOST_BYTES = 10_000, 256
_COMMON = frozenset(b"data fmt  LIST fact bext id3  ID3  cue  smpl JUNK PEAK iXML COMM SSND MARK ANNO NAME".split(b" "))
_NAMES = frozenset(name.ljust(4) for name in _COMMON if name)
_GUID_ENDS = bytes.fromhex("00c04f8edb8a"), bytes.fromhex("d628db04c10000")
_TAGS = b"TAG", b"ID3", b"APETAGEX"


class Form(NamedTuple):
    """How a format writes its chunks.

    Attributes:
        layout: of a chunk's head, name and length, as `struct` has it; empty: the format has no chunks.
        samples: name of the chunk of samples.
        magics: names with which a file begins.
        before: bytes of the chunk of samples before the first of them.
        align: lengths are filled up to multiples of it.
        counted: bytes of the head that a length counts too.
        unknown: from this number of bytes on, a length that the file contradicts is a placeholder.
        lengths: of chunks that state 0xffffffff.
    """

    layout: str
    samples: bytes
    magics: tuple[bytes, ...]
    before: int = 0
    align: int = 2
    counted: int = 0
    unknown: int = LEAST_UNKNOWN
    lengths: dict[bytes, int] | None = None


def chunks(file: BinaryIO, position: int, size: int, form: Form) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, position of the content and its length, as stated, of each chunk from `position` on.

    Args:
        size: bytes of the file; a chunk whose head lies beyond is not yielded.

    Raises:
        HeaderError: there are more chunks than any program writes.
    """
    head = struct.Struct(form.layout)
    for _ in range(_MOST_CHUNKS):
        if not form.layout or position + head.size > size:
            return
        file.seek(position)
        name, length = head.unpack(file.read(head.size))
        if length == 0xFFFFFFFF and form.lengths:
            length = form.lengths.get(name, length)
        length = max(length - form.counted, 0)
        position += head.size
        yield name, position, length
        position = _end(file, position, length, form)
    raise HeaderError(f"has {_MOST_CHUNKS:,} chunks before its samples; it is damaged: convert it again")


def read_chunks(
    file: BinaryIO, position: int, size: int, form: Form, wanted: Collection[bytes], needed: bytes
) -> tuple[dict[bytes, bytes], tuple[int, int | None]]:
    """Return the first bytes of the wanted chunks by name; and the position of the samples, and their length as stated.

    An empty chunk of samples counts only if there is no other one. The length is None where it is less than that of
    what comes before the samples.

    Args:
        needed: the chunk that says what the samples are.

    Raises:
        HeaderError: it is missing, or that of the samples.
    """
    held: dict[bytes, bytes] = {}
    samples, last = None, (b"", 0, 0)
    for name, start, length in chunks(file, position, size, form):
        last = name, start, length
        if name == form.samples and (samples is None or length > form.before):
            samples = start + form.before, length - form.before
        elif name in wanted:
            held.setdefault(name, file.read(min(length, _MOST_BYTES)))
        elif samples and not _is_name(name):
            break  # samples that an empty chunk does not count
        if samples and samples[1] > 0 and needed in held:
            break
    if samples and needed in held:
        return held, (samples[0], samples[1] if samples[1] >= 0 else None)
    what = "data chunk" if form.samples[:4] == b"data" else "SSND chunk"
    lacking = what if samples is None else f"{needed[:4].decode().strip()} chunk"
    name, start, length = last
    if start + length > size and name != form.samples:
        shown = name[:4].decode("ascii", "backslashreplace")
        raise HeaderError(
            f'has no {lacking}, since its chunk "{shown}" states {length:,} bytes and {size - start:,} follow; it is'
            " truncated or damaged: copy it again"
        )
    raise HeaderError(f"has no {lacking}; it is empty, truncated or damaged: copy it again")


def what_follows(file: BinaryIO, start: int, length: int, size: int, form: Form) -> Remark | None:
    """Return a remark on what follows the samples, `length` bytes from `start` on; None for chunks, tags and zeros."""
    position = _end(file, start, length, form) if form.layout else start + length
    for name, content, stated in chunks(file, position, size, form):
        if name == form.samples and stated > form.before:
            return Remark("a second chunk of samples follows: left out", f"{stated:,} bytes", lost=True)
        if name in form.magics or not _is_name(name):
            break
        if content + stated > size:
            if name in _NAMES:
                return None  # a chunk that is cut short, and has no samples
            break
        position = _end(file, content, stated, form)
    file.seek(min(position, size))
    head = file.read(16)
    if head.startswith(form.magics):
        return Remark("another file follows, joined to this one: left out", f"{size - position:,} bytes", lost=True)
    if head.startswith(_TAGS) or not (head.strip(b"\0") or any(block.strip(b"\0") for block in _blocks(file))):
        return None
    return Remark(OUTSIDE, f"{size - position:,} bytes", lost=True)


def _end(file: BinaryIO, start: int, length: int, form: Form) -> int:
    """Return where the chunk behind another begins; some programs leave out the byte that makes a length even."""
    filling = -length % form.align
    if filling and form.align == 2:
        file.seek(start + length)
        filling = 0 if file.read(4) in _NAMES else 1
    return start + length + filling


def _is_name(name: bytes) -> bool:
    printable = all(0x20 <= byte < 0x7F for byte in name[:4])
    return printable if len(name) == 4 else name.endswith(_GUID_ENDS)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(1 << 20):
        yield block
