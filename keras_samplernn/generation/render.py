"""From sounds asked for to wav files: rows of the compiled loop, each taking the next sound when its own is done."""

import dataclasses
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.data.wav_writer import WavWriter
from keras_samplernn.generation.engine import Carry, GenerationEngine
from keras_samplernn.generation.sampling import UniformStream

# Long enough that a chunk's start costs little beside its samples, short enough that rows whose sound has ended do
# not wait long for the next.
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


def generate_chunks(
    engine: GenerationEngine, sounds: Sequence[Sound], start: Carry, seed: int
) -> Iterator[tuple[Sound, np.ndarray, bool]]:
    """Generate sounds of any lengths on the engine's rows, the longest first.

    A row whose sound has ended takes the next one at the next chunk. What a sound is depends on its stem, its
    conditions, its temperature, the seed and `start` alone.

    Yields:
        A sound, its next codes `(n,)`, and whether they are its last.
    """
    waiting = deque(sorted(sounds, key=lambda sound: -sound.samples))
    rows: list[_Row | None] = [None] * engine.rows
    width = engine.chunk_samples
    carry = start
    while True:
        begins = np.zeros(engine.rows, np.int32)
        for number, row in enumerate(rows):
            while row is None and waiting:
                sound = waiting.popleft()
                if sound.samples:
                    row = rows[number] = _Row(sound, seed)
                    begins[number] = 1
                else:
                    yield sound, np.empty(0, np.int32), True
        if not any(rows):
            return
        conditions = np.full((engine.rows, width), -1, np.int32) if engine.model.classes else None
        uniforms = np.zeros((engine.rows, width), np.float32)
        temperatures = np.ones(engine.rows, np.float32)
        for number, row in enumerate(rows):
            if row is None:
                continue
            uniforms[number] = row.uniforms.take(width)
            temperatures[number] = row.sound.temperature
            if conditions is not None:
                piece = row.sound.conditions[row.done : row.done + width]
                conditions[number, : len(piece)] = piece
        codes, carry = engine.advance(carry, start, begins, conditions, uniforms, temperatures)
        for number, row in enumerate(rows):
            if row is None:
                continue
            piece = codes[number, : row.sound.samples - row.done]
            row.done += len(piece)
            ended = row.done == row.sound.samples
            yield row.sound, piece, ended
            if ended:
                rows[number] = None


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
