"""Generation is the training forward, one sample at a time, in one compiled loop."""

import keras
import numpy as np
import pytest
from oracle import oracle_generate
from variants import SILENCE, VARIANTS, build_variant, generate, oracle_tiers, random_sound, window_of

from keras_samplernn.generation import engine as engine_module
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.sampling import draw_codes

pytestmark = pytest.mark.law

TEMPERATURES = [1.0, 0.7]


def both_generations(variant):
    """Return the engine's codes of two sounds, and the oracle's codes and logits."""
    model = build_variant(**VARIANTS[variant])
    uniforms = np.random.default_rng(3).random((2, 64)).astype("float32")
    _, conditions = random_sound(model, 64, rows=2)
    oracle = [
        oracle_generate(
            oracle_tiers(model),
            model.q_levels,
            64,
            None if conditions is None else conditions[row],
            model.classes,
            SILENCE % model.q_levels,
            uniforms[row],
            temperature,
        )
        for row, temperature in enumerate(TEMPERATURES)
    ]
    codes, logits = (np.stack(arrays) for arrays in zip(*oracle, strict=True))
    return generate(model, conditions, uniforms, TEMPERATURES), codes, logits


@pytest.mark.parametrize("variant", VARIANTS)
def test_generation_matches_the_oracle(variant):
    codes, expected, _ = both_generations(variant)
    np.testing.assert_array_equal(codes, expected)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_logits_that_generation_draws_from_match_the_oracle(variant, monkeypatch):
    seen = []

    def record(logits, uniforms, temperatures):
        seen.append(keras.ops.convert_to_numpy(logits))
        return draw_codes(logits, uniforms, temperatures)

    monkeypatch.setattr(engine_module, "compiled", lambda function: function)
    monkeypatch.setattr(engine_module, "draw_codes", record)
    _, _, expected = both_generations(variant)
    np.testing.assert_allclose(np.stack(seen, axis=1), expected, atol=1e-4)


GREEDY = [
    "two tiers conditional",
    "three tiers",
    "three tiers conditional",
    "four tiers",
    "four tiers conditional",
]


def greedy_agreement(model):
    """Return how often a greedy sound's choices are those of the training forward over that sound."""
    _, conditions = random_sound(model, 96, rows=2)
    codes = generate(model, conditions, np.zeros((2, 96)), [0.0, 0.0])
    window = window_of(model, codes, SILENCE)
    logits, _ = model.forward(window, conditions, model.initial_states(2))
    return codes, conditions, window, np.mean(np.argmax(keras.ops.convert_to_numpy(logits), -1) == codes)


@pytest.mark.parametrize("variant", GREEDY)
def test_greedy_generation_is_what_the_training_forward_would_choose(variant):
    model = build_variant(**VARIANTS[variant])
    codes, _, _, agreement = greedy_agreement(model)
    assert agreement == 1
    assert len(np.unique(codes)) > 2  # a constant sound would agree with anything


@pytest.mark.parametrize("variant", GREEDY)
def test_a_shifted_condition_or_context_would_be_seen(variant):
    """The law above is sharp: shifted by one sample or one slot, the forward no longer agrees."""
    model = build_variant(**VARIANTS[variant])
    codes, conditions, window, _ = greedy_agreement(model)

    def disagrees(window, conditions):
        logits, _ = model.forward(window, conditions, model.initial_states(2))
        return np.mean(np.argmax(keras.ops.convert_to_numpy(logits), -1) == codes) < 1

    if conditions is not None:
        assert disagrees(window, np.roll(conditions, 1, axis=1))
    tier = model.tiers[-2]
    matrix, bias = tier.output_linear.direction, tier.output_linear.bias
    matrix.assign(np.roll(matrix, tier.binding.output_dim, axis=1))
    if tier.output_linear.scale is not None:
        tier.output_linear.scale.assign(np.roll(tier.output_linear.scale, tier.binding.output_dim))
    bias.assign(np.roll(bias, tier.binding.output_dim))
    assert disagrees(window, conditions)


@pytest.mark.parametrize("samples", [1, 7, 16, 21, 45])
def test_a_primed_sound_goes_on_from_the_primers_end(samples):
    model = build_variant(frames=(8, 2), classes=3)
    primer, primer_conditions = random_sound(model, samples, seed=9)
    _, conditions = random_sound(model, 32)
    uniforms = np.random.default_rng(1).random((1, 32)).astype("float32")
    codes = generate(
        model,
        conditions,
        uniforms,
        [1.0],
        start=lambda engine, weights: engine.primed_start(weights, primer[0], primer_conditions[0]),
        block_samples=16,
    )
    expected, _ = oracle_generate(
        oracle_tiers(model),
        12,
        32,
        conditions[0],
        3,
        SILENCE,
        uniforms[0],
        1.0,
        primer[0],
        primer_conditions[0],
    )
    np.testing.assert_array_equal(codes[0], expected)


def test_a_row_begins_anew_while_its_neighbour_goes_on():
    model = build_variant(classes=3)
    _, conditions = random_sound(model, 64, rows=2)
    uniforms = np.random.default_rng(1).random((2, 64)).astype("float32")
    whole = generate(model, conditions, uniforms, [1.0, 1.0])
    engine = GenerationEngine(model, SILENCE, 2, 32)
    weights = engine.weights()
    start = engine.silent_start(weights)
    temperatures, begins = np.ones((2, engine.frames), "float32"), np.zeros((2, engine.frames), "int32")
    begins[:, 0] = 1
    _, carry = engine.advance(weights, start, start, begins, conditions[:, :32], uniforms[:, :32], temperatures)

    def swapped(array):  # the first row goes on; the second does so for one top frame of 8, then begins anew
        return np.stack([array[0, 32:], np.concatenate([array[1, 32:40], array[1, :24]])])

    begins[:] = [[0, 0, 0, 0], [0, 1, 0, 0]]
    codes, _ = engine.advance(weights, carry, start, begins, swapped(conditions), swapped(uniforms), temperatures)
    np.testing.assert_array_equal(codes, swapped(whole))
