"""NumPy's files: an array with a row for each audio sample, or with named columns, one of which may be `seconds`."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from keras_samplernn.conditions.readers.blocks import RowRuns
from keras_samplernn.conditions.readers.header import POINTS
from keras_samplernn.conditions.readers.points import lay_points
from keras_samplernn.conditions.readers.sound import Sound
from keras_samplernn.conditions.readers.values import values_of
from keras_samplernn.conditions.streams import NONE, ClassesStream, Stream, describe_classes, stream_named
from keras_samplernn.conditions.track import Track, constant
from keras_samplernn.errors import UserError
from keras_samplernn.text import shorten

_MAGIC = b"\x93NUMPY"
_BLOCK_ROWS = 1 << 20


def read_npy(path: Path, streams: Sequence[Stream], sound: Sound) -> Track:
    """Read an array of `(n,)` for the only stream, of `(n, streams)`, or of `(n,)` with fields named by streams.

    A row is an audio sample, or, if the first field is `seconds`, a point in time. None is -1 for classes, NaN for
    numbers.

    Raises:
        UserError: one line: the file is damaged, has another shape, or the first row that has a wrong value.
    """
    array = load_array(path)
    names = array.dtype.names
    if names is None:
        return _read_rows(path, _columns(path, array, streams), streams, sound)
    is_points = names[0] in POINTS
    columns = {
        stream_named(streams, name, f"{path}: field").name: array[name] for name in names[1 if is_points else 0 :]
    }
    for name in names:
        if array.dtype[name].kind not in "biuf":
            raise UserError(f"{path}: field {name} is {array.dtype[name]}; give whole numbers or floats")
    if not columns or array.ndim != 1:
        rule = "has no field of a stream" if not columns else f"has the shape {array.shape}"
        raise UserError(f"{path}: {rule}; give {'(n,)'} rows with fields of {_listed(streams)}")
    if not is_points:
        return _read_rows(path, columns, streams, sound)
    return _read_points(path, array[names[0]], columns, streams, sound)


def load_array(path: Path) -> np.ndarray:
    """Map the array of an npy file; UserError if it cannot be read."""
    try:
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise UserError(f"{path}: is not a .npy file; write it with numpy.save")
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}; give the path of a readable .npy file") from None
    except UserError:
        raise
    except Exception as error:
        # NumPy parses a header as Python: what that fails with is whatever Python's parser raises.
        raise UserError(
            f"{path}: is damaged or not an array ({_first_line(error)}); write it with numpy.save"
        ) from None
    return array


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:100]


def _columns(path: Path, array: np.ndarray, streams: Sequence[Stream]) -> dict[str, np.ndarray]:
    if array.dtype.kind not in "biuf":
        raise UserError(f"{path}: is an array of {array.dtype}; give whole numbers or floats")
    if array.ndim == 1 and len(streams) == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] != len(streams):
        shape = "(n,) or (n, 1)" if len(streams) == 1 else f"(n, {len(streams)})"
        raise UserError(
            f"{path}: has the shape {array.shape}; give {shape}, a row for each sample of {_listed(streams)}"
        )
    return {stream.name: array[:, number] for number, stream in enumerate(streams)}


def _listed(streams: Sequence[Stream]) -> str:
    return ", ".join(stream.name for stream in streams)


def _read_rows(path: Path, columns: dict[str, np.ndarray], streams: Sequence[Stream], sound: Sound) -> Track:
    samples = len(next(iter(columns.values())))
    sound.check_rows(path, samples, header=True, row="row")
    spans = {}
    for stream in streams:
        if (column := columns.get(stream.name)) is None:
            spans[stream.name] = constant(stream, values_of(stream).nothing, samples)
            continue
        rows = RowRuns(np.int32 if isinstance(stream, ClassesStream) else np.float32)
        for start in range(0, samples, _BLOCK_ROWS):
            rows.add(_values(path, stream, column[start : start + _BLOCK_ROWS], start))
        spans[stream.name] = rows.spans()
    return Track(samples, spans)


def _read_points(
    path: Path, seconds: np.ndarray, columns: dict[str, np.ndarray], streams: Sequence[Stream], sound: Sound
) -> Track:
    def place(point: int) -> str:
        return f"{path}[{point}]"

    # As text, the shortest decimal that gives the float: what was meant, and what a csv would say.
    texts = np.asarray(seconds).astype("U32").tolist()
    times = np.fromiter((sound.at(text, place(point)) for point, text in enumerate(texts)), np.int64, len(texts))
    by_name = {stream.name: stream for stream in streams}
    values = {name: _values(path, by_name[name], np.asarray(column), 0) for name, column in columns.items()}
    return lay_points(place, times, values, streams, sound)


def _values(path: Path, stream: Stream, column: np.ndarray, first_row: int) -> np.ndarray:
    """Return the values of rows, int32 classes or float64 numbers; UserError if one is wrong."""

    def refuse(wrong: np.ndarray, reason: Callable[[str], str]) -> None:
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise UserError(f"{path}[{first_row + row}]: {stream.name}: {reason(shorten(str(column[row])))}")

    column = np.asarray(column)  # into memory
    if not isinstance(stream, ClassesStream):
        numbers = column.astype(np.float64)
        refuse(np.isinf(numbers), lambda shown: f"{shown} is not finite; give a number, or NaN for none")
        return numbers
    if column.dtype.kind == "f":
        column = np.where(np.isnan(column), NONE, column)
        refuse(
            np.trunc(column) != column,
            lambda shown: f"{shown} is a fraction; a class is a whole number, {describe_classes(stream)}",
        )
    refuse(
        (column < NONE) | (column >= len(stream.classes)),
        lambda shown: f"class {shown} is out of range; classes are {describe_classes(stream)}, and -1 is none",
    )
    return column.astype(np.int32)
