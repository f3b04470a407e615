"""The values that a training starts with: of the newest checkpoint of its run, or new ones; the same on all workers."""

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from keras_samplernn.checkpoints.arrays import Shape
from keras_samplernn.checkpoints.checkpoint import ArraysDoNotFit, Checkpoint, DamagedCheckpoint
from keras_samplernn.checkpoints.shelf import all_damaged, choose_checkpoint, list_checkpoints, load_chosen
from keras_samplernn.distribution.workers import from_chief
from keras_samplernn.errors import UserError
from keras_samplernn.run_folder import RunFolder, open_run
from keras_samplernn.spec import OF_WEIGHTS, differences
from keras_samplernn.training.state import TrainingState
from keras_samplernn.training.trainer import Trainer


class Kept(NamedTuple):
    """What a checkpoint keeps: the state of the run, and all values but the weights, see `Trainer.kept`."""

    state: TrainingState
    arrays: list[np.ndarray]


def read_newest(run: RunFolder, trainer: Trainer, say: Callable[[str], None]) -> Kept | None:
    """Load the weights of the newest whole checkpoint of a run, and read the rest; None: the run is new.

    Damaged checkpoints are renamed, since their names are needed again.
    """
    damaged: dict[Checkpoint, DamagedCheckpoint] = {}
    for checkpoint in reversed(list_checkpoints(run.checkpoints_folder)):
        try:
            kept = _read(checkpoint, trainer)
        except DamagedCheckpoint as error:
            damaged[checkpoint] = error
        else:
            for other, error in damaged.items():
                aside = other.set_aside().name
                say(f"{error}; {checkpoint.folder.name} is used, and the damaged one is kept as {aside}")
            return kept
    if damaged:
        raise all_damaged(damaged.values())
    return None


def share(trainer: Trainer, newest: Kept | None) -> TrainingState:
    """Give the values that the chief starts with to the trainers of all workers; return the state of the run.

    Args:
        trainer: with the weights that the chief has loaded, if this is the chief.
        newest: what it has read besides; None: the run is new, or this is not the chief.
    """
    if trainer.replicas.workers > 1:
        newest = _from_chief(trainer, newest)
    if newest is None:
        return TrainingState()
    trainer.restore(newest.arrays)
    return newest.state


def take_weights(folder: Path, trainer: Trainer, say: Callable[[str], None]) -> Checkpoint:
    """Load the best weights of the run in a folder into the model of a trainer; return the checkpoint.

    Raises:
        UserError: it is not a run, has no checkpoint, or its weights are of another model.
    """
    source = open_run(folder)
    try:
        chosen = choose_checkpoint(source.checkpoints_folder, "best", trainer.model, say)
        chosen = load_chosen(chosen, "best", trainer.model, say)
    except ArraysDoNotFit:
        changes = [change for change in differences(source.spec, trainer.spec) if change.startswith(OF_WEIGHTS)]
        raise UserError(
            f"{source.folder}: its weights do not fit the spec: {', '.join(changes)}; --init-from takes a run of the"
            " same tiers, head, q_levels and condition streams"
        ) from None
    trainer.begin_average()
    return chosen


def _read(checkpoint: Checkpoint, trainer: Trainer) -> Kept:
    """Load the weights of a checkpoint; return all else that it keeps."""
    shapes = trainer.shapes
    # One of version 0.1.0 has five more arrays: gradient norm, Keras' mean loss as sum and count, bits and samples.
    older = [*shapes, *[Shape((), np.dtype("float32"))] * 5]
    checkpoint.load_weights(trainer.result)
    arrays = checkpoint.read_training(shapes, older, [])
    if not arrays:
        raise UserError(
            f"{checkpoint.folder}: holds weights alone, from which no training continues; start another run from them:"
            " give --run another folder, and this run by --init-from"
        )
    try:
        state = TrainingState.of(checkpoint.read_state(), checkpoint.step)
    except ValueError:
        raise checkpoint.foreign("state.json") from None
    if len(arrays) > len(shapes):
        norm, _, _, bits, samples = (float(array) for array in arrays[len(shapes) :])
        state.gradient_norm, state.epoch_bits, state.epoch_samples = norm, bits, round(samples)
    return Kept(state, arrays[: len(shapes)])


def _from_chief(trainer: Trainer, newest: Kept | None) -> Kept:
    """Return what the chief calls this with, on every worker; the weights are the chief's after it."""
    weights, shapes = trainer.result.weights, trainer.shapes
    if newest is None:
        # No lane has a state yet.
        carried = [np.zeros(*shape) for shape in shapes[: -len(trainer.others)]]
        newest = Kept(TrainingState(), [*carried, *map(keras.ops.convert_to_numpy, trainer.others)])
    content = from_chief(trainer.replicas, json.dumps(dataclasses.asdict(newest.state)).encode())
    state = TrainingState.of(fields := json.loads(content), fields["step"])
    values = [*map(keras.ops.convert_to_numpy, weights), *newest.arrays]
    content = from_chief(trainer.replicas, b"".join(map(np.ndarray.tobytes, values)))
    arrays, begin = [], 0
    for shape in [*map(Shape.of, weights), *shapes]:
        arrays.append(np.frombuffer(content, shape.dtype, math.prod(shape.shape), begin).reshape(shape.shape))
        begin += shape.size_bytes
    for weight, array in zip(weights, arrays, strict=False):
        weight.assign(array)
    return Kept(state, arrays[len(weights) :])
