"""The header of an AU file."""

import struct
from pathlib import Path

from keras_samplernn.data.headers.chunks import Form
from keras_samplernn.data.headers.header import Header, HeaderError, foreign
from keras_samplernn.data.headers.samples import Layout, samples_header

_ENCODINGS = {
    1: ("ULAW", 1),
    2: ("PCM_S8", 1),
    3: ("PCM_16", 2),
    4: ("PCM_24", 3),
    5: ("PCM_32", 4),
    6: ("FLOAT", 4),
    7: ("DOUBLE", 8),
    27: ("ALAW", 1),
}
_UNKNOWN_LENGTH = 0xFFFFFFFF
_ORDERS = {b".snd": ">", b"dns.": "<"}
_FORM = Form("", b"", tuple(_ORDERS))


def read_au_header(path: Path) -> Header:
    """Return the header of the AU file at `path`; HeaderError where it is none, or of another encoding."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(24)
        if len(head) < 24 or head[:4] not in _ORDERS:
            raise foreign(head, "an AU file")
        order = _ORDERS[head[:4]]
        place, stated, code, sample_rate, channels = struct.unpack_from(f"{order}IIIII", head, 4)
        if code not in _ENCODINGS:
            raise HeaderError(f"has the encoding {code}, which is not read; convert it to 16-bit PCM")
        encoding, sample_bytes = _ENCODINGS[code]
        layout = Layout(encoding, sample_rate, channels, channels * sample_bytes, order == ">")
        known = None if stated == _UNKNOWN_LENGTH else stated
        return samples_header(file, size, layout, max(place, len(head)), known, _FORM)
