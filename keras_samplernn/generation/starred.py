"""`starred.json`: sounds of an audition that were starred, each with all that is needed to make it again."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.streams import NONE, ClassesStream, Stream, Streams, describe_classes
from keras_samplernn.conditions.track import Spans, Track
from keras_samplernn.data.wav_writer import MOST_SAMPLES
from keras_samplernn.errors import UserError, nearest
from keras_samplernn.generation.sound import Sound
from keras_samplernn.generation.values import shown

FORMAT = "keras_samplernn starred sounds"
MOST_BYTES, MOST_SOUNDS, MOST_ROWS = 20_000_000, 10_000, 16
_MOST_SPANS = 10_000_000
NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.\-]{0,199}$"
"""What names of files are made of: letters that every file system has, and no folder."""
_REMEDY = "save it again from the page of `audition`"


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SpanSaid(_Said):
    """A stretch of a stream: it lasts until the next one starts, the last one until the sound ends.

    Attributes:
        start_sample: its first sample.
        value: the name of a class, or a number; None: none.
        target: what the value moves to until the span ends; the value itself where it stays.
    """

    start_sample: Annotated[int, Field(ge=0)]
    value: str | float | None
    target: str | float | None


class StarredSound(_Said):
    """All that the samples of a sound depend on.

    Attributes:
        name: of its file, without `.wav`.
        checkpoint: name of the checkpoint.
        model_sha256: of the model with its weights, see `entry.model_digest`.
        temperature: divides the logits.
        seed: seed of the uniforms.
        stem: keys the uniforms, together with the seed.
        batch_size: rows of the compiled loop: one of another shape may round differently.
        seconds: its length.
        score: the spans of each stream; None if the model is unconditional.
    """

    name: Annotated[str, Field(pattern=NAME)]
    checkpoint: Annotated[str, Field(pattern=r"^step-[0-9]{10}(-noted|-validated)?$")]
    model_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    temperature: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)]
    stem: Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00]*$")]
    batch_size: Annotated[int, Field(ge=1, le=MOST_ROWS)]
    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    score: dict[str, list[SpanSaid]] | None

    def sound(self, streams: Streams, sample_rate: int, samples: int | None, place: str) -> Sound:
        """Return the sound to generate.

        Args:
            streams: of the model.
            sample_rate: of the model, in Hz.
            samples: its length; the score is cut, or repeated; None: as it was.
            place: of this sound, for messages.

        Raises:
            UserError: one line: the score is not one of these streams, or it is too long.
        """
        own = round(self.seconds * sample_rate)
        if not 1 <= own <= MOST_SAMPLES:
            raise UserError(f"{place}.seconds = {self.seconds:g}: is no length of a WAV file; {_REMEDY}")
        samples = own if samples is None else samples
        columns = None
        if streams or self.score is not None:
            spans = _spans_of(streams, self.score or {}, own, place)
            columns = Columns(_repeated(Track(own, spans), streams, samples, place), streams, sample_rate)
        return Sound(self.name, self.stem, samples, float(self.temperature), columns)


class Starred(_Said):
    """The file: what it is, and the sounds in it."""

    format: Literal["keras_samplernn starred sounds"] = FORMAT
    sounds: Annotated[list[StarredSound], Field(min_length=1, max_length=MOST_SOUNDS)]


def read_starred(path: Path) -> list[StarredSound]:
    """Read a `starred.json`.

    Raises:
        UserError: one line for each problem of the file.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe would wait for its writer
            raise UserError(f"{path}: is not a file; give the one that was saved from a page of `audition`")
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); give the file that was saved from a page of `audition`"
        ) from None
    if len(content) > MOST_BYTES:
        raise UserError(f"{path}: has more than {MOST_BYTES // 1_000_000} MB; star fewer sounds")
    with contextlib.suppress(ValueError, RecursionError):
        if json.loads(content) == {"format": FORMAT, "sounds": []}:
            raise UserError(f"{path}: has no sound in it; star one in the page, and save again")
    try:
        sounds = Starred.model_validate_json(content).sounds
    except ValidationError as error:
        raise UserError(*(f"{path}: {_described(each)}; {_REMEDY}" for each in error.errors()[:10])) from None
    first: dict[str, int] = {}
    for number, sound in enumerate(sounds):
        if (other := first.setdefault(sound.name.casefold(), number)) != number:
            raise UserError(
                f"{path}: sounds[{number}].name = {shown(sound.name)} is the name of sounds[{other}] too; rename one"
            )
    return sounds


def spans_said(track: Track, streams: Streams) -> dict[str, list[SpanSaid]]:
    """Return what `sound` makes the same track of."""
    return {
        stream.name: [
            SpanSaid(start_sample=int(start), value=_said(stream, value), target=_said(stream, target))
            for start, value, target in zip(*track.spans[stream.name], strict=True)
        ]
        for stream in streams
    }


def _said(stream: Stream, value: Any) -> str | float | None:
    if isinstance(stream, ClassesStream):
        return None if value == NONE else stream.classes[value]
    return None if np.isnan(value) else float(value)


def _spans_of(streams: Streams, score: Mapping[str, Sequence[SpanSaid]], samples: int, place: str) -> dict[str, Spans]:
    names = [stream.name for stream in streams]
    if {*score} != {*names}:
        said = ", ".join(map(shown, [*score][:20])) or "none"
        raise UserError(
            f"{place}.score: has the streams {said}, and the run has {', '.join(names) or 'none'}; give the run that"
            " the page is of"
        )
    spans = {}
    for stream in streams:
        said, where = score[stream.name], f"{place}.score[{shown(stream.name)}]"
        starts = np.array([span.start_sample for span in said][: samples + 1], np.int64)
        if not len(said) or starts[0] != 0 or (np.diff(starts) <= 0).any() or starts[-1] >= samples:
            raise UserError(f"{where}: its spans do not rise from sample 0 to the end at {samples}; {_REMEDY}")
        values, targets = (
            [_value_of(stream, getattr(span, which), f"{where}[{number}].{which}") for number, span in enumerate(said)]
            for which in ("value", "target")
        )
        dtype = np.int32 if isinstance(stream, ClassesStream) else np.float32
        spans[stream.name] = Spans(starts, np.array(values, dtype), np.array(targets, dtype))
    return spans


def _value_of(stream: Stream, value: str | float | None, place: str) -> float:
    """Return a value of a stream as its spans have it."""
    if isinstance(stream, ClassesStream):
        if value is None:
            return NONE
        if isinstance(value, str) and value in stream.classes:
            return stream.classes.index(value)
        similar = nearest(value[:100], stream.classes) if isinstance(value, str) else ""
        raise UserError(f"{place}: {shown(value)} is not a class; classes are {describe_classes(stream)}{similar}")
    if value is None:
        return np.nan
    if isinstance(value, str) or not abs(value) <= np.finfo(np.float32).max:
        raise UserError(f"{place}: {shown(value)} is not a number of 32 bits; {_REMEDY}")
    return value


def _repeated(track: Track, streams: Streams, samples: int, place: str) -> Track:
    """Return a track cut to a length, or repeated until it has it."""
    times = -(-samples // track.samples)
    if times * max((len(spans.starts) for spans in track.spans.values()), default=0) > _MOST_SPANS:
        raise UserError(f"{place}: its score would be repeated {times:,} times; give fewer --seconds")
    if times > 1:
        offsets = np.arange(times) * track.samples
        spans = {
            name: Spans((offsets[:, None] + starts).ravel(), np.tile(values, times), np.tile(targets, times))
            for name, (starts, values, targets) in track.spans.items()
        }
        track = Track(times * track.samples, spans)
    return track.of_length(samples, streams)


def _described(error: Mapping[str, Any]) -> str:
    """Return one of pydantic's errors as place and rule."""
    place = ""
    for part in error["loc"]:
        place += f"[{part}]" if isinstance(part, int) else f".{part[:100]}" if place else part[:100]
    return f"{place}: {error['msg']}" if place else f"is not what `audition` saves: {error['msg']}"
