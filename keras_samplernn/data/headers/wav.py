"""The header of a RIFF/WAVE file."""

import struct
from pathlib import Path

from keras_samplernn.data.headers.chunks import Form, read_chunks
from keras_samplernn.data.headers.coded import CODED, coded_prefix
from keras_samplernn.data.headers.header import Header, HeaderError, Remark, check_layout, foreign, skip_id3
from keras_samplernn.data.headers.samples import Layout, samples_header

_PCM, _FLOAT, _ALAW, _ULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
# By format tag and bytes of a sample: PCM of 20 bits, for example, lies in the upper bits of 3 bytes.
_ENCODINGS = {
    (_PCM, 1): "PCM_U8",
    (_PCM, 2): "PCM_16",
    (_PCM, 3): "PCM_24",
    (_PCM, 4): "PCM_32",
    (_FLOAT, 4): "FLOAT",
    (_FLOAT, 8): "DOUBLE",
    (_ALAW, 1): "ALAW",
    (_ULAW, 1): "ULAW",
}
_ORDERS = {b"RIFF": "<", b"RF64": "<", b"BW64": "<", b"RIFX": ">"}
# The ends of the extensible formats that contain a classic tag, the second one of Ambisonics.
_SUBFORMAT_TAILS = (bytes.fromhex("000000001000800000aa00389b71"), bytes.fromhex("00002107d3118644c8c1ca000000"))


def read_wav_header(path: Path) -> Header:
    """Return the header of the WAV file at `path`.

    Lengths in the header that the file's size contradicts are not believed, and a remark says what was assumed.
    HeaderError where it is not a WAV file, or where the header leaves two ways to read the samples.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        tag = skip_id3(file)
        head = file.read(12)
        if len(head) < 12:
            raise HeaderError("ends before a RIFF header; it is empty, truncated or not a WAV file: copy it again")
        order = _ORDERS.get(head[:4])
        if order is None or head[8:] != b"WAVE":
            raise foreign(head, "a WAV file")
        form = Form(f"{order}4sI", b"data", tuple(_ORDERS))
        held, (start, stated) = read_chunks(file, tag + 12, size, form, (b"fmt ", b"ds64"), b"fmt ")
        layout, remarks = parse_format(held[b"fmt "], order)
        if ds64 := held.get(b"ds64", b""):
            stated = _stated_length(stated, ds64, size - start)
            form = form._replace(lengths=_table(ds64))
        prefix = coded_prefix(held[b"fmt "]) if layout.encoding in CODED.values() else None
        return samples_header(file, size, layout, start, stated, form, remarks, prefix)


def _stated_length(length: int, ds64: bytes, rest: int) -> int:
    """Return the bytes of samples that the header states: RF64 has a chunk of its own with 64 bits for them."""
    long = struct.unpack_from("<Q", ds64, 8)[0] if len(ds64) >= 16 else 0
    return long if long and (length == 0xFFFFFFFF or long <= rest < length) else length


def _table(ds64: bytes) -> dict[bytes, int]:
    """Return the lengths of other chunks in the chunk of an RF64 file that has them."""
    return dict(struct.iter_unpack("<4sQ", ds64[28 : 28 + (len(ds64) - 28) // 12 * 12])) if len(ds64) > 28 else {}


def parse_format(chunk: bytes, order: str) -> tuple[Layout, list[Remark]]:
    """Return the layout in a fmt chunk, and a remark on a byte rate that is wrong."""
    if len(chunk) < 16:
        raise HeaderError(f"has a fmt chunk of {len(chunk)} bytes, at least 16 are needed; convert the file again")
    tag, channels, sample_rate, byte_rate, block, bits = struct.unpack_from(f"{order}HHIIHH", chunk)
    if tag == _EXTENSIBLE and chunk[26:40] in _SUBFORMAT_TAILS:
        tag = struct.unpack_from(f"{order}H", chunk, 24)[0]
    sample_bytes = -(-bits // 8)
    encoding = _ENCODINGS.get((tag, sample_bytes)) if tag == _PCM or bits == 8 * sample_bytes else None
    if tag in CODED and order == "<":
        encoding = CODED[tag]
    if encoding is None:
        raise HeaderError(
            f"has {bits} bits per sample under format tag {tag:#06x}, which is not read; convert it to 16-bit PCM"
        )
    check_layout(sample_rate, channels)
    layout = Layout(encoding, sample_rate, channels, block, order == ">")
    if tag in CODED:
        if not block:
            raise HeaderError("has blockAlign 0; the header is damaged: convert the file again")
        return layout, []
    if block != channels * sample_bytes:
        raise HeaderError(
            f"has blockAlign {block}, but {channels} channels of {bits} bits are {channels * sample_bytes} bytes; "
            "the header contradicts itself: convert the file again"
        )
    right = byte_rate == sample_rate * block
    return layout, [] if right else [Remark("byte rate is wrong: the sample rate is believed", f"{sample_rate} Hz")]
