"""The state of a run: its position, its sums and its figures."""

import dataclasses
import functools
import itertools
import json
from typing import Annotated, Any, Self

from pydantic import Field, FiniteFloat, TypeAdapter, ValidationError

from keras_samplernn.checkpoints.checkpoint import MOST_STATE_BYTES, MOST_STATE_ROWS
from keras_samplernn.run_folder import CLASS_COLUMN
from keras_samplernn.training.clock import Times
from keras_samplernn.training.points import EVERY_STEPS, weighted_median

_VALUE_BYTES = 32  # most bytes of a value in JSON, with quotes, comma and blanks
# The fields that checkpoints of version 0.1.0 hold as arrays.
KEPT_AS_ARRAYS = {"epoch_bits", "epoch_samples", "gradient_norm"}
# The fields that states have only since runs can be listened to, since their curves have points at fixed steps, and
# since they are looked at by the clock.
HEARD, WATCHED = {"best_heard", "best_heard_step"}, {"seconds", "unlogged", "epoch_norms"}
TIMES = {"times"}
MOST_NORMS = 2048
MOST_CELLS = 20_000_000  # in metrics.csv, with empty ones
Count = Annotated[int, Field(ge=0, lt=2**63)]
Figure = Annotated[int, Field(ge=-(2**63), lt=2**63)] | FiniteFloat | None


@dataclasses.dataclass
class TrainingState:
    """Everything in a checkpoint that is not an array.

    Attributes:
        epoch: epochs done.
        step: steps done in all.
        epoch_step: steps done in the present epoch.
        best_bits: bits per sample of the best validation so far.
        best_step: step of the best validation.
        epochs_since_best: epochs that have ended since then.
        best_heard: greatest share of generated excerpts that a listener heard as asked.
        best_heard_step: step of that hearing.
        times: how long the run has trained.
        epoch_bits: bits of all targets so far in the present epoch.
        epoch_samples: number of these targets.
        gradient_norm: gradient norm of the last step.
        rows: rows of metrics.csv; one without training bits is of a validation in passing, which chooses nothing.
        seconds: how long the run has been trained, with all that was done meanwhile.
        unlogged: bits, samples and gradient norm of each step since the last point of TensorBoard's curves.
        epoch_norms: gradient norms of steps of the present epoch, each with the number of targets: of all steps, or in
            a long epoch of every second, fourth, ... one.
    """

    epoch: Count = 0
    step: Count = 0
    epoch_step: Count = 0
    best_bits: FiniteFloat | None = None
    best_step: Count | None = None
    epochs_since_best: Count = 0
    epoch_bits: FiniteFloat = 0.0
    epoch_samples: Count = 0
    gradient_norm: FiniteFloat = 0.0
    rows: list[dict[str, Figure]] = dataclasses.field(default_factory=list)
    best_heard: FiniteFloat | None = None
    best_heard_step: Count | None = None
    seconds: Annotated[FiniteFloat, Field(ge=0)] = 0.0
    unlogged: Annotated[list[tuple[FiniteFloat, Count, FiniteFloat]], Field(max_length=EVERY_STEPS)] = (
        dataclasses.field(default_factory=list)
    )
    epoch_norms: Annotated[list[tuple[FiniteFloat, Count]], Field(max_length=MOST_NORMS)] = dataclasses.field(
        default_factory=list
    )
    times: Times = dataclasses.field(default_factory=Times)

    @property
    def epoch_mean_bits(self) -> float:
        """Bits per sample of the present epoch so far."""
        return self.epoch_bits / max(self.epoch_samples, 1)

    @property
    def is_scored(self) -> bool:
        """Whether the present step ended an epoch or a run, and was noted."""
        return bool(self.rows) and self.rows[-1]["step"] == self.step and not is_in_passing(self.rows[-1])

    @property
    def epoch_norm(self) -> float:
        """Median gradient norm of the present epoch so far, in which a step counts by the number of its targets."""
        if not self.epoch_norms:  # a checkpoint of before the norms were kept
            return self.gradient_norm
        return weighted_median(*zip(*self.epoch_norms, strict=True))

    @property
    def best_steps(self) -> tuple[int | None, int | None]:
        """Steps of the checkpoints that are kept: the best by validation, and by hearing."""
        return self.best_step, self.best_heard_step

    def note_step(self, epoch_step: int, bits: float, samples: int, norm: float) -> None:
        """Add the sums of a step.

        Args:
            epoch_step: its number in the epoch, from 1.
            bits: of its targets.
            samples: number of targets.
            norm: gradient norm.
        """
        self.epoch_bits, self.epoch_samples = self.epoch_bits + bits, self.epoch_samples + samples
        self.gradient_norm = norm
        self.unlogged.append((bits, samples, norm))
        index = epoch_step - 1
        # Which norms are kept depends on the number of the step alone, not on interruptions.
        if index % 2 ** (index // MOST_NORMS).bit_length() == 0:
            if len(self.epoch_norms) == MOST_NORMS:
                self.epoch_norms = self.epoch_norms[::2]
            self.epoch_norms.append((norm, samples))

    def note_validation(self, bits: float, whole_epoch: bool) -> None:
        """Note the bits per sample of a validation, at the end of an epoch or inside one."""
        if self.best_bits is None or bits < self.best_bits:
            self.best_bits, self.best_step, self.epochs_since_best = bits, self.step, 0
        elif whole_epoch:
            self.epochs_since_best += 1

    def note_heard(self, share: float) -> None:
        """Note the share of excerpts that were heard as asked."""
        if self.best_heard is None or share > self.best_heard:
            self.best_heard, self.best_heard_step = share, self.step

    def begin_epoch(self) -> None:
        """Move to the start of the next epoch."""
        self.epoch, self.epoch_step = self.epoch + 1, 0
        self.epoch_bits, self.epoch_samples, self.epoch_norms = 0.0, 0, []

    def add_row(self, row: dict[str, Figure]) -> None:
        """Add a row of metrics.csv; if a checkpoint cannot hold all rows, the oldest lose the columns of their classes.

        With 4,096 classes that happens after 200 validations. If there are more rows than a checkpoint or metrics.csv
        can hold, the oldest are dropped. A row takes the place of one in passing after the same step.
        """
        if self.rows and self.rows[-1]["step"] == row["step"] and is_in_passing(self.rows[-1]):
            self.rows.pop()
        self.rows.append(row)
        del self.rows[: -min(MOST_STATE_ROWS, MOST_CELLS // _columns_of(self.rows))]
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
        """Return the state whose `dataclasses.asdict` gave `values`.

        Checkpoints of version 0.1.0 hold the sums of the epoch as arrays, so their states do not have them.

        Args:
            values: the fields.
            step: the step of the checkpoint.

        Raises:
            ValueError: the values are not those of a state after this step.
        """
        fields = {field.name for field in dataclasses.fields(cls)}
        older = itertools.accumulate((fields, TIMES, WATCHED, HEARD, KEPT_AS_ARRAYS), set.difference)
        if values.keys() not in list(older):
            raise ValueError(f"a state has other fields than {', '.join(values)}")
        try:
            state = TypeAdapter(cls).validate_json(json.dumps(values), strict=True)
        except ValidationError as error:
            raise ValueError(str(error)) from None
        if state.step != step or not all("step" in row for row in state.rows):
            raise ValueError(f"a state after step {state.step}, not {step}, or rows without a step")
        if len(state.rows) * _columns_of(state.rows) > MOST_CELLS:
            raise ValueError(f"{len(state.rows)} rows of {_columns_of(state.rows)} columns")
        return state


def is_in_passing(row: dict[str, Any]) -> bool:
    """Return whether a row of metrics.csv is of a validation before the first step, or within an epoch by the clock."""
    return row.get("training_bits") is None


def _columns_of(rows: list[dict[str, Any]]) -> int:
    return len(set().union(*rows))


def _bytes_of(row: dict[str, Any]) -> int:
    return sum(_column_bytes(name) + _VALUE_BYTES for name in row)


@functools.cache
def _column_bytes(name: str) -> int:
    return len(json.dumps(name))
