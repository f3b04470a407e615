"""Checks of what a program asks to generate or score: conditions, lengths, temperatures, sounds."""

import math
import numbers
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.layout import Conditions
from keras_samplernn.conditions.streams import (
    NumberStream,
    Streams,
    describe_classes,
)
from keras_samplernn.conditions.track import Track, runs
from keras_samplernn.data.audio import read_audio, read_sound
from keras_samplernn.data.pairs import sound_stem
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.data.scores import read_score
from keras_samplernn.errors import UserError, nearest
from keras_samplernn.generation.values import is_path, shown, values_by_stream
from keras_samplernn.machine import FLOAT_BYTES, machine_bytes
from keras_samplernn.spec import Spec


def track_asked_for(
    streams: Streams,
    conditions: Any,
    samples: int | None,
    sample_rate: int,
    say: Callable[[str], None],
    place: str = "conditions",
) -> Track:
    """Return the track of a sound to generate.

    Args:
        streams: of the model.
        conditions: the path of a condition file; a dictionary of values by the names of streams, in which a stream that
            is not named is none; or, for a single stream, its values. Values are as in `values_of`.
        samples: the length, if the conditions do not have one; None: they have.
        sample_rate: in Hz.
        say: called with a line if a file is read at another rate; see `read_score`.
        place: the name of the conditions in messages.

    Raises:
        UserError: one line.
    """
    if is_path(conditions, streams):
        if isinstance(conditions, str) and not Path(conditions).suffix:
            raise UserError(f"{place}: {shown(conditions)} is no file of conditions, {_or_else(streams, conditions)}")
        return read_score(Path(conditions), streams, sample_rate, say).of_length(samples, streams)
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


def sound_asked_for(
    spec: Spec, streams: Streams, conditions: Any, seconds: float | None, say: Callable[[str], None]
) -> tuple[str | None, int, Columns | None]:
    """Return stem, number of samples and conditions of a sound to generate.

    Args:
        spec: the spec of the run.
        streams: of the spec.
        conditions: as in `track_asked_for`; None if the run is unconditional.
        seconds: the length, if `conditions` do not have one.
        say: as in `track_asked_for`.

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
    track = track_asked_for(streams, conditions, samples, rate, say)
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
        say: called with a line for each thing in a file that was assumed or left out.

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
            streams, conditions, len(wave) if of_one_value else None, rate, say, f"conditions of {place}"
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


def checked_count(count: int, place: str) -> int:
    """Return a count; UserError if it is not a whole number of at least 1."""
    if not isinstance(count, numbers.Integral) or isinstance(count, bool) or count < 1:
        raise UserError(f"{place} = {shown(count)}: is not a whole number of at least 1")
    return int(count)


def checked_temperature(temperature: float, place: str = "temperature") -> float:
    """Return the temperature; UserError if it is not a finite number of at least 0."""
    if not (isinstance(temperature, numbers.Real | np.number) and 0 <= temperature < math.inf):
        raise UserError(f"{place}: the temperature {shown(temperature)} is not a finite number of at least 0")
    return float(temperature)


def _or_else(streams: Streams, text: str) -> str:
    """Return what else a text would have to be to be conditions."""
    if len(streams) > 1:
        return f"and the run has the streams {', '.join(each.name for each in streams)}; give a dictionary of values"
    if isinstance(streams[0], NumberStream):
        return "and not a number"
    return f"and not a class; classes are {describe_classes(streams[0])}{nearest(text[:100], streams[0].classes)}"
