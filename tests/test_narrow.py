"""Products with int8 weights."""

import numpy as np
import pytest
from keras import ops

from keras_samplernn import Narrow, multiply, narrow
from keras_samplernn.backend import compiled


@pytest.fixture
def matrix():
    matrix = np.random.default_rng(0).normal(size=(24, 5)).astype("float32")
    matrix[:, 2] = 0
    return matrix


def widened(narrowed):
    codes = ops.convert_to_numpy(narrowed.codes).reshape(-1, narrowed.codes.shape[-1])
    return codes * ops.convert_to_numpy(narrowed.scales)


def test_a_weight_is_off_by_half_a_step_at_most(matrix):
    narrowed = narrow(ops.convert_to_tensor(matrix))
    assert isinstance(narrowed, Narrow) and "int8" in str(narrowed.codes.dtype)
    steps = np.abs(matrix).max(axis=0) / 127
    assert (np.abs(widened(narrowed) - matrix) <= steps / 2 * (1 + 1e-5)).all()


@pytest.mark.parametrize("shape", [(1, 24), (3, 24), (2, 3, 24)], ids=["row", "rows", "window"])
def test_a_product_is_that_of_the_rounded_matrix(matrix, shape):
    inputs = np.random.default_rng(1).normal(size=shape).astype("float32")
    narrowed = narrow(ops.convert_to_tensor(matrix))
    product = compiled(multiply)(ops.convert_to_tensor(inputs), narrowed)
    np.testing.assert_allclose(product, inputs @ widened(narrowed), rtol=1e-5, atol=1e-5)


def test_a_matrix_that_cannot_be_cut_in_blocks_stays(matrix):
    odd = ops.convert_to_tensor(matrix[:23])
    assert narrow(odd) is odd
    np.testing.assert_allclose(multiply(ops.ones((1, 23)), odd)[0], matrix[:23].sum(axis=0), rtol=1e-5)
