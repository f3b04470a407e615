"""The header of an audio file, read and checked before the file is decoded."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from keras_samplernn.data.headers.aiff import read_aiff_header
from keras_samplernn.data.headers.au import read_au_header
from keras_samplernn.data.headers.caf import read_caf_header
from keras_samplernn.data.headers.flac import read_flac_header
from keras_samplernn.data.headers.header import Header, HeaderError
from keras_samplernn.data.headers.mp3 import read_mp3_header
from keras_samplernn.data.headers.ogg import read_ogg_header
from keras_samplernn.data.headers.w64 import read_w64_header
from keras_samplernn.data.headers.wav import read_wav_header
from keras_samplernn.errors import UserError
from keras_samplernn.machine import FLOAT_BYTES, machine_bytes

_READERS: dict[str, Callable[[Path], Header]] = {
    ".wav": read_wav_header,
    ".flac": read_flac_header,
    ".ogg": read_ogg_header,
    ".mp3": read_mp3_header,
    ".aiff": read_aiff_header,
    ".aif": read_aiff_header,
    ".aifc": read_aiff_header,
    ".caf": read_caf_header,
    ".w64": read_w64_header,
    ".au": read_au_header,
    ".snd": read_au_header,
    ".opus": read_ogg_header,
    ".oga": read_ogg_header,
    ".wave": read_wav_header,
    ".bwf": read_wav_header,
    ".rf64": read_wav_header,
}
AUDIO_SUFFIXES: tuple[str, ...] = tuple(_READERS)
# Audio, and video with sound, of formats that no library here reads.
_UNREAD = (
    "3ga 3gp 8svx aa aac aax ac3 adts amr ape asf avi awb dff dsf dts eac3 f4a flv gsm iff m2ts m4a m4b m4p m4r m4v mka"
    " mkv mov mp1 mp2 mp4 mpa mpc mpeg mpg nist ogv oma qcp ra rm sd2 shn sph spx tak tta voc vox weba webm wma wmv wv"
)
UNREAD_SUFFIXES = frozenset(f".{suffix}" for suffix in _UNREAD.split())


@dataclass(frozen=True)
class AudioInfo:
    """An audio file whose header was read.

    Attributes:
        path: the file.
        header: what the header says, and what is assumed where it cannot be true.
        decoder: "tensorflow-io" where it is installed and is proven to decode such files rightly, else "soundfile".
        most_samples: how many samples of all channels together this machine's memory allows.
    """

    path: Path
    header: Header
    decoder: str
    most_samples: int


def inspect_audio(path: Path, sample_rate: int = 0) -> AudioInfo:
    """Read and check the header of an audio file, without any native decoder.

    Args:
        path: the file.
        sample_rate: the rate in Hz that it will be resampled to; 0: it will not be.

    Raises:
        UserError: one line; the file is missing, unreadable, of another format or too long for this machine's memory,
            or its header leaves more than one way to read it.
    """
    suffix = path.suffix.lower()
    reader = _READERS.get(suffix)
    if reader is None:
        unread = suffix in UNREAD_SUFFIXES
        remedy = f": ffmpeg -i {path.name} {path.stem}.wav" if unread else " to one of " + ", ".join(AUDIO_SUFFIXES[:4])
        raise UserError(f'{path}: "{path.suffix}" is not read as audio; convert it{remedy}')
    try:
        header = reader(path)
    except HeaderError as fault:
        raise UserError(f"{path}: {fault}") from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; give the path of a readable audio file") from None
    # The decoder, its result and the resampled wave each hold the samples.
    most = machine_bytes() // 8 // FLOAT_BYTES
    samples = header.samples or 0
    needed = max(samples * header.channels, samples * sample_rate // header.sample_rate)
    if needed > most:
        raise UserError(
            f"{path}: {samples:,} samples of {header.channels} channels at {header.sample_rate} Hz take"
            f" {FLOAT_BYTES * needed / 1e9:,.1f} GB when they are decoded or resampled, more than an eighth of"
            f" the {machine_bytes() / 1e9:,.1f} GB of this machine or its container; cut it into several files"
        )
    decoder = "tensorflow-io" if header.tensorflow_io and has_tensorflow_io() else "soundfile"
    return AudioInfo(path, header, decoder, most)


@cache
def has_tensorflow_io() -> bool:
    """Return whether tensorflow-io is installed and its native library loads with this TensorFlow."""
    try:
        import tensorflow_io

        return hasattr(tensorflow_io.python.ops.core_ops, "io_audio_decode_wav")
    except (ImportError, NotImplementedError):
        return False
