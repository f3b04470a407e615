"""The header of an audio file, read and checked before the file is decoded."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from keras_samplernn.data.headers.flac import read_flac_header
from keras_samplernn.data.headers.header import Header, HeaderError
from keras_samplernn.data.headers.mp3 import read_mp3_header
from keras_samplernn.data.headers.ogg import read_ogg_header
from keras_samplernn.data.headers.wav import read_wav_header
from keras_samplernn.errors import UserError
from keras_samplernn.machine import FLOAT_BYTES, machine_bytes

_READERS: dict[str, Callable[[Path], Header]] = {
    ".wav": read_wav_header,
    ".flac": read_flac_header,
    ".ogg": read_ogg_header,
    ".mp3": read_mp3_header,
}
AUDIO_SUFFIXES: tuple[str, ...] = tuple(_READERS)


@dataclass(frozen=True)
class AudioInfo:
    """An audio file with a header that does not contradict itself or the size of the file.

    Attributes:
        path: the file.
        format: "wav", "flac", "ogg" or "mp3".
        encoding: "PCM_16", "FLOAT", "VORBIS", ...
        sample_rate: in Hz.
        channels: 1 or more.
        samples: per channel, as stated by the header.
        decoder: "tensorflow-io" where it is installed and is proven to decode such files rightly, else "soundfile".
    """

    path: Path
    format: str
    encoding: str
    sample_rate: int
    channels: int
    samples: int
    decoder: str


def inspect_audio(path: str | Path, sample_rate: int = 0) -> AudioInfo:
    """Read and check the header of an audio file, without any native decoder.

    Args:
        path: the file.
        sample_rate: the rate in Hz that it will be resampled to; 0: it will not be.

    Raises:
        UserError: one line; the file is missing, unreadable, of another format, truncated or too long for this
            machine's memory, or its header contradicts itself.
    """
    path = Path(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise UserError(
            f'{path}: "{path.suffix}" is not read as audio; convert it to one of {", ".join(AUDIO_SUFFIXES)}'
        )
    try:
        header = reader(path)
    except HeaderError as fault:
        raise UserError(f"{path}: {fault}") from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; give the path of a readable audio file") from None
    resampled = header.samples * sample_rate // header.sample_rate
    needed, there = FLOAT_BYTES * max(header.samples * header.channels, resampled), machine_bytes()
    # The decoder, its result and the resampled wave each hold the samples.
    if needed > there // 8:
        raise UserError(
            f"{path}: {header.samples:,} samples of {header.channels} channels at {header.sample_rate} Hz take"
            f" {needed / 1e9:,.1f} GB when they are decoded or resampled, more than an eighth of"
            f" this machine's {there / 1e9:,.1f} GB; cut it into several files"
        )
    decoder = "tensorflow-io" if header.tensorflow_io and has_tensorflow_io() else "soundfile"
    return AudioInfo(path, path.suffix.lower()[1:], *header[:4], decoder)


@cache
def has_tensorflow_io() -> bool:
    """Return whether tensorflow-io is installed and its native library loads with this TensorFlow."""
    try:
        import tensorflow_io

        return hasattr(tensorflow_io.python.ops.core_ops, "io_audio_decode_wav")
    except (ImportError, NotImplementedError):
        return False
