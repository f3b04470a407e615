"""Where a run stands."""

import dataclasses
import json
from typing import Any, Self

from pydantic import NonNegativeInt, TypeAdapter, ValidationError


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
