"""Training a run: epoch by epoch, validated, checkpointed, resumed where it stopped."""

from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import tensorflow as tf

from keras_samplernn.checkpoint import (
    ArraysDoNotFit,
    Checkpoint,
    DamagedCheckpoint,
    all_damaged,
    choose_checkpoint,
    list_checkpoints,
    load_chosen,
    prune_checkpoints,
)
from keras_samplernn.data.batches import Plan
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.errors import UserError
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.memory import SMALLER_WINDOWS, check_training_memory, telling_exhaustion
from keras_samplernn.progress import Progress
from keras_samplernn.run import Run, check_run_folder, open_run
from keras_samplernn.spec import Spec, differences
from keras_samplernn.training.corpora import Corpora, prepare_corpora
from keras_samplernn.training.evaluation import Evaluator
from keras_samplernn.training.interrupt import StopRequest
from keras_samplernn.training.metrics import write_metrics
from keras_samplernn.training.monitoring import HeldOutSounds, Monitor
from keras_samplernn.training.state import TrainingState
from keras_samplernn.training.step_keeper import StepKeeper, Validation
from keras_samplernn.training.trainer import Trainer


def fit_spec(
    spec: Spec,
    folder: Path,
    tier_types: Mapping[str, type],
    say: Callable[[str], None],
    *,
    epochs: int | None = None,
    max_steps: int | None = None,
    restart: bool = False,
    init_from: Path | None = None,
) -> Run:
    """Train a spec in a run directory, or go on there.

    Everything that happens is a function of the spec, the corpora and the number of steps done, so that a run that
    was interrupted goes on as if it had not been.

    Args:
        spec: validated.
        folder: of the run.
        tier_types: the installed tiers by name.
        say: takes messages for people.
        epochs: end after so many in all; None: as many as the spec says.
        max_steps: end after so many steps in all; None: no such end.
        restart: an old run is moved aside first.
        init_from: a run of the same tiers, whose best weights a new run begins with; None: random weights.

    Raises:
        Interrupted: a signal came; the step was finished and a checkpoint written.
        UserError: spec, corpora or run directory are at fault, or the loss is not finite.
    """
    check_run_folder(folder, spec, tier_types, restart)
    check_training_memory(spec, tier_types)
    corpora = prepare_corpora(spec, say)
    keras.utils.set_random_seed(spec.training.seed)
    tf.config.experimental.enable_op_determinism()
    trainer = Trainer(spec, assemble(spec, tier_types, spec.training.precision), corpora.train)
    run = Run(folder, spec)
    # Before the run is begun: what is wrong with the other one leaves no trace here.
    if init_from is not None and (restart or not list_checkpoints(run.checkpoints_folder)):
        say(f"begins with the weights of {_take_weights(open_run(init_from, tier_types), trainer, say)}")
    if restart and folder.exists():
        say(f"{folder}: moved to {run.set_aside()}")
    with run.locked():
        state = _restore(run, trainer, say)
        # A fit that died may have saved its last checkpoint, and neither its figures nor deleted what it replaces.
        write_metrics(run.metrics_file, state.rows)
        prune_checkpoints(run.checkpoints_folder, spec.training.keep_checkpoints, state.best_step)
        run.record(corpora.manifest())
        epochs = epochs or spec.training.epochs
        if end := _end(spec, state, epochs, max_steps):
            say(f"{run.folder}: is finished: {end}")
        else:
            if state.step:
                say(f"{run.folder}: goes on after step {state.step}")
            _train(run, trainer, corpora, tier_types, state, epochs, max_steps)
    return run


def _restore(run: Run, trainer: Trainer, say: Callable[[str], None]) -> TrainingState:
    """Give model and optimizer what the newest whole checkpoint holds; return where the run stands.

    Damaged ones are set aside, since their names are needed again.
    """
    damaged: dict[Checkpoint, DamagedCheckpoint] = {}
    for checkpoint in reversed(list_checkpoints(run.checkpoints_folder)):
        try:
            checkpoint.load_weights(trainer.model)
            checkpoint.load_training(trainer.model)
            state = TrainingState.of(checkpoint.read_state(), checkpoint.step)
        except DamagedCheckpoint as error:
            damaged[checkpoint] = error
        except ValueError:
            raise checkpoint.foreign("state.json") from None
        else:
            for other, error in damaged.items():
                say(f"{error}; {checkpoint.folder.name} is used, and the damaged one kept as {other.set_aside().name}")
            return state
    if damaged:
        raise all_damaged(damaged.values())
    return TrainingState()


def _take_weights(source: Run, trainer: Trainer, say: Callable[[str], None]) -> Path:
    """Give the model the best weights of another run."""
    try:
        chosen = choose_checkpoint(source.checkpoints_folder, "best", trainer.model, say)
        chosen = load_chosen(chosen, "best", trainer.model, say)
    except ArraysDoNotFit:
        places = ("tiers", "audio.q_levels", "conditioning")
        changes = [change for change in differences(source.spec, trainer.spec) if change.startswith(places)]
        raise UserError(
            f"{source.folder}: its weights do not fit the spec: {', '.join(changes)}; --init-from takes a run of the"
            " same tiers, q_levels and number of classes"
        ) from None
    return chosen.folder


def _train(
    run: Run,
    trainer: Trainer,
    corpora: Corpora,
    tier_types: Mapping[str, type],
    state: TrainingState,
    epochs: int,
    max_steps: int | None,
) -> None:
    """Train until `epochs` or `max_steps` are done in all, or validation stays without a better score."""
    spec, validation, sounds = run.spec, None, None
    if corpora.valid is not None:
        training = spec.training
        silence = Quantizer.of(spec.audio).silence
        validation = Validation(corpora.valid, Evaluator(trainer.model, silence, training.batch_size, training.seq_len))
        if spec.monitoring.every_epochs:
            sounds = HeldOutSounds(assemble(spec, tier_types), spec, corpora.valid, run.samples_folder)
    with (
        StopRequest() as stop,
        Monitor(run.logs_folder, spec) as monitor,
        Progress("fit", _steps_in_all(trainer, state, epochs, max_steps), done=state.step) as progress,
    ):
        monitor.log_spec(state.step)
        keeper = StepKeeper(run, trainer.model, state, epochs, validation, sounds, monitor, progress, stop)
        while not _end(spec, state, epochs, max_steps):
            plan = trainer.plan(state.epoch)
            # A corpus that has become smaller may have fewer steps in an epoch than are done.
            state.epoch_step = min(state.epoch_step, plan.steps)
            last_step = plan.steps
            if max_steps is not None:
                last_step = min(last_step, state.epoch_step + max(max_steps - state.step, 0))
            _fit_epoch(trainer, plan, state, keeper, last_step)
            keeper.raise_if_stopped()
            keeper.finish(whole_epoch=last_step == plan.steps)


def _fit_epoch(trainer: Trainer, plan: Plan, state: TrainingState, keeper: StepKeeper, last_step: int) -> None:
    """Train from the step that the epoch stands at up to `last_step` of its plan."""
    if state.epoch_step == last_step:  # it was stopped between its last step and its validation
        return
    keeper.last_step = last_step
    with telling_exhaustion(
        keeper.run.folder,
        f"{plan.lanes} windows of {plan.seq_len} samples",
        f"{SMALLER_WINDOWS} in a new run",
    ):
        trainer.model.fit(
            trainer.batches(plan, state.epoch_step).take(last_step - state.epoch_step),
            initial_epoch=state.epoch,
            epochs=state.epoch + 1,
            callbacks=[keeper],
            verbose=0,
            shuffle=False,  # the plan has done it
        )


def _end(spec: Spec, state: TrainingState, epochs: int, max_steps: int | None) -> str:
    """Say why a run has come to its end and how it goes on from there; nothing where it has not."""
    patience = spec.training.patience
    if state.epoch >= epochs:
        return f"{state.epoch} of {epochs} epochs are done; to go on, raise training.epochs or give --epochs"
    if patience is not None and state.epochs_since_best >= patience:
        return (
            f"validation has not been better than after step {state.best_step} for {state.epochs_since_best} epochs;"
            " to go on, raise training.patience"
        )
    # Stopped between its last step and its validation, it has that still before it.
    scored = bool(state.rows) and state.rows[-1]["step"] == state.step
    if max_steps is not None and state.step >= max_steps and scored:
        return f"{state.step} of {max_steps} steps are done; to go on, give a larger --max-steps or none"
    return ""


def _steps_in_all(trainer: Trainer, state: TrainingState, epochs: int, max_steps: int | None) -> int:
    """Estimate at how many steps the run ends; epochs differ by a few."""
    steps = state.step - state.epoch_step + (epochs - state.epoch) * trainer.plan(state.epoch).steps
    return steps if max_steps is None else min(steps, max_steps)
