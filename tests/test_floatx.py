"""Nothing depends on Keras' default dtype, which keras.json may set."""

import keras
import numpy as np
import pytest
from generations import engine_of, generate
from keras import ops
from variants import build_variant, random_sound, window_of

from keras_samplernn import SampleRNN
from keras_samplernn.conditions.streams import ClassesStream
from keras_samplernn.model.head import bits_per_sample
from keras_samplernn.plugins.frame_rnn import FrameRNN
from keras_samplernn.plugins.frame_ssm import FrameSSM
from keras_samplernn.plugins.sample_mlp import SampleMLP
from keras_samplernn.plugins.softmax import Softmax
from keras_samplernn.testing import check_tier

pytestmark = pytest.mark.law


@pytest.fixture
def half_by_default():
    """Do as Keras does where keras.json says float16; call what is returned to end it."""
    policy, floatx = keras.config.dtype_policy(), keras.config.floatx()

    def end():
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)

    keras.config.set_floatx("float16")
    keras.config.set_dtype_policy("float16")
    yield end
    end()


def results(options):
    """Return what a model of float32 gives: logits, states, bits, codes."""
    model = build_variant(classes=3, **options)
    codes, conditions = random_sound(model, 32, rows=2)
    window = window_of(model, codes, 0)
    logits, states = model.forward(window, conditions, model.initial_states(2))
    uniforms = np.random.default_rng(0).random((2, 32))
    sounds = generate(engine_of(model), conditions, uniforms, [1.0, 0.7])
    metrics = model.metrics_variables
    floats = [*model.weights, *metrics, logits, *keras.tree.flatten(states), bits_per_sample(codes, logits)]
    return floats, sounds


@pytest.mark.parametrize("options", [{"emb_size": 0, "ssm": (0,)}, {"rnn_type": "LSTM", "n_rnn": 2, "skip_conn": True}])
def test_a_model_of_float32_is_one_whatever_floatx_says(options, half_by_default):
    floats, sounds = results(options)
    assert {keras.backend.standardize_dtype(x.dtype) for x in floats} == {"float32"}
    half_by_default()
    expected_floats, expected_sounds = results(options)
    for seen, expected in zip(floats, expected_floats, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(seen), ops.convert_to_numpy(expected))
    np.testing.assert_array_equal(sounds, expected_sounds)


def test_new_weights_are_drawn_alike_whatever_floatx_says(half_by_default):
    def weights():
        keras.utils.set_random_seed(0)
        tiers = (
            FrameRNN(8, 8, "LSTM", dtype="float32"),
            FrameRNN(4, 8, dtype="float32"),
            FrameSSM(2, 8, dtype="float32"),
            SampleMLP(8, 4, window=2, dtype="float32"),
        )
        model = SampleRNN(tiers, 8, [ClassesStream.of_count(2)], head=Softmax(), dtype="float32")
        return [ops.convert_to_numpy(weight) for weight in model.weights]

    drawn = weights()
    half_by_default()
    for seen, expected in zip(drawn, weights(), strict=True):
        np.testing.assert_array_equal(seen, expected)


def test_check_tier_does_not_depend_on_floatx(half_by_default):
    check_tier(SampleMLP, dim=8, emb_size=4)
