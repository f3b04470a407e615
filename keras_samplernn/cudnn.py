"""Whole windows of GRU and LSTM by cuDNN's kernels, where TensorFlow sees a GPU."""

from collections.abc import Sequence
from typing import Any, Literal

import keras
from keras import ops

from keras_samplernn.backend import compiling, cpu_alone

# Keras' numbers of the gates, in cuDNN's order: cuDNN has a GRU's reset gate before its update gate.
GATES = {"gru": (1, 0, 2), "lstm": (0, 1, 2, 3)}


def on_cudnn() -> bool:
    """Return whether `recurrent` can run what is traced or computed now.

    It takes TensorFlow, a GPU of NVIDIA that is visible to it, and no XLA, which does not have cuDNN's operation. With
    deterministic operations it does not run either: cuDNN's recurrences are known not to be deterministic with some
    versions (https://docs.pytorch.org/docs/stable/cudnn_rnn_determinism.html).
    """
    if keras.backend.backend() != "tensorflow" or compiling() or cpu_alone():
        return False
    import tensorflow as tf
    from tensorflow.python.framework.config import is_op_determinism_enabled  # in no public module

    return tf.sysconfig.get_build_info()["is_cuda_build"] and not is_op_determinism_enabled()


def recurrent(
    kind: Literal["gru", "lstm"],
    inputs: Any,
    kernel: Any,
    recurrent_kernel: Any,
    bias: Any,
    recurrent_bias: Any,
    state: Sequence[Any],
) -> tuple[Any, tuple]:
    """Run a window of a recurrent layer in one operation of cuDNN; call it only where `on_cudnn` is true.

    Gates stand side by side in Keras' order: update, reset, candidate; input, forget, candidate, output. The formulas
    are those of `keras.layers.GRU` with `reset_after`, and of `keras.layers.LSTM`. It computes in float32, whatever
    the precision of its arguments, and returns theirs.

    Args:
        kind: "gru" or "lstm".
        inputs: `(S, B, width)`.
        kernel: `(width, gates * dim)`, weight norm applied.
        recurrent_kernel: `(dim, gates * dim)`, weight norm applied.
        bias: `(gates * dim,)`, added to the product of the inputs.
        recurrent_bias: `(gates * dim,)`, added to the product of the state.
        state: before the window, `(h,)` of a GRU, `(h, c)` of an LSTM, each `(B, dim)`.

    Returns:
        Outputs `(S, B, dim)`, and the state after the window.
    """
    import tensorflow as tf

    dtype, dim = inputs.dtype, recurrent_kernel.shape[0]
    inputs, *before = (tf.cast(each, "float32") for each in (inputs, *state))
    outputs, h, c, _, _ = tf.raw_ops.CudnnRNNV3(
        input=inputs,
        input_h=before[0][None],  # of a single layer
        input_c=before[1][None] if kind == "lstm" else tf.zeros(()),
        params=pack(kind, kernel, recurrent_kernel, bias, recurrent_bias),
        sequence_lengths=tf.fill((tf.shape(inputs)[1],), inputs.shape[0]),
        rnn_mode=kind,
        is_training=True,  # it keeps what gradients need
        time_major=True,
    )
    outputs = tf.ensure_shape(outputs, (*inputs.shape[:2], dim))
    after = [tf.ensure_shape(each[0], before[0].shape) for each in (h, c)[: len(before)]]
    return tf.cast(outputs, dtype), tuple(tf.cast(each, dtype) for each in after)


def pack(kind: str, kernel: Any, recurrent_kernel: Any, bias: Any, recurrent_bias: Any) -> Any:
    """Return the weights of a layer as cuDNN's one vector, float32.

    First the matrices of the inputs, gate by gate in cuDNN's order, each transposed, `(dim, width)`; then those of the
    state; then the biases of the inputs, and those of the state.
    """

    def in_order(weights: Any) -> list[Any]:
        gates = ops.split(ops.cast(weights, "float32"), len(GATES[kind]), axis=-1)
        return [ops.reshape(ops.transpose(gates[number]), (-1,)) for number in GATES[kind]]

    parts = kernel, recurrent_kernel, bias, recurrent_bias
    return ops.concatenate([gate for part in parts for gate in in_order(part)])
