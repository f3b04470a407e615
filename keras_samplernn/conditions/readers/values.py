"""The values of a stream, as files write them: names and numbers of classes, decimal numbers, and `a>b`."""

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from keras_samplernn.conditions.readers.sound import has_decimal_comma
from keras_samplernn.conditions.streams import NONE, ClassesStream, NumberStream, Stream, describe_classes
from keras_samplernn.errors import nearest
from keras_samplernn.names import nfc
from keras_samplernn.spec import CLASS_NUMBER
from keras_samplernn.text import quote, shorten

_MOST_CACHED = 1 << 16


class ClassValues:
    """Reads classes: by name, or by number unless the name of some class is a number itself.

    Args:
        stream: the stream.

    Attributes:
        names: of the classes, in one form of Unicode; empty if they have none.
        count: number of classes.
        takes_numbers: whether a class may be given by its number.
        class_of: the number of each name.
        nothing: the value of samples of which a file says nothing.
    """

    def __init__(self, stream: ClassesStream):
        self.names = tuple(map(nfc, stream.classes)) if stream.named else ()
        self.count = len(stream.classes)
        self.takes_numbers = not any(CLASS_NUMBER.fullmatch(name) for name in self.names)
        self.class_of: Mapping[str, int] = {name: number for number, name in enumerate(self.names)}
        self.nothing = stream.gaps
        self.range = describe_classes(stream)

    def is_class(self, text: str) -> bool:
        """Return whether a text is the name or number of a class, though maybe of one that is out of range."""
        return text in self.class_of or bool(self.takes_numbers and CLASS_NUMBER.fullmatch(text))

    def number(self, text: str) -> int:
        """Return the class of a text for which `is_class` holds; ValueError, with the reason, if it is out of range."""
        if (known := self.class_of.get(text)) is not None:
            return known
        figure, shown = float(text), shorten(text)
        if figure < 0:
            raise ValueError(f"{shown} is negative; classes are {self.range}")
        if figure >= self.count:
            raise ValueError(f"class {shown} is out of range; classes are {self.range}")
        if figure != int(figure):
            raise ValueError(f"{shown} is a fraction; a class is a whole number, {self.range}")
        return int(figure)

    def one(self, text: str) -> int:
        """Return the class of a text, -1 for `none`; ValueError, with the reason, if it is not one."""
        text = nfc(text)
        if self.is_class(text):
            return self.number(text)
        if text.lower() == "none":
            return NONE
        raise ValueError(f"{quote(text)} is not a class; classes are {self.range}{nearest(text[:100], self.names)}")


class NumberValues:
    """Reads the numbers of a stream.

    Attributes:
        nothing: the value of samples of which a file says nothing, NaN.
    """

    def __init__(self, stream: NumberStream):
        self.nothing = math.nan
        self._unit = f" in {stream.unit}" if stream.unit else ""

    def one(self, text: str) -> float:
        """Return the number of a text, NaN for `none`; ValueError, with the reason, if it is not one."""
        if CLASS_NUMBER.fullmatch(text):
            if math.isfinite(number := float(text)):
                return number
            raise ValueError(f"{shorten(text)} is not finite; write a decimal number{self._unit}, or none")
        if text.lower() in ("none", "nan"):
            return math.nan
        if has_decimal_comma(text):
            raise ValueError(f"{quote(text)} has a decimal comma; write {shorten(text.replace(',', '.'))}")
        raise ValueError(f"{quote(text)} is not a number; write a decimal number{self._unit}, or none")


def values_of(stream: Stream) -> ClassValues | NumberValues:
    """Return the reader of a stream's values."""
    return ClassValues(stream) if isinstance(stream, ClassesStream) else NumberValues(stream)


class SpanValues:
    """Reads what a span says of a stream: a value, or `a>b`, which moves from a to b until the span ends.

    Args:
        stream: the stream.
    """

    def __init__(self, stream: Stream):
        self._values = values_of(stream)
        self.read = lru_cache(_MOST_CACHED)(self._read)

    def _read(self, text: str) -> tuple[Any, Any]:
        """Return the value, and what it moves to, None if it stays; ValueError, with the reason, if it is none."""
        try:
            return self._values.one(text), None
        except ValueError as error:
            # A name may contain the sign itself.
            pairs = [(text[:at].strip(), text[at + 1 :].strip()) for at, sign in enumerate(text) if sign == ">"][:10]
            for pair in pairs:
                try:
                    value, target = map(self._values.one, pair)
                except ValueError as inner:
                    error = inner if len(pairs) == 1 else error
                    continue
                if math.isnan(value) != math.isnan(target):
                    raise ValueError(
                        f"{quote(text)} moves between a number and none; write a number on each side"
                    ) from None
                return value, target
            raise error from None
