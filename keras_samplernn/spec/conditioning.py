"""The fields of a spec's condition streams, with their ranges and one sentence each; defaults are as in `fields.py`."""

import json
import re
from collections import Counter
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from keras_samplernn.names import nfc
from keras_samplernn.spec.section import Section

MOST_CLASSES, MOST_STREAMS = 4096, 16
COLUMNS_OF_TIMES = ("seconds", "start", "stop")
# The number of a class in a condition file. float() alone would also accept 1_0, nan and inf.
CLASS_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def _check_class_names(names: list[str]) -> list[str]:
    names = [nfc(name) for name in names]
    for name, times in Counter(names).items():
        shown = json.dumps(name)
        if not name or name != name.strip() or not name.isprintable() or "," in name or '"' in name:
            raise ValueError(
                f"{shown} is not a class name; a name is printable text without commas, quotes and outer blanks"
            )
        if CLASS_NUMBER.fullmatch(name) or name.lstrip("+-").replace(".", "").isdigit():
            raise ValueError(f"{shown} reads as a class number; choose a name that is not a number")
        if times > 1:
            raise ValueError(f"{shown} is given {times} times; class names must be distinct")
    return names


StreamName = Annotated[
    str,
    Field(
        pattern="^[a-z][a-z0-9_]{0,39}$",
        json_schema_extra={"patternErrorMessage": "1 to 40 small letters, digits or underscores, the first a letter"},
    ),
]
ClassCount = Annotated[int, Field(ge=1, le=MOST_CLASSES)]
ClassNames = Annotated[list[str], Field(min_length=1, max_length=MOST_CLASSES), AfterValidator(_check_class_names)]


class NumberRange(Section):
    """The range of a stream of numbers; numbers outside are taken for its nearest end."""

    low: float = Field(description="The least number.")
    high: float = Field(description="The greatest number.")
    unit: str = Field("", max_length=20, description="Unit of the numbers, for people.")

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low = {self.low:g} is not below high = {self.high:g}")
        return self


class Classes(Section):
    """A stream of classes: one of them, or none, at each sample."""

    classes: ClassCount | ClassNames | None = Field(
        None, description="Number of classes, the numbers 0 to n - 1; or their names, which condition files may hold."
    )
    position: bool = Field(
        False, description="Whether the model is told where in its span a sample stands: share, time since and until."
    )
    neighbours: bool = Field(
        False, description="Whether the model is told the class of the span before and of the span after."
    )
    gaps: str | Annotated[int, Field(ge=0)] | None = Field(
        None, description="Class of samples of which a condition file says nothing; null: none."
    )
    from_: Literal["file", "folder"] = Field(
        "file", alias="from", description="What says the class: the condition file, or the name of the sound's folder."
    )

    def _check_classes(self) -> None:
        names = [*map(str, range(self.classes))] if isinstance(self.classes, int) else self.classes
        if self.gaps is not None and str(self.gaps) not in names:
            shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
            raise ValueError(f"gaps = {json.dumps(self.gaps)} is not a class; classes are {shown}")

    def _refuse_fields_of_classes(self, instead: str) -> None:
        for name, field in Classes.model_fields.items():
            if name != "classes" and getattr(self, name) != field.default:
                raise ValueError(f"{field.alias or name} belongs to a stream of classes; {instead}")


class Stream(Classes):
    """A condition stream, of classes or of numbers."""

    number: NumberRange | None = Field(None, description="Range of a stream of numbers; null: a stream of classes.")

    @model_validator(mode="after")
    def _has_one_kind(self) -> Self:
        if (self.classes is None) == (self.number is None):
            found = "neither classes nor a number" if self.number is None else "both classes and a number"
            raise ValueError(f"has {found}; give one of the two")
        if self.classes is None:
            self._refuse_fields_of_classes("remove it")
        else:
            self._check_classes()
        return self


class Conditioning(Classes):
    """What is asked for at each sample: one stream of classes, or several streams of classes and numbers."""

    streams: Annotated[dict[StreamName, Stream], Field(min_length=1, max_length=MOST_STREAMS)] | None = Field(
        None, description="The streams by name, instead of `classes`; condition files name them."
    )
    unlabelled: bool = Field(
        False, description="Whether sounds without a condition file are read too; their streams are none."
    )
    condition_dropout: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Share of the pieces of training sounds in which a stream is none; in half of it all streams are, "
        "so that guidance can contrast with no conditions at all; null: 0 for one stream, 0.1 for several.",
    )
    lookahead_dropout: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Share of the pieces of training sounds in which the end of a span, and what comes after it, are "
        "unknown, as in live use; without effect unless a stream has `position` or `neighbours`.",
    )

    @property
    def dropout(self) -> float:
        """The share of pieces in which a stream is none, with its default."""
        if self.condition_dropout is not None:
            return self.condition_dropout
        return 0.1 if self.streams and len(self.streams) > 1 else 0.0

    @property
    def has_classes(self) -> bool:
        """Whether there is a stream of classes."""
        return self.streams is None or any(stream.classes is not None for stream in self.streams.values())

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        if (self.classes is None) == (self.streams is None):
            found = "neither classes nor streams" if self.streams is None else "both classes and streams"
            raise ValueError(f"has {found}; give one of the two")
        for name in self.streams or ():
            if name in COLUMNS_OF_TIMES:
                raise ValueError(f'stream "{name}" has the name of a column of times in a csv; choose another name')
        if self.classes is None:
            self._refuse_fields_of_classes("move it into one")
        else:
            self._check_classes()
        return self
