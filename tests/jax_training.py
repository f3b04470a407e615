"""A model, an optimizer and batches that are the same on every backend; as a program, 20 steps under Keras' JAX."""

import json
import os
import sys

import numpy as np

STEPS, ROWS, SEQ_LEN = 20, 2, 32


def model_and_optimizer(remat_samples=None):
    """Return a conditional model of `frame_ssm`, `frame_rnn` and `sample_mlp`, and its optimizer."""
    from variants import build_variant

    from keras_samplernn.plugins.frame_rnn import FrameRNN
    from keras_samplernn.plugins.sample_mlp import SampleMLP
    from keras_samplernn.plugins.softmax import Softmax
    from keras_samplernn.spec import Types, parse_spec
    from keras_samplernn.training.optimizer import build_optimizer

    document = {
        "preset": "paper",
        "data": {"train": "train"},
        "training": {
            "seq_len": SEQ_LEN,
            "batch_size": ROWS,
            "remat_samples": remat_samples,
            "learning_rate": 0.01,
            "warmup_steps": 3,
            "weight_decay": 0.5,
        },
    }
    types = Types({"frame_rnn": FrameRNN, "sample_mlp": SampleMLP}, {"softmax": Softmax})
    spec, model = parse_spec(json.dumps(document), "spec", types, "."), build_variant(classes=3, ssm=(0,))
    return spec, model, build_optimizer(spec, model)


def batches(model):
    """Yield batches of random sounds; every third window begins a sound in one row, and some end inside a window.

    The model continues them by itself in some places.
    """
    from variants import classes_in

    rng = np.random.default_rng(4)
    for number in range(STEPS):
        yield {
            "codes": rng.integers(0, model.q_levels, (ROWS, model.lookback + SEQ_LEN)).astype("int32"),
            "conditions": rng.integers(-1, classes_in(model), (ROWS, SEQ_LEN)).astype("int32"),
            "reset": np.array([number % 3 == 0, number == 0], "int32"),
            "valid": np.array([SEQ_LEN, rng.integers(1, SEQ_LEN)], "int32"),
            "own_starts": np.array([[3, 20], [8, SEQ_LEN]], "int32"),
            "own_uniforms": rng.random((ROWS, 2, 3, len(model.head.parts)), dtype="float32"),
        }


def main():
    """Print the mean bits of each step, with windows in chunks if a number of samples is given."""
    import keras

    from keras_samplernn.backend import traced
    from keras_samplernn.training.step import Step, Values

    assert keras.backend.backend() == "jax"
    spec, model, optimizer = model_and_optimizer(*map(int, sys.argv[1:]))
    step = traced(Step(model, optimizer, spec.training.remat_samples))
    values = Values(
        [variable.value for variable in model.trainable_variables],
        [variable.value for variable in model.non_trainable_variables],
        [variable.value for variable in optimizer.variables],
        [tuple(keras.ops.zeros((ROWS, *shape), "float32") for shape in tier.state_shapes) for tier in model.tiers],
    )
    losses = []
    for batch in batches(model):
        values, sums = step(values, batch)
        losses.append(float(sums.bits) / int(sums.samples))
    print(json.dumps(losses))


if __name__ == "__main__":
    os.environ["KERAS_BACKEND"] = "jax"
    main()
