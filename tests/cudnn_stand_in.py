"""cuDNN's recurrent operation by its documentation, on a CPU, so that the way to it can be tested without a GPU."""

import contextlib

import tensorflow as tf

import keras_samplernn.plugins.frame_rnn as frame_rnn
from keras_samplernn.backend import compiling

# The documentation of cudnnGetRNNWeightParams numbers the gates of a GRU reset, update, candidate, and those of an
# LSTM input, forget, candidate, output; first those that the input is multiplied by, then those of the state.
GATES = {"gru": 3, "lstm": 4}


def unpacked(kind, params, width, dim):
    """Return matrices and biases, gate by gate: of the input `(dim, width)`, of the state `(dim, dim)`, and both's."""
    gates, at, parts = GATES[kind], 0, []
    for shape in [(dim, width)] * gates + [(dim, dim)] * gates + [(dim,)] * (2 * gates):
        size = shape[0] * (shape[1] if len(shape) > 1 else 1)
        parts.append(tf.reshape(params[at : at + size], shape))
        at += size
    assert params.shape == (at,)
    return [parts[start : start + gates] for start in range(0, 4 * gates, gates)]


def emulated(*, input, input_h, input_c, params, sequence_lengths, rnn_mode, is_training, time_major):
    """Do what CudnnRNNV3 does, by the formulas of cudnnRNNMode_t."""
    assert is_training and time_major
    assert {each.dtype for each in (input, input_h, input_c, params)} == {tf.float32}
    tf.debugging.assert_equal(sequence_lengths, tf.fill((input.shape[1],), input.shape[0]))
    matrices, of_state, biases, biases_of_state = unpacked(rnn_mode, params, input.shape[-1], input_h.shape[-1])
    h, c, outputs = input_h[0], input_c, []
    c = c[0] if rnn_mode == "lstm" else c
    for x in tf.unstack(input):
        from_input = [x @ tf.transpose(w) + b for w, b in zip(matrices, biases, strict=True)]
        from_state = [h @ tf.transpose(r) + b for r, b in zip(of_state, biases_of_state, strict=True)]
        if rnn_mode == "gru":
            reset, update = (tf.sigmoid(from_input[gate] + from_state[gate]) for gate in (0, 1))
            h = (1 - update) * tf.tanh(from_input[2] + reset * from_state[2]) + update * h
        else:
            i, f, g, o = (one + other for one, other in zip(from_input, from_state, strict=True))
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
            h = tf.sigmoid(o) * tf.tanh(c)
        outputs.append(h)
    return tf.stack(outputs), h[None], c[None] if rnn_mode == "lstm" else c, None, None


@contextlib.contextmanager
def as_with_a_gpu(monkeypatch, operation=None, cudnn=True):
    """Trace as if TensorFlow saw a GPU, with cuDNN or without.

    `operation` stands in for cuDNN's, which has no kernel on a CPU.
    """
    with monkeypatch.context() as patch:
        patch.setattr("keras_samplernn.model.linear.cpu_alone", lambda: False)
        patch.setattr(frame_rnn, "on_cudnn", lambda: cudnn and not compiling())
        if operation is not None:
            patch.setattr(tf.raw_ops, "CudnnRNNV3", operation)
        yield
