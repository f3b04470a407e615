"""Training a run: from a spec and a run directory, new or old, to a session."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from keras_samplernn.checkpoints.arrays import Shape
from keras_samplernn.checkpoints.checkpoint import ArraysDoNotFit, Checkpoint, DamagedCheckpoint
from keras_samplernn.checkpoints.shelf import (
    all_damaged,
    choose_checkpoint,
    list_checkpoints,
    load_chosen,
    prune_checkpoints,
)
from keras_samplernn.errors import UserError
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.memory import check_training_memory
from keras_samplernn.run_folder import RunFolder, check_run_folder, open_run
from keras_samplernn.spec import Spec, differences
from keras_samplernn.training.bookkeeping import write_metrics
from keras_samplernn.training.corpora import prepare_corpora
from keras_samplernn.training.determinism import choose_determinism
from keras_samplernn.training.session import Session
from keras_samplernn.training.state import TrainingState
from keras_samplernn.training.trainer import Trainer


def fit_spec(
    spec: Spec,
    folder: Path,
    say: Callable[[str], None],
    *,
    epochs: int | None = None,
    max_steps: int | None = None,
    restart: bool = False,
    init_from: Path | None = None,
) -> RunFolder:
    """Train a spec in a run directory, or continue the run there.

    Everything depends only on the spec, the corpora and the number of steps done, so that an interrupted run continues
    as if it had not been interrupted.

    Args:
        spec: validated.
        folder: the run directory.
        say: called with each message.
        epochs: stop after this many epochs in all; None: as in the spec.
        max_steps: stop after this many steps in all; None: no limit.
        restart: move an old run aside first.
        init_from: a run of the same tiers; a new run starts with its best weights. None: random weights.

    Raises:
        Interrupted: a signal came; the step was finished and a checkpoint written.
        UserError: one line for each problem of the spec, its sounds or the run directory; or the loss is not finite.
    """
    check_run_folder(folder, spec, restart)
    check_training_memory(spec)
    corpora = prepare_corpora(spec, say)
    keras.utils.set_random_seed(spec.training.seed)
    choose_determinism(spec.training.deterministic)
    trainer = Trainer(spec, assemble(spec, spec.training.precision), corpora.varied)
    run = RunFolder(folder, spec)
    # Before anything is written here: the other run may have problems.
    if init_from is not None and (restart or not list_checkpoints(run.checkpoints_folder)):
        say(f"starts with the weights of {_take_weights(open_run(init_from), trainer, say)}")
    if restart and folder.exists():
        say(f"{folder}: moved to {run.set_aside()}")
    with run.locked():
        state = _restore(run, trainer, say)
        # If the last `fit` was killed after it saved a checkpoint, metrics.csv is old and one checkpoint is too many.
        write_metrics(run.metrics_file, state.rows)
        prune_checkpoints(run.checkpoints_folder, spec.training.keep_checkpoints, state.best_steps)
        run.record(corpora.manifest())
        session = Session(run, trainer, corpora, state, epochs or spec.training.epochs, max_steps)
        if balance := trainer.describe_balance():
            say(balance)
        if end := session.end():
            say(f"{run.folder}: is finished: {end}")
        else:
            if state.step:
                say(f"{run.folder}: continues after step {state.step}")
            session.train()
    return run


def _restore(run: RunFolder, trainer: Trainer, say: Callable[[str], None]) -> TrainingState:
    """Load the newest whole checkpoint into model and trainer; return the state of the run.

    Damaged checkpoints are renamed, since their names are needed again.
    """
    damaged: dict[Checkpoint, DamagedCheckpoint] = {}
    for checkpoint in reversed(list_checkpoints(run.checkpoints_folder)):
        try:
            state = _load(checkpoint, trainer)
        except DamagedCheckpoint as error:
            damaged[checkpoint] = error
        else:
            for other, error in damaged.items():
                aside = other.set_aside().name
                say(f"{error}; {checkpoint.folder.name} is used, and the damaged one is kept as {aside}")
            return state
    if damaged:
        raise all_damaged(damaged.values())
    return TrainingState()


def _load(checkpoint: Checkpoint, trainer: Trainer) -> TrainingState:
    """Load a checkpoint into model and trainer; return its state."""
    shapes = [Shape.of(variable) for variable in trainer.variables]
    # Version 0.1.0 has five more arrays: gradient norm, Keras' mean loss as sum and count, bits and samples.
    older = [*shapes, *[Shape((), np.dtype("float32"))] * 5]
    checkpoint.load_weights(trainer.result)
    arrays = checkpoint.read_training(shapes, older)
    try:
        state = TrainingState.of(checkpoint.read_state(), checkpoint.step)
    except ValueError:
        raise checkpoint.foreign("state.json") from None
    if len(arrays) > len(shapes):
        norm, _, _, bits, samples = (float(array) for array in arrays[len(shapes) :])
        state.gradient_norm, state.epoch_bits, state.epoch_samples = norm, bits, round(samples)
    for variable, array in zip(trainer.variables, arrays, strict=False):
        variable.assign(array)
    return state


def _take_weights(source: RunFolder, trainer: Trainer, say: Callable[[str], None]) -> Path:
    """Load the best weights of another run into the model; return the checkpoint's folder."""
    try:
        chosen = choose_checkpoint(source.checkpoints_folder, "best", trainer.model, say)
        chosen = load_chosen(chosen, "best", trainer.model, say)
    except ArraysDoNotFit:
        places = ("tiers", "head", "audio.q_levels", "conditioning")
        changes = [change for change in differences(source.spec, trainer.spec) if change.startswith(places)]
        raise UserError(
            f"{source.folder}: its weights do not fit the spec: {', '.join(changes)}; --init-from takes a run of the"
            " same tiers, head, q_levels and condition streams"
        ) from None
    trainer.begin_average()
    return chosen.folder
