"""What is asked for in an audition: options, and the scores that are tried where none are given."""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.streams import (
    NONE,
    ClassesStream,
    Stream,
    Streams,
    classes_streams,
    streams_of,
)
from keras_samplernn.conditions.track import Item, Spans, Track, lay_spans
from keras_samplernn.data.wav_writer import MOST_SAMPLES
from keras_samplernn.errors import UserError
from keras_samplernn.generation.faults import RESTS
from keras_samplernn.generation.scores import read_scores
from keras_samplernn.run_folder import LongestSpans, RunFolder

SECONDS = 3.0
UNCONDITIONAL_STEM = "sound_000"
"""As `generate` names the first sound of an unconditional run, so that it makes the same."""


@dataclasses.dataclass(frozen=True)
class Audition:
    """The options of the command `audition`.

    Attributes:
        out: the page.
        checkpoints: "best", "heard", "newest" or "all".
        temperatures: at least one.
        seeds: at least one.
        conditions: condition files; none: a score for each class.
        seconds: length of each sound; None: as long as its condition file, or else `SECONDS`.
        overwrite: whether to replace a page that is there.
    """

    out: Path
    checkpoints: Sequence[str] = ("best",)
    temperatures: Sequence[float] = (0.7, 0.85, 1.0)
    seeds: Sequence[int] = (0,)
    conditions: Sequence[Path] = ()
    seconds: float | None = None
    overwrite: bool = False


class Score(NamedTuple):
    """What is tried.

    Attributes:
        title: of it, as the page shows it.
        stem: keys the uniforms, together with the seed.
        samples: its length.
        columns: its conditions; None if the model is unconditional.
    """

    title: str
    stem: str
    samples: int
    columns: Columns | None


def scores_asked_for(run: RunFolder, asked: Audition, say: Callable[[str], None]) -> list[Score]:
    """Return the scores of an audition.

    Raises:
        UserError: one line for each score that cannot be read, has no sample, or has a name that JSON cannot hold.
    """
    streams, rate = streams_of(run.spec), run.spec.audio.sample_rate
    samples = round((SECONDS if asked.seconds is None else asked.seconds) * rate)
    if not 1 <= samples <= MOST_SAMPLES:
        raise UserError(f"--seconds {asked.seconds:g}: is no length of a sound; give 0.1 or more")
    if not streams:
        if asked.conditions:
            raise UserError(f"{run.folder}: is an unconditional run and was called with --conditions; leave it out")
        return [Score("sound", UNCONDITIONAL_STEM, samples, None)]
    if not asked.conditions:
        return scores_of_classes(streams, samples, rate, run.longest_spans())
    read = read_scores(run.spec, asked.conditions, (), None if asked.seconds is None else samples, say)
    # A take that was played live is a score here, like any other.
    scores = [Score(each.stem, each.stem, each.columns.samples, each.columns) for each in read]
    problems = []
    for path, score in zip(asked.conditions, scores, strict=True):
        if not score.samples:
            problems.append(f"{path}: asks for 0 samples; give --seconds, or leave it out")
        if not score.stem.isprintable() or len(score.stem) > 200:
            problems.append(f"{path}: has a name that is too long, or not of letters; rename it")
    if problems:
        raise UserError(*problems)
    return scores


def scores_of_classes(streams: Streams, samples: int, sample_rate: int, longest: LongestSpans) -> list[Score]:
    """Return a score for each class of the first stream of classes: notes of it, no longer than in training.

    Other streams of classes have each of their classes in turn, note by note; numbers are in the middle of their range.
    In a rest, the other streams are none. A run without classes has one score.

    Args:
        streams: at least one.
        samples: length of each.
        sample_rate: in Hz.
        longest: the longest spans of training, in seconds; where they are not known, a note lasts the whole score.
    """
    first, *others = classes_streams(streams) or (None,)
    if first is None:
        track = Track(samples, {stream.name: _spans(stream, [(0, samples)], ()) for stream in streams})
        return [Score("sound", UNCONDITIONAL_STEM, samples, Columns(track, streams, sample_rate))]
    scores = []
    for number, name in enumerate(first.classes):
        known = [longest.get(first.name, {}).get(name), *(_shortest(longest.get(each.name, {})) for each in others)]
        seconds = min((each for each in known if each), default=samples / sample_rate)
        count = min(-(-samples // max(round(seconds * sample_rate), 1)), samples)
        edges = [samples * edge // count for edge in range(count + 1)]
        notes = [*itertools.pairwise(edges)]
        resting = name.casefold() in RESTS
        spans = {}
        for stream in streams:
            classes: Sequence[int] = (number,)
            if stream is not first:
                classes = (NONE,) if resting else range(len(getattr(stream, "classes", ())))
            spans[stream.name] = _spans(stream, notes, classes)
        scores.append(Score(name, name, samples, Columns(Track(samples, spans), streams, sample_rate)))
    return scores


def _shortest(longest_of_class: dict[str, float]) -> float | None:
    return min((seconds for seconds in longest_of_class.values() if seconds > 0), default=None)


def _spans(stream: Stream, notes: Sequence[tuple[int, int]], classes: Sequence[int]) -> Spans:
    """Return a stream's spans: its classes in turn, or the middle of its range; nothing where the classes are none."""
    if isinstance(stream, ClassesStream):
        items = [Item(*note, classes[count % len(classes)]) for count, note in enumerate(notes)]
    elif NONE in classes:
        items = []
    else:
        items = [Item(*note, (stream.low + stream.high) / 2) for note in notes]
    return lay_spans(stream, items, notes[-1][1])
