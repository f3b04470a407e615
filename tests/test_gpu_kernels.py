"""Every operation of training and of generation has a kernel for a GPU, by the registry of the installed TensorFlow.

The wheel registers them without a GPU too. That they also give the right numbers can only be seen on one.
"""

import contextlib
import functools
import json
import re

import pytest
import tensorflow as tf
from cudnn_stand_in import as_with_a_gpu
from generations import engine_of
from tensorflow.python.framework import config, kernels, op_def_registry

from keras_samplernn.backend import compiled
from keras_samplernn.conditions.layout import nothing
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.linear import sum_rows
from keras_samplernn.model.registry import load_types
from keras_samplernn.spec import parse_spec
from keras_samplernn.training.trainer import Trainer

pytestmark = pytest.mark.law

GRU = {"type": "frame_rnn", "frame_size": 8, "dim": 5, "dropout": 0.1}
LSTM = GRU | {"frame_size": 4, "rnn_type": "LSTM", "n_rnn": 2, "skip_conn": True, "overlap": 3}
SSM = {"type": "frame_ssm", "frame_size": 8, "dim": 6}
SAMPLE = {"type": "sample_mlp", "dim": 5, "emb_size": 3, "window": None}
CLASSES = {"classes": 3}
STREAMS = {
    "streams": {
        "word": {"classes": 3, "position": True, "neighbours": True},
        "pitch": {"number": {"low": 40, "high": 400}},
    },
    "condition_dropout": 0.1,
}
SPECS = {
    "GRU over LSTM conditional": {"tiers": [GRU, LSTM, SAMPLE], "conditioning": CLASSES},
    "GRU that resets before": {"tiers": [GRU | {"reset_after": False}, SAMPLE | {"emb_size": 0}]},
    "SSM over GRU, streams, half precision": {
        "tiers": [SSM, GRU | {"frame_size": 4}, SAMPLE],
        "conditioning": STREAMS,
        "training": {"precision": "mixed_bfloat16"},
    },
    "GRU in chunks": {"tiers": [GRU, SAMPLE], "conditioning": CLASSES, "training": {"remat_samples": 8}},
    "two codes, own continuations, average, decay": {
        "audio": {"q_levels": 65536},
        "tiers": [GRU, SAMPLE],
        "head": {"type": "coarse_fine", "hidden": 4},
        "training": {
            "own_continuations": 2,
            "ema_decay": 0.9,
            "weight_decay": 0.1,
            "schedule": "cosine",
            "decay_steps": 9,
        },
    },
}
# What a kernel of a GPU says of itself in deterministic mode in the library of TensorFlow 2.17 ("Determinism is not yet
# supported", "not currently available"), and what the notes of TensorFlow 2.8 on `enable_op_determinism` say of
# scatters: they run on the CPU, "with significant performance penalty". Random operations with a state of their own
# are refused without a seed. Segment sums are deterministic since 2.7, by the same notes.
NOT_DETERMINISTIC = re.compile(
    r".*Scatter.*|AdjustContrast.*|ResizeNearestNeighborGrad|SparseTensorDenseMatMul|FusedBatchNormGrad.*|Svd"
    r"|DebugNumericSummaryV2|Dilation2DBackprop.*|MaxPoolGradWithArgmax|(Dense)?Bincount|FakeQuantWithMinMaxVars.*Gradient"
    r"|CropAndResizeGrad.*|(Sparse)?SoftmaxCrossEntropyWithLogits|Timestamp|NonDeterministicInts|Random.*|CudnnRNN.*"
)
# They take part in softmaxes, norms and recurrences in float32.
DELICATE = {"Exp", "Expm1", "Log", "Log1p", "Softmax", "LogSoftmax", "Sqrt", "Rsqrt", "Square", "L2Loss", "Softplus"}
# An int32 of a graph lies in the memory of the host, by TensorFlow's convention, and so does what is computed with it:
# places in tensors, and codes until a table is looked up. uint64 is the seed of a dropout, two numbers.
OF_THE_HOST = {"int32", "bool", "uint64"}


@functools.cache
def registered(operation):
    return list(kernels.get_registered_kernels_for_op(operation).kernel)


def nodes_of(function):
    """Return every operation of a traced function, loops and functions that it calls included."""
    graph = function.graph.as_graph_def()
    bodies = [graph.node, *(each.node_def for each in graph.library.function)]
    return [node for body in bodies for node in body if node.op not in ("Placeholder", "NoOp")]


def types_of(node, attribute):
    value = node.attr[attribute]
    return [value.type] if value.HasField("type") else list(value.list.type)


def kernel_of(node, devices):
    """Return the kernel that TensorFlow takes on the first of the devices that has one for the types; None without."""
    for device in devices:
        for kernel in registered(node.op):
            fits = all(
                set(types_of(node, each.name)) <= set(each.allowed_values.list.type) for each in kernel.constraint
            )
            if kernel.device_type == device and fits:
                return kernel
    return None


def without_kernel(nodes, *devices):
    found = {
        (node.op, *(tf.as_dtype(each).name for name in node.attr for each in types_of(node, name)))
        for node in nodes
        if kernel_of(node, devices) is None
    }
    return sorted(found)


def on_the_host(nodes):
    """Return the operations whose kernel for a GPU leaves its results to the host, with their types: it runs there."""
    found = set()
    for node in nodes:
        kernel, results = kernel_of(node, ("GPU", "DEFAULT")), op_def_registry.get(node.op).output_arg
        if kernel and results and {each.name for each in results} <= set(kernel.host_memory_arg):
            types = {kind for each in results for kind in (types_of(node, each.type_attr) or [each.type])}
            found |= {(node.op, tf.as_dtype(kind).name) for kind in types}
    return found


def spec_of(name):
    base = {
        "preset": "paper",
        "audio": {"q_levels": 12},
        "data": {"train": "train"},
        "training": {"seq_len": 16, "batch_size": 2},
    }
    given = SPECS[name]
    text = json.dumps(base | given | {"training": base["training"] | given.get("training", {})})
    return parse_spec(text, "spec.json", load_types(), ".")


def conditions_of(model, rows, samples):
    return nothing(model.streams, (rows, samples), fades=False).map(tf.constant) if model.streams else None


def step_of(spec):
    """Trace a training step of a spec, optimizer and average included."""
    trainer = Trainer(spec, assemble(spec, spec.training.precision), None)
    model, rows, samples = trainer.model, spec.training.batch_size, spec.training.seq_len
    batch = {"codes": tf.zeros((rows, model.lookback + samples), "int32")}
    batch |= {"reset": tf.zeros((rows,), "int32"), "valid": tf.zeros((rows,), "int32")}
    if model.streams:
        batch["conditions"] = conditions_of(model, rows, samples)
    if length := spec.training.own_continuations:
        batch["own_starts"] = tf.zeros((rows, 2), "int32")
        batch["own_uniforms"] = tf.zeros((rows, 2, length, len(model.head.parts)))
    return tf.function(trainer.step, autograph=False).get_concrete_function(batch)


def block_of(spec):
    """Trace a block of generation, as XLA compiles it."""
    model = assemble(spec)
    engine = engine_of(model, rows=2, block_samples=16)
    weights = engine.weights()
    start = engine.silent_start(weights)
    controls = (
        tf.zeros((2, engine.frames), "int32"),
        tf.zeros((2, 16, len(model.head.parts))),
        tf.ones((2, engine.frames)),
    )
    return compiled(engine._advance_block).get_concrete_function(
        weights.prepared, start, start, conditions_of(model, 2, 16), *controls, None
    )


@contextlib.contextmanager
def deterministic_operations():
    """Gradients are made of other operations then."""
    before = config.is_op_determinism_enabled()
    config.enable_op_determinism()
    try:
        yield
    finally:
        if not before:
            config.disable_op_determinism()


@pytest.fixture(params=SPECS, scope="module")
def spec(request):
    return spec_of(request.param)


@pytest.fixture(scope="module")
def by_cudnn(spec):
    """The operations of a step as it is on a GPU by default."""
    with pytest.MonkeyPatch.context() as patch, as_with_a_gpu(patch):
        return nodes_of(step_of(spec))


@pytest.fixture(scope="module")
def by_scan(spec):
    """The operations of a step whose operations are to be deterministic."""
    with pytest.MonkeyPatch.context() as patch, as_with_a_gpu(patch, cudnn=False), deterministic_operations():
        return nodes_of(step_of(spec))


def test_training_runs_on_a_gpu_as_a_whole(spec, by_cudnn):
    assert without_kernel(by_cudnn, "GPU", "DEFAULT") == []
    assert {kind for _, kind in on_the_host(by_cudnn)} <= OF_THE_HOST
    runs = {node.op for node in by_cudnn} & {"CudnnRNNV3", "CudnnRNNBackpropV3"}
    assert len(runs) == 2 * any(tier.config.get("reset_after") for tier in spec.tiers)


def test_deterministic_training_has_no_operation_that_a_gpu_would_refuse_or_leave_to_the_cpu(by_scan):
    assert without_kernel(by_scan, "GPU", "DEFAULT") == []
    assert {kind for _, kind in on_the_host(by_scan)} <= OF_THE_HOST
    assert {node.op for node in by_scan if NOT_DETERMINISTIC.fullmatch(node.op)} == set()


def test_softmax_norms_and_what_is_summed_value_by_value_are_float32(spec, by_cudnn, by_scan):
    for nodes in (by_cudnn, by_scan):
        halves = {node.op for node in nodes if tf.bfloat16.as_datatype_enum in types_of(node, "T")}
        assert bool(halves & {"MatMul", "BatchMatMulV2"}) == (spec.training.precision == "mixed_bfloat16")
        assert halves & (DELICATE | {"CudnnRNNV3", "CudnnRNNBackpropV3"}) == set()


def test_xla_has_each_operation_of_generation_for_a_gpu(spec):
    nodes = nodes_of(block_of(spec))
    assert without_kernel(nodes, "XLA_GPU_JIT") == []
    assert {node.op for node in nodes if NOT_DETERMINISTIC.fullmatch(node.op)} == set()


def test_what_has_no_kernel_and_what_is_not_deterministic_is_found():
    @tf.function
    def wrong(x, numbers):
        for _ in tf.range(2):  # inside a loop
            x = tf.tensor_scatter_nd_add(x, [[0]], [1.0])
        return (
            x,
            tf.strings.as_string(numbers),
            tf.raw_ops.CudnnRNNParamsSize(num_layers=1, num_units=1, input_size=1, T=tf.float32, S=tf.int32),
        )

    nodes = nodes_of(wrong.get_concrete_function(tf.zeros((3,)), tf.zeros((2,), "int32")))
    assert without_kernel(nodes, "GPU", "DEFAULT") == [("AsString", "int32")]
    assert {node.op for node in nodes if NOT_DETERMINISTIC.fullmatch(node.op)} >= {"TensorScatterAdd"}
    shape_of_float = tf.function(lambda x: tf.shape(x)).get_concrete_function(tf.TensorSpec((None,), tf.float32))
    assert ("Shape", "int32") in on_the_host(nodes_of(shape_of_float))


def test_norms_on_a_gpu_are_sums_and_no_products(monkeypatch):
    """Products may be rounded to ten bits there (TF32)."""
    rows = tf.TensorSpec((4, 3), tf.float32)
    with as_with_a_gpu(monkeypatch):
        on_a_gpu = {node.op for node in nodes_of(tf.function(sum_rows).get_concrete_function(rows))}
    assert "Sum" in on_a_gpu and "MatMul" not in on_a_gpu
