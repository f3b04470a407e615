"""Guidance: what is asked for, contrasted with what the model would do without it, while codes are drawn."""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from keras_samplernn.conditions.layout import Conditions, class_columns
from keras_samplernn.conditions.streams import NONE, Stream, classes_stream_named, classes_streams
from keras_samplernn.errors import UserError

MOST_BASE_ROWS = 16


class Guidance(NamedTuple):
    """How a sound is guided: log p = base + strength * (asked - base), in which base is what the model would do anyway.

    Each sound takes several rows that share the codes that are drawn: one under the conditions that are asked for, and
    others for the base. The base is the prediction under no conditions (Ho and Salimans 2022), or the mean of the
    predictions under the classes of one stream.

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
            Arrays `(B * (1 + base_rows), T, ...)`.
        """
        rows = 1 + self.base_rows
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


def guidance_of(
    streams: Sequence[Stream], name: str | None, drops: bool, place: str, name_place: str = "stream"
) -> Guidance:
    """Return how a model's sounds are guided.

    Args:
        streams: of the model.
        name: of the stream of classes whose mean is the base; None: of the first one, unless the model has learned
            what `none` means.
        drops: whether the model was trained with streams that were none.
        place: of the option in messages.
        name_place: of the option that is the name.

    Raises:
        UserError: one line: the model has no conditions, or no classes to take the mean of.
    """
    if not streams:
        raise UserError(f"{place}: the run is unconditional, and there is nothing to guide; leave it out")
    if name is None and drops:
        return Guidance(None, 0, 0)
    found = classes_streams(streams)
    if name is None and not found:
        raise UserError(
            f"{place}: the run has no stream of classes, and was trained without conditioning.condition_dropout; leave"
            " it out, or train with condition_dropout"
        )
    stream = found[0] if name is None else classes_stream_named(streams, name, name_place)
    # Not by its name, which the neighbours of another stream may have: `tone_before`.
    fades = found.index(stream)
    column = next(number for number, each in enumerate(class_columns(streams)) if each.fades == fades)
    return Guidance(column, fades, len(stream.classes))


def guided(logits: Any, rows: int, strength: Any) -> Any:
    """Return the guided logits of each sound: `(B * rows, Q)`, the row that is asked for first, to `(B, Q)`."""
    scores = ops.log_softmax(ops.reshape(logits, (-1, rows, logits.shape[-1])), axis=-1)
    asked, base = scores[:, 0], ops.logsumexp(scores[:, 1:], axis=1)
    return base + strength * (asked - base)
