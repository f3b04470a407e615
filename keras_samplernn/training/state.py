"""Where a run stands."""

import dataclasses
import functools
import json
from typing import Any, Self

from pydantic import NonNegativeInt, TypeAdapter, ValidationError

from keras_samplernn.checkpoint import MOST_STATE_BYTES

CLASS_COLUMN = "validation_bits_"
_VALUE_BYTES = 32  # at most, with what stands around it


@dataclasses.dataclass
class TrainingState:
    """All of a checkpoint that is not an array.

    Attributes:
        epoch: epochs done.
        step: steps done in all.
        epoch_step: steps done of the epoch under way.
        best_bits: bits per sample of the best validation so far.
        best_step: the step after which it was.
        epochs_since_best: epochs that have ended since then.
        rows: of metrics.csv.
    """

    epoch: NonNegativeInt = 0
    step: NonNegativeInt = 0
    epoch_step: NonNegativeInt = 0
    best_bits: float | None = None
    best_step: NonNegativeInt | None = None
    epochs_since_best: NonNegativeInt = 0
    rows: list[dict[str, int | float | None]] = dataclasses.field(default_factory=list)

    def add_row(self, row: dict[str, int | float | None]) -> None:
        """Add a row of metrics.csv; the oldest lose their classes where all would be more than a checkpoint holds.

        With 4,096 classes that is after 200 validations.
        """
        self.rows.append(row)
        too_many = sum(map(_bytes_of, self.rows)) - MOST_STATE_BYTES * 9 // 10
        for old in self.rows[:-1]:
            if too_many <= 0:
                break
            before = _bytes_of(old)
            for column in [name for name in old if name.startswith(CLASS_COLUMN)]:
                del old[column]
            too_many -= before - _bytes_of(old)

    @classmethod
    def of(cls, values: dict[str, Any], step: int) -> Self:
        """Return the state after a step that `dataclasses.asdict` made `values` of; ValueError where it cannot have."""
        if values.keys() != {field.name for field in dataclasses.fields(cls)}:
            raise ValueError(f"a state has other fields than {', '.join(values)}")
        try:
            state = TypeAdapter(cls).validate_json(json.dumps(values), strict=True)
        except ValidationError as error:
            raise ValueError(str(error)) from None
        if state.step != step or not all("step" in row for row in state.rows):
            raise ValueError(f"a state after step {state.step}, not {step}, or rows without a step")
        return state


def _bytes_of(row: dict[str, Any]) -> int:
    return sum(_column_bytes(name) + _VALUE_BYTES for name in row)


@functools.cache
def _column_bytes(name: str) -> int:
    return len(json.dumps(name))
