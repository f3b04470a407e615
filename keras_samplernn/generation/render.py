"""From sounds asked for to wav files: rows of the compiled loop, each taking the next sound when its own is done."""

import dataclasses
import heapq
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.data.wav_writer import WavWriter
from keras_samplernn.generation.engine import Carry, GenerationEngine
from keras_samplernn.generation.sampling import UniformStream

# Long enough that a chunk's start costs little beside its samples, short enough that rows which have nothing left to
# do do not wait long for the last ones.
CHUNK_SAMPLES = 2048


@dataclasses.dataclass(frozen=True)
class Sound:
    """A sound asked for.

    Attributes:
        name: of its file, without `.wav`.
        stem: keys its uniforms, together with the seed: of its condition file, whatever the temperature.
        samples: its length.
        temperature: divides the logits; 0 takes the likeliest code.
        conditions: `(samples,)` integers, or None where the model is unconditional.
    """

    name: str
    stem: str
    samples: int
    temperature: float
    conditions: np.ndarray | None = None


class _Row:
    """A row of the batch while it makes one sound."""

    def __init__(self, sound: Sound, seed: int):
        self.sound = sound
        self.done = 0
        self.uniforms = UniformStream(seed, sound.stem)

    @property
    def ended(self) -> bool:
        """Whether the sound is whole."""
        return self.done == self.sound.samples


class _Chunk:
    """What the engine is given for its next chunk, filled piece by piece.

    Attributes:
        pieces: a sound, its row, the piece's first sample in the chunk, its samples, and whether they are the last.
    """

    def __init__(self, engine: GenerationEngine):
        shape = engine.rows, engine.chunk_samples
        self.frame = engine.model.top_frame_size
        self.begins = np.zeros((engine.rows, engine.frames), np.int32)
        self.conditions = np.full(shape, -1, np.int32) if engine.model.classes else None
        self.uniforms = np.zeros(shape, np.float32)
        self.temperatures = np.ones((engine.rows, engine.frames), np.float32)
        self.pieces: list[tuple[Sound, int, int, int, bool]] = []

    def add(self, number: int, first: int, row: _Row) -> int:
        """Let a row go on, or begin, at sample `first`, as far as it comes; return where the next one may begin."""
        sound, width = row.sound, self.uniforms.shape[1]
        samples = min(sound.samples - row.done, width - first)
        last = -(-(first + samples) // self.frame) * self.frame
        frames = slice(first // self.frame, last // self.frame)
        self.begins[number, frames.start] = row.done == 0
        self.temperatures[number, frames] = sound.temperature
        self.uniforms[number, first : first + samples] = row.uniforms.take(samples)
        if self.conditions is not None:
            piece = sound.conditions[row.done : row.done + samples]
            self.conditions[number, first : first + samples] = piece
        row.done += samples
        self.pieces.append((sound, number, first, samples, row.ended))
        return last


def generate_chunks(
    engine: GenerationEngine, sounds: Sequence[Sound], start: Carry, seed: int
) -> Iterator[tuple[Sound, np.ndarray, bool]]:
    """Generate sounds of any lengths on the engine's rows, the longest first.

    The row that is free first takes the next one, at a top frame. What a sound is depends on its stem, its
    conditions, its temperature, the seed and `start` alone.

    Yields:
        A sound, its next codes `(n,)`, and whether they are its last.
    """
    for sound in sounds:
        if not sound.samples:
            yield sound, np.empty(0, np.int32), True
    waiting = deque(sorted((sound for sound in sounds if sound.samples), key=lambda sound: -sound.samples))
    rows: list[_Row | None] = [None] * engine.rows
    carry = start
    while waiting or any(rows):
        chunk = _Chunk(engine)
        free = []  # first free sample of the chunk, row
        for number, row in enumerate(rows):
            first = chunk.add(number, 0, row) if row else 0
            if row is None or row.ended:
                rows[number] = None
                free.append((first, number))
        heapq.heapify(free)
        while waiting and free and free[0][0] < engine.chunk_samples:
            first, number = heapq.heappop(free)
            row = _Row(waiting.popleft(), seed)
            last = chunk.add(number, first, row)
            if row.ended:
                heapq.heappush(free, (last, number))
            else:
                rows[number] = row
        codes, carry = engine.advance(carry, start, chunk.begins, chunk.conditions, chunk.uniforms, chunk.temperatures)
        for sound, number, first, samples, ended in chunk.pieces:
            yield sound, codes[number, first : first + samples], ended


def render_sounds(
    engine: GenerationEngine,
    sounds: Sequence[Sound],
    start: Carry,
    seed: int,
    quantizer: Quantizer,
    sample_rate: int,
    folder: Path,
    on_samples: Callable[[int], None],
) -> Iterator[Path]:
    """Stream sounds to `NAME.wav` in a folder; a file gets its name when it is whole.

    Args:
        on_samples: called with the number of samples that have been added, all sounds together.

    Yields:
        Each file, as soon as it is there.
    """
    writers: dict[str, WavWriter] = {}
    try:
        for sound, codes, ended in generate_chunks(engine, sounds, start, seed):
            path = folder / f"{sound.name}.wav"
            if sound.name not in writers:
                writers[sound.name] = WavWriter(path, sample_rate)
            writer = writers[sound.name]
            writer.write(quantizer.decode(codes))
            on_samples(len(codes))
            if ended:
                writers.pop(sound.name).commit()
                yield path
    finally:
        for writer in writers.values():
            writer.discard()
