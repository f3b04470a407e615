"""Sound as a stream: controls are pulled, blocks of codes come out; many sounds on the rows of an engine, or one."""

import heapq
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from keras_samplernn.generation.engine import Carry, GenerationEngine, Weights
from keras_samplernn.generation.sampling import UniformStream

# Of sounds that nobody waits for. Long enough that a block's start costs little beside its samples, short enough that
# rows which have nothing left to do do not wait long for the last ones.
BLOCK_SAMPLES = 2048


class Taken(NamedTuple):
    """What the next samples of a part are asked to be.

    Attributes:
        samples: how many there are.
        temperatures: a number, or `(frames,)` for each top frame that begins within them.
        conditions: `(samples,)` integers; None where the model is unconditional.
    """

    samples: int
    temperatures: float | np.ndarray
    conditions: np.ndarray | None = None


class Part(Protocol):
    """A sound that is asked for bit by bit: its length need not be known before its end.

    Attributes:
        stem: keys its uniforms, together with the seed.
    """

    stem: str

    def take(self, samples: int) -> Taken:
        """Return what the next `samples` samples are asked to be; fewer than that where the part ends.

        What was taken before is a multiple of the top frame size.
        """


AnyPart = TypeVar("AnyPart", bound=Part)


def stream_parts(
    engine: GenerationEngine, weights: Weights, start: Carry, parts: Iterable[AnyPart], seed: int
) -> Iterator[tuple[AnyPart, np.ndarray, bool]]:
    """Generate parts of any lengths on the engine's rows, in their order.

    The row that is free first takes the next part, at a top frame. What a part sounds like depends on its stem, its
    controls, the seed, `weights` and `start` alone. A control is taken when the block that it belongs to is the next
    one to be generated, and memory does not depend on any length. Where all lengths are known, rows are used best with
    the longest part first.

    Yields:
        A part, its next codes `(n,)`, and whether they are its last; n may be 0 at the end.
    """
    waiting = iter(parts)
    rows: list[_Row | None] = [None] * engine.rows
    carry = start
    while True:
        block = _Block(engine)
        free = []  # first free sample of the block, row
        for number, row in enumerate(rows):
            first = block.add(number, 0, row) if row else 0
            if first is not None:
                rows[number] = None
                free.append((first, number))
        heapq.heapify(free)
        while free and free[0][0] < engine.block_samples and (part := next(waiting, None)) is not None:
            first, number = heapq.heappop(free)
            row = _Row(part, seed)
            last = block.add(number, first, row)
            if last is None:
                rows[number] = row
            else:
                heapq.heappush(free, (last, number))
        if not block.pieces:
            return
        codes = None
        if any(samples for _, _, _, samples, _ in block.pieces):
            controls = block.begins, block.conditions, block.uniforms, block.temperatures
            codes, carry = engine.advance(weights, carry, start, *controls)
        for part, number, first, samples, ended in block.pieces:
            yield part, codes[number, first : first + samples] if samples else np.empty(0, np.int32), ended


class _Row:
    """A row of the batch while it makes one part."""

    def __init__(self, part: Part, seed: int):
        self.part = part
        self.uniforms = UniformStream(seed, part.stem)
        self.begun = False


class _Block:
    """What the engine is given for its next block, filled piece by piece.

    Attributes:
        pieces: a part, its row, the piece's first sample in the block, its samples, and whether they are the last.
    """

    def __init__(self, engine: GenerationEngine):
        shape = engine.rows, engine.block_samples
        self.frame = engine.model.top_frame_size
        self.begins = np.zeros((engine.rows, engine.frames), np.int32)
        self.conditions = np.full(shape, -1, np.int32) if engine.model.classes else None
        self.uniforms = np.zeros(shape, np.float32)
        self.temperatures = np.ones((engine.rows, engine.frames), np.float32)
        self.pieces: list[tuple[Part, int, int, int, bool]] = []

    def add(self, number: int, first: int, row: _Row) -> int | None:
        """Let a row go on, or begin, at sample `first`; return where it is free, None where its part does not end."""
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
                self.conditions[number, samples] = taken.conditions
            row.begun = True
        self.pieces.append((row.part, number, first, taken.samples, ended))
        return last if ended else None
