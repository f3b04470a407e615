"""The figures of a training: collected from each step, shown while it runs, written to metrics.csv and TensorBoard."""

import contextlib
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from keras_samplernn.conditions.streams import classes_streams, figure_of, streams_of
from keras_samplernn.errors import UserError
from keras_samplernn.files import replace_file, writing
from keras_samplernn.monitoring.monitor import Monitor
from keras_samplernn.progress import Progress
from keras_samplernn.run_folder import CLASS_COLUMN, RunFolder
from keras_samplernn.training.evaluation import Bits
from keras_samplernn.training.optimizer import learning_rate_of
from keras_samplernn.training.points import Speed, is_point, weighted_median
from keras_samplernn.training.rising import describe_rise
from keras_samplernn.training.state import TrainingState, is_in_passing
from keras_samplernn.training.step import Sums


class Diverged(UserError):
    """The error of a training whose loss or gradient norm is not finite."""


class Bookkeeping:
    """Adds up the sums of steps, in float64 and in their order, and shows and writes the figures.

    Args:
        run: its folder gets metrics.csv.
        state: gets the sums and the rows of metrics.csv.
        epochs: number of epochs after which the run ends.
        monitor: writes the log of TensorBoard.
        progress: shows the progress and prints a line for each row.
    """

    def __init__(self, run: RunFolder, state: TrainingState, epochs: int, monitor: Monitor, progress: Progress):
        self.run, self.state, self.epochs = run, state, epochs
        self.monitor, self.progress = monitor, progress
        self._learning_rate = learning_rate_of(run.spec)
        self._timed_until = time.monotonic()
        self._point_speed = Speed()
        self._told_rise = False
        self.begin_epoch()

    def begin_epoch(self) -> None:
        """Start to measure the speed of an epoch."""
        self._epoch_speed = Speed()
        self._steps_began, self._compiles = time.monotonic(), True

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """Do something between two steps that is no part of the speed of steps."""
        began = time.monotonic()
        yield
        self._steps_began += time.monotonic() - began

    def count_seconds(self) -> None:
        """Add the time since the last call to the seconds of the run; call it before a checkpoint."""
        now = time.monotonic()
        self.state.seconds, self._timed_until = self.state.seconds + now - self._timed_until, now

    def add_steps(self, sums: Sequence[Sums]) -> None:
        """Add the sums of the steps since the last call, and to TensorBoard's log the points that are due.

        Args:
            sums: of each step, in order, read.

        Raises:
            Diverged: the loss or the gradient norm of a step is not finite.
        """
        state, before = self.state, len(sums)
        self._time_steps(sum(each.samples for each in sums))
        for bits, samples, norm in sums:
            before -= 1
            step = state.step - before
            # Gradients that are not finite have already made the weights useless.
            self._refuse_divergence("loss", bits, step)
            self._refuse_divergence("gradient norm", norm, step)
            state.note_step(state.epoch_step - before, bits, samples, norm)
            if is_point(step):
                self._log_point(step)
        self.progress.update(state.step, f"epoch {state.epoch + 1}/{self.epochs}  {state.epoch_mean_bits:.3f} bits")

    def begin_row(self) -> dict[str, Any]:
        """Return the row of metrics.csv for the epoch so far, without validation."""
        state = self.state
        return {
            "epoch": state.epoch + 1,
            "step": state.step,
            "training_bits": state.epoch_mean_bits,
            "gradient_norm": state.epoch_norm,
            "learning_rate": self._rate_at(state.step),
            "samples_per_second": self._epoch_speed.per_second,
            "seconds": self._seconds(),
        }

    def begin_row_in_passing(self) -> dict[str, Any]:
        """Return the row of a validation before the first step, or within an epoch: without figures of training."""
        row = self.begin_row()
        return dict.fromkeys(row) | {"epoch": row["epoch"] if self.state.step else 0, "step": row["step"]}

    def add_validation(self, row: dict[str, Any], bits: Bits) -> dict[str, Any]:
        """Add the figures of a validation to TensorBoard's log; return the row with their columns.

        Raises:
            Diverged: the validation loss is not finite.
        """
        self._refuse_divergence("validation loss", bits.per_sample, self.state.step)
        per_class = {
            figure_of(stream, name): value
            for stream in classes_streams(streams_of(self.run.spec))
            for name, value in bits.per_class(stream).items()
        }
        figures = {f"bits_per_class/{name}": value for name, value in per_class.items()}
        figures |= {f"bits/validation_{part}": value for part, value in bits.per_part.items()}
        figures["bits/validation"] = bits.per_sample
        if not is_in_passing(row):
            best = bits.per_sample if self.state.best_bits is None else min(bits.per_sample, self.state.best_bits)
            figures["best_validation_bits"] = best
        self.monitor.log_figures(self.state.step, figures)
        parts = {f"validation_{part}_bits": value for part, value in bits.per_part.items()}
        columns = {f"{CLASS_COLUMN}{name}": value for name, value in per_class.items()}
        return row | {"seconds": self._seconds(), "validation_bits": bits.per_sample} | parts | columns

    def log_epoch(self) -> None:
        """Add the bits of an epoch that ends to TensorBoard's log.

        Every 50 steps hear other sounds, some of which are harder than others; an epoch hears all of them.
        """
        self.monitor.log_figures(self.state.step, {"bits/training_epoch": self.state.epoch_mean_bits})

    def add_heard(self, row: dict[str, Any], real: float, generated: float) -> dict[str, Any]:
        """Add a hearing to TensorBoard's log; return the row with its column.

        Args:
            row: of metrics.csv.
            real: share of the excerpts of real sounds that were heard as their class.
            generated: share of the generated ones that were heard as asked.
        """
        self.monitor.log_figures(self.state.step, {"heard/real": real, "heard/generated": generated})
        return row | {"heard": generated}

    def tell_row(self, row: dict[str, Any]) -> None:
        """Write metrics.csv, and print a line for the last row."""
        write_metrics(self.run.metrics_file, self.state.rows)
        text = f"epoch {row['epoch']}/{self.epochs}  step {row['step']}"
        if not is_in_passing(row):
            text += f"  training {row['training_bits']:.4f} bits"
        if "validation_bits" in row:
            best = " (best)" if self.state.best_step == row["step"] else ""
            text += f"  validation {row['validation_bits']:.4f} bits{best}"
        if "heard" in row:
            text += f"  heard {row['heard']:.1%}{' (best)' if self.state.best_heard_step == row['step'] else ''}"
        if row["samples_per_second"]:
            text += f"  {row['samples_per_second']:,} samples/s"
        self.progress.say(text)

    def tell_rise(self, ends: bool) -> None:
        """Print a line, once, if the validation has risen again; see `describe_rise`."""
        if not self._told_rise and (line := describe_rise(self.state, ends)):
            self._told_rise = True
            self.progress.say(line)

    def _refuse_divergence(self, what: str, value: float, step: int) -> None:
        """Raise Diverged if a figure is not finite, before a checkpoint is written."""
        if not math.isfinite(value):
            raise Diverged(
                f"{self.run.folder}: the {what} is {value} at step {step}; the last checkpoint is kept: try a lower"
                " training.learning_rate or training.clip_value in a new run"
            )

    def _log_point(self, step: int) -> None:
        """Add a point of the steps since the last one to TensorBoard's log."""
        bits, samples, norms = zip(*self.state.unlogged, strict=True)
        figures = {
            "bits/training": sum(bits) / max(sum(samples), 1),
            "gradient_norm": weighted_median(norms, samples),
            "learning_rate": self._rate_at(step),
        }
        # Steps that are read together have one speed.
        if (speed := self._point_speed.per_second) is not None:
            figures["samples_per_second"] = speed
            self._point_speed = Speed()
        self.monitor.log_figures(step, figures)
        self.state.unlogged = []

    def _rate_at(self, step: int) -> float:
        """Return the learning rate of a step, counted from 1."""
        rate = self._learning_rate
        return float(rate(max(step - 1, 0))) if callable(rate) else rate

    def _time_steps(self, samples: int) -> None:
        """Note how long the steps since the last call took; those of the first call may have compiled."""
        now = time.monotonic()
        if not self._compiles:
            for speed in (self._epoch_speed, self._point_speed):
                speed.add(samples, now - self._steps_began)
        self._steps_began, self._compiles = now, False

    def _seconds(self) -> float:
        self.count_seconds()
        return round(self.state.seconds, 1)


def write_metrics(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write all rows again: a resumed run may have fewer than the file."""
    if rows:
        # As objects, whole numbers stay whole where a row has none.
        replace_file(path, pd.DataFrame(rows, dtype=object).to_csv(index=False, lineterminator="\n").encode())
    else:
        with writing(path):
            path.unlink(missing_ok=True)
