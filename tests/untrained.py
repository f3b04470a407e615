"""Runs that no training has made: a spec, and a checkpoint of the weights that a model begins with."""

from collections.abc import Callable
from pathlib import Path

from keras_samplernn.model.registry import load_types
from keras_samplernn.run_folder import RunFolder
from keras_samplernn.spec import load_spec

STEP = 2


def write_run(folder: Path, spec_file: Path, change: Callable = lambda model: None) -> RunFolder:
    """Make a run of a spec, in seconds less than `fit` takes; its one checkpoint says that it was validated.

    `change` may give the model other weights.
    """
    # Here, since they import Keras: what starts the tests need not wait for it.
    import keras

    from keras_samplernn.checkpoints.checkpoint import VALIDATED, save_checkpoint
    from keras_samplernn.model.assembly import assemble

    spec = load_spec(spec_file, load_types())
    run = RunFolder(folder, spec)
    folder.mkdir(parents=True)
    run.record({}, {})
    keras.utils.set_random_seed(spec.training.seed)
    model = assemble(spec)
    change(model)
    save_checkpoint(run.checkpoints_folder, STEP, VALIDATED, model, [], {"best_step": STEP, "rows": []})
    return run
