"""Which columns the model reads of its streams, and the arrays that hold them."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from keras_samplernn.conditions.streams import NONE, NumberStream, Stream, classes_streams

SHARES = 5
"""Numbers that say which share of its span has passed: cos(k pi share), k = 0 to 4."""
TIMES = (0.02, 0.1, 0.5, 2.5)
"""Time constants, in seconds, of the numbers that say how long a span has lasted, and will: exp(-time / constant)."""
POSITION_WIDTH = SHARES + 2 * len(TIMES)
NUMBER_WIDTH = 2


class Conditions(NamedTuple):
    """What is asked for at some samples. Leading axes are those of the samples, as `(B, S, F)` or `(n,)`.

    Attributes:
        exists: `(...)` float32, 1 for a sample of the sound, 0 past its end.
        classes: `(..., A)` int32, a class for each column of `class_columns`, -1 for none; None without classes.
        numbers: `(..., N)` float32, the columns of `number_columns`; None without numbers.
        targets: `(..., C)` int32, for each stream of classes the class that it fades to; None where nothing fades.
        weights: `(..., C)` float32 in [0, 1), the share of that class; None where nothing fades.
    """

    exists: Any
    classes: Any = None
    numbers: Any = None
    targets: Any = None
    weights: Any = None

    def at(self, index: Any) -> "Conditions":
        """Return the conditions of some samples, by an index of the leading axes."""
        return self.map(lambda array: array[index])

    def map(self, function: Callable[[Any], Any]) -> "Conditions":
        """Return the conditions with a function applied to every array in them."""
        return Conditions(*(None if each is None else function(each) for each in self))


class ClassColumn(NamedTuple):
    """A column of classes: of a stream, or of its neighbours before or after.

    Attributes:
        name: of the column.
        count: number of classes.
        fades: number of the stream among the streams of classes if its classes cross-fade; None for neighbours.
    """

    name: str
    count: int
    fades: int | None


class NumberColumns(NamedTuple):
    """Columns of numbers that belong together.

    Attributes:
        name: of the columns.
        width: number of columns.
    """

    name: str
    width: int


def class_columns(streams: Sequence[Stream]) -> tuple[ClassColumn, ...]:
    """Return the columns of classes that streams have."""
    columns = []
    for number, stream in enumerate(classes_streams(streams)):
        count = len(stream.classes)
        columns.append(ClassColumn(stream.name, count, number))
        if stream.neighbours:
            columns += [ClassColumn(f"{stream.name}_before", count, None)]
            columns += [ClassColumn(f"{stream.name}_after", count, None)]
    return tuple(columns)


def number_columns(streams: Sequence[Stream]) -> tuple[NumberColumns, ...]:
    """Return the columns of numbers that streams have."""
    columns = []
    for stream in streams:
        if isinstance(stream, NumberStream):
            columns.append(NumberColumns(stream.name, NUMBER_WIDTH))
        elif stream.position:
            columns.append(NumberColumns(f"{stream.name}_position", POSITION_WIDTH))
    return tuple(columns)


def nothing(streams: Sequence[Stream], shape: tuple[int, ...], fades: bool) -> Conditions:
    """Return the conditions past the end of a sound.

    Args:
        streams: of the model.
        shape: of the samples.
        fades: whether there are columns for cross-fades.
    """
    classes = classes_streams(streams)
    numbers = sum(column.width for column in number_columns(streams))
    return Conditions(
        np.zeros(shape, np.float32),
        np.full((*shape, len(class_columns(streams))), NONE, np.int32) if classes else None,
        np.zeros((*shape, numbers), np.float32) if numbers else None,
        np.full((*shape, len(classes)), NONE, np.int32) if classes and fades else None,
        np.zeros((*shape, len(classes)), np.float32) if classes and fades else None,
    )
