"""What every variant of the model must hold, whatever its formulas are implemented by."""

import functools
import itertools

import keras
import numpy as np
import pytest
from oracle import oracle_logits
from variants import OPTIONS, ROWS, VARIANTS, build_variant, classes_in, oracle_tiers, random_sound, window_of

from keras_samplernn.model.head import bits_per_sample

pytestmark = pytest.mark.law

SAMPLES, SILENCE = 64, 0


def forward(model, window, conditions, states=None, weights=None):
    logits, states = model.forward(window, conditions, states or model.initial_states(len(window)), weights)
    return keras.ops.convert_to_numpy(logits), states


class Case:
    """A variant, three sounds, and their logits; the laws read it and leave it as it is."""

    def __init__(self, variant):
        self.model = build_variant(**VARIANTS[variant])
        self.codes, self.conditions = random_sound(self.model, SAMPLES, rows=3)
        self.window = window_of(self.model, self.codes, SILENCE)

    def conditions_in(self, *where):
        return None if self.conditions is None else self.conditions[where]

    @functools.cached_property
    def logits(self):
        return forward(self.model, self.window, self.conditions)[0]

    @functools.cached_property
    def expected(self):
        tiers, conditions = oracle_tiers(self.model), self.conditions_in(0)
        return oracle_logits(tiers, self.model.q_levels, self.codes[0], conditions, classes_in(self.model), SILENCE)


# Of the module: pytest then runs all laws of a variant in turn.
@pytest.fixture(scope="module", params=VARIANTS)
def case(request):
    return Case(request.param)


def test_the_variants_cover_each_pair_of_options():
    for (one, some), (other, more) in itertools.combinations(OPTIONS.items(), 2):
        assert {(row[one], row[other]) for row in ROWS} == set(itertools.product(some, more)), (one, other)


@pytest.mark.parametrize("samples", [0, 10**6], ids=["plain", "folded"])
def test_training_forward_matches_the_oracle(case, samples):
    weights = case.model.prepare(samples)  # a window as short as this one's would fold a part of the variants only
    logits, _ = forward(case.model, case.window[:1], case.conditions_in(slice(1)), weights=weights)
    assert np.abs(case.expected).max() > 0.5  # weights large enough to tell
    np.testing.assert_allclose(logits[0], case.expected, atol=1e-4)


def test_a_window_split_in_two_equals_the_whole(case):
    halves, states, half = [], None, SAMPLES // 2
    for start in (0, half):
        piece = case.window[:, start : start + case.model.lookback + half]
        conditions = case.conditions_in(slice(None), slice(start, start + half))
        logits, states = forward(case.model, piece, conditions, states)
        halves.append(logits)
    np.testing.assert_allclose(np.concatenate(halves, axis=1), case.logits, atol=1e-5)


def test_a_later_sample_changes_nothing_earlier(case):
    """Each row of the batch has another sample changed; what comes after it changes, what comes before does not."""
    targets, lookback = 32, case.model.lookback
    window = np.repeat(case.window[:1, : lookback + targets], targets + 1, axis=0)
    changed = np.arange(targets)
    window[changed, lookback + changed] = (case.codes[0, :targets] + 1) % case.model.q_levels
    conditions = case.conditions_in(np.zeros(targets + 1, int), slice(targets))
    logits, _ = forward(case.model, window, conditions)
    difference = np.abs(logits[:-1] - logits[-1]).max(axis=-1)  # (sample changed, logits of sample)
    assert (difference[np.tril_indices(targets)] < 1e-4).all()  # rounding depends on a row's place in the batch
    assert (np.diagonal(difference, 1) > 1e-3).all()


def test_rows_are_independent(case):
    window = case.window.copy()
    window[[0, 2]] = 1
    changed, _ = forward(case.model, window, case.conditions)
    np.testing.assert_array_equal(changed[1], case.logits[1])


def test_a_sound_that_ends_inside_a_frame_matches_the_oracle():
    model = build_variant(classes=3)
    codes, conditions = random_sound(model, 48)
    conditions[:, 43:] = -1
    logits, _ = forward(model, window_of(model, codes, 6), conditions)
    expected = oracle_logits(oracle_tiers(model), 12, codes[0, :43], conditions[0, :43], 3)
    np.testing.assert_allclose(logits[0, :43], expected, atol=1e-4)


@pytest.mark.parametrize(
    "options",
    [{"frames": (4,)}, {"classes": 3}, {"frames": (8, 4, 2)}, {"window": 11, "classes": 3}, {"ssm": (0,)}],
    ids=["two tiers", "three tiers conditional", "four tiers", "wide lookback", "three tiers SSM"],
)
def test_gradients_prove_causality(options, monkeypatch):
    """No gradient reaches a target, or what comes after it, from its own logits; the sample before does.

    Each row of the batch is asked for another target's logits, and no code occurs twice in the batch, so that the
    gradient of an embedding row is that of one position.
    """
    import tensorflow as tf

    targets = 32
    lookback = build_variant(**options).lookback
    width = lookback + targets
    model = build_variant(**options, q_levels=targets * width)
    window = np.random.default_rng(0).permutation(targets * width).reshape(targets, width).astype("int32")
    conditions = np.zeros((targets, targets), "int32") if model.streams else None
    wave = tf.constant(keras.ops.convert_to_numpy(model.rescale(window)))
    monkeypatch.setattr(model, "rescale", lambda codes: wave)
    embedding = model.tiers[-1].embedding.value
    with tf.GradientTape() as tape:
        tape.watch(wave)
        logits, _ = model.forward(window, conditions, model.initial_states(targets))
        total = sum(tf.reduce_sum(logits[target, target] ** 2) for target in range(targets))
    by_wave, by_code = tape.gradient(total, [wave, embedding])
    by_wave = np.abs(by_wave.numpy())
    by_position = np.abs(tf.convert_to_tensor(by_code).numpy()).sum(axis=1)[window]
    for target in range(targets):
        now = lookback + target
        assert not by_wave[target, now:].any()
        assert not by_position[target, now:].any()
        assert by_position[target, now - 1] > 0


def test_keras_own_fit_trains_on_windows():
    model = build_variant(classes=3)
    codes, conditions = random_sound(model, 32, rows=4)
    inputs = {"codes": window_of(model, codes, 0), "conditions": conditions}
    model.compile("adam", jit_compile=False)
    losses = model.fit(inputs, codes, batch_size=2, epochs=3, verbose=0).history["loss"]
    logits, _ = forward(build_variant(classes=3), inputs["codes"], conditions)
    assert losses[-1] < losses[0] < 1.2 * float(np.mean(bits_per_sample(codes, logits)))
