"""The results of a search, as a table, as csv and as JSON values."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_samplernn.search.folder import Record
from keras_samplernn.search.grid import Combination
from keras_samplernn.search.halving import Rung
from keras_samplernn.spec.changes import Scalar
from keras_samplernn.table import aligned

COLUMNS = ("steps", "validation_bits", "training_bits", "minutes", "state", "run")


@dataclass(frozen=True)
class Row:
    """The result of one combination.

    Attributes:
        values: by varied field.
        steps: training steps of its run.
        validation_bits: bits per sample of its best validation; None: it has none.
        training_bits: bits per sample of training, at its last validation.
        minutes: what its training took.
        state: the last rung that it is done with, or why it failed.
        run: its run directory.
        failed: whether it cannot be trained on.
    """

    values: dict[str, Scalar]
    steps: int
    validation_bits: float | None
    training_bits: float | None
    minutes: float
    state: str
    run: Path
    failed: bool

    @classmethod
    def of(cls, combination: Combination, record: Record, rungs: Sequence[Rung], run: Path) -> "Row":
        """Return the row of a combination."""
        minutes, values = record.seconds / 60, dict(combination.values)
        if not record.results:
            return cls(values, 0, None, None, minutes, "not trained yet", run, failed=False)
        last, done = record.results[-1], len(record.results)
        state = last.failure or f"rung {done} of {len(rungs)}"
        if not last.failure and last.steps < rungs[done - 1].steps:
            state += ", ended by its epochs or patience"
        bits = last.validation_bits, last.training_bits
        return cls(values, last.steps, *bits, minutes, state, run, failed=bool(last.failure))

    def figures(self) -> dict[str, Any]:
        """Return the row by column, without the varied fields."""
        minutes = round(self.minutes, 2)
        return dict(
            zip(
                COLUMNS,
                (self.steps, self.validation_bits, self.training_bits, minutes, self.state, str(self.run)),
                strict=True,
            )
        )


@dataclass(frozen=True)
class Results:
    """The results of a search so far.

    Attributes:
        rows: sorted by validation bits, those that have none yet and then those that failed at the end.
        complete: whether nothing is left to train.
    """

    rows: list[Row]
    complete: bool

    @property
    def best(self) -> Path | None:
        """The run directory of the best combination; None as long as there is none."""
        first = self.rows[0]
        return None if first.failed or first.validation_bits is None else first.run

    def to_dict(self) -> dict[str, Any]:
        """Return the results as JSON values."""
        rows = [{"values": row.values, **row.figures()} for row in self.rows]
        return {"complete": self.complete, "best": None if self.best is None else str(self.best), "results": rows}

    def to_csv(self) -> str:
        """Return the results as csv, with a column for each varied field."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*self.rows[0].values, *COLUMNS])
        for row in self.rows:
            figures = ("" if figure is None else figure for figure in row.figures().values())
            writer.writerow([*map(_text_of, row.values.values()), *figures])
        return text.getvalue()

    def __str__(self) -> str:
        """Return the results as a table of aligned columns, without the runs' paths."""
        table = [[*self.rows[0].values, "steps", "validation bits", "training bits", "minutes", "state"]]
        for row in self.rows:
            bits = ("-" if bits is None else f"{bits:.4f}" for bits in (row.validation_bits, row.training_bits))
            values = map(_text_of, row.values.values())
            table.append([*values, f"{row.steps:,}", *bits, f"{row.minutes:.1f}", row.state])
        return aligned(table, left={len(table[0]) - 1})


def rank(row: Row) -> tuple:
    """Return what rows are sorted by: the best first, those that failed last."""
    missing = row.validation_bits is None
    return row.failed, missing, 0.0 if missing else row.validation_bits


def _text_of(value: Scalar) -> str:
    return value if isinstance(value, str) else json.dumps(value)
