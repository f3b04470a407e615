"""The Linear: norms in full precision, whatever the device rounds products to."""

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_samplernn import Linear, backend, sum_rows
from keras_samplernn.model import linear as linear_module

pytestmark = pytest.mark.law


@pytest.fixture
def coarse_products(monkeypatch):
    """Let products round what they multiply to ten bits, as a GPU with TF32 does."""
    product = ops.matmul

    def coarse(one, other):
        return product(*(tf.cast(tf.cast(x, tf.float16), tf.float32) for x in (one, other)))

    monkeypatch.setattr(linear_module.ops, "matmul", coarse)


@pytest.fixture
def a_gpu(monkeypatch):
    """Let TensorFlow see a GPU beside the CPU."""
    devices = [tf.config.PhysicalDevice(f"/physical_device:{kind}:0", kind) for kind in ("CPU", "GPU")]
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda *_: devices)


def norms_and_gradients():
    """Return a weight-normalised matrix of 300 inputs, its gradients, and what they are in float64."""
    linear = Linear(4, use_bias=False, dtype="float32")
    linear.build((300,))
    rng = np.random.default_rng(0)
    direction, scale, upstream = rng.normal(size=(300, 4)), rng.normal(size=4), rng.normal(size=(300, 4))
    linear.direction.assign(direction)
    linear.scale.assign(scale)
    with tf.GradientTape() as tape:
        matrix = linear.matrix()
    gradients = tape.gradient(matrix, [linear.direction.value, linear.scale.value], tf.cast(upstream, tf.float32))
    norm = np.sqrt((direction**2).sum(axis=0))
    to_scale = (upstream * direction).sum(axis=0) / norm
    to_direction = upstream * scale / norm - direction * (to_scale * scale / norm**2)
    return [matrix, *gradients], [direction * scale / norm, to_direction, to_scale]


@pytest.mark.usefixtures("coarse_products", "a_gpu")
def test_norms_are_not_products_on_a_gpu():
    for seen, expected in zip(*norms_and_gradients(), strict=True):
        np.testing.assert_allclose(seen, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("coarse_products")
def test_the_test_above_would_see_a_product():
    seen, expected = norms_and_gradients()
    assert np.abs(seen[2] - expected[2]).max() > 1e-5


def test_rows_are_summed_alike_with_and_without_a_gpu(monkeypatch):
    rows = tf.constant(np.random.default_rng(1).normal(size=(5, 7, 3)), tf.float32)
    sums = []
    for alone in (True, False):
        monkeypatch.setattr(linear_module, "cpu_alone", lambda alone=alone: alone)
        sums.append(sum_rows(rows))
        assert sum_rows(tf.cast(rows, tf.bfloat16)).dtype == tf.bfloat16
    np.testing.assert_allclose(*sums, rtol=1e-5, atol=1e-5)


def test_a_sum_on_a_gpu_adds_up_in_float32(monkeypatch):
    add_up, seen = ops.sum, []
    monkeypatch.setattr(linear_module, "cpu_alone", lambda: False)
    monkeypatch.setattr(linear_module.ops, "sum", lambda x, axis: seen.append(x.dtype) or add_up(x, axis=axis))
    sum_rows(tf.ones((1000, 2), tf.bfloat16))
    assert seen == [tf.float32]


def test_devices_other_than_the_cpu_are_seen(a_gpu):
    assert not backend.cpu_alone()


def test_a_cpu_sees_itself_alone(monkeypatch):
    monkeypatch.setattr(
        tf.config, "get_visible_devices", lambda *_: [tf.config.PhysicalDevice("/physical_device:CPU:0", "CPU")]
    )
    assert backend.cpu_alone()
