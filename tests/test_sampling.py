"""Codes are drawn by inverting the cumulative distribution, and uniforms are keyed by seed and stem."""

import numpy as np
import pytest

from keras_samplernn.generation.sampling import UniformStream, draw_codes

pytestmark = pytest.mark.law


def draw(logits, uniform, temperature=1.0):
    codes = draw_codes(np.float32([logits]), np.float32([uniform]), np.float32([temperature]))
    return int(codes[0])


@pytest.mark.parametrize(("uniform", "code"), [(0.0, 0), (0.2499, 0), (0.25, 1), (0.5, 2), (0.75, 3), (0.9999, 3)])
def test_the_code_is_the_first_whose_cumulative_probability_exceeds_the_uniform(uniform, code):
    assert draw([0, 0, 0, 0], uniform) == code


def test_codes_are_drawn_as_often_as_they_are_likely():
    logits, uniforms = np.float32([0.5, -1, 2, 0]), (np.arange(4000) + 0.5) / 4000
    codes = draw_codes(np.tile(logits, (4000, 1)), uniforms.astype("float32"), np.full(4000, 0.7, "float32"))
    expected = np.exp(logits / 0.7) / np.exp(logits / 0.7).sum()
    np.testing.assert_allclose(np.bincount(codes, minlength=4) / 4000, expected, atol=1e-3)


def test_at_temperature_0_the_likeliest_code_is_taken():
    assert draw([0, 3, 2.9, -1], 0.999, temperature=0.0) == 1


def test_a_stream_of_uniforms_depends_on_seed_and_stem_and_not_on_how_it_is_taken():
    whole = UniformStream(7, "rain").take(10)
    stream = UniformStream(7, "rain")
    np.testing.assert_array_equal(np.concatenate([stream.take(3), stream.take(6), stream.take(1)]), whole)
    assert whole.dtype == np.float32 and (whole >= 0).all() and (whole < 1).all()
    for seed, stem in ((8, "rain"), (7, "door")):
        assert not np.array_equal(UniformStream(seed, stem).take(10), whole)
