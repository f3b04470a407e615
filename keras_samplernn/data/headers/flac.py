"""The STREAMINFO block of a FLAC file."""

from pathlib import Path

from keras_samplernn.data.headers.header import Header, HeaderError, Remark, check_layout, foreign, id3_length


def read_flac_header(path: Path) -> Header:
    """Return the header of the FLAC file at `path`. Only decoding shows whether all samples are there."""
    with path.open("rb") as file:
        file.seek(id3_length(file.read(10)))
        head = file.read(4 + 4 + 34)
    if head[:4] != b"fLaC":
        raise foreign(head, "a FLAC file")
    if len(head) < 42 or head[4] & 0x7F != 0:
        raise HeaderError("has no STREAMINFO block; it is truncated or damaged: copy it again")
    # 20 bits rate, 3 bits channels - 1, 5 bits bits - 1, 36 bits samples
    packed = int.from_bytes(head[18:26], "big")
    sample_rate, channels = packed >> 44, (packed >> 41 & 7) + 1
    bits, samples = (packed >> 36 & 31) + 1, packed & (1 << 36) - 1
    check_layout(sample_rate, channels)
    encoding = f"PCM_{bits}" if bits > 8 else f"PCM_S{bits}"
    if samples:
        # tensorflow-io decodes some damaged files without ever ending.
        return Header(encoding, sample_rate, channels, samples)
    remark = Remark("length not stated: read to the end of the file")
    return Header(encoding, sample_rate, channels, None, remarks=(remark,))
