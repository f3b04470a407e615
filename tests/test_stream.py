"""The scheduler: rows are kept busy, sounds come out whole, controls are taken when their block is due."""

import dataclasses
import gc
import itertools
import tracemalloc

import keras
import numpy as np
import pytest
from variants import as_conditions, build_variant, random_sound

from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.streams import ClassesStream
from keras_samplernn.conditions.track import Track, runs
from keras_samplernn.generation.controls import Control, ControlledPart
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.sound import Sound, longest_first
from keras_samplernn.generation.stream import BLOCK_SAMPLES, Taken, stream_parts


class CountingEngine:
    """An engine that computes nothing: it counts its blocks, and a row's codes count that row's samples since begun."""

    @dataclasses.dataclass(frozen=True)
    class Model:
        streams: tuple = ()
        top_frame_size: int = 16

    guidance, fades, parts_of_a_code = None, False, 1

    def __init__(self, rows, block_samples=BLOCK_SAMPLES):
        self.model = self.Model()
        self.rows, self.block_samples = rows, block_samples
        self.frames = block_samples // self.model.top_frame_size
        self.blocks = 0

    def advance(self, weights, carry, start, begins, conditions, uniforms, temperatures, strengths):
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


class UnknownLength:
    """A part that tells its end only where it is asked for what lies behind it; it notes when it was asked."""

    def __init__(self, stem, samples, events=()):
        self.stem, self.left, self.events = stem, samples, events

    def take(self, samples):
        self.events.append(f"{self.stem} asked")
        samples = min(samples, self.left)
        self.left -= samples
        return Taken(samples, 1.0)


def test_a_length_need_not_be_known():
    lengths, engine = [0, 1, 2048, 5000, 4096, 0, 17], CountingEngine(2)
    parts = [UnknownLength(str(number), length, []) for number, length in enumerate(lengths)]
    made = {part.stem: [] for part in parts}
    for part, codes, ended in stream_parts(engine, None, np.zeros(2, np.int64), iter(parts), seed=0):
        assert not made[part.stem] or not made[part.stem][-1][1]
        made[part.stem].append((codes, ended))
    for length, pieces in zip(lengths, made.values(), strict=True):
        np.testing.assert_array_equal(np.concatenate([codes for codes, _ in pieces]), np.arange(length))
        assert pieces[-1][1]
    assert engine.blocks == 3  # 5000 samples on one row, 2048 and then 4096 on the other


def test_a_control_is_taken_when_its_block_is_the_next_one():
    events, engine = [], CountingEngine(1, block_samples=32)
    advance = engine.advance
    engine.advance = lambda *given: events.append("generated") or advance(*given)
    parts = [UnknownLength("first", 50, events), UnknownLength("second", 10, events)]
    for part, _, _ in stream_parts(engine, None, np.zeros(1, np.int64), parts, seed=0):
        events.append(f"{part.stem} given")
    assert events == [
        *("first asked", "generated", "first given"),
        *("first asked", "generated", "first given"),
        *("second asked", "generated", "second given"),
    ]


def test_memory_does_not_grow_with_a_stream():
    engine = CountingEngine(1, block_samples=256)
    controls = itertools.cycle(["low", np.zeros(100, int), Control("high", 0.7)])
    streams = (ClassesStream("class", ("low", "high"), named=True, position=True, neighbours=True),)
    part = ControlledPart("part", controls, streams, 8000, 1.0, 256, 16)
    engine.model = CountingEngine.Model(streams)
    blocks = stream_parts(engine, None, np.zeros(1, np.int64), [part], seed=0)

    def bytes_held(count):
        for _ in itertools.islice(blocks, 10):  # what is made once
            pass
        tracemalloc.start()
        for _ in itertools.islice(blocks, count):
            pass
        gc.collect()
        try:
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()

    # An object a block would be more; threads that other tests have left may allocate a little.
    assert bytes_held(2000) < bytes_held(50) + 1950 * 8


MODELS = {
    "three tiers": {},
    "three tiers conditional": {"classes": 3},
    "four tiers LSTM x2": {"frames": (16, 8, 2), "rnn_type": "LSTM", "n_rnn": 2, "learn_h0": False, "classes": 2},
    "three tiers SSM conditional": {"ssm": (0,), "classes": 3},
}
TEMPERATURE, SECOND_TEMPERATURE = 0.9, 0.5


def codes_of(engine, part):
    """Generate a part, alone."""
    weights = engine.weights()
    blocks = stream_parts(engine, weights, engine.silent_start(weights), [part], seed=3)
    return np.concatenate([codes for _, codes, _ in blocks])


def controlled(engine, controls, most_samples=None):
    model, block = engine.model, engine.block_samples
    return ControlledPart("stem", controls, model.streams, 8000, TEMPERATURE, block, model.top_frame_size, most_samples)


@pytest.mark.law
@pytest.mark.parametrize("variant", MODELS)
def test_a_stream_gives_the_samples_of_a_sound_whatever_the_length_of_its_blocks(variant):
    model, samples = build_variant(**MODELS[variant]), 4500
    _, conditions = random_sound(model, samples)
    columns = conditions
    if conditions is not None:
        track = Track(samples, {"class": runs(conditions[0])})
        columns = Columns(track, model.streams, 8000)
    sound = Sound("name", "stem", samples, TEMPERATURE, columns)
    engines = [GenerationEngine(model, 5, 1, block) for block in (BLOCK_SAMPLES, 256, model.top_frame_size)]
    expected = codes_of(engines[0], sound)
    assert len(np.unique(expected)) > 2
    for engine in engines:
        # In pieces of any length, as they come.
        controls = itertools.repeat(Control())
        if conditions is not None:
            controls = np.split(conditions[0], [1, 7, 300, 301, 1000, 4000])
        np.testing.assert_array_equal(codes_of(engine, controlled(engine, controls, samples)), expected)


@pytest.mark.law
def test_a_control_changes_nothing_before_its_top_frame():
    model = build_variant(classes=3)
    frame = model.top_frame_size
    engine = GenerationEngine(model, 5, 1, frame)
    controls = [Control(number % 3) for number in range(20)]
    expected = codes_of(engine, controlled(engine, controls))
    for number, control in ((0, Control(1)), (7, Control(2)), (12, Control(0, 0.3))):
        changed = [*controls[:number], control, *controls[number + 1 :]]
        codes = codes_of(engine, controlled(engine, changed))
        first = int(np.argmax(codes != expected))
        assert number * frame <= first < (number + 2) * frame
        assert (codes != expected).any()


@pytest.mark.law
def test_a_temperature_holds_from_the_next_top_frame_on():
    model = build_variant(classes=3)
    frame = model.top_frame_size
    _, conditions = random_sound(model, 4 * frame)
    cut = frame + 3  # within the second top frame
    controls = [Control(conditions[0, :cut]), Control(conditions[0, cut:], SECOND_TEMPERATURE)]
    part = controlled(GenerationEngine(model, 5, 1, 2 * frame), controls)
    taken = part.take(2 * frame), part.take(2 * frame), part.take(2 * frame)
    np.testing.assert_array_equal(np.concatenate([each.conditions.classes[:, 0] for each in taken[:2]]), conditions[0])
    assert [list(each.temperatures) for each in taken] == [
        pytest.approx([TEMPERATURE, TEMPERATURE]),
        pytest.approx([SECOND_TEMPERATURE, SECOND_TEMPERATURE]),
        [],
    ]


@pytest.mark.law
def test_streams_that_share_an_engine_keep_their_own_weights():
    model = build_variant(classes=3, learn_h0=True)
    engine = GenerationEngine(model, 5, 1, 32)

    def begin():
        weights = engine.weights()
        start = engine.primed_start(weights, np.arange(20) % 12, as_conditions(np.zeros(20, int)))
        part = controlled(engine, [Control(number % 3) for number in range(6)])
        return (codes for _, codes, _ in stream_parts(engine, weights, start, [part], seed=3))

    alone = np.concatenate([*begin()])
    first = begin()
    pieces = [next(first)]
    for variable in model.trainable_variables:
        variable.assign(-0.5 * variable)
    second = begin()
    others = [next(second)]
    pieces += [*first]
    np.testing.assert_array_equal(np.concatenate(pieces), alone)
    others = np.concatenate([*others, *second])
    np.testing.assert_array_equal(others, np.concatenate([*begin()]))
    assert (others != alone).any()


@pytest.mark.law
def test_what_a_sound_goes_on_from_depends_on_the_given_weights_alone():
    """Neither on the model's present ones, nor on the length of the engine's blocks."""
    model = build_variant(classes=3, learn_h0=True, dims=[40, 40])
    codes, conditions = random_sound(model, 300)

    def starts(engine, weights):
        found = engine.silent_start(weights), engine.primed_start(weights, codes[0], as_conditions(conditions[0]))
        return [keras.ops.convert_to_numpy(tensor) for tensor in keras.tree.flatten(found)]

    short, long = (GenerationEngine(model, 5, 1, samples) for samples in (8, 2048))
    weights = short.weights()
    expected = starts(short, weights)
    for variable in model.trainable_variables:
        variable.assign(-0.5 * variable)
    for engine in (short, long):
        assert all(map(np.array_equal, starts(engine, weights), expected))
    assert not all(map(np.array_equal, starts(short, short.weights()), expected))


def test_new_weights_compile_nothing(monkeypatch):
    traces, advance = [], GenerationEngine._advance_block
    monkeypatch.setattr(GenerationEngine, "_advance_block", lambda *given: traces.append(1) or advance(*given))
    model = build_variant()
    engine = GenerationEngine(model, 5, 2, 32)
    for _ in range(2):
        weights = engine.weights()
        sounds = [Sound(str(samples), str(samples), samples, 1.0) for samples in (3, 50, 64)]
        for _ in stream_parts(engine, weights, engine.silent_start(weights), sounds, seed=0):
            pass
        model.trainable_variables[0].assign(2 * model.trainable_variables[0])
    assert len(traces) == 1
