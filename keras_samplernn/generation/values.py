"""Values of condition streams that a program gives: single ones, and arrays with one for each sample."""

import numbers
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_samplernn.conditions.streams import (
    NONE,
    ClassesStream,
    NumberStream,
    Stream,
    Streams,
    describe_classes,
    stream_named,
)
from keras_samplernn.errors import UserError, nearest
from keras_samplernn.names import nfc

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


def _one_of(stream: Stream) -> str:
    return "class" if isinstance(stream, ClassesStream) else "number"
