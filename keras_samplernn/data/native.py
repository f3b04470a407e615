"""The native decoders: tensorflow-io for Vorbis and MP3, where it is installed, and soundfile for everything else."""

import contextlib
import io
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import BinaryIO, NamedTuple

import numpy as np
import soundfile

from keras_samplernn.data.headers.header import Part
from keras_samplernn.data.inspection import AudioInfo

# Where a decoder fails, what is before that place is read again in ever smaller blocks.
_BLOCKS = (1 << 16, 1 << 10, 1 << 5, 1)


class Decoded(NamedTuple):
    """What decoding gave.

    Attributes:
        wave: `(samples, channels)` float32.
        fault: what ended the decoding early, in the decoder's words; empty: it reached the end.
    """

    wave: np.ndarray
    fault: str = ""


def decode_all(infos: Iterable[AudioInfo], parallel_files: int) -> Iterator[Decoded]:
    """Decode files in this process, and yield the results in their order.

    Args:
        infos: the files.
        parallel_files: how many are decoded at a time; each is held in memory whole.
    """
    with ThreadPoolExecutor(parallel_files) as threads:
        pending: deque = deque()
        for info in infos:
            pending.append(threads.submit(decode, info))
            if len(pending) > parallel_files:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def decode(info: AudioInfo) -> Decoded:
    """Decode a file; soundfile is asked too where tensorflow-io fails, or gives fewer samples than there are."""
    if info.decoder != "tensorflow-io":
        return _decode_with_soundfile(info)
    first = _decode_with_tensorflow_io(info)
    if not first.fault and len(first.wave) >= (info.header.samples or 0):
        return first
    second = _decode_with_soundfile(info)
    return second if len(second.wave) > len(first.wave) or not second.fault else first


def _decode_with_tensorflow_io(info: AudioInfo) -> Decoded:
    import tensorflow as tf

    try:
        return Decoded(_tensorflow_io_decoder(info.header.encoding)(tf.constant(os.fsencode(info.path))).numpy())
    except tf.errors.OpError as error:
        return Decoded(_nothing([]), _first_line(error.message))


@cache
def _tensorflow_io_decoder(encoding: str) -> Callable:
    """Return the function from the path of a file to its samples."""
    import tensorflow as tf
    import tensorflow_io

    audio = tensorflow_io.audio
    decode = {"VORBIS": audio.decode_vorbis, "MPEG_LAYER_III": audio.decode_mp3}[encoding]
    return lambda path: decode(tf.io.read_file(path))


class _Forward(soundfile.SoundFile):
    """A sound that is read from its beginning to its end, however long its header says that it is."""

    def seekable(self) -> bool:
        """Return False: soundfile would go back to where it was after each block."""
        return False


def _decode_with_soundfile(info: AudioInfo) -> Decoded:
    """Decode the parts of a file, one after another; of a part that fails, what is before that place."""
    waves: list[np.ndarray] = []
    fault = ""
    for part in info.header.parts or (None,):
        blocks, failed = _decode_part(info, part)
        waves += blocks
        fault = fault or failed
    if len({wave.shape[1] for wave in waves}) > 1:
        waves = [wave.mean(axis=1, dtype=np.float32, keepdims=True) for wave in waves]
    return Decoded(waves[0] if len(waves) == 1 else np.concatenate([_nothing(waves), *waves]), fault)


def _decode_part(info: AudioInfo, part: Part | None) -> tuple[list[np.ndarray], str]:
    """Return the samples of a part, or of the file, in blocks, and what ended them early."""
    blocks: list[np.ndarray] = []
    done, fault = 0, ""
    for most in _BLOCKS:
        try:
            with _opened(info, part) as sound:
                if info.header.encoding == "OPUS":
                    sound.seek(0)  # else libsndfile keeps the delay of the codec in a part of a broadcast
                _pass_over(sound, done)
                # At first all at once, since putting blocks together takes time and memory.
                size = max(info.header.samples or 0, most) if most == _BLOCKS[0] else most
                while len(block := sound.read(size, dtype="float32", always_2d=True)):
                    blocks.append(block)
                    done, size = done + len(block), most
                    if done * sound.channels > info.most_samples:
                        return blocks, "more samples than this machine has memory for"
            return blocks, ""
        except (soundfile.SoundFileError, OSError, MemoryError, ValueError) as error:
            fault = _first_line(getattr(error, "error_string", str(error)))
    return blocks, fault


def _pass_over(sound: soundfile.SoundFile, samples: int) -> None:
    while samples:
        samples -= len(sound.read(min(samples, _BLOCKS[0]), dtype="float32")) or samples


@contextlib.contextmanager
def _opened(info: AudioInfo, part: Part | None) -> Iterator[soundfile.SoundFile]:
    """Open a part of a file, or the file as it is."""
    header = info.header
    if part is None:
        with _Forward(info.path) as sound:
            yield sound
        return
    with info.path.open("rb") as file:
        data = part.prefix + part.between.join(_bytes(file, *span) for span in part.spans)
    if header.raw:
        endian = "BIG" if header.big_endian else "LITTLE"
        layout = {"samplerate": header.sample_rate, "channels": header.channels, "subtype": header.encoding}
        with _Forward(io.BytesIO(data), **layout, endian=endian, format="RAW") as sound:
            yield sound
    elif header.encoding == "MPEG_LAYER_III" and not part.prefix:
        # libsndfile guesses the length of a file without a tag, and reads no more; of a pipe it reads everything.
        with _pipe(data) as end, _Forward(end) as sound:
            yield sound
    else:
        with _Forward(io.BytesIO(data)) as sound:
            yield sound


def _bytes(file: BinaryIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start)


@contextlib.contextmanager
def _pipe(data: bytes) -> Iterator[int]:
    """Write data to a pipe, and give its other end, which whoever opens it closes."""
    ours, theirs = os.pipe()

    def write() -> None:
        with contextlib.suppress(OSError), os.fdopen(theirs, "wb") as file:
            file.write(data)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield ours
    finally:
        thread.join(timeout=1)


def _nothing(waves: list[np.ndarray]) -> np.ndarray:
    return np.zeros((0, waves[0].shape[1] if waves else 1), np.float32)


def _first_line(message: str) -> str:
    """Return the first line of a decoder's error message, without the graph node that TensorFlow adds."""
    line = message.strip().splitlines()[0] if message.strip() else "no reason given"
    return line.rsplit("}} ", 1)[-1].rpartition("Error : ")[-1][:200].rstrip(" .")
