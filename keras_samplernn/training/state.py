"""Where a run stands."""

import dataclasses
from typing import Any


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

    epoch: int = 0
    step: int = 0
    epoch_step: int = 0
    best_bits: float | None = None
    best_step: int | None = None
    epochs_since_best: int = 0
    rows: list[dict[str, Any]] = dataclasses.field(default_factory=list)
