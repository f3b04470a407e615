"""What is valid and still sounds wrong, or trains badly: told, and read all the same."""

from collections.abc import Iterator

import numpy as np

from keras_samplernn.conditions.streams import ONE_STREAM, ClassesStream
from keras_samplernn.data.headers.header import Remark
from keras_samplernn.data.notes import first_few

SILENT = "silent"
# Peaks: one step of 16 bits, full scale, and the least that no recorder writes as a float.
_SILENT, _FULL_SCALE, _NOT_SCALED = 1 / 32768, 0.9999, 16.0
_MOST_AT_FULL_SCALE, _MOST_OFFSET = 0.01, 0.02
_LEAST_SAMPLES = 1000  # a shorter sound may be part of one slow swing
_LEAST_CLASS_SECONDS, _MOST_OF_ONE_CLASS = 1.0, 0.95


def sound_suspicions(wave: np.ndarray, mono: np.ndarray) -> Iterator[Remark]:
    """Yield what is suspicious in a sound.

    Args:
        wave: as it was decoded, (n, channels).
        mono: as it is prepared, (m,).
    """
    if not wave.size or not mono.size:
        return
    peak, mixed = _peak(wave), _peak(mono)
    if peak <= _SILENT:
        yield Remark(SILENT)
    elif mixed <= max(_SILENT, peak / 1000):
        yield Remark("silent after mixing, since the channels cancel each other: use one of them")
    elif peak >= _NOT_SCALED:
        # Resampling may have made them a little larger than the integers that they were.
        divisor = next((1 << bits for bits in (15, 23, 31) if peak <= 2 << bits), f"{peak:.3g}")
        yield Remark(f"not scaled to [-1, 1]: divide the samples by {divisor}", f"peak {peak:,.0f}")
    elif peak >= _FULL_SCALE and (share := np.count_nonzero(np.abs(wave) >= _FULL_SCALE) / wave.size) > (
        _MOST_AT_FULL_SCALE
    ):
        yield Remark("distorted, more than 1 % of the samples stand at full scale", f"{share:.1%}")
    offset = float(mono.mean())
    if abs(offset) > _MOST_OFFSET and peak < _NOT_SCALED and len(mono) >= _LEAST_SAMPLES:
        yield Remark("offset from zero (DC): a high-pass filter removes it", f"{offset:+.2f}")


def class_suspicions(stream: ClassesStream, counts: np.ndarray, sample_rate: int) -> list[str]:
    """Return a line for each kind of class that training learns little of.

    Args:
        stream: has the names of the classes.
        counts: samples of each class.
        sample_rate: in Hz.
    """
    lines, total, names = [], counts.sum(), stream.classes
    absent = [name for name, count in zip(names, counts, strict=True) if not count]
    if absent:
        lines.append(f"{len(absent)} of {len(counts)} classes never occur: {', '.join(absent)}")
    short = [
        f"{name} ({count / sample_rate:.2f} s)"
        for name, count in zip(names, counts, strict=True)
        if 0 < count < _LEAST_CLASS_SECONDS * sample_rate
    ]
    if short:
        lines.append(f"less than a second of a class: {first_few(short)}")
    if total and len(counts) > 1 and counts.max() > _MOST_OF_ONE_CLASS * total:
        share = counts.max() / total
        lines.append(f"nearly everything is of one class: {names[int(counts.argmax())]} ({share:.1%} of the samples)")
    return lines if stream.name == ONE_STREAM else [f"{stream.name}: {line}" for line in lines]


def _peak(wave: np.ndarray) -> float:
    return max(float(wave.max()), -float(wave.min()))
