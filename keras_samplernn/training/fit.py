"""Training a run: from a spec and a run directory, new or old, to a session."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import keras

from keras_samplernn.checkpoints.shelf import list_checkpoints, prune_checkpoints
from keras_samplernn.distribution.launch import check_batch
from keras_samplernn.distribution.replicas import Replicas
from keras_samplernn.distribution.workers import check_same, starting_together, telling_lost_workers
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.memory import check_training_memory
from keras_samplernn.monitoring.clips import choose_clips
from keras_samplernn.origin import Origin, write_origin
from keras_samplernn.run_folder import RunFolder, check_run_folder, environment
from keras_samplernn.spec import Spec
from keras_samplernn.training.bookkeeping import write_metrics
from keras_samplernn.training.corpora import Corpora, prepare_corpora
from keras_samplernn.training.determinism import choose_determinism
from keras_samplernn.training.restoring import read_newest, share, take_weights
from keras_samplernn.training.session import Session
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
    replicas: Replicas | None = None,
) -> RunFolder:
    """Train a spec in a run directory, or continue the run there.

    Everything depends only on the spec, the corpora and the number of steps done, so that an interrupted run continues
    as if it had not been interrupted; with other replicas, up to rounding.

    Args:
        spec: validated.
        folder: the run directory; with several workers it is the chief's, and the others write nothing.
        say: called with each message.
        epochs: stop after this many epochs in all; None: as in the spec.
        max_steps: stop after this many steps in all; None: no limit.
        restart: move an old run aside first.
        init_from: a run of the same tiers; a new run starts with its best weights. None: random weights.
        replicas: share out the lanes of every batch; None: there is one.

    Raises:
        Interrupted: a signal came; the step was finished and a checkpoint written.
        UserError: one line for each problem of the spec, its sounds or the run directory; or the loss is not finite; or
            another worker could not start, has other sounds, or is lost.
    """
    replicas = replicas or Replicas()
    check_batch(replicas, spec.training.batch_size, spec.name)
    run = RunFolder(folder, spec)
    with telling_lost_workers(replicas), contextlib.ExitStack() as locked:
        if replicas.workers > 1:
            say(f"worker {replicas.worker} of {replicas.workers}: starts, and waits for the others")
        with starting_together(replicas):
            if replicas.is_chief:
                check_run_folder(folder, spec, restart)
            check_training_memory(spec, spec.training.batch_size // replicas.workers)
            corpora = prepare_corpora(spec, say)
            keras.utils.set_random_seed(spec.training.seed)
            choose_determinism(spec.training.deterministic)
            with replicas.scope():
                model = assemble(spec, spec.training.precision)
            trainer = Trainer(spec, model, corpora.varied, replicas)
            clips = []
            if replicas.is_chief:
                if spec.monitoring.every_epochs != 0:
                    clips = choose_clips(spec, corpora.valid, corpora.train, say)
                origin = _open(run, trainer, init_from, restart, locked, say)
        check_same(replicas, lambda: _facts(spec, corpora, epochs, max_steps))
        with starting_together(replicas):
            newest = read_newest(run, trainer, say) if replicas.is_chief else None
        state = share(trainer, newest)
        if replicas.is_chief:
            # If the last `fit` was killed after it saved a checkpoint, metrics.csv is old, one checkpoint too many.
            write_metrics(run.metrics_file, state.rows)
            prune_checkpoints(run.checkpoints_folder, spec.training.keep_checkpoints, state.best_steps)
            run.record(corpora.manifest(), corpora.longest_spans())
            if newest is None:
                write_origin(run.folder, origin)
        session = Session(run, trainer, corpora, state, epochs or spec.training.epochs, max_steps, clips)
        if balance := trainer.describe_balance():
            say(balance)
        if end := session.end():
            say(f"{run.folder}: is finished: {end}")
        else:
            if state.step:
                say(f"{run.folder}: continues after step {state.step}")
            session.train()
    return run


def _open(
    run: RunFolder,
    trainer: Trainer,
    init_from: Path | None,
    restart: bool,
    locked: contextlib.ExitStack,
    say: Callable[[str], None],
) -> Origin | None:
    """Give a new run its weights, move an old one aside if it is to start anew, and lock the folder.

    Returns:
        Where the weights are from; None: they are random, or the run is not new.
    """
    origin = None
    # Before anything is written here: the other run may have problems.
    if init_from is not None and (restart or not list_checkpoints(run.checkpoints_folder)):
        source = take_weights(init_from, trainer, say)
        origin = Origin.of(init_from, source.folder.name, source.weights_sha256)
        say(f"starts with the weights of {source.folder}")
    if restart and run.folder.exists():
        own = init_from is not None and init_from.resolve() == run.folder.resolve()
        aside = run.set_aside()
        say(f"{run.folder}: moved to {aside}")
        if own:
            origin = origin.moved_to(aside)
    locked.enter_context(run.locked())
    return origin


def _facts(spec: Spec, corpora: Corpora, epochs: int | None, max_steps: int | None) -> dict[str, str]:
    """Return what must be the same on all workers, by what it is; their folders may have other names."""
    fields = json.loads(spec.to_json())
    del fields["data"], fields["monitoring"]["index"]
    return {
        "the spec": json.dumps(fields),
        "--epochs and --max-steps": json.dumps([epochs, max_steps]),
        "the sounds": json.dumps(corpora.manifest()),
        "the versions of the packages": json.dumps(environment()),
    }
