"""What is asked for beside what it is contrasted with: rows of one sound that differ in their conditions alone."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_samplernn.conditions.layout import Conditions, class_columns
from keras_samplernn.conditions.streams import NONE, ClassesStream, Stream, classes_streams

MOST_BASE_ROWS = 16


class Contrast(NamedTuple):
    """What the conditions that are asked for are compared with, the base: no conditions, or the classes of one stream.

    Each sound takes several rows of the same codes: one under what is asked for, and others for the base. Guidance
    draws codes from the contrast of their predictions; takes are judged by the contrast of their bits.

    Attributes:
        column: the column of classes that the rows of the base differ in; None: all streams are none in its one row.
        fades: number of that column's stream among the streams of classes.
        classes: number of its classes.
    """

    column: int | None
    fades: int
    classes: int

    @property
    def base_rows(self) -> int:
        """Number of rows of the base."""
        return 1 if self.column is None else min(self.classes, MOST_BASE_ROWS)

    @property
    def rows(self) -> int:
        """Number of all rows of a sound."""
        return 1 + self.base_rows

    def draw_classes(self, seed: int, stem: str) -> np.ndarray:
        """Return the class of each row of the base, `(base_rows,)`; of many classes, some are drawn for a sound."""
        if self.column is None:
            return np.full(1, NONE, np.int32)
        key = hashlib.sha256(f"guidance\0{seed}\0{stem}".encode(errors="surrogateescape")).digest()[:16]
        order = np.argsort(np.random.Philox(key=int.from_bytes(key, "little")).random_raw(self.classes))
        return np.sort(order[: self.base_rows]).astype(np.int32)

    def expand(self, conditions: Conditions, bases: np.ndarray) -> Conditions:
        """Return the conditions of all rows of each sound: as asked for first, then those of the base.

        Args:
            conditions: arrays `(B, T, ...)`.
            bases: `(B, T, base_rows)` int32, the class of each row of the base.

        Returns:
            Arrays `(B * rows, T, ...)`.
        """
        rows = self.rows
        conditions = conditions.map(lambda array: np.repeat(array, rows, axis=0))
        for row in range(1, rows):
            base = conditions.at(slice(row, None, rows))
            if self.column is None:
                for array, empty in ((base.classes, NONE), (base.numbers, 0), (base.targets, NONE), (base.weights, 0)):
                    if array is not None:
                        array[:] = empty
            else:
                # Past the end of a sound there is no class: it would count in the mean over the last frame's targets.
                base.classes[..., self.column] = np.where(base.exists > 0, bases[..., row - 1], NONE)
                if base.targets is not None:
                    base.weights[..., self.fades] = 0
        return conditions

    def asked(self, conditions: Conditions) -> np.ndarray:
        """Return the base's class of each sample, `(B, T)`: what is asked for; of a cross-fade, what weighs more."""
        first = conditions.classes[..., self.column]
        if conditions.targets is None:
            return first
        return np.where(conditions.weights[..., self.fades] >= 0.5, conditions.targets[..., self.fades], first)


WITH_NOTHING = Contrast(None, 0, 0)


def contrast_with_classes(streams: Sequence[Stream], stream: ClassesStream) -> Contrast:
    """Return the contrast of what is asked for with the classes of one of a model's streams."""
    # Not by its name, which the neighbours of another stream may have: `tone_before`.
    fades = classes_streams(streams).index(stream)
    column = next(number for number, each in enumerate(class_columns(streams)) if each.fades == fades)
    return Contrast(column, fades, len(stream.classes))
