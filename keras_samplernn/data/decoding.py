"""Audio files to samples: the one function that decodes."""

from collections.abc import Iterator, Sequence

import numpy as np

from keras_samplernn.data.inspection import AudioInfo
from keras_samplernn.data.pipeline import run_pipeline
from keras_samplernn.data.worker import PARALLEL_FILES, decode_in_worker
from keras_samplernn.errors import UserError


def decode_files(infos: Sequence[AudioInfo]) -> Iterator[np.ndarray | UserError]:
    """Decode inspected files, in parallel; yield one result a file, in the order given.

    WAV files are decoded in this process, since their headers were checked. Of a compressed file only native code
    can read more than the header, so the same pipeline decodes it in a worker process: if the decoder crashes, that
    is the error of this file and the program goes on.

    Yields:
        (samples, channels) float32; or, for a file that is damaged, shorter than its header says, or holds samples
        that are not finite, a UserError of one line.

    Raises:
        UserError: the worker process could not start.
    """
    here = run_pipeline([info for info in infos if info.format == "wav"], PARALLEL_FILES)
    elsewhere = decode_in_worker([info for info in infos if info.format != "wav"])
    for info in infos:
        yield _check(info, next(here if info.format == "wav" else elsewhere))


def _check(info: AudioInfo, wave: np.ndarray | str) -> np.ndarray | UserError:
    if isinstance(wave, str):
        return UserError(f"{info.path}: cannot be decoded: {wave}; copy or convert it again")
    # The pages of an Ogg file are counted with its header, and its first page may state an offset.
    if info.format != "ogg" and len(wave) < info.samples:
        return UserError(
            f"{info.path}: is truncated or damaged: {len(wave)} of {info.samples} samples could be decoded by "
            f"{info.decoder}; copy or convert it again"
        )
    finite = np.isfinite(wave)
    if not finite.all():
        first = int(np.argmin(finite.all(axis=1)))
        return UserError(
            f"{info.path}: sample {first} is {wave[first][~finite[first]][0]}, which is not finite; convert it again"
        )
    return wave
