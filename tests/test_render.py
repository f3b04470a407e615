import dataclasses

import numpy as np
import pytest

from keras_samplernn.generation.render import CHUNK_SAMPLES, Sound, generate_chunks


class CountingEngine:
    """An engine that computes nothing: it counts its chunks, and a row's codes count that row's samples since begun."""

    @dataclasses.dataclass(frozen=True)
    class Model:
        classes: int = 0
        top_frame_size: int = 16

    def __init__(self, rows, chunk_samples=CHUNK_SAMPLES):
        self.model = self.Model()
        self.rows, self.chunk_samples = rows, chunk_samples
        self.frames = chunk_samples // self.model.top_frame_size
        self.chunks = 0

    def advance(self, carry, start, begins, conditions, uniforms, temperatures):
        self.chunks += 1
        codes = []
        for number in range(self.frames):
            carry = np.where(begins[:, number], start, carry)
            codes.append(carry[:, None] + np.arange(self.model.top_frame_size))
            carry = carry + self.model.top_frame_size
        return np.concatenate(codes, axis=1), carry


def generate(rows, lengths):
    """Return the engine after all sounds, and each sound's pieces with what was said of their being the last."""
    engine = CountingEngine(rows)
    sounds = [Sound(f"sound_{number}", f"sound_{number}", length, 1.0) for number, length in enumerate(lengths)]
    pieces = {sound.name: [] for sound in sounds}
    for sound, codes, ended in generate_chunks(engine, sounds, np.zeros(rows, np.int64), seed=0):
        pieces[sound.name].append((codes, ended))
    return engine, list(pieces.values())


def wanted_share(rows, lengths):
    engine, _ = generate(rows, lengths)
    return sum(lengths) / (rows * engine.chunk_samples * engine.chunks)


def draw_lengths(kind, rows, seed):
    """Lengths of sounds, many enough that all together are four times as long as the longest on every row."""
    rng = np.random.default_rng(seed)
    draws = {
        "even": lambda: rng.integers(0, 300_000),
        "spread over decades": lambda: int(10 ** rng.uniform(0, 5.5)),
        "mostly short": lambda: rng.integers(200_000, 300_000) if rng.random() < 0.1 else rng.integers(0, 30_000),
        "shorter than a chunk": lambda: rng.integers(0, 1000),
    }
    lengths = []
    while not lengths or sum(lengths) < 4 * rows * max(lengths) or sum(lengths) < 20 * rows * CHUNK_SAMPLES:
        lengths.append(int(draws[kind]()))
    return lengths


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rows", [1, 4, 16])
@pytest.mark.parametrize("kind", ["even", "spread over decades", "mostly short", "shorter than a chunk"])
def test_rows_are_filled(kind, rows, seed):
    assert wanted_share(rows, draw_lengths(kind, rows, seed)) >= 0.85


@pytest.mark.parametrize("rows", [1, 4, 16])
@pytest.mark.parametrize("length", [100, CHUNK_SAMPLES, 3000, 50_000])
def test_rows_wait_for_one_sound_at_most(length, rows):
    rng = np.random.default_rng(length)
    lengths = rng.integers(length // 2, length + 1, size=5 * rows + 1)
    engine, _ = generate(rows, lengths)
    chunks = -(-lengths // engine.chunk_samples)
    assert engine.chunks <= chunks.sum() / rows + chunks.max()


@pytest.mark.parametrize("rows", [1, 4, 16])
def test_every_sound_comes_out_whole_and_in_order(rows):
    rng = np.random.default_rng(rows)
    edges = [0, 1, CHUNK_SAMPLES - 1, CHUNK_SAMPLES, CHUNK_SAMPLES + 1, 0]
    lengths = [*edges, *(int(10**exponent) for exponent in rng.uniform(0, 5, 40))]
    rng.shuffle(lengths)
    _, sounds = generate(rows, lengths)
    for length, pieces in zip(lengths, sounds, strict=True):
        codes = np.concatenate([codes for codes, _ in pieces])
        np.testing.assert_array_equal(codes, np.arange(length))
        assert [ended for _, ended in pieces] == [False] * (len(pieces) - 1) + [True]
