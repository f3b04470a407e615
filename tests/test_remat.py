"""A window in chunks has the loss, gradients and states of the whole window, and takes the memory of a chunk."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import window_memory
from corpora import corpus_of
from generations import SILENCE
from jax_training import SEQ_LEN, batches
from keras import ops
from test_training_laws import make_spec
from variants import build_variant, randomised

from keras_samplernn import SampleRNN
from keras_samplernn.backend import scan_steps, traced
from keras_samplernn.conditions.streams import ClassesStream
from keras_samplernn.errors import UserError
from keras_samplernn.model.memory import check_training_memory
from keras_samplernn.plugins.coarse_fine import CoarseFine
from keras_samplernn.plugins.frame_rnn import FrameRNN
from keras_samplernn.plugins.sample_mlp import SampleMLP
from keras_samplernn.plugins.softmax import Softmax
from keras_samplernn.training import chunks
from keras_samplernn.training.evaluation import Evaluator
from keras_samplernn.training.step import Step, Values

pytestmark = pytest.mark.law


class Remembering(SampleMLP):
    """A sample tier with a state, its decaying contexts. It reads a variable that is not in its prepared form."""

    @property
    def state_shapes(self):
        return ((self.dim,),)

    def build(self):
        super().build()
        self.decay = self.add_weight(shape=(self.dim,), initializer="zeros", name="decay")

    def step(self, inputs, state, prepared):
        memory = ops.sigmoid(self.decay) * state[0] + inputs.context
        outputs, _ = super().step(inputs._replace(context=memory), (), prepared)
        return outputs, (memory,)


class Dropping(Remembering):
    """Drops contexts of a window too."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.dropping = keras.layers.Dropout(0.5, seed=3)

    def sequence(self, inputs, state, prepared):
        return super().sequence(inputs._replace(context=self.dropping(inputs.context)), state, prepared)


def model_of(sample_tier):
    tiers = FrameRNN(8, 5, dropout=0.3 * (sample_tier is Dropping)), FrameRNN(2, 6, "LSTM"), sample_tier(9, 5, None)
    keras.utils.set_random_seed(1)
    return randomised(SampleRNN(tiers, q_levels=12, streams=[ClassesStream.of_count(3)], head=Softmax()))


MODELS = {
    "softmax, conditional": lambda: build_variant((8, 4, 2), classes=3, overlap=3),
    "coarse_fine": lambda: build_variant(q_levels=65536, head=CoarseFine(6)),
    "coarse_fine, conditional, SSM": lambda: build_variant(q_levels=65536, head=CoarseFine(6), classes=3, ssm=(0,)),
    "a sample tier with a state": lambda: model_of(Remembering),
}


def two_steps(model, samples):
    """Return the gradients, states, random states and sums of two steps, the second from the states of the first."""
    gradients = traced(Step(model, None, samples).gradients)
    states = [tuple(ops.zeros((2, *shape)) for shape in tier.state_shapes) for tier in model.tiers]
    values = Values(
        *([*map(ops.copy, each)] for each in (model.trainable_variables, model.non_trainable_variables)), [], states
    )
    seen = []
    for batch, _ in zip(batches(model), range(2), strict=False):
        if not model.streams:
            del batch["conditions"]
        batch["heard"] = batch["codes"][:, ::-1].copy()
        found, values, sums = gradients(values, keras.tree.map_structure(ops.convert_to_tensor, batch))
        seen += [*found, *keras.tree.flatten(values.states), *values.others, *sums]
    return [ops.convert_to_numpy(each) for each in seen]


def assert_equal(seen, expected):
    assert len(seen) == len(expected)
    for one, other in zip(seen, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_chunks_have_the_loss_gradients_and_states_of_the_whole_window(name):
    model = MODELS[name]()
    assert_equal(two_steps(model, 8), two_steps(model, None))


def test_half_precision_is_close_to_float32_in_chunks_and_in_whole_windows():
    """The rates of an SSM, here above an RNN, stay in float32 in both."""

    def seen(dtype, samples):
        return np.concatenate([*map(np.ravel, two_steps(build_variant(classes=3, ssm=(0,), dtype=dtype), samples))])

    exact = seen("float32", None)
    for samples in (None, 8):
        rounding = np.linalg.norm(seen("mixed_bfloat16", samples) - exact) / np.linalg.norm(exact)
        assert 0 < rounding < 0.05


def test_what_is_computed_again_drops_what_was_dropped_before(monkeypatch):
    """Gradients are those of the same chunks with all activations held, and each chunk drops something else."""
    model = model_of(Dropping)
    seen = two_steps(model, 8)

    def hold_all(function, weights, rows, state):
        return scan_steps(lambda row, state: function(weights, row, state), rows, state)

    monkeypatch.setattr(chunks, "scan_again", hold_all)
    assert_equal(seen, two_steps(model, 8))
    assert not np.allclose(seen[-1], two_steps(model, 16)[-1])


def test_chunks_of_a_validation_have_the_bits_of_its_windows():
    model, rng = build_variant(classes=3), np.random.default_rng(0)
    corpus = corpus_of([70, 33, 50], rng.integers(0, 12, 153).astype(np.uint8), rng.integers(0, 3, 153), classes=3)
    whole, cut = (Evaluator(model, SILENCE, 2, samples)(corpus) for samples in (SEQ_LEN, 8))
    np.testing.assert_allclose(cut.total, whole.total, rtol=1e-6)


def test_a_window_that_is_refused_fits_in_chunks(monkeypatch):
    monkeypatch.setattr("keras_samplernn.model.memory.machine_bytes", lambda: 8_000_000)
    with pytest.raises(UserError, match=r"2 windows of 65536 samples make .* or set a small training\.remat_samples"):
        check_training_memory(make_spec(seq_len=65536))
    check_training_memory(make_spec(seq_len=65536, remat_samples=512))


def test_a_long_window_in_chunks_takes_the_memory_of_a_short_one():
    """Of 65,536 samples in a process of its own: what the same window takes at once is many times more."""
    told = subprocess.run([sys.executable, window_memory.__file__], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    short, in_chunks, whole = json.loads(told.stdout)
    assert in_chunks - short < 0.3 * (whole - short)
