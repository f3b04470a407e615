"""What the benchmarks of whole runs share: a spec, corpora that need no decoding, and a process of its own."""

import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from keras_samplernn.conditions.streams import Streams, streams_of
from keras_samplernn.conditions.track import Spans, Track
from keras_samplernn.data.cache import part_name
from keras_samplernn.data.flat import FlatWriter
from keras_samplernn.data.joining import join_manifests
from keras_samplernn.data.manifest import MANIFEST
from keras_samplernn.data.parts import MOST_SAMPLES, key_of
from keras_samplernn.data.preparation import CODES, FORMAT, CorpusSettings, array_dtype
from keras_samplernn.data.profiles import SEGMENTS
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.data.tracks import TrackWriter
from keras_samplernn.model.registry import load_types
from keras_samplernn.quiet import start_tensorflow
from keras_samplernn.spec import Spec, parse_spec

SAMPLE_RATE, CLASSES = 16000, 10
BLOCK_SECONDS, SPAN_SAMPLES = 60, SAMPLE_RATE // 2
# Width 256, frames of 16 and 4, ten classes; what it does not name is as the preset `paper` has it.
SPEC = {
    "name": "benchmark",
    "preset": "paper",
    "audio": {"sample_rate": SAMPLE_RATE, "q_type": "mu-law", "q_levels": 256},
    "data": {"train": "train", "valid": "valid"},
    "conditioning": {"classes": CLASSES},
    "tier_defaults": {"dim": 256, "rnn_type": "GRU", "n_rnn": 1},
    "tiers": [
        {"type": "frame_rnn", "frame_size": 16},
        {"type": "frame_rnn", "frame_size": 4},
        {"type": "sample_mlp", "emb_size": 256, "window": None},
    ],
    "training": {"seq_len": 1024, "batch_size": 32},
}


def parse(raw: dict[str, Any], folder: Path) -> Spec:
    """Return the validated spec whose data lie in `folder`."""
    return parse_spec(json.dumps(raw), "the benchmark's spec", load_types(), folder)


def synthesise(samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a wave `(samples,)` of noisy tones, and conditions `(samples,)`, which decide the pitch."""
    conditions = _class_of_span(np.arange(samples) // SPAN_SAMPLES)
    phase = 2 * np.pi * np.cumsum(110 * 1.25**conditions) / SAMPLE_RATE
    noise = np.random.default_rng(0).standard_normal(samples)
    return 0.4 * np.sin(phase) + 0.1 * np.sin(3 * phase) + 0.02 * noise, conditions


def _class_of_span(spans: np.ndarray) -> np.ndarray:
    # 3 and 10 have no common divisor: all classes come round.
    return spans * 3 % CLASSES


def write_prepared(folder: Path, spec: Spec, seconds: float, sound_seconds: float) -> None:
    """Write a corpus as the cache holds it once it is prepared, without any audio file.

    It repeats a minute of synthesised sound: what codes say does not matter to how fast they are read.

    Args:
        folder: is made, with the parts beside it; `Corpus.open` opens it.
        spec: for its audio and its streams of classes, each of `CLASSES` or more.
        seconds: of all sounds.
        sound_seconds: of each sound.
    """
    rate = spec.audio.sample_rate
    samples, longest = round(seconds * rate), round(sound_seconds * rate)
    settings = CorpusSettings(rate, Quantizer.of(spec.audio), streams_of(spec))
    codes = settings.quantizer.encode(synthesise(BLOCK_SECONDS * rate)[0])
    pieces = [(start, min(longest, samples - start)) for start in range(0, samples, longest)]
    most = max(MOST_SAMPLES // longest, 1)
    parts = {}
    for first in range(0, len(pieces), most):
        key = key_of([str(folder), first])
        place = folder.with_name(part_name(key))
        place.mkdir(parents=True)
        parts[key] = _write_part(place, codes, pieces[first : first + most], settings)
    folder.mkdir(parents=True)
    manifest = join_manifests(parts, settings.streams, rate)
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def _write_part(
    folder: Path, codes: np.ndarray, pieces: Sequence[tuple[int, int]], settings: CorpusSettings
) -> dict[str, Any]:
    """Write the arrays of a part and return its manifest; a piece is where a sound begins, and its length."""
    levels, sounds, code_counts, written = settings.quantizer.q_levels, [], 0, 0
    with FlatWriter(folder, CODES, array_dtype(levels)) as flat, TrackWriter(folder, settings.streams) as tracks:
        for start, length in pieces:
            own = codes[(start + np.arange(length)) % len(codes)]
            flat.append(own)
            code_counts += np.bincount(own, minlength=levels)
            spans = tracks.append(_track(start, length, settings.streams))
            sounds.append(_sound(start, written, length, spans))
            written += length
    return {
        "format": FORMAT,
        "settings": settings.to_dict(),
        "samples": written,
        "sounds": sounds,
        "code_counts": code_counts.tolist(),
        "class_counts": {name: counts.tolist() for name, counts in tracks.class_counts.items()},
        "remarks": [],
    }


def _track(start: int, samples: int, streams: Streams) -> Track:
    """Return the classes of a sound that begins at sample `start` of the corpus."""
    numbers = np.arange(start // SPAN_SAMPLES, -(-(start + samples) // SPAN_SAMPLES))
    classes = _class_of_span(numbers).astype(np.int32)
    spans = Spans(np.maximum(numbers * SPAN_SAMPLES - start, 0), classes, classes)
    return Track(samples, {stream.name: spans for stream in streams})


def _sound(number: int, start: int, samples: int, spans: list[int]) -> dict[str, Any]:
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    return {
        "name": f"sound_{number:012d}.wav",
        "start": start,
        "samples": samples,
        "sha256": digest,
        "conditions_sha256": digest[::-1],
        "profile": "00" * 2 * SEGMENTS,
        "spans": spans,
    }


def forget_pages(folder: Path) -> None:
    """Have the system drop a corpus from its page cache, where it can be asked to, so that it comes from the disk."""
    if not hasattr(os, "posix_fadvise"):
        return
    parts = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["parts"]
    for path in (file for part in parts for file in folder.with_name(part_name(part["key"])).glob("*.bin")):
        with path.open("rb") as stream:
            os.fsync(stream.fileno())  # only what lies on the disk is dropped
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def in_fresh_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function of a benchmark's script in a process that has only started TensorFlow; return its result."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, initializer=start_tensorflow) as pool:
        return pool.submit(function, *arguments).result()
