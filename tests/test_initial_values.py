"""New weights are drawn as in the original program."""

import keras
import numpy as np
import pytest

from keras_samplernn import SampleRNN
from keras_samplernn.conditions.streams import ClassesStream
from keras_samplernn.plugins.frame_rnn import FrameRNN
from keras_samplernn.plugins.frame_ssm import FrameSSM
from keras_samplernn.plugins.sample_mlp import SampleMLP
from keras_samplernn.plugins.softmax import Softmax

pytestmark = pytest.mark.law

DIM, Q_LEVELS, CLASSES = 48, 64, 5
HE, LECUN = 6, 3


def tiers_of(rnn_type="GRU", sample_dim=DIM):
    """Return the frame tier and the sample tier of a new model."""
    keras.utils.set_random_seed(7)
    frames = FrameRNN(4, DIM, rnn_type, n_rnn=2, skip_conn=True)
    return SampleRNN(
        [frames, SampleMLP(sample_dim, emb_size=16, window=None)],
        Q_LEVELS,
        [ClassesStream.of_count(CLASSES)],
        head=Softmax(),
    ).tiers


def assert_uniform(matrix, variance_by_inputs):
    """Hold a matrix to U(±sqrt(k / inputs)): within the bound, up to it, and spread evenly."""
    bound = np.sqrt(variance_by_inputs / matrix.shape[0])
    assert 0.9 * bound < np.abs(matrix).max() <= bound
    np.testing.assert_allclose(matrix.std(), bound / np.sqrt(3), rtol=0.1)
    assert abs(matrix.mean()) < 0.1 * bound


def assert_orthogonal(matrix):
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(matrix.shape[1]), atol=1e-5)


def array(variable):
    return keras.ops.convert_to_numpy(variable)


@pytest.mark.parametrize("rnn_type", ["GRU", "LSTM"])
def test_a_frame_tiers_weights(rnn_type):
    tier, _ = tiers_of(rnn_type)
    linears = [tier.input_linear, *tier.conditions.vectors, *tier.skip_linears, tier.output_linear]
    for linear in linears:
        assert_uniform(array(linear.direction), HE)
    for layer in tier.layers:
        for matrix in np.split(array(layer.kernel.direction), layer.gates, axis=1):
            assert_uniform(matrix, LECUN)
        for gate, matrix in enumerate(np.split(array(layer.recurrent.direction), layer.gates, axis=1)):
            if rnn_type == "GRU" and gate == 2:
                assert_orthogonal(matrix)
            else:
                assert_uniform(matrix, LECUN)
    gates = np.split(array(tier.layers[0].bias), tier.layers[0].gates)
    assert [set(bias) for bias in gates] == [{0.0}, {3.0 if rnn_type == "LSTM" else 0.0}, *[{0.0}] * (len(gates) - 2)]


@pytest.mark.parametrize(("frame_size", "slowest_frames"), [(16, 4096), (1024, 64)])
def test_a_diagonal_recurrences_weights(frame_size, slowest_frames):
    """With half-open gates, states forget within 2 frames to 65,536 samples, as many in each octave."""
    keras.utils.set_random_seed(7)
    tiers = [FrameSSM(frame_size, DIM, n_layers=4), SampleMLP(DIM, emb_size=16, window=None)]
    tier = SampleRNN(tiers, Q_LEVELS, [ClassesStream.of_count(CLASSES)], head=Softmax()).tiers[0]
    for linear in [tier.input_linear, *tier.conditions.vectors, tier.output_linear]:
        assert_uniform(array(linear.direction), HE)
    time_constants = []
    for block in tier.blocks:
        for linear in (block.mix, block.widen):
            assert_uniform(array(linear.direction), LECUN)
        for linear in (block.mixed, block.widened):
            assert_uniform(array(linear.direction), LECUN * 2 / len(tier.blocks))
            assert set(array(linear.bias)) == {0.0}
        time_constants.append(2 / (8 * np.log1p(np.exp(array(block.rates).astype("float64")))))
    octaves = np.log2(time_constants)
    assert 1 <= octaves.min() < 1.2 and np.log2(slowest_frames) - 0.2 < octaves.max() <= np.log2(slowest_frames) + 1e-5
    np.testing.assert_allclose(octaves.mean(), (1 + np.log2(slowest_frames)) / 2, rtol=0.1)
    matrices = [array(linear.direction) for block in tier.blocks for linear in (block.mix, block.mixed, block.widen)]
    assert len({matrix.flat[0] for matrix in matrices}) == len(matrices)
    # The norms would divide nothing by nothing without it, where all is silent.
    np.testing.assert_allclose([array(tier.offset).mean(), array(tier.offset).std()], [0, 1], atol=0.3)


def test_the_sample_tiers_weights():
    _, tier = tiers_of()
    for linear in (tier.l1, tier.l2, tier.l3):
        assert_uniform(array(linear.direction), HE)
    assert_uniform(array(tier.output_linear.direction), LECUN)
    for embedding in (tier.embedding, tier.conditions.vectors[0].direction):
        np.testing.assert_allclose([array(embedding).mean(), array(embedding).std()], [0, 1], atol=0.15)


def test_the_sample_tiers_output_is_orthogonal_where_it_is_square():
    _, tier = tiers_of(sample_dim=Q_LEVELS)
    assert_orthogonal(array(tier.output_linear.direction))


def test_scales_begin_as_norms():
    for tier in tiers_of():
        linear = tier.output_linear
        np.testing.assert_allclose(array(linear.scale), np.linalg.norm(array(linear.direction), axis=0), rtol=1e-5)
