"""Audio files to samples: the one function that decodes."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from keras_samplernn.data.headers.header import Remark
from keras_samplernn.data.inspection import AudioInfo
from keras_samplernn.data.native import Decoded, decode
from keras_samplernn.data.worker import decode_in_worker
from keras_samplernn.errors import UserError


class Recording(NamedTuple):
    """What a file holds.

    Attributes:
        wave: `(samples, channels)` float32, finite.
        remarks: what was assumed, and what is left out.
    """

    wave: np.ndarray
    remarks: tuple[Remark, ...]


def decode_files(infos: Sequence[AudioInfo]) -> Iterator[Recording | UserError]:
    """Decode inspected files; yield one result a file, in the order given.

    Samples of a fixed size are decoded in this process, since it is known where they lie. Of a compressed file only
    native code can read more than the header, so a worker process decodes it: if the decoder crashes, that is the error
    of this file and the program goes on.

    Yields:
        The recording; or, for a file of which nothing can be decoded, or that holds samples that are not finite, a
        UserError of one line.

    Raises:
        UserError: the worker process could not start.
    """
    # One after the other: threads would wait for each other more than for the disk.
    here = map(decode, [info for info in infos if info.header.raw])
    elsewhere = decode_in_worker([info for info in infos if not info.header.raw])
    for info in infos:
        yield _check(info, next(here if info.header.raw else elsewhere))


def _check(info: AudioInfo, decoded: Decoded) -> Recording | UserError:
    wave, fault = decoded
    stated, remarks = info.header.samples, info.header.remarks
    if fault and not len(wave):
        return UserError(f"{info.path}: cannot be decoded: {fault}; copy or convert it again")
    # The pages of an Ogg file are counted with its header, and its first page may state an offset.
    short = stated is not None and len(wave) < stated and info.header.encoding not in ("VORBIS", "OPUS")
    if fault or short:
        of = "" if stated is None else f" of {stated:,}"
        remarks += (Remark("decoded in part: the rest is damaged or missing", f"{len(wave):,}{of} samples", lost=True),)
    if not len(wave) and (details := [remark.detail for remark in remarks if remark.lost]):
        return UserError(f"{info.path}: has a header but no samples ({details[0]}); it is truncated: copy it again")
    finite = np.isfinite(wave)
    if not finite.all():
        first = int(np.argmin(finite.all(axis=1)))
        return UserError(
            f"{info.path}: sample {first} is {wave[first][~finite[first]][0]}, which is not finite; convert it again"
        )
    return Recording(wave, remarks)
