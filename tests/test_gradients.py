"""The gradients that are written by hand are those that TensorFlow derives from the formula."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_samplernn import Linear, sum_lookups
from keras_samplernn.backend import compiled, look_up
from keras_samplernn.model.head import bits_per_sample

pytestmark = pytest.mark.law


def gradients(function, watched):
    """Return what a function gives, and the gradients of a sum of it in which every element counts differently."""
    with tf.GradientTape() as tape:
        tape.watch(watched)
        result = function()
        weights = np.random.default_rng(1).normal(size=result.shape).astype("float32")
        total = tf.reduce_sum(result * weights)
    return result, tape.gradient(total, watched)


def agree(one, other):
    for seen, expected in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True):
        np.testing.assert_allclose(seen, expected, rtol=1e-5, atol=1e-5)


def random_tensors(*shapes):
    rng = np.random.default_rng(0)
    return [tf.constant(rng.normal(size=shape).astype("float32")) for shape in shapes]


def test_cross_entropy():
    targets = np.random.default_rng(2).integers(0, 7, (3, 4)).astype("int32")
    (logits,) = random_tensors((3, 4, 7))
    logits += 90 * tf.one_hot([[0, 1, 2, 3]], 7)  # a code far ahead of the others

    def formula():
        return ops.sparse_categorical_crossentropy(targets, logits, from_logits=True) / np.log(2)

    agree(gradients(lambda: bits_per_sample(targets, logits), [logits]), gradients(formula, [logits]))


@pytest.mark.parametrize("shape", [(6, 4), (2, 3, 4)], ids=["step", "window"])
def test_linear_with_weight_norm_and_bias(shape):
    linear = Linear(5)
    linear.build((4,))
    inputs, direction, scale, bias = random_tensors(shape, (4, 5), (5,), (5,))
    variables = [linear.direction, linear.scale, linear.bias]
    for variable, tensor in zip(variables, (direction, scale, bias), strict=True):
        variable.assign(tensor)

    def formula():
        return ops.matmul(inputs, direction * scale / ops.norm(direction, axis=0)) + bias

    seen = gradients(lambda: linear(inputs), [inputs, *(variable.value for variable in variables)])
    agree(seen, gradients(formula, [inputs, direction, scale, bias]))


@pytest.mark.parametrize(
    "run",
    [lambda function: function, functools.partial(tf.function, autograph=False), compiled],
    ids=["eager", "graph", "XLA"],
)
def test_sums_of_lookups(run):
    (tables,) = random_tensors((3, 7, 4))
    codes = np.random.default_rng(4).integers(0, 6, (20, 3)).astype("int32")  # many times the same, and 6 never

    def formula():
        return tf.einsum("nwq,wqd->nd", tf.one_hot(codes, 7), tables)

    seen = run(lambda: gradients(lambda: sum_lookups(tables, codes), [tables]))()
    agree(seen, gradients(formula, [tables]))


@pytest.mark.parametrize(
    "read", [lambda table, codes: sum_lookups(table[None], codes[:, None]), look_up], ids=["sum_lookups", "look_up"]
)
def test_gradients_of_many_lookups_of_one_row_are_not_rounded_away_in_bfloat16(read):
    """Added up in bfloat16, ones come to 256 and no further."""
    table, codes = tf.ones((3, 2), tf.bfloat16), tf.ones((4096,), tf.int32)
    with tf.GradientTape() as tape:
        tape.watch(table)
        found = read(table, codes)
    seen = tape.gradient(found, table)
    assert seen.dtype == tf.bfloat16
    np.testing.assert_array_equal(tf.cast(seen, tf.float32), [[0, 0], [4096, 4096], [0, 0]])
