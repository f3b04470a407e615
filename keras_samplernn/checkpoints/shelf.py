"""The checkpoints of a run: which exist, which one to load, which to delete."""

import os
import re
import shutil
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from keras_samplernn.checkpoints.checkpoint import NOTED, VALIDATED, Checkpoint, DamagedCheckpoint
from keras_samplernn.errors import UserError
from keras_samplernn.files import partial_of, writing

if TYPE_CHECKING:
    import keras

BEST_STEPS = {"best": "best_step", "heard": "best_heard_step"}
"""Where a state has the step of the best checkpoint, by which it is the best."""
_NAME = re.compile(rf"step-(\d{{10}})({NOTED}|{VALIDATED})?")


def list_checkpoints(folder: Path) -> list[Checkpoint]:
    """Return the checkpoints in a run's folder, oldest first."""
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    matches = [match for name in names if (match := _NAME.fullmatch(name))]
    return [Checkpoint(folder / match[0], int(match[1])) for match in matches]


def choose_checkpoint(folder: Path, which: str, model: "keras.Model", say: Callable[[str], None]) -> Checkpoint:
    """Return the newest checkpoint that is whole, or the best by validation, or by what a listener hears.

    If there is no best one yet, it is the newest.

    Args:
        folder: the folder of the run's checkpoints.
        which: "best", "heard" or "newest", or the name of a checkpoint.
        model: the model that will get the weights; an outline is enough.
        say: called with one line for each damaged checkpoint.

    Raises:
        UserError: there is no checkpoint, or none of that name; all are damaged, or one is of another model.
    """
    if _NAME.fullmatch(which):
        return _choose_named(folder, which, model)
    checkpoints = list_checkpoints(folder)
    if not checkpoints:
        raise UserError(f"{folder}: holds no checkpoint yet; train with `fit` first")
    damage: list[DamagedCheckpoint] = []
    newest = next((each for each in reversed(checkpoints) if _is_whole(each, model, damage)), None)
    if newest is None:
        if damage:
            raise all_damaged(damage)
        return choose_checkpoint(folder, which, model, say)  # `fit` has replaced them all meanwhile
    try:
        best_step = newest.read_state().get(BEST_STEPS[which]) if which in BEST_STEPS else None
    except DamagedCheckpoint:
        return choose_checkpoint(folder, which, model, say)  # it was whole a moment ago
    best = (each for each in checkpoints if each.validated and each.step == best_step)
    chosen = next((each for each in best if _is_whole(each, model, damage)), newest)
    for error in damage:
        say(f"{error}; {chosen.folder.name} is used")
    return chosen


def checkpoint_named(folder: Path, name: str) -> Checkpoint:
    """Return the checkpoint of a name in a run's folder; UserError if there is none."""
    match = _NAME.fullmatch(name)
    if match is None or not (folder / name).is_dir():
        raise UserError(
            f"{folder / name}: is gone, since `fit` keeps the best and the newest checkpoints only"
            " (training.keep_checkpoints); put the folder back from a copy, or do without what needs it"
        )
    return Checkpoint(folder / name, int(match[1]))


def _choose_named(folder: Path, name: str, model: "keras.Model") -> Checkpoint:
    checkpoint = checkpoint_named(folder, name)
    try:
        checkpoint.check_fits(model)
        checkpoint.check()
    except DamagedCheckpoint as error:
        raise UserError(f"{error}; restore the file from a copy, or do without what needs it") from None
    return checkpoint


def _is_whole(checkpoint: Checkpoint, model: "keras.Model", damage: list[DamagedCheckpoint]) -> bool:
    try:
        checkpoint.check_fits(model)
        checkpoint.check()
    except DamagedCheckpoint as error:
        if os.path.lexists(checkpoint.folder):
            damage.append(error)
        return False
    return True


def load_chosen(
    chosen: Checkpoint,
    which: str,
    model: "keras.Model",
    say: Callable[[str], None],
    load: "Callable[[Checkpoint, keras.Model], None]" = Checkpoint.load_weights,
) -> Checkpoint:
    """Assign the weights of a chosen checkpoint to a model; choose again if `fit` has deleted it meanwhile.

    Args:
        chosen: what `choose_checkpoint` returned.
        which: as in `choose_checkpoint`.
        model: with values.
        say: as in `choose_checkpoint`.
        load: assigns weights of a checkpoint to a model.

    Returns:
        The checkpoint that was loaded.
    """
    while True:
        try:
            load(chosen, model)
        except DamagedCheckpoint:
            if os.path.lexists(chosen.folder):
                raise
            chosen = choose_checkpoint(chosen.folder.parent, which, model, say)
        else:
            return chosen


def all_damaged(damage: Iterable[DamagedCheckpoint]) -> UserError:
    """Return the error of a run whose checkpoints are all damaged."""
    return UserError(
        *(f"{error}; restore the file from a copy, or start again with `fit --restart`" for error in damage)
    )


def prune_checkpoints(folder: Path, keep: int, best_steps: Collection[int | None]) -> None:
    """Delete all but the best ones and the `keep` newest checkpoints, and what an interrupted save left."""
    with writing(folder):
        for leftover in folder.glob(".step-*.partial"):
            _delete(leftover)
        for checkpoint in list_checkpoints(folder)[:-keep]:
            if not (checkpoint.validated and checkpoint.step in best_steps):
                # Hidden first, so that a folder with the name of a checkpoint is always whole.
                _delete(checkpoint.folder.rename(partial_of(checkpoint.folder)))


def _delete(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()
