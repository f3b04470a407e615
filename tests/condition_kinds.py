"""The kinds of conditions that laws are held on: as the oracle takes them, plain, and as the package does."""

import numpy as np
from oracle_conditions import onehot
from variants import _array, _linear, build_variant, oracle_tiers

from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.layout import class_columns, number_columns
from keras_samplernn.conditions.streams import NONE, ClassesStream, NumberStream
from keras_samplernn.conditions.track import Spans, Track

RATE = 100  # so low that the times of tiny sounds are near the scales of `position`
TOLD = {"neighbours": True, "position": True}
LOUDNESS = {"low": -60.0, "high": 0.0}
# name: streams, whether values move, whether the future is known
KINDS = {
    "classes with none": ([{"classes": 3}], False, True),
    "cross-fades": ([{"classes": 3}], True, True),
    "position": ([{"classes": 3, "position": True}], True, True),
    "neighbours": ([{"classes": 4, "neighbours": True}], True, True),
    "ramps": ([LOUDNESS], True, True),
    "future unknown": ([{"classes": 3, **TOLD}], False, False),
    "eight streams": (
        [
            *({"classes": 2}, LOUDNESS, {"classes": 5, **TOLD}, {"classes": 1, "position": True}),
            *({"low": 0.0, "high": 1.0}, {"classes": 3, "neighbours": True}, {"classes": 20}),
            {"low": -1.0, "high": 9.0},
        ],
        True,
        True,
    ),
}
VARIANTS = {
    "three tiers GRU": {"frames": (8, 2)},
    "four tiers LSTM": {"frames": (8, 4, 2), "rnn_type": "LSTM", "n_rnn": 2, "skip_conn": True},
    "a hidden layer": {"frames": (8, 2), "condition_dim": 7},
    "three tiers SSM": {"frames": (8, 2), "ssm": (0,)},
    "a frame tier that takes none": {"frames": (8, 2), "unconditioned": (0,), "weight_norm": False},
}
# Every kind meets the first variant, and every variant the kinds in which all there is comes together.
CASES = [
    (variant, kind)
    for variant in VARIANTS
    for kind in KINDS
    if variant == "three tiers GRU" or kind in ("eight streams", "future unknown")
]


def product_streams(streams):
    """Return the streams as the package has them, named s0, s1, ..."""
    return tuple(
        NumberStream(f"s{number}", stream["low"], stream["high"])
        if "low" in stream
        else ClassesStream(
            f"s{number}",
            tuple(map(str, range(stream["classes"]))),
            position=stream.get("position", False),
            neighbours=stream.get("neighbours", False),
        )
        for number, stream in enumerate(streams)
    )


def draw_spans(rng, stream, samples, moving=True, longest=14):
    """Draw spans (start, value, target) of a stream: some none, some moving, numbers out of range now and then."""
    spans, start = [], 0
    while start < samples:
        value = target = None
        if rng.random() > 0.2:
            value, target = (
                (rng.uniform(1.4 * stream["low"] - 1, 1.2 * stream["high"] + 1) if "low" in stream else other)
                for other in rng.integers(0, stream.get("classes", 1), 2).tolist()
            )
            if not moving or rng.random() < 0.5:
                target = None
            elif "classes" in stream and (rng.random() < 0.2 or target == value):
                target = "none" if rng.random() < 0.5 else None
        spans.append((start, value, target))
        start += int(rng.integers(1, longest))
    return spans


def track_of(streams, asked, samples):
    """Return the package's track of the oracle's spans."""
    spans = {}
    for number, (stream, laid) in enumerate(zip(streams, asked, strict=True)):
        dtype, none = (np.float32, np.nan) if "low" in stream else (np.int32, NONE)
        starts, values, targets = zip(*laid, strict=True) if laid else ((), (), ())
        targets = [value if target is None else target for value, target in zip(values, targets, strict=True)]
        values, targets = (
            np.array([none if each in (None, "none") else each for each in column], dtype)
            for column in (values, targets)
        )
        spans[f"s{number}"] = Spans(np.array(starts, np.int64), values, targets)
    return Track(samples, spans)


def columns_of(streams, asked, samples):
    return Columns(track_of(streams, asked, samples), product_streams(streams), RATE)


def names_of(streams):
    """(number of the stream, name of the vector) by the name that the package's columns have."""
    names = {}
    for number, stream in enumerate(streams):
        names[f"s{number}"] = (number, "number" if "low" in stream else "class")
        names |= {f"s{number}_{name}": (number, name) for name in ("before", "after", "position")}
    return names


def vectors_in(conditions, streams):
    """Return what columns `(n, ...)` say, as the oracle's vectors: {(number, name): (n, width)}."""
    found, names, first = {}, names_of(streams), 0
    for number, column in enumerate(class_columns(product_streams(streams))):
        rows = []
        for sample, value in enumerate(conditions.classes[:, number].tolist()):
            weight, target = 0.0, NONE
            if column.fades is not None and conditions.targets is not None:
                weight = float(conditions.weights[sample, column.fades])
                target = int(conditions.targets[sample, column.fades])
            one, other = (onehot(None if each < 0 else each, column.count) for each in (value, target))
            rows.append((1 - weight) * one + weight * other)
        found[names[column.name]] = np.array(rows)
    for group in number_columns(product_streams(streams)):
        found[names[group.name]] = conditions.numbers[:, first : first + group.width]
        first += group.width
    return found


def build(variant, streams, **options):
    return build_variant(**VARIANTS[variant] | options, streams=product_streams(streams))


def asked_tiers(model, streams):
    """Hand a model's weights to the oracle, those of its conditions by stream and vector."""
    tiers, names = oracle_tiers(model), names_of(streams)
    for told, tier in zip(tiers, model.tiers, strict=True):
        told |= {"class_embedding" if told["kind"] == "sample" else "condition": None}
        linears = [*tier.conditions.vectors, *tier.conditions.linears]
        told["asked"] = {names[linear.name]: _linear(linear) for linear in linears}
        if tier.conditions.output_linear is not None:
            told["hidden"] = _array(tier.conditions.hidden_bias), _linear(tier.conditions.output_linear)
    return tiers
