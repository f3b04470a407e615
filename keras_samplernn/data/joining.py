"""From the manifests of its parts to the manifest of a corpus."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_samplernn.conditions.streams import Streams, classes_streams
from keras_samplernn.data.notes import Notes
from keras_samplernn.data.suspicions import SILENT, class_suspicions


def join_manifests(parts: Mapping[str, dict[str, Any]], streams: Streams, sample_rate: int) -> dict[str, Any]:
    """Return the manifest of a corpus.

    Args:
        parts: the manifest of each part, by its key, in order; at least one.
        streams: the condition streams.
        sample_rate: in Hz.
    """
    manifests = list(parts.values())
    notes = Notes()
    for manifest in manifests:
        notes.join(manifest["remarks"])
    begins = itertools.accumulate((manifest["samples"] for manifest in manifests), initial=0)
    sounds = [
        {**sound, "start": begin + sound["start"]}
        for begin, manifest in zip(begins, manifests, strict=False)
        for sound in manifest["sounds"]
    ]
    class_counts = {
        stream.name: _sum([manifest["class_counts"][stream.name] for manifest in manifests])
        for stream in classes_streams(streams)
    }
    suspicions = (
        class_suspicions(stream, np.array(class_counts[stream.name]), sample_rate)
        for stream in classes_streams(streams)
    )
    all_silent = [f"all {len(sounds)} sounds are silent"] if 1 < notes.count(SILENT) == len(sounds) else []
    return {
        "format": manifests[0]["format"],
        "settings": manifests[0]["settings"],
        "samples": sum(manifest["samples"] for manifest in manifests),
        "sounds": sounds,
        "code_counts": _sum([manifest["code_counts"] for manifest in manifests]),
        "class_counts": class_counts,
        "parts": [{"key": key, "sounds": len(manifest["sounds"])} for key, manifest in parts.items()],
        "notes": [*notes.lines(), *all_silent, *itertools.chain.from_iterable(suspicions)],
        "lost": notes.lost(),
    }


def _sum(counts: Sequence[Sequence[int]]) -> list[int]:
    return np.sum(np.array(counts, np.int64), axis=0).tolist()
