"""The variants of the model that the laws are held on, tiny; their weights as the oracle takes them; their sounds."""

import keras
import numpy as np

from keras_samplernn import SampleRNN
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.plugins.frame_rnn import FrameRNN
from keras_samplernn.plugins.sample_mlp import SampleMLP

# The code of silence, in models of at least as many.
SILENCE = 5


def build_variant(
    frames=(8, 2),
    *,
    classes=0,
    q_levels=12,
    dims=None,
    sample_dim=9,
    emb_size=5,
    window=None,
    dtype="float32",
    seed=1,
    **options,
) -> SampleRNN:
    """Assemble a tiny model with random weights everywhere, biases and h0 included."""
    keras.utils.set_random_seed(seed)
    sample_options = {key: options[key] for key in ("weight_norm", "conditioned") if key in options}
    dims = dims or [5 + number for number in range(len(frames))]
    tiers = [FrameRNN(frame, dim=dim, dtype=dtype, **options) for frame, dim in zip(frames, dims, strict=True)]
    tiers += [SampleMLP(sample_dim, emb_size=emb_size, window=window, dtype=dtype, **sample_options)]
    model = SampleRNN(tiers, q_levels, classes, dtype=dtype)
    return randomised(model, seed)


def randomised(model: SampleRNN, seed: int = 1) -> SampleRNN:
    """Give every weight of a model, biases and h0 included, a random value."""
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        variable.assign(_random_weight(variable, rng))
    return model


def _random_weight(variable, rng) -> np.ndarray:
    """Draw a weight, the same on every backend, so large that the samples before matter more than the biases."""
    noise = rng.standard_normal(variable.shape).astype("float32")
    if variable.name == "scale":
        return 1.4 + 0.3 * noise
    return 1.4 * noise / np.sqrt(noise.shape[0]) if noise.ndim > 1 else 0.3 * noise


# Each option of the built-in tiers, number of tiers from two to five, with and without conditions.
VARIANTS = {
    "two tiers": {"frames": (4,)},
    "two tiers conditional": {"frames": (4,), "classes": 3},
    "three tiers": {},
    "three tiers conditional": {"classes": 3},
    "four tiers": {"frames": (8, 4, 2)},
    "four tiers conditional": {"frames": (8, 4, 2), "classes": 3},
    "five tiers conditional": {"frames": (16, 8, 4, 2), "classes": 2},
    "LSTM": {"rnn_type": "LSTM"},
    "LSTM x3 skip conditional": {"rnn_type": "LSTM", "n_rnn": 3, "skip_conn": True, "classes": 3},
    "four tiers LSTM x2": {
        "frames": (16, 8, 2),
        "rnn_type": "LSTM",
        "n_rnn": 2,
        "learn_h0": False,
        "classes": 2,
    },
    "GRU x2": {"n_rnn": 2},
    "GRU x3 skip": {"n_rnn": 3, "skip_conn": True},
    "GRU x4": {"n_rnn": 4},
    "GRU x5 skip": {"n_rnn": 5, "skip_conn": True},
    "GRU reset before": {"reset_after": False, "n_rnn": 2, "classes": 3},
    "no weight norm": {"weight_norm": False},
    "h0 not learned": {"learn_h0": False},
    "one-hot": {"emb_size": 0},
    "one-hot conditional": {"emb_size": 0, "classes": 3, "weight_norm": False},
    "wide lookback": {"window": 11, "classes": 3},
    "two codes": {"q_levels": 2},
    "not conditioned": {"classes": 3, "conditioned": False},
    "frames of one sample": {"frames": (4, 1), "classes": 2},
}


def oracle_tiers(model: SampleRNN) -> list[dict]:
    """Hand a model's weights to the oracle."""
    frames = [_oracle_frame(tier) for tier in model.tiers[:-1]]
    return [*frames, _oracle_sample(model.tiers[-1])]


def _oracle_frame(tier: FrameRNN) -> dict:
    return {
        "kind": "frame",
        "frame_size": tier.frame_size,
        "ratio": tier.binding.ratio,
        "rnn_type": type(tier.layers[0]).__name__,
        "reset_after": getattr(tier.layers[0], "reset_after", False),
        "skip_conn": tier.skip_conn,
        "input": _linear(tier.input_linear),
        "condition": tier.class_linear and _linear(tier.class_linear),
        "layers": [
            {
                "kernel": _linear(layer.kernel),
                "recurrent": _linear(layer.recurrent),
                "bias": _array(layer.bias),
                "recurrent_bias": _array(layer.recurrent_bias) if hasattr(layer, "recurrent_bias") else None,
            }
            for layer in tier.layers
        ],
        "skip": [_linear(linear) | {"bias": None} for linear in tier.skip_linears],
        "skip_bias": _array(tier.skip_linears[0].bias) if tier.skip_linears else None,
        "output": _linear(tier.output_linear),
        "h0": [_array(h0) for h0 in tier.h0] if tier.learn_h0 else [np.zeros(shape) for shape in tier.state_shapes],
    }


def _oracle_sample(tier: SampleMLP) -> dict:
    return {
        "kind": "sample",
        "reads": tier.reads,
        "embedding": None if tier.embedding is None else _array(tier.embedding),
        "class_embedding": None if tier.class_embedding is None else _array(tier.class_embedding),
        **{name: _linear(getattr(tier, name)) for name in ("l1", "l2", "l3")},
        "output": _linear(tier.output_linear),
    }


def _linear(linear) -> dict:
    return {
        "v": _array(linear.direction),
        "g": None if linear.scale is None else _array(linear.scale),
        "bias": None if linear.bias is None else _array(linear.bias),
    }


def _array(variable) -> np.ndarray:
    return keras.ops.convert_to_numpy(variable).astype("float64")


def random_sound(model: SampleRNN, samples: int, rows: int = 1, seed: int = 0):
    """Return codes `(rows, samples)` and conditions (or None) at random, changing every few samples."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, model.q_levels, (rows, samples)).astype("int32")
    if not model.classes:
        return codes, None
    changes = np.cumsum(rng.random((rows, samples)) < 0.3, axis=1)
    return codes, ((changes + rng.integers(0, 9, (rows, 1))) % model.classes).astype("int32")


def window_of(model: SampleRNN, codes: np.ndarray, silence: int) -> np.ndarray:
    """Put the silence before a sound: codes `(B, T)` to a window `(B, lookback + T)`."""
    return np.pad(codes, ((0, 0), (model.lookback, 0)), constant_values=silence)


def generate(model, conditions, uniforms, temperatures, start=None, block_samples=32, precision="float32"):
    """Run the engine over whole blocks."""
    rows, samples = uniforms.shape
    engine = GenerationEngine(model, SILENCE % model.q_levels, rows, block_samples, precision)
    weights = engine.weights()
    start = engine.silent_start(weights) if start is None else start(engine, weights)
    carry, codes = start, []
    for first in range(0, samples, engine.block_samples):
        piece = slice(first, first + engine.block_samples)
        begins = np.zeros((rows, engine.frames), "int32")
        begins[:, 0] = first == 0
        block, carry = engine.advance(
            weights,
            carry,
            start,
            begins,
            None if conditions is None else conditions[:, piece],
            uniforms[:, piece].astype("float32"),
            np.repeat(np.asarray(temperatures, "float32")[:, None], engine.frames, axis=1),
        )
        codes.append(block)
    return np.concatenate(codes, axis=1)
