"""Windows of GRU and LSTM by cuDNN are those of the scan, in outputs, states and gradients.

Without a GPU its kernels cannot run. What is held: the formula and the order of gates, by Keras' own layers on a CPU;
the packed vector, taken apart by cuDNN's documentation; and all around the operation, with another in its place.
"""

import importlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from cudnn_stand_in import as_with_a_gpu, emulated, unpacked
from tensorflow.python.framework import config
from variants import as_conditions, build_variant, random_sound, window_of

import keras_samplernn.cudnn as cudnn
from keras_samplernn.backend import compiled, traced
from keras_samplernn.cudnn import on_cudnn, pack, recurrent
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.model.head import bits_per_sample
from keras_samplernn.plugins.gru import GRU
from keras_samplernn.plugins.lstm import LSTM

pytestmark = pytest.mark.law

STEPS, ROWS, WIDTH, DIM = 6, 3, 4, 5
KINDS = {"gru": (3, 1), "lstm": (4, 2)}  # gates, and tensors of the state


def random(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(0, 0.7, shape).astype("float32")


def arguments(kind):
    """Return random arguments of `recurrent`; all biases differ from 0 and from each other."""
    gates, states = KINDS[kind]
    weights = [(WIDTH, gates * DIM), (DIM, gates * DIM), (gates * DIM,), (gates * DIM,)]
    arrays = random(STEPS, ROWS, WIDTH), *(random(*shape, seed=number) for number, shape in enumerate(weights))
    return *map(tf.constant, arrays), tuple(tf.constant(random(ROWS, DIM, seed=9 + number)) for number in range(states))


def keras_layer(kind, kernel, recurrent_kernel, bias, recurrent_bias):
    """Return Keras' layer with the weights; on a CPU it runs its generic form."""
    layer = {"gru": keras.layers.GRU, "lstm": keras.layers.LSTM}[kind](DIM, return_sequences=True, return_state=True)
    layer.build((ROWS, STEPS, WIDTH))
    bias = tf.stack([bias, recurrent_bias]) if kind == "gru" else bias + recurrent_bias
    layer.set_weights([kernel, recurrent_kernel, bias])
    return layer


@pytest.mark.parametrize("kind", KINDS)
def test_the_formula_is_that_of_keras(kind, monkeypatch):
    inputs, *weights, state = arguments(kind)
    expected = keras_layer(kind, *weights)(tf.transpose(inputs, (1, 0, 2)), initial_state=list(state))
    with as_with_a_gpu(monkeypatch, emulated):
        outputs, after = recurrent(kind, inputs, *weights, state)
    for seen, wanted in zip([tf.transpose(outputs, (1, 0, 2)), *after], expected, strict=True):
        np.testing.assert_allclose(seen, wanted, atol=1e-5)


@pytest.mark.parametrize(("kind", "order"), [("gru", (1, 0, 2)), ("lstm", (0, 1, 2, 3))])
def test_the_packed_vector_comes_apart_into_the_same_weights_in_cudnns_order(kind, order):
    _, *weights, _ = arguments(kind)
    gates = KINDS[kind][0]
    for packed, given in zip(unpacked(kind, pack(kind, *weights), WIDTH, DIM), weights, strict=True):
        for part, number in zip(packed, order, strict=True):
            gate = given[..., number * DIM : (number + 1) * DIM]
            np.testing.assert_array_equal(part, tf.transpose(gate))
        assert len(packed) == gates


@pytest.mark.parametrize("kind", KINDS)
def test_the_packed_vector_is_that_of_keras(kind, monkeypatch):
    """Keras' own call of the operation, with everything that is passed to it."""
    rnn = importlib.import_module("keras.src.backend.tensorflow.rnn")
    inputs, *weights, state = arguments(kind)
    calls = []

    def note(**options):
        calls.append(options | {"sequence_lengths": options["sequence_lengths"].numpy().tolist()})
        return emulated(**options | {"input_c": tf.cast(options["input_c"], "float32")})

    kernel, recurrent_kernel, bias, recurrent_bias = weights
    with as_with_a_gpu(monkeypatch, note):
        recurrent(kind, inputs, kernel, recurrent_kernel, bias, recurrent_bias if kind == "gru" else 0 * bias, state)
        theirs = {"gru": rnn._cudnn_gru, "lstm": rnn._cudnn_lstm}[kind]
        bias = tf.stack([bias, recurrent_bias]) if kind == "gru" else bias
        theirs(inputs, *state, kernel, recurrent_kernel, bias, None, True, False, True)
    ours, theirs = calls
    if kind == "lstm":  # theirs is the bias of the state, ours that of the input: they are added
        rest = 4 * DIM * 2
        swapped = [theirs["params"][:-rest], theirs["params"][-rest // 2 :], theirs["params"][-rest : -rest // 2]]
        theirs["params"] = tf.concat(swapped, 0)
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        np.testing.assert_array_equal(value, theirs[name], err_msg=name)


LAYERS = {"GRU": (GRU, {"reset_after": True}), "LSTM": (LSTM, {})}


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("name", LAYERS)
def test_a_layers_window_is_its_scan(name, dtype, monkeypatch):
    """Weight norm is in the matrices, a GRU's second bias in the candidate alone, gradients reach every weight."""
    kind, options = LAYERS[name]
    layer = kind(DIM, weight_norm=True, dtype=dtype, **options)
    layer.build((WIDTH,))
    for number, weight in enumerate(layer.trainable_weights):
        weight.assign(weight + 0.3 * random(*weight.shape, seed=number))
    precise = dtype == "float32"
    inputs = tf.cast(random(STEPS, ROWS, WIDTH), layer.compute_dtype)
    state = tuple(tf.cast(random(ROWS, DIM, seed=number), layer.compute_dtype) for number in range(layer.states))

    def run(by_cudnn):
        with tf.GradientTape() as tape:
            tape.watch([inputs, *state])
            weights = layer.prepare()
            if by_cudnn:
                outputs, after = layer.window(inputs, weights.kernel, state, weights)
            else:
                outputs, after = layer.sequence(inputs @ weights.kernel + weights.bias, state, weights)
            total = sum(tf.reduce_sum(tf.cast(each, "float32") ** 2) for each in (outputs, *after))
        watched = [inputs, *state, *(weight.value for weight in layer.trainable_weights)]
        return [outputs, *after, *tape.gradient(total, watched)]

    with as_with_a_gpu(monkeypatch, emulated):
        seen = run(True)
    for one, other in zip(seen, run(False), strict=True):
        assert one.dtype == other.dtype
        one, other = (np.asarray(tf.cast(each, "float32")) for each in (one, other))
        tolerance = 1e-5 if precise else 0.05
        np.testing.assert_allclose(one, other, atol=tolerance * max(1.0, np.abs(other).max()))


MODELS = {
    "GRU": {"learn_h0": True},
    "GRU x3 skip": {"n_rnn": 3, "skip_conn": True, "overlap": 3},
    "LSTM x2": {"rnn_type": "LSTM", "n_rnn": 2},
    "LSTM x2 skip": {"rnn_type": "LSTM", "n_rnn": 2, "skip_conn": True, "weight_norm": False},
}


def loss_and_gradients(model, samples):
    codes, conditions = random_sound(model, samples, rows=2)
    window = window_of(model, codes, 5)
    with tf.GradientTape() as tape:
        outputs, states = model.forward(window, as_conditions(conditions), model.initial_states(2))
        loss = tf.reduce_sum(bits_per_sample(tf.constant(codes), outputs))
    return [loss, outputs, *keras.tree.flatten(states), *tape.gradient(loss, model.trainable_variables)]


@pytest.mark.parametrize("name", MODELS)
def test_a_model_on_a_gpu_is_the_one_on_a_cpu(name, monkeypatch):
    model, samples = build_variant((8, 2), classes=3, **MODELS[name]), 64
    calls = []

    def count(**options):
        calls.append(options["rnn_mode"])
        return emulated(**options)

    with as_with_a_gpu(monkeypatch, count):
        seen = loss_and_gradients(model, samples)
    assert len(calls) == sum(len(tier.layers) for tier in model.tiers[:-1])
    for one, other in zip(seen, loss_and_gradients(model, samples), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5 * max(1.0, np.abs(other).max()))


def operations(function, *given):
    graph = function.get_concrete_function(*given).graph.as_graph_def()
    return {node.op for nodes in (graph.node, *(each.node_def for each in graph.library.function)) for node in nodes}


def test_xla_generation_int8_and_a_gru_that_resets_before_keep_the_scan(monkeypatch):
    model, before = build_variant((8, 2)), build_variant((8, 2), reset_after=False)
    codes = tf.constant(window_of(model, random_sound(model, 32)[0], 5))

    def forward(model, weights=None):
        return lambda codes: model.forward(codes, None, model.initial_states(1), weights)[0]

    with as_with_a_gpu(monkeypatch):
        assert "CudnnRNNV3" in operations(traced(forward(model)), codes)
        assert "CudnnRNNV3" not in operations(compiled(forward(model)), codes)
        assert "CudnnRNNV3" not in operations(traced(forward(before)), codes)
        for precision in ("float32", "int8"):
            scored = traced(forward(model, model.generation_weights(precision)))
            assert "CudnnRNNV3" not in operations(scored, codes)
        # A primer runs a window under XLA, which would refuse the operation.
        engine = GenerationEngine(model, 5, rows=1, block_samples=8)
        assert engine.primed_start(engine.weights(), np.full(20, 5), None).history.shape == (1, model.lookback)


def test_it_runs_on_a_gpu_of_nvidia_and_not_with_deterministic_operations(monkeypatch):
    assert not on_cudnn()
    monkeypatch.setattr(cudnn, "cpu_alone", lambda: False)
    monkeypatch.setattr(config, "is_op_determinism_enabled", lambda: False)
    assert on_cudnn() == tf.sysconfig.get_build_info()["is_cuda_build"]
    monkeypatch.setattr(config, "is_op_determinism_enabled", lambda: True)
    assert not on_cudnn()
