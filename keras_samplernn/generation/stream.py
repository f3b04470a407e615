"""Sound as a stream: conditions and temperatures in, blocks of codes out, for one sound or many on an engine's rows."""

import heapq
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from keras_samplernn.conditions.layout import Conditions, nothing
from keras_samplernn.generation.contrast import Contrast
from keras_samplernn.generation.engine import Carry, GenerationEngine, Weights
from keras_samplernn.generation.sampling import UniformStream

# For sounds of known length. Long enough that the start of a block costs little beside its samples, short enough that
# free rows do not wait long at the end.
BLOCK_SAMPLES = 2048


class Taken(NamedTuple):
    """Conditions and temperatures of the next samples of a part.

    Attributes:
        samples: number of samples.
        temperatures: a number, or `(frames,)`, one for each top frame that begins within the samples.
        conditions: arrays `(samples, ...)`; None if the model is unconditional.
    """

    samples: int
    temperatures: float | np.ndarray
    conditions: Conditions | None = None


class Part(Protocol):
    """A sound that is asked for piece by piece: its length need not be known before its end.

    Attributes:
        stem: keys the uniforms, together with the seed.
    """

    stem: str

    def take(self, samples: int) -> Taken:
        """Return conditions and temperatures of the next `samples` samples, or of fewer if the part ends.

        The number of samples taken before is a multiple of the top frame size.
        """


AnyPart = TypeVar("AnyPart", bound=Part)


def stream_parts(
    engine: GenerationEngine,
    weights: Weights,
    start: Carry,
    parts: Iterable[AnyPart],
    seed: int,
    strength: float = 1.0,
) -> Iterator[tuple[AnyPart, np.ndarray, bool]]:
    """Generate parts of any length on the engine's rows, in order.

    The row that is free first takes the next part, at a top frame. The sound of a part depends only on its stem, its
    conditions and temperatures, the seed, `weights` and `start`. These are taken from the part just before their block
    is generated, and memory does not depend on any length. If all lengths are known, the longest part should come
    first.

    Args:
        engine: generates the blocks.
        weights: what its `weights` returned.
        start: the carry with which each part starts.
        parts: in the order in which they get rows.
        seed: seed of the uniforms.
        strength: of the guidance, if the engine has one.

    Yields:
        A part, its next codes `(n,)`, and whether they are its last; n may be 0 at the end.
    """
    waiting = iter(parts)
    rows: list[Row | None] = [None] * engine.rows
    carry = start
    while True:
        block = Block(engine, strength)
        free = []  # first free sample of the block, row
        for number, row in enumerate(rows):
            first = block.add(number, 0, row) if row else 0
            if first is not None:
                rows[number] = None
                free.append((first, number))
        heapq.heapify(free)
        while free and free[0][0] < engine.block_samples and (part := next(waiting, None)) is not None:
            first, number = heapq.heappop(free)
            row = Row(part, seed, engine.guidance, engine.parts_of_a_code)
            last = block.add(number, first, row)
            if last is None:
                rows[number] = row
            else:
                heapq.heappush(free, (last, number))
        if not block.pieces:
            return
        codes = None
        if any(samples for _, _, _, samples, _ in block.pieces):
            codes, carry = engine.advance(weights, carry, start, *block.arguments())
        for part, number, first, samples, ended in block.pieces:
            yield part, codes[number, first : first + samples] if samples else np.empty(0, np.int32), ended


class Row:
    """A row of the batch while it generates one part.

    Args:
        part: the sound.
        seed: of the uniforms.
        guidance: of the engine.
        parts_of_a_code: of the engine.
        take: number of the row among those that make takes of one sound; 0 makes what a single row makes.

    Attributes:
        begun: whether the sound has begun; the next block begins it otherwise.
    """

    def __init__(self, part: Part, seed: int, guidance: Contrast | None, parts_of_a_code: int, take: int = 0):
        self.part = part
        self.bases = None if guidance is None else guidance.draw_classes(seed, part.stem)
        # No stem has a NUL in it: the name of a file has none.
        stem = f"{part.stem}\0{take}" if take else part.stem
        self.uniforms = UniformStream(seed, stem, parts_of_a_code)
        self.begun = False


class Block:
    """The arguments of the engine for its next block, filled piece by piece.

    Attributes:
        pieces: for each piece its part, its row, its first sample in the block, its number of samples, and whether they
            are the last ones of the part.
    """

    def __init__(self, engine: GenerationEngine, strength: float):
        shape = engine.rows, engine.block_samples
        self.frame = engine.model.top_frame_size
        self.begins = np.zeros((engine.rows, engine.frames), np.int32)
        streams, self.guidance = engine.model.streams, engine.guidance
        self.conditions = nothing(streams, shape, engine.fades) if streams else None
        self.strengths = self.bases = None
        if self.guidance is not None:
            self.strengths = np.full((engine.rows, engine.frames), strength, np.float32)
            self.bases = np.zeros((*shape, self.guidance.base_rows), np.int32)
        self.uniforms = np.zeros((*shape, engine.parts_of_a_code), np.float32)
        self.temperatures = np.ones((engine.rows, engine.frames), np.float32)
        self.pieces: list[tuple[Part, int, int, int, bool]] = []

    def add(self, number: int, first: int, row: Row) -> int | None:
        """Add the next piece of a row at sample `first`; return where the row is free, or None if its part goes on."""
        asked = self.uniforms.shape[1] - first
        taken = row.part.take(asked)
        ended = taken.samples < asked
        last = first + -(-taken.samples // self.frame) * self.frame
        if taken.samples:
            frames = slice(first // self.frame, last // self.frame)
            samples = slice(first, first + taken.samples)
            self.begins[number, frames.start] = not row.begun
            self.temperatures[number, frames] = taken.temperatures
            self.uniforms[number, samples] = row.uniforms.take(taken.samples)
            if self.conditions is not None:
                for array, piece in zip(self.conditions, taken.conditions, strict=True):
                    if piece is not None:
                        array[number, samples] = piece
            if self.bases is not None:
                self.bases[number, samples] = row.bases
            row.begun = True
        self.pieces.append((row.part, number, first, taken.samples, ended))
        return last if ended else None

    def arguments(self) -> tuple:
        """Return what the engine's `advance` takes, from `begins` on."""
        conditions = self.conditions
        if self.bases is not None:
            conditions = self.guidance.expand(conditions, self.bases)
        return self.begins, conditions, self.uniforms, self.temperatures, self.strengths
