"""One call of `fit` on a run: step after step until the run ends or a signal comes, and everything between steps."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from keras_samplernn.checkpoints.checkpoint import NOTED, VALIDATED, save_checkpoint
from keras_samplernn.checkpoints.shelf import prune_checkpoints
from keras_samplernn.data.plan import Plan
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.distribution.agreement import Agreement, Due
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.memory import SMALLER_WINDOWS, telling_exhaustion
from keras_samplernn.monitoring.clips import Clip
from keras_samplernn.monitoring.hearing import Hearing
from keras_samplernn.monitoring.monitor import Monitor
from keras_samplernn.monitoring.sounds import SoundsInTraining
from keras_samplernn.progress import Progress, format_duration
from keras_samplernn.run_folder import RunFolder
from keras_samplernn.training.bookkeeping import Bookkeeping
from keras_samplernn.training.clock import START_SECONDS, Clock
from keras_samplernn.training.corpora import Corpora
from keras_samplernn.training.evaluation import Evaluator
from keras_samplernn.training.facts import facts_of
from keras_samplernn.training.interrupt import Interrupted, StopRequest
from keras_samplernn.training.optimizer import describe_warmup
from keras_samplernn.training.state import TrainingState
from keras_samplernn.training.step import Sums
from keras_samplernn.training.trainer import Trainer

Result = TypeVar("Result")


class Session:
    """Trains a run from its present state.

    All workers train in step with each other; the chief alone writes, shows and generates.

    Args:
        run: its folder, locked, gets all files.
        trainer: has the model, loaded from the newest checkpoint.
        corpora: the corpora of the spec.
        state: the state of the run; updated with every step.
        epochs: the run ends after this many epochs.
        max_steps: it ends after this many steps; None: no limit.
        clips: whose sounds the chief generates; none: there are no sounds.
    """

    def __init__(
        self,
        run: RunFolder,
        trainer: Trainer,
        corpora: Corpora,
        state: TrainingState,
        epochs: int,
        max_steps: int | None,
        clips: Sequence[Clip] = (),
    ):
        self.run, self.spec, self.trainer, self.state = run, run.spec, trainer, state
        self.epochs, self.max_steps = epochs, max_steps
        self.corpora, self.clips = corpora, clips
        self.replicas = trainer.replicas

    def end(self) -> str:
        """Return why the run has ended and how to continue it; empty if it has not ended."""
        state, patience = self.state, self.spec.training.patience
        if state.epoch >= self.epochs:
            done = f"{state.epoch} of {self.epochs} epochs are done"
            return f"{done}; to continue, raise training.epochs or give --epochs"
        if patience is not None and state.epochs_since_best >= patience:
            return (
                f"validation has not improved for {state.epochs_since_best} epochs, since step {state.best_step}; to"
                " continue, raise training.patience"
            )
        # A run that was stopped between its last step and its validation still has to validate.
        if self.max_steps is not None and state.step >= self.max_steps and state.is_scored:
            return f"{state.step} of {self.max_steps} steps are done; to continue, give a larger --max-steps or none"
        return ""

    def train(self) -> None:
        """Train until the run ends.

        Raises:
            Interrupted: a signal came; the step was finished and a checkpoint written.
            UserError: a loss or gradient norm is not finite, or the device has too little memory.
        """
        spec, valid = self.spec, self.corpora.valid
        self._evaluator = self._sounds = self._hearing = None
        if valid is not None:
            training, silence = spec.training, Quantizer.of(spec.audio).silence
            lanes, windows = training.batch_size, training.held_samples
            self._evaluator = Evaluator(self.trainer.result, silence, lanes, windows, replicas=self.replicas)
            if spec.monitoring.listen_epochs and self.replicas.is_chief:
                self._hearing = Hearing(assemble(spec), spec, self.corpora.train, valid)
        if self.clips:
            self._sounds = SoundsInTraining(assemble(spec), spec, self.clips, self.run.samples_folder)
        with (
            StopRequest() as self._stop,
            Monitor(self.run.logs_folder if self.replicas.is_chief else None, spec) as self._monitor,
            Progress("fit", self._steps_in_all(), done=self.state.step, shown=self.replicas.is_chief) as self._progress,
        ):
            minutes = spec.monitoring.minutes, spec.training.checkpoint_minutes
            self._clock = Clock(self.state.times, *minutes, self._evaluator is not None, self._sounds is not None)
            self._agreement = Agreement(self.replicas, lambda: self._stop.signal_number, self._clock.due)
            self._monitor.log_about(self.state.step, facts_of(self.trainer))
            if self._sounds is not None:
                self._sounds.show_real(self._monitor, self.state.step)
            self._book = Bookkeeping(self.run, self.state, self.epochs, self._monitor, self._progress)
            if self.replicas.is_chief and (line := describe_warmup(spec, self.state.step, self._progress.total)):
                self._progress.say(line)
            if self._evaluator is not None and not (self.state.step or self.state.rows):
                self._validate_at_start()
            while not self.end():
                self._train_epoch()

    def _train_epoch(self) -> None:
        """Train to the last step of the epoch, or of the run; then validate, note the figures and save."""
        state, plan = self.state, self.trainer.plan(self.state.epoch)
        # If the corpus has become smaller, the epoch may have fewer steps than are done.
        state.epoch_step = min(state.epoch_step, plan.steps)
        last_step = plan.steps
        if self.max_steps is not None:
            last_step = min(last_step, state.epoch_step + max(self.max_steps - state.step, 0))
        self._book.begin_epoch()
        for sums in self._steps(plan, last_step):
            self._book.add_steps(sums)
            # After the last step, there is more to do than the clock asks for.
            if self._agreement.due and state.epoch_step < last_step and not self._agreement.signal_number:
                with self._book.pause():
                    self._do(self._agreement.due)
        self._raise_if_stopped()
        self._finish(whole_epoch=last_step == plan.steps)

    def _steps(self, plan: Plan, last_step: int) -> Iterator[list[Sums]]:
        """Take the remaining steps of a plan, up to `last_step`; yield the sums of some steps at a time, read.

        After a signal, the present step is the last.
        """
        state, unread = self.state, []
        if state.epoch_step == last_step:  # the run was stopped between its last step and its validation
            return
        too_many = f"{plan.lanes} windows of {plan.seq_len} samples", f"{SMALLER_WINDOWS} in a new run"
        with telling_exhaustion(self.run.folder, *too_many):
            first_step = state.epoch_step
            for batch in self.trainer.batches(plan, first_step).take(last_step - first_step):
                unread.append(self.trainer.step(batch))
                state.step, state.epoch_step = state.step + 1, state.epoch_step + 1
                # The first step may compile, so speed is measured from its end.
                if self._agreement.passes(meets=state.epoch_step in (first_step + 1, last_step)):
                    # Where a device computes on its own, its errors come with the sums.
                    yield [sums.read() for sums in unread]
                    unread = []
                    if self._agreement.signal_number:
                        return

    def _do(self, due: Due) -> None:
        """Do what is due between two steps of an epoch."""
        if Due.VALIDATION in due:
            self._validate_in_passing()
        if Due.SOUNDS in due:
            self._alone(self._make_sounds)
        if Due.CHECKPOINT in due:
            self._save()

    def _validate_at_start(self) -> None:
        """Validate before the first step, unless that takes too long."""
        try:
            self._validate_in_passing(START_SECONDS)
        except _Halted:
            if self.replicas.is_chief:
                self._progress.say(
                    f"a validation takes more than {START_SECONDS:g} s: the first one is at the end of the epoch"
                )

    def _validate_in_passing(self, most_seconds: float | None = None) -> None:
        """Validate and note the figures. They choose no checkpoint, which would depend on the clock then."""
        with self._clock.validating(most_seconds):
            bits = self._evaluator(self.corpora.valid, self._check_stop)
        row = self._book.add_validation(self._book.begin_row_in_passing(), bits)
        self.state.add_row(row)
        if self.replicas.is_chief:
            self._book.tell_row(row)

    def _finish(self, whole_epoch: bool) -> None:
        """Validate, note the figures, save; after a whole epoch, move to the start of the next one."""
        state = self.state
        # Before the epoch counts as done, so that sounds that were interrupted are generated again.
        heard = self._alone(self._make_sounds_and_hear) if whole_epoch else None
        row = self._book.begin_row()
        if self._evaluator is not None:
            with self._clock.validating():
                bits = self._evaluator(self.corpora.valid, self._check_stop)
            row = self._book.add_validation(row, bits)
            # Patience counts epochs, so a validation within an epoch, after --max-steps, does not count.
            state.note_validation(bits.per_sample, whole_epoch)
        if heard is not None:
            row = self._book.add_heard(row, self._hearing.real, heard)
            state.note_heard(heard)
        state.add_row(row)
        if whole_epoch:
            self._book.log_epoch()
            state.begin_epoch()
        self._save(NOTED if self._evaluator is None else VALIDATED)
        if self.replicas.is_chief:
            self._book.tell_row(row)
            self._book.tell_rise(ends=bool(self.end()))

    def _alone(self, work: Callable[[], Result]) -> Result | None:
        """Let the chief do something alone, while the others wait; return its result, if any."""
        result = None
        remedy = "lower monitoring.sounds, or set monitoring.guidance to 1, and go on"
        with (
            telling_exhaustion(self.run.folder, "the sounds that it generates in training", remedy),
            contextlib.suppress(_Halted),
        ):
            result = work() if self.replicas.is_chief else None
        self._agreement.meet()
        self._raise_if_stopped()
        return result

    def _make_sounds(self) -> None:
        """Generate the sounds, and say where they are."""
        state, seconds = self.state, self.state.times.seconds
        with self._clock.sounding():
            folder = self._sounds.show(self._monitor, self.trainer.result, state.step, self._halt_if_stopped)
        self._progress.say(f"sounds after {format_duration(seconds)} of training, at step {state.step}: {folder}")

    def _make_sounds_and_hear(self) -> float | None:
        """Generate the sounds and the hearing whose turn it is; return the share that was heard as asked, if any."""
        monitoring = self.spec.monitoring
        if self._sounds and (self._is_turn(monitoring.every_epochs) or Due.SOUNDS in self._clock.due()):
            self._make_sounds()
        if self._hearing and self._is_turn(monitoring.listen_epochs):
            return self._hearing(self.trainer.result, self._halt_if_stopped)
        return None

    def _is_turn(self, every: int | None) -> bool:
        """Return whether this epoch, which ends, is one of every so many, or the last."""
        epoch = self.state.epoch + 1
        return epoch == self.epochs or (every is not None and epoch % every == 0)

    def _halt_if_stopped(self) -> None:
        """If a signal has come to the chief, end what it does alone."""
        if self._stop.signal_number:
            raise _Halted

    def _check_stop(self) -> None:
        """Do what `_raise_if_stopped` does, after asking all workers now and then."""
        if self._agreement.passes():
            self._raise_if_stopped()
            if Due.END_OF_VALIDATION in self._agreement.due:
                raise _Halted

    def _raise_if_stopped(self) -> None:
        """If a signal has come to a worker, as of the last meeting, write a checkpoint and raise Interrupted."""
        if self._agreement.signal_number:
            self._save()
            raise Interrupted(self._agreement.signal_number, self.state.step)

    def _save(self, suffix: str = "") -> None:
        """Write a checkpoint of the present step; see `save_checkpoint`. All workers give their part of it."""
        self._clock.count()
        self._book.count_seconds()
        folder, state, kept = self.run.checkpoints_folder, self.state, self.trainer.kept()
        if self.replicas.is_chief:
            save_checkpoint(folder, state.step, suffix, self.trainer.result, kept, dataclasses.asdict(state))
            prune_checkpoints(folder, self.spec.training.keep_checkpoints, state.best_steps)
        self._clock.saved()

    def _steps_in_all(self) -> int:
        """Estimate the number of steps of the whole run; epochs differ by a few steps."""
        state = self.state
        steps = state.step - state.epoch_step + (self.epochs - state.epoch) * self.trainer.plan(state.epoch).steps
        return steps if self.max_steps is None else min(steps, self.max_steps)


class _Halted(Exception):
    """A signal has ended what the chief does alone; or a validation took too long."""
