"""Faster forms of tiers are used only where they were written for the step that a tier has."""

import numpy as np
import pytest
from generations import SILENCE, engine_of, generate
from keras import ops
from variants import random_sound, randomised, window_of

from keras_samplernn import Lowerable, Narrow, Released, SampleRNN, Tier
from keras_samplernn.conditions.streams import ClassesStream
from keras_samplernn.model.lowering import release
from keras_samplernn.model.samplernn import Prepared
from keras_samplernn.plugins.frame_rnn import FrameRNN
from keras_samplernn.plugins.sample_mlp import SampleMLP
from keras_samplernn.plugins.softmax import Softmax
from keras_samplernn.testing import check_tier

pytestmark = pytest.mark.law


class BentFrames(FrameRNN):
    """Bends its context and its outputs: neither meets a matrix first."""

    def step(self, inputs, state, prepared):
        if inputs.context is not None:
            inputs = inputs._replace(context=ops.tanh(inputs.context))
        outputs, state = super().step(inputs, state, prepared)
        return 2 * ops.tanh(outputs), state


class BentSamples(SampleMLP):
    """Bends its context."""

    def step(self, inputs, state, prepared):
        return super().step(inputs._replace(context=ops.tanh(inputs.context)), state, prepared)


class HalvedFrames(FrameRNN):
    """Halves its output's matrix, which the inherited forms would take for the Linear's own."""

    def prepare(self):
        prepared = super().prepare()
        matrix, bias = prepared["output"]
        return prepared | {"output": (matrix / 2, bias)}


def model_of(*tiers):
    return randomised(SampleRNN(tiers, q_levels=12, streams=[ClassesStream.of_count(3)], head=Softmax()))


# Widths that are multiples of 8: as plain tiers they would have int8 weights.
MODELS = {
    "bent at the top and between": lambda: model_of(BentFrames(8, 8), BentFrames(2, 8), BentSamples(8, 5, window=2)),
    "bent LSTM between": lambda: model_of(
        BentFrames(8, 8), BentFrames(2, 8, "LSTM", n_rnn=2, skip_conn=True), BentSamples(8, 0, window=2)
    ),
}


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize("name", MODELS)
def test_a_subclass_that_overrides_step_generates_what_its_training_forward_says(name, precision):
    model = MODELS[name]()
    _, conditions = random_sound(model, 64)
    codes = generate(engine_of(model, 1, precision=precision), conditions, np.zeros((1, 64)), [0.0])
    assert len(np.unique(codes)) > 2
    logits, _ = model.forward(window_of(model, codes, SILENCE), conditions, model.initial_states(1))
    np.testing.assert_array_equal(np.argmax(ops.convert_to_numpy(logits), -1), codes)


@pytest.mark.parametrize(
    "tiers",
    [
        lambda: (FrameRNN(8, 8), BentFrames(2, 8), SampleMLP(8, 5, window=2)),
        lambda: (BentFrames(8, 8), FrameRNN(2, 8), SampleMLP(8, 5, window=2)),
        lambda: (FrameRNN(8, 8), HalvedFrames(2, 8), SampleMLP(8, 5, window=2)),
        lambda: (FrameRNN(8, 8), FrameRNN(2, 8), BentSamples(8, 5, window=2)),
    ],
    ids=["between", "top", "prepare", "bottom"],
)
def test_beside_tiers_that_take_part_a_subclass_gives_the_same_logits(tiers):
    model = model_of(*tiers())
    codes, conditions = random_sound(model, 32, rows=2)
    window, states = window_of(model, codes, SILENCE), model.initial_states(2)
    weights = model.generation_weights()
    assert any(kernel is not None for kernel in weights.kernels)
    plain = Prepared([tier.prepare() for tier in model.tiers], [None] * len(model.tiers), None)
    expected, _ = model.forward(window, conditions, states, plain)
    logits, _ = model.forward(window, conditions, states, weights)
    np.testing.assert_allclose(logits, expected, atol=1e-4)


def test_narrow_weights_go_to_the_tiers_that_take_part_only():
    model = model_of(FrameRNN(8, 8), BentFrames(2, 8), BentSamples(8, 5, window=2))
    forms = model.generation_weights("int8").tiers
    narrow = [any(isinstance(matrix, Narrow) for matrix in _pairs(form)) for form in forms]
    assert narrow == [True, False, False]


def _pairs(form):
    return [matrix for name in ("output", "l3") if name in form for matrix in form[name]]


def test_a_subclass_that_overrides_step_alone_keeps_the_laws():
    check_tier(BentFrames, frame_size=2, dim=8)


class Doubling(Lowerable, Tier):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.frame_size, self.dim = 2, 3

    def step(self, inputs, state, prepared):
        return 2 * ops.matmul(inputs.context, ops.ones((3, 4)))[:, None], state

    def release_kernel(self, prepared):
        return Released(ops.ones((3, 4)), prepared, 0)


def test_a_subclass_that_overrides_the_lowering_too_takes_part():
    class Tripling(Doubling):
        def step(self, inputs, state, prepared):
            return 3 * ops.matmul(inputs.context, ops.ones((3, 4)))[:, None], state

    class Quadrupling(Tripling):
        release_kernel = Doubling.release_kernel

    assert release(Doubling(), None) is not None
    assert release(Tripling(), None) is None
    assert release(Quadrupling(), None) is not None


def test_a_method_without_the_mixin_does_not_count():
    class Plain(Tier):
        release_kernel = Doubling.release_kernel

    assert release(Plain(), None) is None


def test_a_subclass_that_overrides_step_alone_runs_windows_by_it():
    class Own(BentFrames):
        def sequence(self, inputs, state, prepared):
            return super().sequence(inputs, state, prepared)

    assert BentFrames.sequence is Tier.sequence
    assert Own.sequence is not Tier.sequence
    assert HalvedFrames.sequence is FrameRNN.sequence
