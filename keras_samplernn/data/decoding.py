"""The one place that decodes: files in, samples out, in order."""

import os
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import soundfile
import tensorflow as tf

from keras_samplernn.data.inspection import AudioInfo
from keras_samplernn.data.worker import PARALLEL_FILES, decode_in_worker
from keras_samplernn.errors import UserError


def decode_files(infos: Sequence[AudioInfo]) -> Iterator[np.ndarray | UserError]:
    """Decode inspected files, in parallel; yield one result a file, in the order given.

    WAV files are decoded in this process, their headers being known. A compressed file comes to its native decoder
    unchecked, so these are decoded by the same pipeline in a worker process: a decoder that dies is that file's
    error and not the program's.

    Yields:
        (samples, channels) float32; or the UserError, one line, of a file that is damaged, shorter than its header
        says, or holds what is not a number.

    Raises:
        RuntimeError: the worker process could not start.
    """
    here = run_pipeline([info for info in infos if info.format == "wav"])
    elsewhere = decode_in_worker([info for info in infos if info.format != "wav"])
    for info in infos:
        yield _check(info, next(here if info.format == "wav" else elsewhere))


def _check(info: AudioInfo, wave: np.ndarray | str) -> np.ndarray | UserError:
    if isinstance(wave, str):
        return UserError(f"{info.path}: cannot be decoded: {wave}; copy or convert it again")
    # The pages of an Ogg file were counted when it was inspected, and its first page may state an offset.
    if info.format != "ogg" and len(wave) < info.samples:
        return UserError(
            f"{info.path}: is truncated or damaged: {len(wave)} of {info.samples} samples could be decoded by "
            f"{info.decoder}; copy or convert it again"
        )
    finite = np.isfinite(wave)
    if not finite.all():
        first = int(np.argmin(finite.all(axis=1)))
        return UserError(
            f"{info.path}: sample {first} is {wave[first][~finite[first]][0]}, not a number; convert it again"
        )
    return wave


def run_pipeline(infos: Sequence[AudioInfo]) -> Iterator[np.ndarray | str]:
    """Decode in a tf.data pipeline of this process, which is set up at once.

    Yields:
        (samples, channels) float32, or what the decoder said.
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
    results = iter(dataset.map(decode, num_parallel_calls=PARALLEL_FILES, deterministic=True))
    return (_next_wave(results) for _ in infos)


def _next_wave(results: Iterator) -> np.ndarray | str:
    try:
        wave, said = next(results)
    except tf.errors.OpError as error:
        # The next element is still to be had after one that failed.
        return _first_words(error.message)
    return said.numpy().decode() or wave.numpy()


def _tensorflow_io_decoders() -> dict[tuple[str, str], Callable]:
    """Return format and encoding -> decoder of a path, for what tensorflow-io was proven to decode rightly."""
    import tensorflow_io

    audio = tensorflow_io.audio

    def decoder(decode: Callable, dtype: tf.DType | None = None) -> Callable:
        def branch(path: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            data = tf.io.read_file(path)
            wave = decode(data) if dtype is None else decode(data, dtype=dtype)
            # Integers of 24 bits come in the upper bytes of 32.
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
            return np.zeros((0, 1), np.float32), _first_words(str(error)).encode()
        return wave, b""

    wave, said = tf.numpy_function(read, [path], (tf.float32, tf.string))
    return tf.ensure_shape(wave, (None, None)), tf.ensure_shape(said, ())


def _first_words(message: str) -> str:
    """Return what a decoder said, without the graph node that TensorFlow puts around it."""
    line = message.strip().splitlines()[0] if message.strip() else "no reason given"
    return line.rsplit("}} ", 1)[-1].rsplit("ParallelMapV2: ", 1)[-1][:200].rstrip(" .")
