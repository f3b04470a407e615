"""What happens between the steps of a training: counting, logging, saving, stopping, validating."""

import dataclasses
import math
import time

import keras

from keras_samplernn.checkpoint import NOTED, VALIDATED, prune_checkpoints, save_checkpoint
from keras_samplernn.data.corpus import Corpus
from keras_samplernn.errors import UserError
from keras_samplernn.model.samplernn import SampleRNN
from keras_samplernn.progress import Progress
from keras_samplernn.run import Run
from keras_samplernn.training.evaluation import Evaluator
from keras_samplernn.training.interrupt import Interrupted, StopRequest
from keras_samplernn.training.metrics import write_metrics
from keras_samplernn.training.monitoring import HeldOutSounds, Monitor
from keras_samplernn.training.state import CLASS_COLUMN, TrainingState

LOG_SECONDS = 5.0


@dataclasses.dataclass(frozen=True)
class Validation:
    """The validation files and what scores them."""

    corpus: Corpus
    evaluator: Evaluator


class StepKeeper(keras.callbacks.Callback):
    """The callback of `fit`, and what is done after each epoch.

    Args:
        run: whose folder everything goes to.
        model: compiled.
        state: advanced with every step.
        epochs: at which the run ends.
        validation: None where the spec has no validation files; sounds: None where none are to be made.
        monitor: takes the figures; progress: shows them.
        stop: looked at after every step.

    Attributes:
        last_step: of the epoch under way, after which `finish` will save.
    """

    last_step = 0

    def __init__(
        self,
        run: Run,
        model: SampleRNN,
        state: TrainingState,
        epochs: int,
        validation: Validation | None,
        sounds: HeldOutSounds | None,
        monitor: Monitor,
        progress: Progress,
        stop: StopRequest,
    ):
        super().__init__()
        self.run, self.spec, self.samplernn, self.state, self.epochs = run, run.spec, model, state, epochs
        self.validation, self.sounds = validation, sounds
        self.monitor, self.progress, self.stop = monitor, progress, stop
        self._saved = time.monotonic()
        self._first_step_ended: tuple[float, float] | None = None  # when, and the epoch's samples by then
        # `fit` clears its metrics when it begins.
        self._metrics = [(each, keras.ops.convert_to_numpy(each)) for each in model.metrics_variables]
        self._begin_interval()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Go on from the metrics of an epoch that was interrupted."""
        for variable, value in self._metrics:
            variable.assign(value)
        self._metrics = []
        self._first_step_ended = None
        self._begin_interval()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Count the step; log, save or stop if it is time."""
        self.state.step += 1
        self.state.epoch_step += 1
        # Gradients that are no numbers have spoilt the weights by now.
        self._refuse_divergence("loss", logs["loss"])
        self._refuse_divergence("gradient norm", self._gradient_norm())
        now = self._last_step_ended = time.monotonic()
        if self._first_step_ended is None:
            self._first_step_ended = now, self._epoch_totals()[1]
        if now - self._logged >= LOG_SECONDS:
            self._log(now)
        self.progress.update(self.state.step, f"epoch {self.state.epoch + 1}/{self.epochs}  {logs['bits']:.3f} bits")
        if self.stop.signal_number:
            self.model.stop_training = True
        elif now - self._saved >= 60 * self.spec.training.checkpoint_minutes and self.state.epoch_step < self.last_step:
            self.save()

    def raise_if_stopped(self) -> None:
        """Where a signal has come, write a checkpoint and raise Interrupted."""
        if self.stop.signal_number:
            self.save()
            raise Interrupted(self.stop.signal_number, self.state.step)

    def save(self, suffix: str = "") -> None:
        """Write a checkpoint of the present step; see `save_checkpoint`."""
        folder, keep = self.run.checkpoints_folder, self.spec.training.keep_checkpoints
        save_checkpoint(folder, self.state.step, suffix, self.samplernn, dataclasses.asdict(self.state))
        prune_checkpoints(folder, keep, self.state.best_step)
        self._saved = time.monotonic()

    def finish(self, whole_epoch: bool) -> None:
        """Validate, note the figures, save; after a whole epoch, stand at the next one's beginning."""
        state, model, every = self.state, self.samplernn, self.spec.monitoring.every_epochs
        self._log(time.monotonic())
        # Before the epoch counts as done: broken off, they are made again.
        if self.sounds and whole_epoch and ((state.epoch + 1) % every == 0 or state.epoch + 1 == self.epochs):
            self.sounds.show(self.monitor, model, state.step, state.epoch + 1, self.raise_if_stopped)
        row = {
            "epoch": state.epoch + 1,
            "step": state.step,
            "training_bits": float(model.bits.result()),
            "gradient_norm": self._gradient_norm(),
            "samples_per_second": self._epoch_speed(),
        }
        text = f"epoch {row['epoch']}/{self.epochs}  step {state.step}  training {row['training_bits']:.4f} bits"
        if self.validation is not None:
            row |= self._validate(whole_epoch)
            text += f"  validation {row['validation_bits']:.4f} bits" + (
                " (best)" if state.best_step == state.step else ""
            )
        state.add_row(row)
        if whole_epoch:
            state.epoch, state.epoch_step = state.epoch + 1, 0
            model.reset_metrics()
            self._metrics = []
        self.save(NOTED if self.validation is None else VALIDATED)
        write_metrics(self.run.metrics_file, state.rows)
        if row["samples_per_second"]:
            text += f"  {row['samples_per_second']:,} samples/s"
        self.progress.say(text)

    def _validate(self, whole_epoch: bool) -> dict[str, float]:
        """Score the validation files, log that, keep the best; return its columns of metrics.csv.

        Patience counts epochs: a validation where `--max-steps` ended the run must not use it up.
        """
        bits = self.validation.evaluator(self.validation.corpus, self.raise_if_stopped)
        self._refuse_divergence("validation loss", bits.per_sample)
        per_class = bits.per_class(self.spec.class_names) if self.spec.classes else {}
        figures = {"bits/validation": bits.per_sample}
        figures |= {f"bits_per_class/{name}": value for name, value in per_class.items()}
        self.monitor.log_figures(self.state.step, figures)
        if self.state.best_bits is None or bits.per_sample < self.state.best_bits:
            self.state.best_bits, self.state.best_step = bits.per_sample, self.state.step
            self.state.epochs_since_best = 0
        elif whole_epoch:
            self.state.epochs_since_best += 1
        columns = {f"{CLASS_COLUMN}{name}": value for name, value in per_class.items()}
        return {"validation_bits": bits.per_sample, **columns}

    def _refuse_divergence(self, what: str, value: float) -> None:
        """Raise UserError where a figure is no number, before a checkpoint is written of what led to it."""
        if not math.isfinite(value):
            raise UserError(
                f"{self.run.folder}: the {what} is {value} at step {self.state.step}; the last checkpoint"
                " is kept: try a lower training.learning_rate or training.clip_value in a new run"
            )

    def _log(self, now: float) -> None:
        """Log what training did since the last time."""
        bits, samples = self._epoch_totals()
        new_samples = samples - self._logged_samples
        if not new_samples:
            return
        self.monitor.log_figures(
            self.state.step,
            {
                "bits/training": (bits - self._logged_bits) / new_samples,
                "gradient_norm": self._gradient_norm(),
                "samples_per_second": new_samples / (now - self._logged),
                "learning_rate": float(self.samplernn.optimizer.learning_rate),
            },
        )
        self._begin_interval()

    def _gradient_norm(self) -> float:
        return float(self.samplernn.optimizer.gradient_norm)

    def _epoch_speed(self) -> int | None:
        """Return the epoch's samples per second, without its first step, which may compile; None after one step."""
        if self._first_step_ended is None or self._last_step_ended == self._first_step_ended[0]:
            return None
        began, samples_before = self._first_step_ended
        return round((self._epoch_totals()[1] - samples_before) / (self._last_step_ended - began))

    def _begin_interval(self) -> None:
        self._logged = time.monotonic()
        self._logged_bits, self._logged_samples = self._epoch_totals()

    def _epoch_totals(self) -> tuple[float, float]:
        """Return bits and samples of the epoch so far."""
        return float(self.samplernn.bits.total), float(self.samplernn.bits.count)
