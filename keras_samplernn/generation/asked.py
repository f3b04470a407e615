"""Checks of what a program asks to generate or score: classes, lengths, temperatures, sounds."""

import math
import numbers
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_samplernn.data.audio import read_audio, read_sound
from keras_samplernn.data.conditioning import describe_classes, read_conditions
from keras_samplernn.data.pairs import sound_stem
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.errors import UserError, nearest
from keras_samplernn.machine import FLOAT_BYTES, machine_bytes
from keras_samplernn.names import nfc
from keras_samplernn.spec import Spec

Classes = int | Sequence[str]


def is_class(value: Any, classes: Classes) -> bool:
    """Return whether a value is a single class: any number, or the name of a class."""
    if isinstance(value, str):
        return not isinstance(classes, int) and nfc(value) in classes
    return isinstance(value, numbers.Real | np.number)


def stem_of(conditions: Any, classes: Classes) -> str | None:
    """Return the stem of the sound of a condition file if the conditions are a path, else None."""
    is_path = isinstance(conditions, str | Path) and not is_class(conditions, classes)
    return sound_stem(conditions) if is_path else None


def class_numbers(values: Any, classes: Classes, place: str) -> np.ndarray:
    """Return classes as int32 numbers: `()` for a single class, else `(n,)`.

    Args:
        values: a number or a name, or an array or list of numbers or of names.
        classes: the number of classes, or their names.
        place: the name of the values in messages.

    Raises:
        UserError: one line: a value is not a class, or the values have another type or shape.
    """
    try:
        given = np.asarray(values)
    except ValueError:  # lists of different lengths
        given = np.empty((0, 0))
    if given.ndim > 1:
        raise UserError(f"{place}: has more than one dimension; give one class for each sample")
    flat = given.reshape(-1)
    if given.dtype.kind == "U":
        number_of = {} if isinstance(classes, int) else {name: number for number, name in enumerate(classes)}
        found = np.array([number_of.get(nfc(name), -1) for name in flat.tolist()], np.int64)
    elif given.dtype.kind in "iuf":
        count = classes if isinstance(classes, int) else len(classes)
        known = (flat >= 0) & (flat < count) & (flat == np.floor(flat))
        found = np.where(known, flat, -1).astype(np.int64)
    else:
        found = np.full(flat.shape, -1)
    if (found < 0).any():
        first = int(np.argmin(found))
        where, wrong = f"{place}[{first}]" if given.ndim else place, flat[first : first + 1].tolist()[0]
        hint = nearest(wrong[:100], classes) if isinstance(wrong, str) and not isinstance(classes, int) else ""
        raise UserError(f"{where}: {shown(wrong)} is not a class; classes are {describe_classes(classes)}{hint}")
    return found.astype(np.int32).reshape(given.shape)


def sound_asked_for(spec: Spec, conditions: Any, seconds: float | None) -> tuple[str | None, int, np.ndarray | None]:
    """Return stem, number of samples and class numbers of a sound to generate.

    Args:
        spec: the spec of the run.
        conditions: a class for each sample, as in `class_numbers`; or the path of a condition file; or a single class;
            None if the run is unconditional.
        seconds: the length, if `conditions` do not have one.

    Raises:
        UserError: one line.
    """
    if not spec.classes:
        if conditions is not None or seconds is None:
            raise UserError("the run is unconditional; give seconds, and no conditions")
        return None, samples_in(seconds, spec.audio.sample_rate), None
    if is_class(conditions, spec.classes) and seconds is not None:
        samples = samples_in(seconds, spec.audio.sample_rate)
        return None, samples, np.broadcast_to(class_numbers(conditions, spec.classes, "conditions"), samples)
    if conditions is None or is_class(conditions, spec.classes) or seconds is not None:
        raise UserError(
            "the run is conditional; give conditions, a class for each sample, or a single class and seconds"
        )
    found = _conditions(spec, conditions, "conditions")
    return stem_of(conditions, spec.classes), len(found), found


def codes_of(
    spec: Spec, wave: Any, conditions: Any, place: str, say: Callable[[str], None]
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return codes and class numbers, both `(n,)`, of an existing sound.

    Args:
        spec: the spec of the run.
        wave: `(n,)` floats in [-1, 1] at the spec's sample rate, or the path of an audio file.
        conditions: the class of each sample; None: from the csv beside the audio file, or the run is unconditional.
        place: the name of the sound in messages.
        say: called with a line for each thing in an audio file that was assumed or left out.

    Raises:
        UserError: one line.
    """
    rate, classes, found = spec.audio.sample_rate, spec.classes, None
    if conditions is not None and not classes:
        raise UserError(f"{place}: has conditions, and the run is unconditional; leave them out")
    if isinstance(wave, str | Path):
        place = str(wave)
        if conditions is None:
            wave, found = read_sound(wave, rate, classes, say)
        else:
            wave = read_audio(wave, rate, say)
    wave = np.asarray(wave)
    if wave.ndim != 1 or wave.dtype.kind != "f" or not np.isfinite(wave).all():
        raise UserError(f"{place}: is {wave.dtype} of shape {wave.shape}; give finite floats in [-1, 1], one channel")
    if classes and found is None:
        if conditions is None:
            raise UserError(f"{place}: has no conditions, and the run is conditional; give a class for each sample")
        found = _conditions(spec, conditions, f"conditions of {place}")
        if len(found) != len(wave):
            raise UserError(
                f"{place}: {len(found)} conditions for a sound of {len(wave)} samples at {rate} Hz; give one for each"
                " sample"
            )
    return np.concatenate([np.empty(0, np.int32), *Quantizer.of(spec.audio).encode_blocks(wave)]), found


def samples_in(seconds: float, sample_rate: int) -> int:
    """Return a length in samples; UserError if it is negative, or more than this machine's memory holds."""
    if not 0 <= seconds * sample_rate * FLOAT_BYTES <= machine_bytes():
        raise UserError(f"seconds = {shown(seconds)}: is negative, or more than this machine's memory holds")
    return round(seconds * sample_rate)


def checked_temperature(temperature: float, place: str = "temperature") -> float:
    """Return the temperature; UserError if it is not a finite number of at least 0."""
    if not (is_class(temperature, 0) and 0 <= temperature < math.inf):
        raise UserError(f"{place}: the temperature {shown(temperature)} is not a finite number of at least 0")
    return float(temperature)


def shown(value: Any) -> str:
    """Return a value as text for a message."""
    return f'"{value:.40}"' if isinstance(value, str) else f"{value!r:.40}"


def _conditions(spec: Spec, conditions: Any, place: str) -> np.ndarray:
    if isinstance(conditions, str | Path):
        return read_conditions(conditions, spec.classes)
    return np.atleast_1d(class_numbers(conditions, spec.classes, place))
