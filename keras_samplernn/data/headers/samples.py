"""Samples in a file, wherever its header says that they end."""

from collections.abc import Callable, Iterable
from typing import BinaryIO, NamedTuple

from keras_samplernn.data.headers.chunks import OUTSIDE, Form, what_follows
from keras_samplernn.data.headers.header import Header, Part, Remark, check_layout

SHORTER = "shorter than its header states: read to the end of the file"


class Layout(NamedTuple):
    """How samples are written.

    Attributes:
        encoding: "PCM_16", ..., as soundfile names it.
        sample_rate: in Hz.
        channels: 1 or more.
        block: bytes of a frame, one sample of each channel; or of a block of coded samples.
        big_endian: the order of the bytes of samples that are not coded.
    """

    encoding: str
    sample_rate: int
    channels: int
    block: int
    big_endian: bool = False


def samples_header(
    file: BinaryIO,
    size: int,
    layout: Layout,
    start: int,
    stated: int | None,
    form: Form,
    remarks: Iterable[Remark] = (),
    prefix: Callable[[int], bytes] | None = None,
) -> Header:
    """Return the header of the whole frames, or blocks, that are there from `start` on, whatever the header states.

    Args:
        file: is read where something follows the samples.
        size: its bytes.
        layout: of the samples.
        start: position of the first one.
        stated: bytes of samples by the header; None: it states none.
        form: how the format writes what follows them.
        remarks: further ones.
        prefix: for coded samples, from their bytes to the header with which soundfile decodes them.

    Raises:
        HeaderError: the sample rate or the number of channels is impossible.
    """
    check_layout(layout.sample_rate, layout.channels)
    start = min(start, size)
    length, said = _whole_blocks(file, start, size, stated, layout.block, form)
    return Header(
        encoding=layout.encoding,
        sample_rate=layout.sample_rate,
        channels=layout.channels,
        samples=None if prefix else length // layout.block,
        parts=(Part(((start, start + length),), prefix(length) if prefix else b""),),
        remarks=(*remarks, *said),
        raw=prefix is None,
        big_endian=layout.big_endian,
    )


def _whole_blocks(
    file: BinaryIO, start: int, size: int, stated: int | None, block: int, form: Form
) -> tuple[int, list[Remark]]:
    """Return the bytes of whole blocks from `start` on, and a remark on each assumption."""
    length, remarks = size - start, []
    if stated is None or (stated > length and stated >= form.unknown):
        remarks.append(Remark("length not stated: read to the end of the file"))
    elif stated > length:
        remarks.append(Remark(SHORTER, f"{stated - length:,} bytes missing", lost=True))
    else:
        follows = what_follows(file, start, stated, size, form) if stated < length else None
        if follows and follows.kind == OUTSIDE and not stated:
            what = "states 0 samples, was not closed: read to the end of the file"
            remarks.append(Remark(what, f"{length:,} bytes"))
        else:
            length = stated
            remarks += [follows] if follows else []
    if partial := length % block:
        remarks.append(Remark("last bytes are part of a frame: left out", f"{partial} of {block} bytes"))
    return length - partial, remarks
