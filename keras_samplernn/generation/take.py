"""A take: what was played on one voice of a performance, as a score with a note of everything else beside it."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.streams import NONE, ClassesStream, Stream, Streams
from keras_samplernn.conditions.track import Item
from keras_samplernn.errors import UserError
from keras_samplernn.files import open_file, replace_file, replace_json
from keras_samplernn.generation.deeds import MOST_TEMPERATURE, Deed
from keras_samplernn.generation.engine import Carry
from keras_samplernn.generation.performance import Performance

SUFFIX = ".json"
_MOST_BYTES = 100_000_000
_FORMAT = "keras_samplernn take"
_Count = Annotated[int, Field(ge=1)]


class Done(BaseModel):
    """A deed and the sample from which it held, the first of a block."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    sample: Annotated[int, Field(ge=0)]
    deed: Deed


class Take(BaseModel):
    """All that the samples of a voice depended on besides the conditions, which are in a score beside it.

    Attributes:
        format: what the file is.
        version: of this program.
        checkpoint: name of the checkpoint.
        model_sha256: of the model with its weights, see `entry.model_digest`.
        stem: keys the uniforms, together with the seed.
        samples: length in samples.
        sample_rate: in Hz.
        seed: at the start.
        temperature: at the start.
        voices: number of voices that were played side by side.
        voice: number of this one among them, from 0.
        block_samples: length of the blocks.
        precision: of the weights.
        fades: whether classes could cross-fade.
        deeds: in the order in which they were done.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    format: Literal["keras_samplernn take"] = _FORMAT
    version: str
    checkpoint: str
    model_sha256: str
    stem: str
    samples: Annotated[int, Field(ge=0, lt=2**40)]
    sample_rate: _Count
    seed: int
    temperature: Annotated[float, Field(ge=0, le=MOST_TEMPERATURE, allow_inf_nan=False)]
    voices: Annotated[int, Field(ge=1, le=4096)]
    voice: Annotated[int, Field(ge=0, lt=4096)]
    block_samples: Annotated[int, Field(ge=1, le=2**20)]
    precision: Literal["float32", "int8"]
    fades: bool
    deeds: list[Done] = []

    def codes(
        self, performance: Performance, columns: Columns | None, carries: Mapping[str, Carry]
    ) -> Iterator[np.ndarray]:
        """Play the take again.

        Args:
            performance: fresh, of the take's number of voices, block and precision.
            columns: of the score; None if the model is unconditional.
            carries: what `Performance.primed` returned, by the sha256 of each recording that was gone on from.

        Yields:
            The codes of each block, `(n,)` int32, as they were heard.
        """
        deeds = list(reversed(self.deeds))
        idle = [None] * self.voices
        for start in range(0, self.samples, self.block_samples):
            while deeds and deeds[-1].sample <= start:
                deed = deeds.pop().deed
                performance.do(self.voice, deed, carries.get(deed.sha256) if deed.do == "prime" else None)
            if columns is not None:
                stop = min(start + self.block_samples, columns.samples)
                idle[self.voice] = columns.piece(start, stop, lookahead=False)
            yield performance.advance(idle)[self.voice][: self.samples - start]


def take_beside(score: Path) -> Path:
    """Return the path of the note beside a score."""
    return score.with_suffix(SUFFIX)


def write_take(score: Path, take: Take, streams: Streams, items: Iterable[tuple[Stream, Item]]) -> None:
    """Write a take: its score, for a model with streams, and the note beside it.

    Args:
        score: path of the csv.
        take: the note.
        streams: of the model.
        items: what `Played` told.

    Raises:
        UserError: a file cannot be written.
    """
    if streams:
        replace_file(score, score_text(streams, items).encode())
    replace_json(take_beside(score), take.model_dump())


def score_text(streams: Sequence[Stream], items: Iterable[tuple[Stream, Item]]) -> str:
    """Return items as a csv of spans whose times count samples; an item has a row, with the cells of others empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["start", "stop", *(stream.name for stream in streams)])
    for stream, item in items:
        cells = [_cell(stream, item.value) if each == stream else "" for each in streams]
        writer.writerow([item.start, item.stop, *cells])
    return text.getvalue()


def _cell(stream: Stream, value: float) -> str:
    """Return a value as a cell; that of none is empty unless another value holds where nothing is said."""
    if not isinstance(stream, ClassesStream):
        return "" if np.isnan(value) else np.format_float_positional(np.float32(value), trim="-")
    if value == NONE:
        return "" if stream.gaps == NONE else "none"
    return stream.classes[value]


def read_take(score: Path) -> Take | None:
    """Return the note beside a score; None if there is none.

    Raises:
        UserError: one line: it is the note of a take and is damaged.
    """
    path = take_beside(score)
    try:
        with open_file(path) as stream:
            content = stream.read(_MOST_BYTES)
    except OSError:
        return None
    if _FORMAT.encode() not in content[:1000]:
        return None  # another file that happens to have this name
    try:
        take = Take.model_validate_json(content)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise UserError(
            f"{path}: {where}: is not what `live` wrote there; put it back, or remove the file to read {score.name}"
            " as a score"
        ) from None
    if take.voice >= take.voices or any(done.sample % take.block_samples for done in take.deeds):
        raise UserError(f"{path}: is not what `live` wrote; put it back, or remove it to read {score.name} as a score")
    return take
