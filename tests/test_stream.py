"""The scheduler: rows are kept busy, sounds come out whole, controls are taken when their block is due."""

import dataclasses

import numpy as np
import pytest

from keras_samplernn.generation.sound import Sound, longest_first
from keras_samplernn.generation.stream import BLOCK_SAMPLES, stream_parts


class CountingEngine:
    """An engine that computes nothing: it counts its blocks, and a row's codes count that row's samples since begun."""

    @dataclasses.dataclass(frozen=True)
    class Model:
        classes: int = 0
        top_frame_size: int = 16

    def __init__(self, rows, block_samples=BLOCK_SAMPLES):
        self.model = self.Model()
        self.rows, self.block_samples = rows, block_samples
        self.frames = block_samples // self.model.top_frame_size
        self.blocks = 0

    def advance(self, weights, carry, start, begins, conditions, uniforms, temperatures):
        self.blocks += 1
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
    for sound, codes, ended in stream_parts(engine, None, np.zeros(rows, np.int64), longest_first(sounds), seed=0):
        pieces[sound.name].append((codes, ended))
    return engine, list(pieces.values())


def wanted_share(rows, lengths):
    engine, _ = generate(rows, lengths)
    return sum(lengths) / (rows * engine.block_samples * engine.blocks)


def draw_lengths(kind, rows, seed):
    """Lengths of sounds, many enough that all together are four times as long as the longest on every row."""
    rng = np.random.default_rng(seed)
    draws = {
        "even": lambda: rng.integers(0, 300_000),
        "spread over decades": lambda: int(10 ** rng.uniform(0, 5.5)),
        "mostly short": lambda: rng.integers(200_000, 300_000) if rng.random() < 0.1 else rng.integers(0, 30_000),
        "shorter than a block": lambda: rng.integers(0, 1000),
    }
    lengths = []
    while not lengths or sum(lengths) < 4 * rows * max(lengths) or sum(lengths) < 20 * rows * BLOCK_SAMPLES:
        lengths.append(int(draws[kind]()))
    return lengths


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rows", [1, 4, 16])
@pytest.mark.parametrize("kind", ["even", "spread over decades", "mostly short", "shorter than a block"])
def test_rows_are_filled(kind, rows, seed):
    assert wanted_share(rows, draw_lengths(kind, rows, seed)) >= 0.85


@pytest.mark.parametrize("rows", [1, 4, 16])
@pytest.mark.parametrize("length", [100, BLOCK_SAMPLES, 3000, 50_000])
def test_rows_wait_for_one_sound_at_most(length, rows):
    rng = np.random.default_rng(length)
    lengths = rng.integers(length // 2, length + 1, size=5 * rows + 1)
    engine, _ = generate(rows, lengths)
    blocks = -(-lengths // engine.block_samples)
    assert engine.blocks <= blocks.sum() / rows + blocks.max()


@pytest.mark.parametrize("rows", [1, 4, 16])
def test_every_sound_comes_out_whole_and_in_order(rows):
    rng = np.random.default_rng(rows)
    edges = [0, 1, BLOCK_SAMPLES - 1, BLOCK_SAMPLES, BLOCK_SAMPLES + 1, 0]
    lengths = [*edges, *(int(10**exponent) for exponent in rng.uniform(0, 5, 40))]
    rng.shuffle(lengths)
    _, sounds = generate(rows, lengths)
    for length, pieces in zip(lengths, sounds, strict=True):
        codes = np.concatenate([codes for codes, _ in pieces])
        np.testing.assert_array_equal(codes, np.arange(length))
        assert [ended for _, ended in pieces] == [False] * (len(pieces) - 1) + [True]
