"""What is asked for in a score, as strips below its pictures: coloured spans with names, or lines."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_samplernn.conditions.streams import NONE, ClassesStream, NumberStream, Streams
from keras_samplernn.conditions.track import Spans, Track
from keras_samplernn.monitoring.strips import class_colour

MOST_SPANS = 300
"""That are shown of a stream; more could not be seen."""


def strips_of(track: Track, streams: Streams) -> list[dict[str, Any]]:
    """Return a strip for each stream, as `page.js` draws it; places are shares of the sound's length."""
    return [
        (_strip_of_classes if isinstance(stream, ClassesStream) else _strip_of_numbers)(
            stream, track.spans[stream.name], track.samples
        )
        for stream in streams
    ]


def _seen(spans: Spans, samples: int) -> tuple[Spans, np.ndarray]:
    """Return spans and their ends; of too many those that are at evenly spaced places."""
    ends = np.append(spans.starts[1:], samples)
    if len(spans.starts) <= MOST_SPANS:
        return spans, ends
    places = (np.arange(MOST_SPANS) + 0.5) * samples / MOST_SPANS
    at = np.unique(np.searchsorted(spans.starts, places, side="right") - 1)
    some = Spans(*(each[at] for each in spans))
    return some, np.append(some.starts[1:], samples)


def _strip_of_classes(stream: ClassesStream, spans: Spans, samples: int) -> dict[str, Any]:
    some, ends = _seen(spans, samples)
    drawn = []
    for start, stop, value, target in zip(some.starts, ends, some.values, some.targets, strict=True):
        name = "" if value == NONE else stream.classes[value]
        label = (
            name if value == target else f"{name or 'none'} > {'none' if target == NONE else stream.classes[target]}"
        )
        colour = class_colour(int(value))
        moves = None if value == target else _hex(class_colour(int(target)))
        light = bool(colour @ (0.3, 0.6, 0.1) < 0.5)
        drawn.append([int(start) / samples, int(stop) / samples, label, _hex(colour), moves, light])
    return {"about": stream.name, "spans": drawn}


def _strip_of_numbers(stream: NumberStream, spans: Spans, samples: int) -> dict[str, Any]:
    some, ends = _seen(spans, samples)
    lines: list[list[list[float]]] = []
    last = -1
    for start, stop, value, target in zip(some.starts, ends, some.values, some.targets, strict=True):
        if np.isnan(value) or np.isnan(target):
            continue
        points = [[int(at) / samples, _share(stream, each)] for at, each in ((start, value), (stop, target))]
        if lines and last == start:
            lines[-1] += points
        else:
            lines.append(points)
        last = stop
    unit = f" {stream.unit}" if stream.unit else ""
    known = _known([*some.values, *some.targets])
    told = "none" if not known else f"{known[0]:g}" if len(known) == 1 else f"{known[0]:g} to {known[-1]:g}"
    about = f"{stream.name}, from {stream.low:g} to {stream.high:g}{unit}"
    return {"about": about, "label": f"{stream.name} {told}{unit if known else ''}", "points": lines}


def _known(values: Sequence[float]) -> list[float]:
    return sorted({float(value) for value in values if not np.isnan(value)})


def _share(stream: NumberStream, value: float) -> float:
    return float(np.clip((value - stream.low) / (stream.high - stream.low), 0, 1))


def _hex(colour: np.ndarray) -> str:
    return "#" + "".join(f"{round(255 * float(part)):02x}" for part in colour)
