"""What is generated during training: clips of validation files, or of training files, or scores of an index."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np

from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.streams import NONE, Streams, classes_streams, streams_of
from keras_samplernn.conditions.track import Track
from keras_samplernn.data.corpus import Corpus
from keras_samplernn.data.index import read_index
from keras_samplernn.data.notes import first_few
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.errors import UserError, collect
from keras_samplernn.generation.scores import read_scores
from keras_samplernn.generation.sound import Sound
from keras_samplernn.monitoring.windows import Choice, choose_windows
from keras_samplernn.names import existing
from keras_samplernn.spec import Spec

HEARD_SECONDS = 0.25
MOST_SCORES = 100


@dataclasses.dataclass(frozen=True, eq=False)
class Clip:
    """A sound to generate again and again while a model is trained.

    Attributes:
        name: name of its files, without `.wav`; keys the uniforms.
        source: the file that it is from.
        first: where it begins there, in samples.
        samples: its length.
        columns: the conditions of the whole file; None if the model is unconditional.
        track: of the clip alone; None if the model is unconditional.
        classes: names of the classes that are asked for in it, in the order in which they begin.
        real: `(samples,)` in [-1, 1], what was recorded under these conditions; None: nothing was.
    """

    name: str
    source: str
    first: int
    samples: int
    columns: Columns | None
    track: Track | None
    classes: tuple[str, ...]
    real: np.ndarray | None = None

    @classmethod
    def of(cls, name: str, source: str, first: int, samples: int, columns: Columns | None, streams: Streams) -> Self:
        """Return a clip of a file, without the real sound; `streams` are those of the columns."""
        track = columns and columns.track.window(first, first + samples)
        return cls(name, source, first, samples, columns, track, _classes_of(track, streams) if track else ())

    @property
    def title(self) -> str:
        """Its name, and in brackets what is asked for."""
        return f"{self.name} ({first_few(self.classes)})" if self.classes else self.name

    def sound(self, temperature: float) -> Sound:
        """Return the sound to generate."""
        return Sound(self.name, self.name, self.samples, temperature, self.columns, first=self.first)


def choose_clips(spec: Spec, valid: Corpus | None, train: Corpus, say: Callable[[str], None]) -> list[Clip]:
    """Return what a run generates while it is trained.

    Args:
        spec: its `monitoring` says how many clips of which length, or names an index of scores.
        valid: the validation files; None: there are none.
        train: the training files, which stand in for them.
        say: called with a line for what the user might miss.

    Raises:
        UserError: one line for each problem of the index and its scores.
    """
    if spec.monitoring.index is not None:
        return _clips_of_index(spec, spec.monitoring.index, say)
    if valid is None:
        say("monitoring: there are no validation files, so the clips train_00, ... are of training files")
    return _clips_of_corpus(spec, *(("train", train) if valid is None else ("valid", valid)), say)


def clips_needed(spec: Spec, corpus: Corpus) -> int | None:
    """Return how many clips of a corpus have every class of the first stream; None: more than there may be."""
    return _choose(spec, corpus, 1).needed


def _choose(spec: Spec, corpus: Corpus, count: int) -> Choice:
    seconds, rate = spec.monitoring.seconds, spec.audio.sample_rate
    lengths = max(round(seconds * rate), 1), round(HEARD_SECONDS * rate)
    return choose_windows(corpus.sounds, classes_streams(corpus.streams), count, *lengths)


def _clips_of_corpus(spec: Spec, label: str, corpus: Corpus, say: Callable[[str], None]) -> list[Clip]:
    count, seconds = spec.monitoring.sounds, spec.monitoring.seconds
    windows, unheard, needed = _choose(spec, corpus, count)
    if len(windows) < count:
        say(f"monitoring.sounds = {count}: {len(windows)} are made, since the {label} files have no more clips")
    if unheard:
        made = "1 clip" if len(windows) == 1 else f"{len(windows)} clips"
        remedy = "" if needed is None else f"; to hear one of each, set monitoring.sounds to {needed}"
        say(
            f"monitoring: the sounds that are made to listen to in training, {made} of {seconds:g} s, have no"
            f" {first_few(unheard)}; what is learned is the same{remedy}"
        )
    decode = Quantizer.of(spec.audio).decoder
    clips = []
    for number, (sound, first, samples) in enumerate(windows):
        entry = corpus.sounds[sound]
        real = decode()(np.asarray(corpus.codes[entry.start + first : entry.start + first + samples]))
        clip = Clip.of(f"{label}_{number:02d}", entry.name, first, samples, entry.columns, corpus.streams)
        clips.append(dataclasses.replace(clip, real=real))
    return clips


def _clips_of_index(spec: Spec, index: Path, say: Callable[[str], None]) -> list[Clip]:
    problems: list[str] = []
    streams = streams_of(spec)
    names = [name for stream in classes_streams(streams) for name in stream.classes]
    files = collect(problems, read_index, existing(index), names, problems) or []
    if len(files) > MOST_SCORES:
        say(f"monitoring.index: lists {len(files):,} scores, of which the first {MOST_SCORES} are generated")
    scores = collect(problems, read_scores, spec, files[:MOST_SCORES], [], None, say)
    if problems:
        raise UserError(*(f"monitoring.index: {problem}" for problem in problems))
    longest = max(round(spec.monitoring.seconds * spec.audio.sample_rate), 1)
    if cut := [stem for stem, samples, *_ in scores if samples > longest]:
        say(f"monitoring.seconds = {spec.monitoring.seconds:g}: longer scores are cut to it: {first_few(cut)}")
    return [
        Clip.of(stem, str(file), 0, min(samples, longest), columns, streams)
        for file, (stem, samples, columns, *_) in zip(files, scores, strict=False)
    ]


def _classes_of(track: Track, streams: Streams) -> tuple[str, ...]:
    """Return the names of the classes of a track, those of the first stream before the others."""
    numbers = {
        stream: dict.fromkeys(np.stack(track.spans[stream.name][1:], axis=1).ravel().tolist())
        for stream in classes_streams(streams)
    }
    names = (stream.classes[each] for stream, found in numbers.items() for each in found if each != NONE)
    return tuple(dict.fromkeys(names))
