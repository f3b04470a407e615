"""What every variant of the model must hold, whatever its formulas are implemented by."""

import keras
import numpy as np
import pytest
from oracle import oracle_logits
from variants import VARIANTS, build_variant, oracle_tiers, random_sound, window_of

from keras_samplernn import SampleRNN
from keras_samplernn.model.samplernn import bits_per_sample

pytestmark = pytest.mark.law


def forward(model, window, conditions, states=None):
    logits, states = model.forward(window, conditions, states or model.initial_states(len(window)))
    return keras.ops.convert_to_numpy(logits), states


@pytest.mark.parametrize("samples", [0, 10**6], ids=["plain", "folded"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_training_forward_matches_the_oracle(variant, samples, monkeypatch):
    prepare = SampleRNN.prepare  # a window as short as this one's would fold a part of the variants only
    monkeypatch.setattr(SampleRNN, "prepare", lambda model, _: prepare(model, samples))
    model = build_variant(**VARIANTS[variant])
    codes, conditions = random_sound(model, 48)
    logits, _ = forward(model, window_of(model, codes, model.q_levels // 2), conditions)
    expected = oracle_logits(
        oracle_tiers(model),
        model.q_levels,
        codes[0],
        None if conditions is None else conditions[0],
        model.classes,
    )
    assert np.abs(expected).max() > 0.5  # weights large enough to tell
    np.testing.assert_allclose(logits[0], expected, atol=1e-4)


def test_a_sound_that_ends_inside_a_frame_matches_the_oracle():
    model = build_variant(classes=3)
    codes, conditions = random_sound(model, 48)
    conditions[:, 43:] = -1
    logits, _ = forward(model, window_of(model, codes, 6), conditions)
    expected = oracle_logits(oracle_tiers(model), 12, codes[0, :43], conditions[0, :43], 3)
    np.testing.assert_allclose(logits[0, :43], expected, atol=1e-4)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_window_split_in_two_equals_the_whole(variant):
    model = build_variant(**VARIANTS[variant])
    codes, conditions = random_sound(model, 64, rows=2)
    window = window_of(model, codes, 0)
    whole, _ = forward(model, window, conditions)
    halves, states = [], None
    for start in (0, 32):
        piece = None if conditions is None else conditions[:, start : start + 32]
        logits, states = forward(model, window[:, start : start + model.lookback + 32], piece, states)
        halves.append(logits)
    np.testing.assert_allclose(np.concatenate(halves, axis=1), whole, atol=1e-5)


@pytest.mark.parametrize("variant", ["two tiers", "three tiers conditional", "four tiers conditional", "wide lookback"])
def test_a_later_sample_changes_nothing_earlier(variant):
    model = build_variant(**VARIANTS[variant])
    codes, conditions = random_sound(model, 32)
    window = window_of(model, codes, 0)
    before, _ = forward(model, window, conditions)
    for changed in range(32):
        other = window.copy()
        other[0, model.lookback + changed] = (codes[0, changed] + 5) % model.q_levels
        after, _ = forward(model, other, conditions)
        np.testing.assert_array_equal(after[0, : changed + 1], before[0, : changed + 1])
        if changed < 31:
            assert not np.array_equal(after[0, changed + 1], before[0, changed + 1])


@pytest.mark.parametrize("variant", ["two tiers", "three tiers conditional", "four tiers", "wide lookback"])
def test_gradients_prove_causality(variant):
    """No gradient reaches a target, or what comes after it, from its own logits; the sample before does.

    Every code of the window is another one, so that the gradient of an embedding row is that of one position.
    """
    import tensorflow as tf

    targets = 32
    model = build_variant(**{**VARIANTS[variant], "q_levels": 64})
    window = np.random.default_rng(0).permutation(64)[None, : model.lookback + targets].astype("int32")
    conditions = np.zeros((1, targets), "int32") if model.classes else None
    wave = tf.constant(keras.ops.convert_to_numpy(model.rescale(window)))
    model.rescale = lambda codes: wave
    embedding = model.tiers[-1].embedding.value
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(wave)
        logits, _ = model.forward(window, conditions, model.initial_states(1))
        sums = [tf.reduce_sum(logits[0, target] ** 2) for target in range(targets)]
    for target in range(targets):
        by_wave = np.abs(tape.gradient(sums[target], wave).numpy()[0])
        by_row = np.abs(tf.convert_to_tensor(tape.gradient(sums[target], embedding)).numpy()).sum(axis=1)
        now = model.lookback + target
        assert not by_wave[now:].any()
        assert not by_row[window[0, now:]].any()
        assert by_row[window[0, now - 1]] > 0


@pytest.mark.parametrize("variant", VARIANTS)
def test_rows_are_independent(variant):
    model = build_variant(**VARIANTS[variant])
    codes, conditions = random_sound(model, 32, rows=3)
    window = window_of(model, codes, 0)
    whole, _ = forward(model, window, conditions)
    window[[0, 2]] = 1
    changed, _ = forward(model, window, conditions)
    np.testing.assert_array_equal(changed[1], whole[1])


def test_keras_own_fit_trains_on_windows():
    model = build_variant(classes=3)
    codes, conditions = random_sound(model, 32, rows=4)
    inputs = {"codes": window_of(model, codes, 0), "conditions": conditions}
    model.compile("adam", jit_compile=False)
    losses = model.fit(inputs, codes, batch_size=2, epochs=3, verbose=0).history["loss"]
    logits, _ = forward(build_variant(classes=3), inputs["codes"], conditions)
    assert losses[-1] < losses[0] < 1.2 * float(np.mean(bits_per_sample(codes, logits)))
