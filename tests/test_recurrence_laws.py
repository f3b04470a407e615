"""The recurrent layers' own gradients are those of their steps."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_samplernn.plugins.gated_layer import GatedLayer
from keras_samplernn.plugins.gru import GRU
from keras_samplernn.plugins.lstm import LSTM

pytestmark = pytest.mark.law

ROWS, DIM = 3, 5
LAYERS = {"GRU": (GRU, {"reset_after": True}), "GRU reset before": (GRU, {"reset_after": False}), "LSTM": (LSTM, {})}


def layer_of(name):
    """Return a built layer with random weights, biases included."""
    kind, options = LAYERS[name]
    layer = kind(DIM, weight_norm=True, **options)
    layer.build((DIM,))
    rng = np.random.default_rng(2)
    for weight in layer.trainable_weights:
        weight.assign(weight + rng.normal(0, 0.3, weight.shape).astype("float32"))
    return layer


def outputs_and_gradients(run_sequence, layer, steps, compiled):
    """Return what a window gives, and the gradients for its inputs, the state before it and the recurrent weights."""
    rng = np.random.default_rng(3)
    shapes = [(steps, ROWS, layer.gates * DIM)] + [(ROWS, DIM)] * layer.states
    tensors = [tf.constant(rng.normal(0, 1, shape).astype("float32")) for shape in shapes]
    # One for the outputs and one for each state after the window: none can stand in for another.
    upstream = [tf.constant(rng.normal(0, 1, (*lead, DIM)).astype("float32")) for lead in [(steps, ROWS), (ROWS,)]]

    @tf.function(jit_compile=compiled)
    def run(projected, *state):
        with tf.GradientTape() as tape:
            tape.watch([projected, *state])
            outputs, after = run_sequence(projected, state, layer.prepare())
            total = tf.reduce_sum(outputs * upstream[0])
            total += sum(tf.reduce_sum(part * upstream[1] / (1 + number)) for number, part in enumerate(after))
        weights = [weight.value for weight in layer.recurrent.trainable_weights]
        weights += [layer.recurrent_bias.value] if hasattr(layer, "recurrent_bias") else []
        return [outputs, *after], tape.gradient(total, [projected, *state, *weights])

    return [keras.ops.convert_to_numpy(each) for part in run(*tensors) for each in part]


@pytest.mark.parametrize("compiled", [False, True], ids=["graph", "XLA"])
@pytest.mark.parametrize("steps", [1, 7])
@pytest.mark.parametrize("name", LAYERS)
def test_a_windows_gradient_is_that_of_its_steps(name, steps, compiled):
    layer = layer_of(name)
    seen = outputs_and_gradients(layer.sequence, layer, steps, compiled)
    of_steps = GatedLayer.sequence.__get__(layer)
    for one, other in zip(seen, outputs_and_gradients(of_steps, layer, steps, compiled), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6 * max(1.0, np.abs(other).max()))
