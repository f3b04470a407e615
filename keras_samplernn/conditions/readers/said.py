"""What condition files say of a stream, gathered before it is known what the stream is."""

import math
from collections.abc import Iterable

import numpy as np

from keras_samplernn.names import nfc
from keras_samplernn.spec import CLASS_NUMBER
from keras_samplernn.text import unquoted

MOST_KEPT = 4097  # one more than there may be classes
_NOTHING = ("", "none", "nan")


class Said:
    """The values of one stream.

    Attributes:
        names: those that are not numbers, as files write them.
        numbers: the different ones, `MOST_KEPT` at most.
        low: the least number; infinite without any.
        high: the greatest number.
        whole: whether all numbers are whole.
    """

    def __init__(self):
        self.names: set[str] = set()
        self.numbers: set[float] = set()
        self.low, self.high, self.whole = math.inf, -math.inf, True

    def __bool__(self) -> bool:
        return bool(self.names or self.numbers)

    def add(self, values: Iterable[str], moves: bool = False) -> None:
        """Add values as text.

        Args:
            values: of the stream; `none` and empty text say nothing.
            moves: whether `a>b` names two values.
        """
        for text in map(unquoted, values):
            sides = [side.strip() for side in text.split(">")] if moves else []
            for value in sides if len(sides) == 2 and all(sides) else [text]:
                if CLASS_NUMBER.fullmatch(value):
                    self.add_numbers(np.array([float(value)]))
                elif value.lower() not in _NOTHING:
                    self.names.add(nfc(value))

    def add_numbers(self, values: np.ndarray) -> None:
        """Add numbers; those that are not finite say nothing."""
        values = np.unique(np.asarray(values, np.float64))
        values = values[np.isfinite(values)]
        if len(values):
            self.low, self.high = min(self.low, float(values[0])), max(self.high, float(values[-1]))
            self.whole = self.whole and bool((values == np.trunc(values)).all())
            self.numbers.update(values[: max(MOST_KEPT - len(self.numbers), 0)].tolist())

    def join(self, other: "Said") -> None:
        """Add what another one holds."""
        self.names |= other.names
        if other.numbers:
            self.low, self.high = min(self.low, other.low), max(self.high, other.high)
            self.whole = self.whole and other.whole
            self.numbers |= other.numbers
