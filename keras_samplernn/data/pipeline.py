"""The tf.data pipeline that decodes files in this process."""

import os
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import soundfile
import tensorflow as tf

from keras_samplernn.data.inspection import AudioInfo


def run_pipeline(infos: Sequence[AudioInfo], parallel_files: int) -> Iterator[np.ndarray | str]:
    """Set up the pipeline, and return its results, one a file, in the order given.

    Args:
        infos: the files.
        parallel_files: how many are decoded at a time; each is held in memory whole.

    Yields:
        (samples, channels) float32, or the decoder's error message.
    """
    if not infos:
        return iter(())
    decoders = _tensorflow_io_decoders() if any(info.decoder == "tensorflow-io" for info in infos) else {}
    encodings = list(decoders)
    branches = [*decoders.values(), _decode_with_soundfile]
    routes = [
        encodings.index((info.format, info.encoding)) if info.decoder == "tensorflow-io" else len(encodings)
        for info in infos
    ]

    def decode(path: tf.Tensor, route: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.switch_case(route, [lambda branch=branch: branch(path) for branch in branches])

    paths = [os.fsencode(info.path) for info in infos]
    dataset = tf.data.Dataset.from_tensor_slices((paths, np.asarray(routes, np.int32)))
    results = iter(dataset.map(decode, num_parallel_calls=parallel_files, deterministic=True))
    return (_next_wave(results) for _ in infos)


def _next_wave(results: Iterator) -> np.ndarray | str:
    try:
        wave, said = next(results)
    except tf.errors.OpError as error:
        # The dataset goes on with its next element after one that failed.
        return _first_line(error.message)
    return said.numpy().decode() or wave.numpy()


def _tensorflow_io_decoders() -> dict[tuple[str, str], Callable]:
    """Return the decoder of a path for each (format, encoding) that tensorflow-io was proven to decode rightly."""
    import tensorflow_io

    audio = tensorflow_io.audio

    def decoder(decode: Callable, dtype: tf.DType | None = None) -> Callable:
        def branch(path: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            data = tf.io.read_file(path)
            wave = decode(data) if dtype is None else decode(data, dtype=dtype)
            # Integers of 24 bits are in the upper bytes of 32.
            scale = 1.0 if wave.dtype.is_floating else 1.0 / (wave.dtype.max + 1)
            return tf.cast(wave, tf.float32) * scale, tf.constant("")

        return branch

    return {
        ("wav", "PCM_16"): decoder(audio.decode_wav, tf.int16),
        ("wav", "PCM_24"): decoder(audio.decode_wav, tf.int32),
        ("wav", "FLOAT"): decoder(audio.decode_wav, tf.float32),
        ("ogg", "VORBIS"): decoder(audio.decode_vorbis),
        ("mp3", "MPEG_LAYER_III"): decoder(audio.decode_mp3),
    }


def _decode_with_soundfile(path: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    def read(path: bytes) -> tuple[np.ndarray, bytes]:
        try:
            wave, _ = soundfile.read(os.fsdecode(path), dtype="float32", always_2d=True)
        except (soundfile.SoundFileError, MemoryError, ValueError) as error:
            return np.zeros((0, 1), np.float32), _first_line(str(error)).encode()
        return wave, b""

    wave, said = tf.numpy_function(read, [path], (tf.float32, tf.string))
    return tf.ensure_shape(wave, (None, None)), tf.ensure_shape(said, ())


def _first_line(message: str) -> str:
    """Return the first line of a decoder's error message, without the graph node that TensorFlow adds."""
    line = message.strip().splitlines()[0] if message.strip() else "no reason given"
    return line.rsplit("}} ", 1)[-1].rsplit("ParallelMapV2: ", 1)[-1][:200].rstrip(" .")
