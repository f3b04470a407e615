"""The variants of the model that the laws are held on, tiny, and their weights as the oracle takes them."""

import keras
import numpy as np

from keras_samplernn import SampleRNN
from keras_samplernn.conditions.layout import Conditions
from keras_samplernn.conditions.streams import ClassesStream
from keras_samplernn.plugins.frame_rnn import FrameRNN
from keras_samplernn.plugins.frame_ssm import FrameSSM
from keras_samplernn.plugins.sample_mlp import SampleMLP
from keras_samplernn.plugins.softmax import Softmax


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
    streams=None,
    unconditioned=(),
    ssm=(),
    n_layers=2,
    head=None,
    **options,
) -> SampleRNN:
    """Assemble a tiny model with random weights everywhere, biases and h0 included.

    `streams` are its condition streams, instead of one of `classes`; the tiers numbered in `unconditioned` take none.
    Frame tiers are `frame_rnn`, those numbered in `ssm` are `frame_ssm` of `n_layers`. `head` is unbound; by default a
    softmax.
    """
    keras.utils.set_random_seed(seed)
    sample_options = {key: options[key] for key in ("weight_norm", "conditioned") if key in options}
    ssm_options = {
        key: options[key] for key in ("weight_norm", "conditioned", "learn_h0", "dropout", "overlap") if key in options
    }
    dims = dims or [5 + number for number in range(len(frames))]
    tiers = [
        FrameSSM(frame, dim, n_layers, dtype=dtype, **ssm_options)
        if number in ssm
        else FrameRNN(frame, dim=dim, dtype=dtype, **options)
        for number, (frame, dim) in enumerate(zip(frames, dims, strict=True))
    ]
    tiers += [SampleMLP(sample_dim, emb_size=emb_size, window=window, dtype=dtype, **sample_options)]
    for number in unconditioned:
        tiers[number].conditioned = False
    if streams is None:
        streams = (ClassesStream.of_count(classes),) if classes else ()
    model = SampleRNN(tiers, q_levels, streams, head=head or Softmax(dtype=dtype), dtype=dtype)
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
    if variable.name == "rates":  # states that remember some frames
        return noise - 3
    return 1.4 * noise / np.sqrt(noise.shape[0]) if noise.ndim > 1 else 0.3 * noise


# The options of the shipped tiers and of the model, each with the values that laws are held on.
OPTIONS = {
    "frames": [(4,), (8, 2), (8, 4, 2), (16, 8, 4, 2)],
    "classes": [0, 3],
    "rnn": ["GRU", "GRU reset before", "LSTM"],
    "layers": ["1", "2", "3 skip"],
    "learn_h0": [True, False],
    "weight_norm": [True, False],
    "emb_size": [5, 0],
    "window": [None, 11],
    "q_levels": [12, 7],
    "overlap": [0, 5],
}
# Twelve rows in which each two values of two options meet (found by trying; a test holds it): the fewest there can be,
# since four numbers of tiers meet three kinds of layers. Trying every combination would take 4,608.
_PAIRWISE = [
    ((4,), 3, "GRU", "3 skip", False, False, 5, 11, 7, 0),
    ((4,), 0, "GRU reset before", "2", False, True, 0, 11, 12, 0),
    ((4,), 0, "LSTM", "1", True, False, 0, None, 12, 5),
    ((8, 2), 0, "GRU", "1", True, True, 5, 11, 12, 0),
    ((8, 2), 0, "LSTM", "2", False, False, 0, None, 7, 0),
    ((8, 2), 3, "GRU reset before", "3 skip", True, False, 5, None, 7, 5),
    ((8, 4, 2), 3, "GRU reset before", "2", True, False, 0, None, 7, 0),
    ((8, 4, 2), 3, "LSTM", "1", False, False, 5, 11, 12, 0),
    ((8, 4, 2), 0, "GRU", "3 skip", True, True, 0, None, 7, 5),
    ((16, 8, 4, 2), 0, "LSTM", "3 skip", False, True, 0, None, 12, 5),
    ((16, 8, 4, 2), 3, "GRU reset before", "1", True, True, 5, None, 7, 0),
    ((16, 8, 4, 2), 3, "GRU", "2", True, False, 5, 11, 7, 5),
]
ROWS = [dict(zip(OPTIONS, row, strict=True)) for row in _PAIRWISE]


def _arguments(row: dict) -> dict:
    """Return a row as `build_variant` takes it."""
    rnn_type, _, reset_before = row["rnn"].partition(" ")
    number, _, skip = row["layers"].partition(" ")
    options = {"rnn_type": rnn_type, "reset_after": not reset_before, "n_rnn": int(number), "skip_conn": bool(skip)}
    return {name: value for name, value in row.items() if name not in ("rnn", "layers")} | options


def _name(row: dict) -> str:
    words = [f"{len(row['frames']) + 1} tiers", row["rnn"], f"x{row['layers']}"]
    words += (
        ["overlapping"] * (row["overlap"] > 0)
        + ["conditional"] * (row["classes"] > 0)
        + ["one-hot"] * (row["emb_size"] == 0)
    )
    return " ".join(words)


def representatives() -> list[str]:
    """Return names of variants in which each value of each option occurs: for what takes longest."""
    chosen, left = [], {(name, value) for name, values in OPTIONS.items() for value in values}
    while left:
        row = max(ROWS, key=lambda row: len(left & row.items()))
        chosen.append(_name(row))
        left -= row.items()
    return [*chosen, *SSM_VARIANTS]


SSM_VARIANTS = {
    # In a sample tier of 9, all ReLUs of a layer may be closed at once.
    "2 tiers SSM": {"frames": (4,), "ssm": (0,), "n_layers": 1, "learn_h0": False, "sample_dim": 16},
    "3 tiers SSM over GRU conditional": {"frames": (8, 2), "ssm": (0,), "classes": 3, "overlap": 3},
    "4 tiers LSTM over SSM x2 conditional": {
        "frames": (8, 4, 2),
        "ssm": (1, 2),
        "rnn_type": "LSTM",
        "weight_norm": False,
        "classes": 3,
    },
}
VARIANTS = {_name(row): _arguments(row) for row in ROWS} | {
    "frames of one sample": {"frames": (4, 1), "classes": 2},
    "two codes, five layers, conditions not taken": {
        "frames": (8,),
        "q_levels": 2,
        "n_rnn": 5,
        "skip_conn": True,
        "classes": 3,
        "conditioned": False,
    },
    **SSM_VARIANTS,
}


def oracle_tiers(model: SampleRNN) -> list[dict]:
    """Hand a model's weights to the oracle."""
    frames = [_oracle_frame(tier) for tier in model.tiers[:-1]]
    return [*frames, _oracle_sample(model.tiers[-1])]


def _oracle_frame(tier: FrameRNN | FrameSSM) -> dict:
    return {
        "kind": "frame",
        "frame_size": tier.frame_size,
        "reads": tier.reads,
        "ratio": tier.binding.ratio,
        "input": _linear(tier.input_linear),
        "condition": _linear(tier.conditions.vectors[0]) if tier.conditions.vectors else None,
        "output": _linear(tier.output_linear),
        "h0": [_array(h0) for h0 in tier.h0] if tier.learn_h0 else [np.zeros(shape) for shape in tier.state_shapes],
        **(_oracle_blocks(tier) if isinstance(tier, FrameSSM) else _oracle_layers(tier)),
    }


def _oracle_blocks(tier: FrameSSM) -> dict:
    linears = "mix", "mixed", "widen", "widened"
    return {
        "input": _linear(tier.input_linear) | {"bias": _array(tier.offset)},
        "blocks": [
            {name: _linear(getattr(block, name)) for name in linears} | {"rates": _array(block.rates)}
            for block in tier.blocks
        ],
    }


def _oracle_layers(tier: FrameRNN) -> dict:
    return {
        "rnn_type": type(tier.layers[0]).__name__,
        "reset_after": getattr(tier.layers[0], "reset_after", False),
        "skip_conn": tier.skip_conn,
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
    }


def _oracle_sample(tier: SampleMLP) -> dict:
    return {
        "kind": "sample",
        "reads": tier.reads,
        "embedding": None if tier.embedding is None else _array(tier.embedding),
        "class_embedding": _array(tier.conditions.vectors[0].direction) if tier.conditions.vectors else None,
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


def as_conditions(classes: np.ndarray) -> Conditions:
    """Return the conditions of a single stream from classes `(...)`, -1 past the end of a sound."""
    return Conditions((classes >= 0).astype("float32"), classes[..., None].astype("int32"))


def classes_in(model: SampleRNN) -> int:
    """Return the number of classes of a model's only stream; 0 without conditions."""
    return sum(len(stream.classes) for stream in model.streams)


def random_sound(model: SampleRNN, samples: int, rows: int = 1, seed: int = 0):
    """Return codes `(rows, samples)` and conditions (or None) at random, changing every few samples."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, model.q_levels, (rows, samples)).astype("int32")
    if not model.streams:
        return codes, None
    changes = np.cumsum(rng.random((rows, samples)) < 0.3, axis=1)
    return codes, ((changes + rng.integers(0, 9, (rows, 1))) % classes_in(model)).astype("int32")


def window_of(model: SampleRNN, codes: np.ndarray, silence: int) -> np.ndarray:
    """Put the silence before a sound: codes `(B, T)` to a window `(B, lookback + T)`."""
    return np.pad(codes, ((0, 0), (model.lookback, 0)), constant_values=silence)
