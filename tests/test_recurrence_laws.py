"""The gradients that recurrent layers write out for windows are those of their steps."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_samplernn.plugins.gated_layer import GatedLayer
from keras_samplernn.plugins.gru import GRU
from keras_samplernn.plugins.lstm import LSTM

pytestmark = pytest.mark.law

ROWS, DIM = 3, 5
LAYERS = {"GRU": (GRU, {"reset_after": True}), "LSTM": (LSTM, {})}


def layer_of(name):
    """Return a built layer with random weights, biases included."""
    kind, options = LAYERS[name]
    layer = kind(DIM, weight_norm=True, **options)
    layer.build((DIM,))
    rng = np.random.default_rng(2)
    for weight in layer.trainable_weights:
        weight.assign(weight + rng.normal(0, 0.3, weight.shape).astype("float32"))
    return layer


def outputs_and_gradients(run_sequence, layer, steps):
    """Return what a window gives, and the gradients for its inputs, the state before it and the recurrent weights."""
    rng = np.random.default_rng(3)
    shapes = [(steps, ROWS, layer.gates * DIM)] + [(ROWS, DIM)] * layer.states
    projected, *state = (tf.constant(rng.normal(0, 1, shape).astype("float32")) for shape in shapes)
    # One for the outputs and one for each state after the window: none can stand in for another.
    upstream = [tf.constant(rng.normal(0, 1, (*lead, DIM)).astype("float32")) for lead in [(steps, ROWS), (ROWS,)]]
    with tf.GradientTape() as tape:
        tape.watch([projected, *state])
        outputs, after = run_sequence(projected, tuple(state), layer.prepare())
        total = tf.reduce_sum(outputs * upstream[0])
        total += sum(tf.reduce_sum(part * upstream[1] / (1 + number)) for number, part in enumerate(after))
    weights = [weight.value for weight in layer.recurrent.trainable_weights]
    weights += [layer.recurrent_bias.value] if hasattr(layer, "recurrent_bias") else []
    return [outputs, *after, *tape.gradient(total, [projected, *state, *weights])]


@pytest.mark.parametrize(("steps", "compiled"), [(1, True), (7, False), (7, True)], ids=["step", "graph", "XLA"])
@pytest.mark.parametrize("name", LAYERS)
def test_a_windows_gradient_is_that_of_its_steps(name, steps, compiled):
    layer = layer_of(name)
    of_steps = GatedLayer.sequence.__get__(layer)

    @tf.function(jit_compile=compiled, autograph=False)
    def both():
        return [outputs_and_gradients(run, layer, steps) for run in (layer.sequence, of_steps)]

    for one, other in zip(*both(), strict=True):
        one, other = keras.ops.convert_to_numpy(one), keras.ops.convert_to_numpy(other)
        np.testing.assert_allclose(one, other, atol=1e-6 * max(1.0, np.abs(other).max()))
