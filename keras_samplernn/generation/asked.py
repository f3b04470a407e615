"""Checks of what a program asks to generate or score: conditions, lengths, temperatures, sounds."""

import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_samplernn.conditions.columns import Columns, Conditions
from keras_samplernn.conditions.readers.reading import read_track
from keras_samplernn.conditions.streams import (
    NONE,
    ClassesStream,
    NumberStream,
    Stream,
    Streams,
    describe_classes,
    stream_named,
)
from keras_samplernn.conditions.track import Track, runs
from keras_samplernn.data.audio import read_audio, read_sound
from keras_samplernn.data.pairs import sound_stem
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.errors import UserError, nearest
from keras_samplernn.machine import FLOAT_BYTES, machine_bytes
from keras_samplernn.names import nfc
from keras_samplernn.spec import Spec

Values = int | float | str | Sequence[Any] | np.ndarray | None


def is_value(value: Any, stream: Stream) -> bool:
    """Return whether a value is a single one of a stream: any number, the name of a class, or the word for none."""
    if isinstance(value, str):
        names = stream.classes if isinstance(stream, ClassesStream) and stream.named else ()
        return isinstance(stream, ClassesStream) and nfc(value) in (*names, "none")
    return isinstance(value, numbers.Real | np.number)


def is_path(conditions: Any, streams: Streams) -> bool:
    """Return whether conditions are the path of a condition file."""
    return isinstance(conditions, str | Path) and not (len(streams) == 1 and is_value(conditions, streams[0]))


def values_of(values: Values, stream: Stream, place: str) -> np.ndarray:
    """Return values of a stream as int32 classes or float32 numbers: `()` for a single value, else `(n,)`.

    Args:
        values: a number or a name, or an array or list of numbers or of names; None, or None in a list: none.
        stream: the stream.
        place: the name of the values in messages.

    Raises:
        UserError: one line: a value is not one of the stream, or the values have another type or shape.
    """
    try:
        given = np.asarray(_none_of(stream) if values is None else values)
    except ValueError:  # lists of different lengths
        given = np.empty((0, 0))
    if given.ndim > 1:
        raise UserError(f"{place}: has more than one dimension; give one {_one_of(stream)} for each sample")
    flat = given.reshape(-1)
    if given.ndim and flat.dtype.kind == "O":
        return _mixed_values(flat.tolist(), stream, place)
    if isinstance(stream, NumberStream):
        found = flat.astype(np.float32) if given.dtype.kind in "iuf" else np.full(flat.shape, np.inf, np.float32)
        wrong = np.isinf(found)
        rule = "is not a number"
    else:
        found = _class_numbers(flat, stream) if values is not None else flat
        wrong = (found < 0) & (values is not None) & ~_says_none(flat, stream)
        rule = f"is not a class; classes are {describe_classes(stream)}"
    if wrong.any():
        first = int(np.argmax(wrong))
        where, value = f"{place}[{first}]" if given.ndim else place, flat[first : first + 1].tolist()[0]
        named = isinstance(value, str) and isinstance(stream, ClassesStream) and stream.named
        raise UserError(f"{where}: {shown(value)} {rule}{nearest(value[:100], stream.classes) if named else ''}")
    return found.astype(np.float32 if isinstance(stream, NumberStream) else np.int32).reshape(given.shape)


def track_asked_for(
    streams: Streams, conditions: Any, samples: int | None, sample_rate: int, place: str = "conditions"
) -> Track:
    """Return the track of a sound to generate.

    Args:
        streams: of the model.
        conditions: the path of a condition file; a dictionary of values by the names of streams, in which a stream that
            is not named is none; or, for a single stream, its values. Values are as in `values_of`.
        samples: the length, if the conditions do not have one; None: they have.
        sample_rate: in Hz.
        place: the name of the conditions in messages.

    Raises:
        UserError: one line.
    """
    if is_path(conditions, streams):
        if isinstance(conditions, str) and not Path(conditions).suffix:
            raise UserError(f"{place}: {shown(conditions)} is no file of conditions, {_or_else(streams, conditions)}")
        return read_track(Path(conditions), streams, sample_rate).of_length(samples, streams)
    found = values_by_stream(streams, conditions, place)
    lengths = {name: len(values) for name, values in found.items() if values.ndim}
    if len({*lengths.values()}) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise UserError(f"{place}: have different lengths: {told}; give a value for each sample, or one for all")
    if lengths and samples is not None:
        raise UserError(f"{place}: has values for each sample, and seconds are given; give one of the two")
    if not lengths and samples is None:
        raise UserError(f"{place}: has no length; give seconds, or a value for each sample")
    samples = next(iter(lengths.values()), samples)
    return Track(
        samples,
        {name: runs(np.broadcast_to(values, samples)) for name, values in found.items()},
    )


def values_by_stream(streams: Streams, conditions: Any, place: str) -> dict[str, np.ndarray]:
    """Return the values of each stream; see `track_asked_for`."""
    if isinstance(conditions, Mapping):
        for name in conditions:
            stream_named(streams, name, place)
        given = {stream.name: conditions.get(stream.name) for stream in streams}
        places = {stream.name: f'{place}["{stream.name}"]' for stream in streams}
    elif len(streams) == 1:
        given, places = {streams[0].name: conditions}, {streams[0].name: place}
    else:
        names = ", ".join(stream.name for stream in streams)
        raise UserError(f"{place}: the run has the streams {names}; give a dictionary of values by these names")
    return {stream.name: values_of(given[stream.name], stream, places[stream.name]) for stream in streams}


def sound_asked_for(
    spec: Spec, streams: Streams, conditions: Any, seconds: float | None
) -> tuple[str | None, int, Columns | None]:
    """Return stem, number of samples and conditions of a sound to generate.

    Args:
        spec: the spec of the run.
        streams: of the spec.
        conditions: as in `track_asked_for`; None if the run is unconditional.
        seconds: the length, if `conditions` do not have one.

    Raises:
        UserError: one line.
    """
    rate = spec.audio.sample_rate
    samples = None if seconds is None else samples_in(seconds, rate)
    if not streams:
        if conditions is not None or samples is None:
            raise UserError("the run is unconditional; give seconds, and no conditions")
        return None, samples, None
    if conditions is None:
        raise UserError(
            "the run is conditional; give conditions, a class for each sample, or a single class and seconds"
        )
    track = track_asked_for(streams, conditions, samples, rate)
    stem = sound_stem(conditions) if is_path(conditions, streams) else None
    return stem, track.samples, Columns(track, streams, rate)


def codes_of(
    spec: Spec, streams: Streams, wave: Any, conditions: Any, place: str, say: Callable[[str], None]
) -> tuple[np.ndarray, Conditions | None]:
    """Return codes `(n,)` and conditions of an existing sound.

    Args:
        spec: the spec of the run.
        streams: of the spec.
        wave: `(n,)` floats in [-1, 1] at the spec's sample rate, or the path of an audio file.
        conditions: as in `track_asked_for`; None: from the file beside the audio file, or the run is unconditional.
        place: the name of the sound in messages.
        say: called with a line for each thing in an audio file that was assumed or left out.

    Raises:
        UserError: one line.
    """
    rate, track = spec.audio.sample_rate, None
    if conditions is not None and not streams:
        raise UserError(f"{place}: has conditions, and the run is unconditional; leave them out")
    if isinstance(wave, str | Path):
        place = str(wave)
        if conditions is None:
            wave, track = read_sound(wave, rate, streams, say, bool(streams) and spec.conditioning.unlabelled)
        else:
            wave = read_audio(wave, rate, say)
    wave = np.asarray(wave)
    if wave.ndim != 1 or wave.dtype.kind != "f" or not np.isfinite(wave).all():
        raise UserError(f"{place}: is {wave.dtype} of shape {wave.shape}; give finite floats in [-1, 1], one channel")
    if streams and track is None:
        if conditions is None:
            raise UserError(f"{place}: has no conditions, and the run is conditional; give a class for each sample")
        of_one_value = not is_path(conditions, streams) and all(
            not values.ndim for values in values_by_stream(streams, conditions, f"conditions of {place}").values()
        )
        track = track_asked_for(
            streams, conditions, len(wave) if of_one_value else None, rate, f"conditions of {place}"
        )
        if track.samples != len(wave):
            raise UserError(
                f"{place}: {track.samples} conditions for a sound of {len(wave)} samples at {rate} Hz; give one for"
                " each sample"
            )
    codes = np.concatenate([np.empty(0, np.int32), *Quantizer.of(spec.audio).encode_blocks(wave)])
    return codes, Columns(track, streams, rate).piece(0, len(wave)) if streams else None


def samples_in(seconds: float, sample_rate: int) -> int:
    """Return a length in samples; UserError if it is negative, or more than this machine's memory holds."""
    if not 0 <= seconds * sample_rate * FLOAT_BYTES <= machine_bytes():
        raise UserError(f"seconds = {shown(seconds)}: is negative, or more than this machine's memory holds")
    return round(seconds * sample_rate)


def checked_temperature(temperature: float, place: str = "temperature") -> float:
    """Return the temperature; UserError if it is not a finite number of at least 0."""
    if not (isinstance(temperature, numbers.Real | np.number) and 0 <= temperature < math.inf):
        raise UserError(f"{place}: the temperature {shown(temperature)} is not a finite number of at least 0")
    return float(temperature)


def shown(value: Any) -> str:
    """Return a value as text for a message."""
    return f'"{value:.40}"' if isinstance(value, str) else f"{value!r:.40}"


def _mixed_values(values: list, stream: Stream, place: str) -> np.ndarray:
    """Return values of which some are None, for none; UserError if one of the others is not a value of the stream."""
    known = [(f"{place}[{at}]", value) for at, value in enumerate(values) if value is not None]
    found = np.full(len(values), _none_of(stream), np.float32 if isinstance(stream, NumberStream) else np.int32)
    found[[value is not None for value in values]] = [values_of(value, stream, where) for where, value in known]
    return found


def _class_numbers(flat: np.ndarray, stream: ClassesStream) -> np.ndarray:
    """Return the numbers of classes; -1 for what is not a class."""
    if flat.dtype.kind == "U":
        number_of = {name: number for number, name in enumerate(stream.classes)} if stream.named else {}
        return np.array([number_of.get(nfc(name), NONE) for name in flat.tolist()], np.int64)
    if flat.dtype.kind in "iuf":
        known = (flat >= 0) & (flat < len(stream.classes)) & (flat == np.floor(flat))
        return np.where(known, flat, NONE).astype(np.int64)
    return np.full(flat.shape, NONE)


def _says_none(flat: np.ndarray, stream: ClassesStream) -> np.ndarray:
    """Return which values are the word for none."""
    if flat.dtype.kind != "U" or "none" in stream.classes:
        return np.zeros(flat.shape, bool)
    return flat == "none"


def _none_of(stream: Stream) -> float:
    return NONE if isinstance(stream, ClassesStream) else np.nan


def _or_else(streams: Streams, text: str) -> str:
    """Return what else a text would have to be to be conditions."""
    if len(streams) > 1:
        return f"and the run has the streams {', '.join(each.name for each in streams)}; give a dictionary of values"
    if isinstance(streams[0], NumberStream):
        return "and not a number"
    return f"and not a class; classes are {describe_classes(streams[0])}{nearest(text[:100], streams[0].classes)}"


def _one_of(stream: Stream) -> str:
    return "class" if isinstance(stream, ClassesStream) else "number"
