"""Candidates: several takes of each passage of a sound, side by side; the best one is kept, and the sound goes on."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from keras_samplernn.generation.engine import Carry, GenerationEngine, Weights
from keras_samplernn.generation.judges import Judge
from keras_samplernn.generation.passages import Passage
from keras_samplernn.generation.sound import Sound
from keras_samplernn.generation.stream import Block, Row
from keras_samplernn.generation.take_bits import Bits, Made, TakeBits

# Passages end where a block does.
TAKE_BLOCK_SAMPLES = 256
MOST_TRIES = 3


class Choice(NamedTuple):
    """Which take of a passage was kept.

    Attributes:
        passage: of the sound.
        kept: number of the take, from 0.
        scores: of all takes.
        faulty: whether each take is faulty, `(takes,)` bool.
        tries: how often takes were made; more than once where all of them were faulty.
    """

    passage: Passage
    kept: int
    scores: np.ndarray
    faulty: np.ndarray
    tries: int


def stream_best(
    engine: GenerationEngine,
    weights: Weights,
    start: Carry,
    sounds: Iterable[Sound],
    seed: int,
    strength: float,
    takes: int,
    take_bits: TakeBits,
    judge: Judge,
    cut: Callable[[Sound], list[Passage]],
    faults: Callable[[Passage, Bits], np.ndarray] = lambda passage, bits: np.zeros(len(bits.asked), bool),
    on_choice: Callable[[Sound, Choice], None] = lambda sound, choice: None,
) -> Iterator[tuple[Sound, np.ndarray, bool]]:
    """Generate sounds passage by passage, each time the best of several takes.

    All takes of a passage continue the take that was kept of the one before. Where all are faulty, others are made from
    the same state. A sound depends on its stem, its conditions and temperature, the seed and the number of takes, and
    on no other sound.

    Args:
        engine: its rows are a multiple of `takes`, its blocks `TAKE_BLOCK_SAMPLES` long.
        weights: what its `weights` returned.
        start: the carry with which each sound starts.
        sounds: in the order in which they get rows.
        seed: seed of the uniforms.
        strength: of the guidance, if the engine has one.
        takes: number of takes of each passage.
        take_bits: of the engine's rows.
        judge: says which take is the best.
        cut: returns the passages of a sound, as `passages_of` does.
        faults: says which takes are faulty.
        on_choice: called after each passage.

    Yields:
        As `stream_parts`: a sound, the codes of its next passage, and whether they are the last.
    """
    waiting, carry = iter(sounds), _arrays(start)
    first = _rows_of(carry, slice(engine.rows_of_a_sound))
    slots: list[_Slot | None] = [None] * (engine.rows // takes)
    while True:
        for number in range(len(slots)):
            while slots[number] is None and (sound := next(waiting, None)) is not None:
                if not sound.samples:
                    yield sound, np.empty(0, np.int32), True
                    continue
                slots[number] = _Slot(engine, sound, seed, number, takes, cut(sound))
                slots[number].begin(carry, first, take_bits)
        if not any(slots):
            return
        block, counts = Block(engine, strength), np.zeros(engine.rows, np.int64)
        for slot in filter(None, slots):
            counts[slot.rows] = slot.fill(block)
        history = carry.history[:: engine.rows_of_a_sound]
        conditions = block.conditions
        codes, carry = engine.advance(
            weights, keras.tree.map_structure(ops.convert_to_tensor, carry), start, *block.arguments()
        )
        carry = _arrays(carry)
        take_bits.add(Made(history, codes, conditions, counts))
        for number, slot in enumerate(slots):
            if slot is None or not slot.add(codes[slot.rows, : counts[slot.rows][0]]):
                continue
            choice, kept = slot.choose(take_bits.of(slot.rows), judge, faults)
            if choice is None:
                slot.begin(carry, slot.before, take_bits)
                continue
            on_choice(slot.sound, choice)
            ended = slot.is_last
            yield slot.sound, kept, ended
            if ended:
                slots[number] = None
            else:
                slot.go_on(carry, choice.kept, take_bits)


class _Slot:
    """The rows that make the takes of one sound.

    Attributes:
        sound: of which this makes passage after passage.
        rows: of the engine's sounds.
        before: the carry before the present passage, of the rows of one take.
    """

    def __init__(
        self, engine: GenerationEngine, sound: Sound, seed: int, number: int, takes: int, passages: list[Passage]
    ):
        self.sound = sound
        self.rows = slice(number * takes, (number + 1) * takes)
        self._rows_of_a_sound = engine.rows_of_a_sound
        self._parts = [dataclasses.replace(sound) for _ in range(takes)]
        self._made = [
            Row(part, seed, engine.guidance, engine.parts_of_a_code, take) for take, part in enumerate(self._parts)
        ]
        self._passages, self._number, self._tries = passages, 0, 1

    @property
    def is_last(self) -> bool:
        """Whether the present passage is the last one."""
        return self._number + 1 == len(self._passages)

    def begin(self, carry: Carry, before: Carry, take_bits: TakeBits) -> None:
        """Begin the present passage, on all rows from the same carry."""
        self.before, self._codes, self._done = before, [], 0
        every = slice(self.rows.start * self._rows_of_a_sound, self.rows.stop * self._rows_of_a_sound)

        def write(rows: Any, saved: Any) -> None:
            rows[every] = np.tile(saved, (len(self._parts), *[1] * (saved.ndim - 1)))

        keras.tree.map_structure(write, carry, before)
        passage = self._passages[self._number]
        states = keras.tree.map_structure(lambda array: array[:1], before.states)
        take_bits.begin(self.rows, passage, self.sound.stem, states)
        for row, part in zip(self._made, self._parts, strict=True):
            row.begun, part.done = True, passage.start

    def fill(self, block: Block) -> int:
        """Add the next samples of all takes to a block; return how many they are."""
        passage = self._passages[self._number]
        samples = min(passage.stop - passage.start - self._done, block.uniforms.shape[1])
        for number, row in enumerate(self._made, self.rows.start):
            block.add(number, 0, row)
        return samples

    def add(self, codes: np.ndarray) -> bool:
        """Add codes `(takes, samples)` to the passage; return whether it is whole."""
        passage = self._passages[self._number]
        self._codes.append(codes)
        self._done += codes.shape[1]
        return self._done == passage.stop - passage.start

    def choose(self, bits: Bits, judge: Judge, faults: Callable) -> tuple[Choice | None, np.ndarray]:
        """Return which take is kept, and its codes; no choice if all are faulty and are to be made again."""
        passage, codes = self._passages[self._number], np.concatenate(self._codes, axis=1)
        scores, faulty = judge(passage, codes, bits), faults(passage, bits)
        if faulty.all() and self._tries < MOST_TRIES:
            self._tries += 1
            return None, codes
        # Of those without fault, if there are any, the greatest score, and of these the first.
        kept = int(np.lexsort((-np.arange(len(scores)), scores, ~faulty))[-1])
        return Choice(passage, kept, scores, faulty, self._tries), codes[kept]

    def go_on(self, carry: Carry, kept: int, take_bits: TakeBits) -> None:
        """Begin the next passage after the take that was kept."""
        first = (self.rows.start + kept) * self._rows_of_a_sound
        rows = slice(first, first + self._rows_of_a_sound)
        self._number, self._tries = self._number + 1, 1
        self.begin(carry, _rows_of(carry, rows), take_bits)


def _arrays(carry: Carry) -> Carry:
    """Return a carry as arrays of its own, since rows are replaced where a passage ends."""
    return keras.tree.map_structure(lambda tensor: np.array(ops.convert_to_numpy(tensor)), carry)


def _rows_of(carry: Carry, rows: slice) -> Carry:
    return keras.tree.map_structure(lambda array: array[rows].copy(), carry)
