"""The recurrence of `frame_ssm`: stable whatever its weights, exact in windows, and remembering for long."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_samplernn import Binding, Inputs, scan_steps
from keras_samplernn.backend import compiled
from keras_samplernn.plugins.frame_ssm import FrameSSM
from keras_samplernn.plugins.rg_lru import gated_decay, one_step, whole_window

pytestmark = pytest.mark.law

ROWS, DIM = 3, 5


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def test_states_forget_for_all_weights_and_stay_as_large_as_their_noise():
    steps, rng = 100_000, np.random.default_rng(0)
    # Rates and recurrence gates from far below to far above what training reaches, with open input gates.
    rates, gates = (grid.ravel() for grid in np.meshgrid([-90.0, -20, -8, -3, 0, 9], [-90.0, -9, 0, 90]))
    noise = rng.uniform(-1, 1, (steps, 1, 24)).astype("float32")

    def states_of(noise):
        gate = tf.ones_like(noise) * gates.astype("float32")
        decay, added = gated_decay(noise, gate, 90 * tf.ones_like(noise), rates.astype("float32"))
        return decay, whole_window(decay, added, tf.zeros((1, 24)))[0]

    decay, states = map(array, compiled(states_of)(tf.constant(noise)))
    assert decay.min() >= 0 and 0.999998 < decay.max() < 1
    # The variance of the noise is 1 / 3, and so is the most that a state's becomes.
    assert np.sqrt((states**2).mean(axis=0).max()) < 0.65
    assert np.abs(states).max() < 4


@pytest.mark.parametrize("gate", [-90.0, -20.0, 0.0, 90.0])
def test_gradients_are_finite_where_a_state_forgets_nothing_or_all(gate):
    inputs = [tf.ones((1, DIM)), tf.fill((1, DIM), gate), tf.ones((1, DIM)), tf.linspace(-90.0, 90.0, DIM)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        total = sum(map(tf.reduce_sum, gated_decay(*inputs)))
    for gradient in tape.gradient(total, inputs):
        assert np.isfinite(gradient).all() and np.abs(gradient).max() < 1e4


@pytest.mark.parametrize(("steps", "compile_it"), [(1, True), (7, False), (7, True)], ids=["step", "graph", "XLA"])
def test_a_windows_gradient_is_that_of_its_steps(steps, compile_it):
    rng = np.random.default_rng(3)
    shapes = [(steps, ROWS, DIM), (steps, ROWS, DIM), (ROWS, DIM)]
    decay, added, before = (tf.constant(rng.uniform(0, 1, shape).astype("float32")) for shape in shapes)
    upstream = [tf.constant(rng.normal(0, 1, shape).astype("float32")) for shape in shapes[1:]]

    def of_steps(decay, added, before):
        return scan_steps(lambda row, h: one_step(*row, h), (decay, added), before)

    @tf.function(jit_compile=compile_it, autograph=False)
    def both():
        found = []
        for run in (whole_window, of_steps):
            with tf.GradientTape() as tape:
                tape.watch([decay, added, before])
                states, after = run(decay, added, before)
                total = tf.reduce_sum(states * upstream[0]) + tf.reduce_sum(after * upstream[1])
            found.append([states, after, *tape.gradient(total, [decay, added, before])])
        return found

    for one, other in zip(*both(), strict=True):
        np.testing.assert_allclose(array(one), array(other), atol=1e-5)


def test_half_precision_does_not_round_what_a_state_keeps():
    """Rounded to bfloat16, a decay of 0.999 would be 1, and a state of noise would grow without end."""
    rng = np.random.default_rng(1)
    noise, rates = rng.normal(0, 1, (2000, 1, DIM)), np.full(DIM, -8.3, "float32")  # a is 0.999

    def last(dtype):
        x = tf.cast(noise, dtype)
        decay, added = gated_decay(x, tf.zeros_like(x), tf.zeros_like(x), rates)
        return array(whole_window(decay, added, tf.zeros((1, DIM)))[1])

    exact = last("float32")
    assert np.abs(last("bfloat16") - exact).max() < 0.01 * np.abs(exact).max()


def test_it_learns_to_recall_a_frame_for_a_hundred_others():
    """A first frame, loud, tells what the steps of the second half are to give; the rest is faint noise."""
    frame, steps, rows, rng = 4, 128, 32, np.random.default_rng(3)
    keras.utils.set_random_seed(3)
    tier = FrameSSM(frame, 32, n_layers=1, dtype="float32")
    tier.bind(Binding(ratio=1, output_dim=1, q_levels=2, streams=(), frame_size_above=None))
    tier.build()
    optimizer = keras.optimizers.Adam(0.01, clipvalue=1.0)

    def sounds():
        wave, said = rng.uniform(-0.1, 0.1, (rows, steps, frame)), rng.choice([-1.0, 1.0], (rows, 1))
        wave[:, 0] = said
        return tf.constant(wave.astype("float32")), tf.constant(said.astype("float32"))

    def given(wave):
        inputs = Inputs(tf.zeros(wave.shape, "int32"), wave)
        return tier(inputs, tier.initial_state(rows))[0][:, steps // 2 :, 0, 0]

    @tf.function(autograph=False)
    def step(wave, said):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.softplus(-said * given(wave)))
        optimizer.apply(tape.gradient(loss, tier.trainable_variables), tier.trainable_variables)

    for _ in range(180):
        step(*sounds())
    wave, said = sounds()
    assert (np.sign(array(given(wave))) == array(said)).mean() > 0.95
