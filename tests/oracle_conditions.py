"""What conditions add, in plain NumPy (float64), one sample at a time: the formulas of docs/architecture.md.

Written from the formulas alone; it shares no code with the package. A stream is a plain dict:

classes: {"classes": C, "neighbours": bool, "position": bool}
numbers: {"low": low, "high": high}

What is asked of it is a plain list of spans (start, value, target), in order. A span ends where the next one
starts, the last one where the sound ends. Value None is none; target None stays at the value. Any other target is
the class or the number that the span goes to; "none" is a class that fades out.
"""

import functools
import math

import numpy as np
from oracle import Stream, draw, linear

SCALES = (0.02, 0.1, 0.5, 2.5)  # seconds


def span_at(spans, t, end):
    """The span [s, e) that sample t lies in -> (s, e, value, target); None before the first or past the end."""
    found = None
    for number, (start, value, target) in enumerate(spans):
        stop = spans[number + 1][0] if number + 1 < len(spans) else end
        if start <= t < stop:
            found = (start, stop, value, target)
    return found


def onehot(value, classes):
    vector = np.zeros(classes)
    if value is not None and value != "none":
        vector[value] = 1.0
    return vector


@functools.cache
def hard_spans(spans, end):
    """[[s, e, class], ...]: a cross-fade is cut in the middle, and its parts joined to their like."""
    parts = []  # [s, e, class, whether it is part of a cross-fade]
    for number, (start, value, target) in enumerate(spans):
        stop = min(spans[number + 1][0] if number + 1 < len(spans) else end, end)
        if target is None:
            parts.append([start, stop, value, False])
        else:
            middle = (start + stop) // 2
            parts.append([start, middle, value, True])
            parts.append([middle, stop, None if target == "none" else target, True])
    joined = []
    for s, e, value, faded in parts:
        if s >= e:
            continue
        if joined and joined[-1][2] == value and value is not None and (faded or joined[-1][3]):
            # the join reaches as far as the latest part: whether a third one joins is up to that part
            joined[-1][1], joined[-1][3] = e, faded
        else:
            joined.append([s, e, value, faded])
    return [part[:3] for part in joined]


def class_vector(spans, classes, t, end):
    found = span_at(spans, t, end)
    if found is None or found[2] is None:
        return np.zeros(classes)
    s, e, value, target = found
    if target is None:
        return onehot(value, classes)
    w = (t - s + 0.5) / (e - s)
    return (1 - w) * onehot(value, classes) + w * onehot(target, classes)


def hard_at(spans, t, end):
    """-> (the hard span that t lies in, the one before, the one after); each None if there is none."""
    hard = hard_spans(tuple(spans), end)
    for number, (s, e, value) in enumerate(hard):
        if s <= t < e and value is not None:
            before = hard[number - 1] if number > 0 else None
            after = hard[number + 1] if number + 1 < len(hard) else None
            return (s, e, value), before, after
    return None, None, None


def position_vector(spans, t, end, rate, lookahead):
    (present, _, _), vector = hard_at(spans, t, end), []
    if present is None:
        return np.zeros(13)
    a = (t - present[0] + 0.5) / rate
    b = (present[1] - t - 0.5) / rate
    q = a / (a + b)
    for k in range(5):
        vector.append(math.cos(k * math.pi * q) if lookahead else 0.0)
    for z in SCALES:
        vector.append(math.exp(-a / z))
    for z in SCALES:
        vector.append(math.exp(-b / z) if lookahead else 0.0)
    return np.array(vector)


def number_vector(spans, low, high, t, end):
    found = span_at(spans, t, end)
    if found is None or found[2] is None:
        return np.zeros(2)
    s, e, v, target = found
    if target is not None:
        v = v + (target - v) * (t - s) / (e - s)
    v = min(max(v, low), high)
    return np.array([1.0, 2 * (v - low) / (high - low) - 1])


def vectors(stream, spans, t, end, rate, lookahead=True):
    """{name of a vector: the vector} of one stream at sample t of a sound of `end` samples."""
    if "low" in stream:
        return {"number": number_vector(spans, stream["low"], stream["high"], t, end)}
    classes = stream["classes"]
    found = {"class": class_vector(spans, classes, t, end)}
    if stream.get("neighbours"):
        _, before, after = hard_at(spans, t, end)
        found["before"] = onehot(before[2] if before else None, classes)
        found["after"] = onehot(after[2] if after and lookahead else None, classes)
    if stream.get("position"):
        found["position"] = position_vector(spans, t, end, rate, lookahead)
    return found


def added(streams, asked, end, rate, lookahead=True, instead=None):
    """-> (tier, t) -> k (D,), what the conditions add to the tier's step for targets t ... t + F - 1.

    asked: the spans of each stream. A tier has its matrices in `tier["asked"]`: {(number of the stream, name of
    the vector): Lin}; a tier without them is not conditioned. With `tier["hidden"]` = (bias, Lin) their sum passes
    through a ReLU and that Linear. instead: {(number, name): vector} that all samples have.
    """
    instead = instead or {}

    def k(tier, t):
        total = 0.0
        for (number, name), weights in tier.get("asked", {}).items():
            rows = []
            for target in range(t, t + tier.get("frame_size", 1)):
                if target < end and (number, name) in instead:
                    rows.append(instead[number, name])
                elif target < end:
                    rows.append(vectors(streams[number], asked[number], target, end, rate, lookahead)[name])
            mean = sum(rows) / len(rows) if rows else np.zeros(len(weights["v"]))
            total = total + linear(weights, mean)
        if "hidden" in tier:
            bias, output = tier["hidden"]
            total = linear(output, np.maximum(total + bias, 0.0))
        return total

    return k


def log_probabilities(logits):
    top = np.max(logits)
    return logits - top - np.log(np.sum(np.exp(logits - top)))


def log_mean_probability(rows):
    """(rows, Q) logits -> (Q,): the log of the mean over rows of their probabilities."""
    return np.log(sum(np.exp(log_probabilities(row)) for row in rows) / len(rows))


def guided(asked, base, strength):
    """Log probabilities, up to a constant: asked (Q,) logits; base (Q,), or (rows, Q) to take the mean of."""
    asked = log_probabilities(np.asarray(asked, np.float64))
    base = np.asarray(base, np.float64)
    base = log_probabilities(base) if base.ndim == 1 else log_mean_probability(base)
    return base + strength * (asked - base)


def guided_generate(tiers, q_levels, samples, asked, bases, silence, uniforms, temperature, strength):
    """asked: k of the sound; bases: k of each row of the base -> codes (samples,), guided logits (samples, Q)."""
    rows = [Stream(tiers, q_levels, None, 0, silence, k) for k in [asked, *bases]]
    codes, drawn_from = np.zeros(samples, int), np.zeros((samples, q_levels))
    for n in range(samples):
        logits = [row.logits() for row in rows]
        drawn_from[n] = guided(logits[0], logits[1:] if len(bases) > 1 else logits[1], strength)
        codes[n] = draw(drawn_from[n], 0.0 if uniforms is None else uniforms[n], temperature)
        for row in rows:
            row.codes.append(int(codes[n]))
    return codes, drawn_from


def resampled(values, rate, new_rate, samples):
    """The value of each new sample: that of the old sample that its centre lies in, (n + 1/2) / new_rate."""
    found = []
    for n in range(samples):
        old = ((2 * n + 1) * rate) // (2 * new_rate)  # exact: integers
        found.append(values[old] if old < len(values) else None)
    return found
