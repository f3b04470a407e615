"""The weights as training left them, of a run that keeps their average (`training.ema_decay`)."""

from keras_samplernn.checkpoints.arrays import Shape
from keras_samplernn.checkpoints.checkpoint import Checkpoint
from keras_samplernn.errors import UserError
from keras_samplernn.model.samplernn import SampleRNN
from keras_samplernn.spec import Spec
from keras_samplernn.training.trainer import Trainer


def check_raw_weights(spec: Spec, place: str) -> None:
    """Raise UserError if a run has no other weights than those that it is validated with.

    Args:
        spec: of the run.
        place: of the option in messages.
    """
    if not spec.training.ema_decay:
        raise UserError(
            f"{place}: the run keeps no average of its weights (training.ema_decay = 0), and they are raw anyway; leave"
            " it out"
        )


def load_raw_weights(checkpoint: Checkpoint, spec: Spec, model: SampleRNN) -> None:
    """Assign the raw weights of a checkpoint to a model.

    Args:
        checkpoint: of a run that keeps an average.
        spec: of the run.
        model: in the spec's precision or in float32.
    """
    # What a trainer keeps, and no more, is read of the file; the weights of its model come last.
    arrays = checkpoint.read_training([Shape.of(each) for each in Trainer(spec, model, None).variables])
    for variable, array in zip(model.weights, arrays[-len(model.weights) :], strict=True):
        variable.assign(array)
