"""The textbook's SampleRNN, for comparison: stock Keras layers put together as a published TensorFlow program does.

Frame tiers are Dense (of the frame, plus the context from above), a stateful GRU and Dense; the sample tier is an
Embedding, one product of the embedded window, and Dense layers. Cross-entropy in bits, Adam with gradients clipped by
value, plain `fit`. Unconditional, without weight norm and learned initial states; otherwise the shapes of all
parameters are those of keras_samplernn. Run alone, it fits a toy wave and prints the bits of each epoch.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

L1Form = Literal["convolution", "concatenation"]


def build_textbook(
    frames: Sequence[int],
    dim: int,
    batch_size: int,
    seq_len: int,
    emb_size: int = 256,
    q_levels: int = 256,
    l1_form: L1Form = "convolution",
) -> keras.Model:
    """Build the model, not compiled: codes `(B, L + T)` to logits `(B, T, Q)`; L is the slowest frame size.

    Args:
        frames: frame sizes in samples, slow to fast; the sample tier's window is the last one.
        dim: width of every layer but the last.
        batch_size: B; the rows go on from batch to batch, since the GRUs are stateful.
        seq_len: T, targets of a window, in samples; a multiple of the slowest frame size.
        emb_size: width of a code's embedding.
        q_levels: Q, number of codes.
        l1_form: how the window's embeddings are multiplied: by Conv1D over the embedded sequence, or by Dense over
            the concatenation of its shifted copies. It is one product, `(B, T, W * E)` by `(W * E, D)`; which form
            is the faster depends on sizes and TensorFlow, so training.py tries both.
    """
    lookback, window = frames[0], frames[-1]
    codes = keras.Input(batch_shape=(batch_size, lookback + seq_len), dtype="int32")
    wave = keras.layers.Rescaling(4 / q_levels, offset=-2)(codes)
    context = None
    for frame, below in zip(frames, [*frames[1:], 1], strict=True):
        inputs = keras.layers.Reshape((seq_len // frame, frame))(wave[:, lookback - frame : lookback - frame + seq_len])
        x = keras.layers.Dense(dim)(inputs)  # (B, T/F, D)
        if context is not None:
            x = keras.layers.Add()([x, context])
        x = keras.layers.GRU(dim, return_sequences=True, stateful=True)(x)
        x = keras.layers.Dense(frame // below * dim)(x)
        context = keras.layers.Reshape((seq_len // below, dim))(x)
    embedded = keras.layers.Embedding(q_levels, emb_size)(codes[:, lookback - window : -1])  # (B, W + T - 1, E)
    if l1_form == "convolution":
        x = keras.layers.Conv1D(dim, window, use_bias=False)(embedded)
    else:
        shifted = [embedded[:, position : position + seq_len] for position in range(window)]
        x = keras.layers.Dense(dim, use_bias=False)(keras.layers.Concatenate()(shifted))
    x = keras.layers.Add()([x, context])
    x = keras.layers.Dense(dim, activation="relu")(x)
    x = keras.layers.Dense(dim, activation="relu")(x)
    return keras.Model(codes, keras.layers.Dense(q_levels)(x))


def compile_textbook(model: keras.Model, xla: bool) -> None:
    """Set loss and optimizer; `xla` says whether the step is compiled by XLA or runs as a graph."""
    optimizer = keras.optimizers.Adam(1e-3, clipvalue=1.0)
    model.compile(optimizer=optimizer, loss=bits_per_sample, jit_compile=xla)


def bits_per_sample(targets: Any, logits: Any) -> Any:
    """Return the cross-entropy of each target, `(B, T)`, in bits."""
    return keras.ops.sparse_categorical_crossentropy(targets, logits, from_logits=True) / math.log(2)


def textbook_batches(codes: np.ndarray, lookback: int, batch_size: int, seq_len: int) -> tf.data.Dataset:
    """Cut a sequence into `batch_size` rows and these into windows that follow each other.

    Args:
        codes: `(samples,)`; what does not fill a window in every row is left out.
        lookback: codes before a window's first target.
        batch_size: B.
        seq_len: T.

    Returns:
        Batches of codes `(B, lookback + T)` and targets `(B, T)`.
    """
    rows = tf.constant(codes[: len(codes) // batch_size * batch_size].reshape(batch_size, -1).astype(np.int32))

    def window(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        part = rows[:, step * seq_len : step * seq_len + lookback + seq_len]
        part = tf.ensure_shape(part, (batch_size, lookback + seq_len))
        return part, part[:, lookback:]

    steps = (rows.shape[1] - lookback) // seq_len
    return tf.data.Dataset.range(steps).map(window).prefetch(tf.data.AUTOTUNE)


def _try_out() -> None:
    codes = np.round(127.5 + 100 * np.sin(np.arange(40_000) / 20)).astype(np.int32)
    model = build_textbook((8, 2), dim=32, batch_size=8, seq_len=64, emb_size=16)
    compile_textbook(model, xla=False)
    batches = textbook_batches(codes, 8, 8, 64)
    for epoch in range(4):
        history = model.fit(batches, shuffle=False, verbose=0)
        print(f"epoch {epoch + 1}: {history.history['loss'][0]:.3f} bits per sample")


if __name__ == "__main__":
    _try_out()
