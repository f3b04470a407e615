"""The weights as training left them, of a run that keeps their average (`training.ema_decay`)."""

import numpy as np

from keras_samplernn.checkpoints.checkpoint import Checkpoint
from keras_samplernn.errors import UserError
from keras_samplernn.model.samplernn import SampleRNN
from keras_samplernn.run_folder import BUNDLE, RunFolder
from keras_samplernn.spec import Spec
from keras_samplernn.training.trainer import Trainer


def check_raw_weights(run: RunFolder) -> None:
    """Raise UserError if a run has no other weights than those that it is validated with."""
    if not run.spec.training.ema_decay:
        raise UserError(
            f"{run.folder}: keeps no average of its weights (training.ema_decay = 0), and they are raw anyway; do not"
            " ask for raw weights"
        )
    if run.is_unbundled:
        raise UserError(
            f"{run.folder}: came out of a bundle, which holds one set of weights; {BUNDLE} says which: do not ask for"
            " raw weights"
        )


def load_raw_weights(spec: Spec, checkpoint: Checkpoint, model: SampleRNN) -> None:
    """Assign the raw weights of a checkpoint to a model.

    Args:
        spec: of the run.
        checkpoint: of a run that keeps an average.
        model: in the spec's precision or in float32.
    """
    # What a trainer keeps, and no more, is read of the file.
    trainer = Trainer(spec, model, None)
    arrays = checkpoint.read_training(trainer.shapes)[-len(model.weights) :]
    if not all(np.isfinite(array).all() for array in arrays):
        raise checkpoint.foreign("training.npz")
    for variable, array in zip(model.weights, arrays, strict=True):
        variable.assign(array)
