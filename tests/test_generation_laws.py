"""Generation is the training forward, one sample at a time, in one compiled loop."""

import functools

import keras
import numpy as np
import pytest
from generations import SILENCE, engine_of, generate
from oracle import oracle_generate
from variants import (
    VARIANTS,
    as_conditions,
    build_variant,
    classes_in,
    oracle_tiers,
    random_sound,
    representatives,
    window_of,
)

from keras_samplernn.generation import engine as engine_module
from keras_samplernn.generation.sampling import draw_codes

pytestmark = pytest.mark.law

SAMPLES, TEMPERATURES = 64, [1.0, 0.7]


class Case:
    """A variant, and what the oracle generates from it in two rows."""

    def __init__(self, variant):
        self.model = model = build_variant(**VARIANTS[variant])
        self.uniforms = np.random.default_rng(3).random((2, SAMPLES)).astype("float32")
        _, self.conditions = random_sound(model, SAMPLES, rows=2)
        silence, tiers, sounds = SILENCE % model.q_levels, oracle_tiers(model), []
        for row, temperature in enumerate(TEMPERATURES):
            conditions = None if self.conditions is None else self.conditions[row]
            arguments = SAMPLES, conditions, classes_in(model), silence, self.uniforms[row], temperature
            sounds.append(oracle_generate(tiers, model.q_levels, *arguments))
        self.codes, self.logits = (np.stack(arrays) for arrays in zip(*sounds, strict=True))


# One oracle for both laws.
case_of = functools.cache(Case)


@pytest.mark.parametrize("variant", representatives())
def test_compiled_generation_matches_the_oracle(variant):
    case = case_of(variant)
    codes = generate(engine_of(case.model), case.conditions, case.uniforms, TEMPERATURES)
    np.testing.assert_array_equal(codes, case.codes)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_logits_that_generation_draws_from_match_the_oracle(variant, monkeypatch):
    seen, case = [], case_of(variant)

    def record(logits, uniforms, temperatures):
        seen.append(keras.ops.convert_to_numpy(logits))
        return draw_codes(logits, uniforms, temperatures)

    monkeypatch.setattr(engine_module, "compiled_once", lambda function: function)
    monkeypatch.setattr(engine_module, "draw_codes", record)
    samples = SAMPLES // 2
    conditions = None if case.conditions is None else case.conditions[:, :samples]
    codes = generate(engine_of(case.model), conditions, case.uniforms[:, :samples], TEMPERATURES)
    np.testing.assert_allclose(np.stack(seen, axis=1), case.logits[:, :samples], atol=1e-4)
    np.testing.assert_array_equal(codes, case.codes[:, :samples])


@pytest.mark.parametrize(
    "options",
    [
        {"frames": (4,), "classes": 3},
        {},
        {"frames": (8, 4, 2), "classes": 3},
        {"frames": (4,), "ssm": (0,), "classes": 3},
        {"ssm": (0,), "seed": 4},
    ],
    ids=[
        "two tiers conditional",
        "three tiers",
        "four tiers conditional",
        "two tiers conditional SSM",
        "three tiers SSM",
    ],
)
def test_greedy_generation_is_what_the_training_forward_would_choose(options):
    model = build_variant(**options)
    _, conditions = random_sound(model, 96, rows=2)
    codes = generate(engine_of(model), conditions, np.zeros((2, 96)), [0.0, 0.0])
    assert len(np.unique(codes)) > 2  # a constant sound would agree with anything
    window = window_of(model, codes, SILENCE)

    def agrees(conditions):
        logits, _ = model.forward(window, conditions, model.initial_states(2))
        return np.array_equal(np.argmax(keras.ops.convert_to_numpy(logits), -1), codes)

    assert agrees(conditions)
    # The law is sharp: shifted by one sample or one slot, the forward no longer agrees.
    if conditions is not None:
        assert not agrees(np.roll(conditions, 1, axis=1))
    shifted, slot = model.tiers[-2].output_linear, model.tiers[-2].binding.output_dim
    for variable in (shifted.direction, shifted.scale, shifted.bias):
        variable.assign(np.roll(variable, slot, axis=-1))
    assert not agrees(conditions)


@pytest.fixture(scope="module")
def engine():
    """An engine of two rows and blocks of two top frames of a model with conditions."""
    return engine_of(build_variant(classes=3), block_samples=16)


@pytest.mark.parametrize("samples", [1, 7, 16, 21, 45])
def test_a_primed_sound_goes_on_from_the_primers_end(engine, samples):
    model = engine.model
    primer, primer_conditions = (array[0] for array in random_sound(model, samples, seed=9))
    _, conditions = random_sound(model, 32, rows=2)
    uniforms = np.random.default_rng(1).random((2, 32)).astype("float32")
    start = engine.primed_start(engine.weights(), primer, as_conditions(primer_conditions))
    codes = generate(engine, conditions, uniforms, TEMPERATURES, start)
    for row, temperature in enumerate(TEMPERATURES):
        arguments = 32, conditions[row], 3, SILENCE, uniforms[row], temperature, primer, primer_conditions
        expected, _ = oracle_generate(oracle_tiers(model), 12, *arguments)
        np.testing.assert_array_equal(codes[row], expected)


def test_a_row_begins_anew_while_its_neighbour_goes_on(engine):
    _, conditions = random_sound(engine.model, 32, rows=2)
    uniforms = np.random.default_rng(1).random((2, 32)).astype("float32")
    whole = generate(engine, conditions, uniforms, [1.0, 1.0])
    weights = engine.weights()
    start = engine.silent_start(weights)
    temperatures = np.ones((2, 2), "float32")
    begins = np.array([[1, 0], [1, 0]], "int32")
    first = begins, as_conditions(conditions[:, :16]), uniforms[:, :16, None], temperatures
    _, carry = engine.advance(weights, start, start, *first)

    def swapped(array):  # the first row goes on; the second does so for one top frame of 8, then begins anew
        return np.stack([array[0, 16:32], np.concatenate([array[1, 16:24], array[1, :8]])])

    begins = np.array([[0, 0], [0, 1]], "int32")
    conditions = as_conditions(swapped(conditions))
    codes, _ = engine.advance(weights, carry, start, begins, conditions, swapped(uniforms)[..., None], temperatures)
    np.testing.assert_array_equal(codes, swapped(whole))


def test_codes_are_drawn_from_float32_outputs_under_bfloat16_too(monkeypatch):
    model, seen = build_variant(dtype="mixed_bfloat16"), []

    def record(outputs, choose, prepared):
        seen.append(keras.backend.standardize_dtype(outputs.dtype))
        return choose(outputs, 0)

    monkeypatch.setattr(model.head, "draw", record)
    codes = generate(engine_of(model), None, np.full((2, 32), 0.5), TEMPERATURES)
    assert codes.shape == (2, 32) and set(seen) == {"float32"}
