import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_samplernn.data.quantization import Q_TYPES, Quantizer

pytestmark = pytest.mark.law

LEVELS = [2, 3, 4, 5, 16, 255, 256, 257, 1024, 65535, 65536]


@pytest.mark.parametrize("q_type", Q_TYPES)
@pytest.mark.parametrize("q_levels", LEVELS)
def test_decoding_then_encoding_gives_back_every_code(q_type, q_levels):
    quantizer = Quantizer(q_type, q_levels)
    codes = np.arange(q_levels)
    wave = quantizer.decode(codes)
    assert wave.dtype == np.float32
    assert np.abs(wave).max() <= 1
    np.testing.assert_array_equal(quantizer.encode(wave), codes)


@pytest.mark.parametrize("q_type", Q_TYPES)
@given(q_levels=st.integers(2, 65536), wave=st.lists(st.floats(-1, 1), min_size=1, max_size=50))
def test_louder_samples_never_have_lower_codes(q_type, q_levels, wave):
    codes = Quantizer(q_type, q_levels).encode(np.sort(wave))
    assert (np.diff(codes) >= 0).all()
    assert codes.min() >= 0
    assert codes.max() < q_levels


def oracle(q_type, q_levels, sample):
    """The formulas, one sample at a time."""
    top, size, sign = q_levels - 1, abs(sample), np.sign(sample)
    if q_type == "linear":
        return min(int(np.floor(q_levels * (sample + 1) / 2)), top)
    if q_type == "mu-law":
        y = sign * np.log(1 + top * size) / np.log(1 + top)
    else:
        a = 87.6
        y = sign * (a * size if size < 1 / a else 1 + np.log(a * size)) / (1 + np.log(a))
    return int(np.floor((y + 1) / 2 * top + 0.5))


@pytest.mark.parametrize("q_type", Q_TYPES)
@pytest.mark.parametrize("q_levels", [2, 16, 256, 65536])  # float32 would miss some codes of 65536
def test_codes_are_those_of_the_formulas(q_type, q_levels):
    wave = np.random.default_rng(0).uniform(-1, 1, 2000)
    expected = [oracle(q_type, q_levels, sample) for sample in wave]
    np.testing.assert_array_equal(Quantizer(q_type, q_levels).encode(wave), expected)


@pytest.mark.parametrize("q_type", Q_TYPES)
@pytest.mark.parametrize("q_levels", LEVELS)
def test_silence_is_one_code_whatever_stands_beside_it(q_type, q_levels):
    quantizer = Quantizer(q_type, q_levels)
    assert quantizer.silence == q_levels // 2
    quiet, loud = quantizer.encode([0.0, 0.001]), quantizer.encode([0.0, -0.0, 0.9, -1.0])
    assert quiet[0] == loud[0] == loud[1] == quantizer.silence


@pytest.mark.parametrize("q_type", Q_TYPES)
def test_samples_beyond_the_range_take_the_outermost_codes(q_type):
    codes = Quantizer(q_type, 256).encode([[-7.0, -1.0], [1.0, np.inf]])
    assert codes.dtype == np.int32
    np.testing.assert_array_equal(codes, [[0, 0], [255, 255]])


@pytest.mark.parametrize(("q_type", "q_levels"), [("mulaw", 256), ("linear", 1), ("linear", 65537)])
def test_unknown_types_and_levels_are_refused(q_type, q_levels):
    with pytest.raises(ValueError, match=r"q_type|q_levels"):
        Quantizer(q_type, q_levels)
