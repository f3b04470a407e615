"""Coded samples in WAV and Wave64 files, ADPCM and GSM: only soundfile's own readers decode their blocks."""

import struct
from collections.abc import Callable

CODED = {2: "MS_ADPCM", 0x11: "IMA_ADPCM", 0x31: "GSM610"}
# The names in Wave64.
RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")


def coded_prefix(chunk: bytes) -> Callable[[int], bytes]:
    """Return the function from a number of bytes of coded samples to a header for them, with this fmt chunk.

    The header is that of a Wave64 file: in a WAV file of odd length, libsndfile reads a block more than there is.
    """

    def prefix(length: int) -> bytes:
        filled = chunk + bytes(-len(chunk) % 8)
        body = b"wave" + TAIL + b"fmt " + TAIL + struct.pack("<Q", 24 + len(chunk)) + filled
        body += b"data" + TAIL + struct.pack("<Q", 24 + length)
        return RIFF + struct.pack("<Q", 24 + len(body) + length) + body

    return prefix
