"""What is asked for: columns, models, generation and guidance, against an oracle made of the formulas alone."""

import itertools
import json
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from command_line import SPEC
from condition_kinds import (
    CASES,
    KINDS,
    LOUDNESS,
    RATE,
    TOLD,
    asked_tiers,
    build,
    columns_of,
    draw_spans,
    product_streams,
    track_of,
    vectors_in,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import oracle_logits
from oracle_conditions import added, guided_generate, onehot, resampled, vectors
from untrained import write_run
from variants import window_of

from keras_samplernn import load_run
from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.layout import class_columns, nothing, number_columns
from keras_samplernn.conditions.streams import NONE, ClassesStream, NumberStream
from keras_samplernn.conditions.track import Item, Track, lay_spans, runs
from keras_samplernn.data.batches import gather_windows
from keras_samplernn.data.corpus import SoundEntry
from keras_samplernn.data.dropout import draw_dropout
from keras_samplernn.data.plan import plan_epoch
from keras_samplernn.generation import engine as engine_module
from keras_samplernn.generation.controls import ControlledPart
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.guidance import guidance_of
from keras_samplernn.generation.sound import Sound
from keras_samplernn.generation.stream import stream_parts
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.registry import load_types
from keras_samplernn.spec import load_spec
from keras_samplernn.testing.case import STREAMS, Case
from keras_samplernn.training.trainer import Trainer

pytestmark = pytest.mark.law

# A sound of three top frames of 8 and part of a fourth; the window has one more.
SAMPLES, WINDOW, SILENCE, FRAME = 27, 40, 5, 8
seeds = st.integers(0, 2**32 - 1)
many = settings(max_examples=30, deadline=None, derandomize=True)


def forward(model, codes, conditions, weights=None):
    """Return the logits of sounds `(B, T)` from their start."""
    logits, _ = model.forward(window_of(model, codes, SILENCE), conditions, model.initial_states(len(codes)), weights)
    return keras.ops.convert_to_numpy(logits)


def padded(columns, lookahead, rows=1, samples=WINDOW):
    """Return the conditions of a window, equal in all rows; past the end of the sound there are none."""
    streams = [each.stream for each in columns._streams]
    conditions = nothing(streams, (rows, samples), columns.fades)
    for row in range(rows):
        columns.write(conditions, (row, slice(columns.samples)), 0, columns.samples, lookahead=lookahead)
    return conditions


class Sounds:
    """A model of some kind of conditions, and a sound that ends inside a frame."""

    def __init__(self, variant, kind, samples=SAMPLES, **options):
        self.streams, moving, self.lookahead = KINDS[kind]
        self.model = build(variant, self.streams, seed=6, **options)
        rng = np.random.default_rng(8)
        self.samples = samples
        self.asked = [draw_spans(rng, stream, samples, moving) for stream in self.streams]
        self.columns = columns_of(self.streams, self.asked, samples)
        self.codes = rng.integers(0, self.model.q_levels, (1, WINDOW)).astype("int32")

    def k(self, **options):
        return added(self.streams, self.asked, self.samples, RATE, self.lookahead, **options)

    @property
    def conditions(self):
        return padded(self.columns, self.lookahead)


# --- The formulas.


@pytest.mark.parametrize(("variant", "kind"), CASES)
def test_logits_match_the_oracle_to_the_end_of_the_sound(variant, kind):
    sounds = Sounds(variant, kind)
    model, codes = sounds.model, sounds.codes[0, :SAMPLES]
    tiers = asked_tiers(model, sounds.streams)
    expected = oracle_logits(tiers, model.q_levels, codes, silence=SILENCE, added=sounds.k())
    unasked = oracle_logits(tiers, model.q_levels, codes, silence=SILENCE, added=lambda tier, t: 0.0)
    assert np.abs(expected - unasked).max() > 0.5  # conditions weigh enough to tell
    for folded_for in (0, 10**6):
        logits = forward(model, sounds.codes, sounds.conditions, model.prepare(folded_for))
        np.testing.assert_allclose(logits[0, :SAMPLES], expected, atol=1e-4)


@many
@given(seed=seeds, samples=st.integers(1, 40), cuts=st.lists(st.integers(0, 40), max_size=8), lookahead=st.booleans())
def test_columns_are_the_vectors_of_the_formulas_in_whatever_pieces(seed, samples, cuts, lookahead):
    rng = np.random.default_rng(seed)
    streams = [{"classes": 3, **TOLD}, LOUDNESS, {"classes": 2, "position": True}]
    asked = [draw_spans(rng, stream, samples, moving=rng.random() < 0.7) for stream in streams]
    columns = columns_of(streams, asked, samples)
    edges = sorted({0, samples, *(min(cut, samples) for cut in cuts)})
    conditions = nothing(product_streams(streams), (samples,), columns.fades)
    for start, stop in itertools.pairwise(edges):
        columns.write(conditions, slice(start, stop), start, stop, lookahead=lookahead)
    assert conditions.exists.all()
    found = vectors_in(conditions, streams)
    for number, stream in enumerate(streams):
        expected = [vectors(stream, asked[number], t, samples, RATE, lookahead) for t in range(samples)]
        for name in expected[0]:
            rows = np.stack([each[name] for each in expected])
            np.testing.assert_allclose(found[number, name], rows, atol=2e-6, err_msg=f"{name}: {asked[number]}")


def test_the_laws_of_tiers_are_checked_with_conditions_of_every_kind():
    columns, groups = class_columns(STREAMS), number_columns(STREAMS)
    assert {column.fades is None for column in columns} == {True, False}
    assert {group.name for group in groups} == {"instrument_position", "loudness"}
    case = Case.__new__(Case)
    case.tier = SimpleNamespace(frame_size=4, reads=4, dim=3, takes_conditions=True)
    case.binding = SimpleNamespace(frame_size_above=8, has_shares=False)
    conditions = case.draw_inputs(seed=1).conditions
    for column, drawn in enumerate(columns):
        assert set(np.unique(conditions.classes[..., column])) == set(range(-1, drawn.count))
    assert (conditions.numbers != 0).all()
    fading = conditions.weights > 0
    assert 0 < fading.mean() < 1
    assert set(np.unique(conditions.targets[fading])) == {-1, 0, 1, 2}


# --- Who depends on what.


@pytest.mark.parametrize("stream", [{"classes": 3}, LOUDNESS], ids=["class", "number"])
@pytest.mark.parametrize("since", [5, 8, 23])
def test_what_is_asked_for_from_a_sample_on_changes_nothing_before_its_top_frame(stream, since):
    model = build("three tiers GRU", [stream])
    codes = np.random.default_rng(0).integers(0, 12, (2, WINDOW)).astype("int32")
    codes[1] = codes[0]
    values = [0, 2] if "classes" in stream else [-50.0, -10.0]
    asked = [[(0, values[0], None)]], [[(0, values[0], None), (since, values[1], None)]]
    both = [padded(columns_of([stream], spans, WINDOW), True) for spans in asked]
    rows = [None if pair[0] is None else np.concatenate(pair) for pair in zip(*both, strict=True)]
    before, after = forward(model, codes, type(both[0])(*rows))
    frame = since // FRAME * FRAME
    difference = np.abs(before - after).max(axis=-1)
    assert (difference[:frame] < 1e-5).all()
    assert (difference[frame : frame + FRAME] > 1e-4).all()  # its mean is that of the whole frame


def test_a_later_span_changes_the_columns_of_the_spans_that_it_touches_alone():
    streams = [{"classes": 4, **TOLD}]
    asked = [(0, 0, None), (10, 1, None), (20, 2, None), (30, 3, None)]

    def changed(spans, lookahead=True):
        one, other = (
            vectors_in(columns_of(streams, [each], 40).piece(0, 40, lookahead), streams) for each in (asked, spans)
        )
        found = {name: np.flatnonzero((one[0, name] != other[0, name]).any(axis=1)) for _, name in one}
        return {name: (where[0], where[-1] + 1) for name, where in found.items() if len(where)}

    another = [*asked[:2], (20, 0, None), asked[3]]
    assert changed(another) == {"class": (20, 30), "after": (10, 20), "before": (30, 40)}
    assert changed(another, lookahead=False) == {"class": (20, 30), "before": (30, 40)}
    # A span that begins later: what is still to come is known from the beginning of the span before.
    later = [*asked[:2], (24, 2, None), asked[3]]
    moved = dict.fromkeys(("class", "before", "after"), (20, 24))
    assert changed(later) == {**moved, "position": (10, 30)}
    assert changed(later, lookahead=False) == {"class": (20, 24), "before": (20, 24), "position": (20, 30)}


def test_rows_are_independent():
    sounds = Sounds("three tiers GRU", "eight streams")
    codes = np.repeat(sounds.codes, 3, axis=0)
    conditions = padded(sounds.columns, True, rows=3)
    expected = forward(sounds.model, codes, conditions)[1]
    rng = np.random.default_rng(1)
    for row in (0, 2):
        asked = [draw_spans(rng, stream, 31) for stream in sounds.streams]
        columns_of(sounds.streams, asked, 31).write(conditions, (row, slice(31)), 0, 31)
    changed = forward(sounds.model, codes, conditions)
    np.testing.assert_array_equal(changed[1], expected)
    assert np.abs(changed[0] - expected).max() > 0.1


# --- Generation.


@pytest.fixture
def uncompiled(monkeypatch):
    """Engines in a plain graph: these sounds are shorter than compiling for XLA takes."""
    import tensorflow as tf

    monkeypatch.setattr(engine_module, "compiled_once", lambda function: tf.function(function, autograph=False))


def generated(engine, part, strength=1.0):
    """Generate a part alone; return its codes, and the uniforms that they were drawn with."""
    weights = engine.weights()
    pieces = stream_parts(engine, weights, engine.silent_start(weights), [part], seed=3, strength=strength)
    return np.concatenate([codes for _, codes, _ in pieces])


class Unknowing(Sound):
    """A sound of which what comes later is not known."""

    def take(self, samples):
        start, taken = self.done, super().take(samples)
        return taken._replace(conditions=self.columns.piece(start, self.done, lookahead=False))


def sound_of(sounds, temperature):
    kind = Sound if sounds.lookahead else Unknowing
    return kind("name", "stem", sounds.samples, temperature, sounds.columns)


@pytest.mark.parametrize("kind", KINDS)
def test_greedy_generation_in_blocks_of_any_length_is_what_the_training_forward_would_choose(kind, uncompiled):
    sounds = Sounds("three tiers GRU", kind)
    model = sounds.model

    def in_blocks_of(samples):
        engine = GenerationEngine(model, SILENCE, 1, samples, fades=sounds.columns.fades)
        return generated(engine, sound_of(sounds, 0.0))

    whole = in_blocks_of(FRAME)
    if kind in ("eight streams", "future unknown"):  # all there is, together
        np.testing.assert_array_equal(in_blocks_of(2 * FRAME), whole)
    assert len(np.unique(whole)) > 1  # a constant sound would agree with anything
    codes = np.pad(whole, (0, WINDOW - SAMPLES), constant_values=SILENCE)[None]

    def chosen(conditions):
        return np.argmax(forward(model, codes, conditions)[0, :SAMPLES], axis=-1)

    np.testing.assert_array_equal(chosen(sounds.conditions), whole)
    late = sounds.conditions.map(lambda array: np.roll(array, 1, axis=1))
    assert (chosen(late) != whole).any()  # the law is sharp: a sample late, they are others


def test_compiled_generation_is_the_same():
    sounds = Sounds("a frame tier that takes none", "eight streams")
    engine = GenerationEngine(sounds.model, SILENCE, 1, 2 * FRAME, fades=True)
    whole = generated(engine, sound_of(sounds, 0.0))
    codes = np.pad(whole, (0, WINDOW - SAMPLES))[None]
    chosen = np.argmax(forward(sounds.model, codes, sounds.conditions)[0, :SAMPLES], axis=-1)
    np.testing.assert_array_equal(whole, chosen)


@many
@given(seed=seeds)
def test_controls_taken_one_by_one_give_the_columns_of_the_track_without_its_future(seed):
    rng = np.random.default_rng(seed)
    streams = [{"classes": 3, **TOLD}, LOUDNESS]
    controls, told = [], [[], []]
    for _ in range(rng.integers(1, 8)):
        length = int(rng.integers(1, 12))
        values = [rng.integers(-1, 3), rng.choice([np.nan, -70.0, -20.0])]
        if length == 5:  # a value for a whole block
            length = 2 * FRAME
            told_values = [None if each != each or each == -1 else each for each in values]
            control = {f"s{number}": None if each is None else each.item() for number, each in enumerate(told_values)}
        else:
            control = {"s0": ["none", "0", "1", "2"][values[0] + 1], "s1": np.full(length, values[1])}
            control["s0"] = np.repeat(control["s0"], length)
        controls.append(control)
        for number, value in enumerate(values):
            told[number].append(np.full(length, value))
    values = [np.concatenate(each) for each in told]
    samples, named = len(values[0]), [{**streams[0]}, LOUDNESS]
    classes, numbers = product_streams(named)
    classes = ClassesStream(classes.name, classes.classes, named=True, position=True, neighbours=True)
    part = ControlledPart("stem", controls, (classes, numbers), RATE, 1.0, 2 * FRAME, FRAME)
    pieces, left = [], samples
    while left > 0:
        taken = part.take(FRAME * int(rng.integers(1, 4)))
        pieces.append(taken.conditions)
        left -= taken.samples
    found = [np.concatenate(arrays) for arrays in zip(*(piece[:3] for piece in pieces), strict=True)]
    spans = {"s0": runs(values[0].astype(np.int32)), "s1": runs(values[1].astype(np.float32))}
    expected = Columns(Track(samples, spans), (classes, numbers), RATE).piece(0, samples, lookahead=False)
    for array, other in zip(found, expected[:3], strict=True):
        np.testing.assert_array_equal(array, other)


# --- None, as it is learned.


@many
@given(seed=seeds, epoch=st.integers(0, 9), pieces=st.integers(0, 30))
def test_what_is_not_told_depends_on_seed_epoch_and_pieces_alone(seed, epoch, pieces):
    drawn = draw_dropout(pieces, 3, 0.3, 0.2, seed, epoch)
    assert drawn.hidden.shape == (pieces, 3)
    for array, again in zip(drawn, draw_dropout(pieces, 3, 0.3, 0.2, seed, epoch), strict=True):
        np.testing.assert_array_equal(array, again)
    # Shares do not change what else is drawn: more is hidden where the share is higher.
    assert (drawn.hidden <= draw_dropout(pieces, 3, 0.6, 0.2, seed, epoch).hidden).all()


def test_what_is_not_told_has_its_shares_of_each_stream_and_of_all_together():
    drawn = draw_dropout(20_000, 3, 0.3, 0.2, seed=4, epoch=1)
    np.testing.assert_allclose(drawn.hidden.mean(axis=0), 0.3, atol=0.015)
    assert abs(1 - drawn.lookahead.mean() - 0.2) < 0.015
    pairs = [drawn.hidden[:, one] & drawn.hidden[:, other] for one, other in ((0, 1), (0, 2), (1, 2))]
    # All in 0.15, and each alone in a share a of the rest: 0.15 + 0.85 a = 0.3.
    alone = 0.15 / 0.85
    np.testing.assert_allclose([pair.mean() for pair in pairs], 0.15 + 0.85 * alone**2, atol=0.01)
    assert abs(drawn.hidden.all(axis=1).mean() - 0.15 - 0.85 * alone**3) < 0.01
    np.testing.assert_allclose(drawn.lookahead[drawn.hidden[:, 0]].mean(), 0.8, atol=0.02)
    others = draw_dropout(20_000, 3, 0.3, 0.2, seed=4, epoch=2), draw_dropout(20_000, 3, 0.3, 0.2, seed=5, epoch=1)
    for other in others:
        assert 0.35 < (other.hidden != drawn.hidden).mean() < 0.5  # 2 * 0.3 * 0.7
    assert not draw_dropout(500, 3, 0.0, 0.0, 0, 0).hidden.any()
    assert draw_dropout(500, 3, 0.0, 0.0, 0, 0).lookahead.all()
    assert draw_dropout(500, 3, 1.0, 1.0, 0, 0).hidden.all()
    assert abs(draw_dropout(20_000, 1, 0.3, 0.2, 0, 0).hidden.mean() - 0.3) < 0.015


def test_a_stream_that_is_not_told_is_none_over_the_whole_piece():
    rng = np.random.default_rng(2)
    streams, lengths, seq_len = KINDS["eight streams"][0], [50, 33, 21], 8
    asked = [[draw_spans(rng, stream, samples) for stream in streams] for samples in lengths]
    starts = np.cumsum([0, *lengths])
    sounds = [
        SoundEntry("sound", int(start), samples, columns_of(streams, spans, samples))
        for start, samples, spans in zip(starts[:-1], lengths, asked, strict=True)
    ]
    codes = np.zeros(starts[-1], np.uint16)
    corpus = SimpleNamespace(sounds=sounds, codes=codes, streams=product_streams(streams), fades=True)
    plan = plan_epoch(lengths, 2, seq_len, segment_samples=16)
    dropout = draw_dropout(plan.pieces, len(streams), 0.4, 0.5, seed=0, epoch=0)
    pieces = set()
    for step in range(plan.steps):
        windows = plan.at(step)
        _, _, conditions = gather_windows(corpus, windows, seq_len, 8, SILENCE, dropout)
        for lane, (sound, offset, _, valid, piece) in enumerate(zip(*windows, strict=True)):
            pieces.add(piece)
            found = vectors_in(conditions.at((lane, slice(valid))), streams)
            for number, stream in enumerate(streams):
                spans = [(0, None, None)] if dropout.hidden[piece, number] else asked[sound][number]
                for t in range(valid):
                    expected = vectors(stream, spans, offset + t, lengths[sound], RATE, dropout.lookahead[piece])
                    for name, vector in expected.items():
                        np.testing.assert_allclose(found[number, name][t], vector, atol=2e-6)
    assert len(pieces) == plan.pieces > 8


def test_the_trainer_draws_anew_for_each_epoch(tmp_path):
    conditioning = {"streams": {"tone": {"classes": 3, "position": True}}, "condition_dropout": 0.25}
    (tmp_path / "spec.json").write_text(json.dumps(SPEC | {"conditioning": conditioning}))
    spec = load_spec(tmp_path / "spec.json", load_types())
    corpus = SimpleNamespace(sounds=[SoundEntry("a", 0, 50_000, None)] * 9)
    trainer = Trainer(spec, assemble(spec), corpus)
    plans = [trainer.plan(epoch) for epoch in (0, 1, 1)]
    for plan, epoch in zip(plans, (0, 1, 1), strict=True):
        expected = draw_dropout(plan.pieces, 1, 0.25, 0.1, spec.training.seed, epoch)
        for array, other in zip(plan.dropout, expected, strict=True):
            np.testing.assert_array_equal(array, other)
    assert (plans[0].dropout.hidden != plans[1].dropout.hidden).any()


# --- Guidance.

GUIDED = [
    ({"classes": 3, **TOLD}, None, 2.5, 0.8),
    ({"classes": 3, **TOLD}, "s0", 2.5, 0.8),
    ({"classes": 3, **TOLD}, "s0", 0.0, 0.0),
    ({"classes": 18}, "s0", 1.6, 0.8),
]


@pytest.mark.parametrize(
    ("stream", "name", "strength", "temperature"), GUIDED, ids=["none", "mean", "base alone", "subset"]
)
def test_guided_sounds_are_those_of_the_formula(stream, name, strength, temperature, uncompiled):
    streams, samples = [LOUDNESS, stream] if name is None else [stream, LOUDNESS], 18
    of_classes = name and int(name[1:])
    model = build("three tiers GRU", streams)
    guidance = guidance_of(product_streams(streams), name, drops=name is None, place="guidance")
    classes, numbers = [(0, 1, None), (4, 1, 0), (9, None, None), (12, 2, None)], [(0, -50.0, -10.0), (7, None, None)]
    asked = [numbers if "low" in each else classes for each in streams]
    columns = columns_of(streams, asked, samples)
    engine = GenerationEngine(model, SILENCE, 1, 2 * FRAME, fades=columns.fades, guidance=guidance)
    advance, carries, uniforms = engine.advance, [], []

    def noted(*arguments):
        codes, carry = advance(*arguments)
        carries.append(keras.ops.convert_to_numpy(carry.history))
        uniforms.append(arguments[5][0, :, 0])
        conditions = arguments[4]
        assert (conditions.classes[conditions.exists == 0] == NONE).all()  # past the end, in every row
        return codes, carry

    engine.advance = noted
    codes = generated(engine, Sound("name", "stem", samples, temperature, columns), strength)
    if name is None:
        bases = [lambda tier, t: 0.0]
    else:
        drawn = guidance.draw_classes(3, "stem").tolist()
        assert len(drawn) == len({*drawn}) == min(stream["classes"], 16)
        assert {*drawn} <= {*range(stream["classes"])}
        bases = [
            added(streams, asked, samples, RATE, instead={(of_classes, "class"): onehot(each, stream["classes"])})
            for each in drawn
        ]
    expected, _ = guided_generate(
        asked_tiers(model, streams),
        model.q_levels,
        samples,
        added(streams, asked, samples, RATE),
        bases,
        SILENCE,
        np.concatenate(uniforms),
        temperature,
        strength,
    )
    np.testing.assert_array_equal(codes, expected)
    for history in carries:  # the rows of a sound share their codes
        assert len(history) == engine.rows_of_a_sound == 1 + len(bases)
        assert (history == history[0]).all()


def test_the_classes_of_a_base_are_drawn_for_each_sound():
    guidance = guidance_of((ClassesStream.of_count(40),), None, drops=False, place="guidance")
    drawn = [tuple(guidance.draw_classes(seed, stem)) for seed, stem in ((0, "a"), (0, "a"), (0, "b"), (1, "a"))]
    assert drawn[0] == drawn[1]
    assert len({*drawn}) == 3
    assert {each for stem in range(40) for each in guidance.draw_classes(0, str(stem)).tolist()} == {*range(40)}


def test_guidance_finds_its_stream_whatever_the_names_of_others():
    streams = (
        NumberStream("x", 0.0, 1.0),
        ClassesStream("tone", ("a", "b"), neighbours=True),
        ClassesStream("tone_before", ("c", "d", "e")),
    )
    guidance = guidance_of(streams, "tone_before", drops=True, place="guidance")
    assert (guidance.column, guidance.fades, guidance.classes) == (3, 1, 3)


def test_strength_one_is_no_guidance_to_the_byte(tmp_path):
    (tmp_path / "spec.json").write_text(json.dumps(SPEC))
    write_run(tmp_path / "run", tmp_path / "spec.json")
    run = load_run(tmp_path / "run")
    unguided = run.generate(1, seconds=0.05)
    for options in ({"guidance": 1}, {"guidance": 1.0, "guidance_stream": "class"}):
        np.testing.assert_array_equal(run.generate(1, seconds=0.05, **options), unguided)
    assert len(run._player._engines) == 1
    assert (run.generate(1, seconds=0.05, guidance=6) != unguided).any()


# --- Tracks.


@many
@given(seed=seeds, rate=st.integers(1, 60), new_rate=st.integers(1, 60))
def test_resampled_tracks_ask_for_what_the_centre_of_a_sample_lies_in(seed, rate, new_rate):
    rng, stream = np.random.default_rng(seed), {"classes": 30}
    asked = [draw_spans(rng, stream, rate, moving=False, longest=6)]
    track = track_of([stream], asked, rate).resampled(new_rate)  # a second, of as many samples as the rate
    old = [asked[0][index][1] for index in np.searchsorted([s for s, _, _ in asked[0]], range(rate), "right") - 1]
    classes = Columns(track, product_streams([stream]), RATE).piece(0, new_rate).classes[:, 0]
    assert [None if each < 0 else each for each in classes.tolist()] == resampled(old, rate, new_rate, new_rate)
    starts = track.spans["s0"].starts
    assert track.samples == new_rate
    assert starts[0] == 0
    assert (np.diff(starts) > 0).all()


@many
@given(seed=seeds, samples=st.integers(20, 40), length=st.integers(0, 50))
def test_a_track_of_another_length_is_cut_or_goes_on_with_none(seed, samples, length):
    rng = np.random.default_rng(seed)
    streams = [{"classes": 3, "position": True}, LOUDNESS]
    asked = [draw_spans(rng, streams[0], samples, moving=False), draw_spans(rng, LOUDNESS, samples, longest=40)]
    kept = min(samples, length)
    width = {(0, "class"): 3, (1, "number"): 2}
    track = track_of(streams, asked, samples).of_length(length, product_streams(streams))
    found = vectors_in(Columns(track, product_streams(streams), RATE).piece(0, length), streams)
    expected = vectors_in(columns_of(streams, asked, samples).piece(0, kept), streams)
    assert track.samples == length
    for name in width:
        one, other = (np.reshape(each[name], (-1, width[name])) for each in (found, expected))
        np.testing.assert_allclose(one[:kept], other, atol=1e-5)
        assert not found[name][kept:].any()


def test_a_track_that_goes_on_lengthens_the_gap_at_its_end():
    stream = ClassesStream("s0", ("rest", "tone"), position=True, gaps=0)
    items = [Item(0, 10, 1)]
    longer = Track(20, {"s0": lay_spans(stream, items, 20)}).of_length(30, (stream,))
    for array, expected in zip(longer.spans["s0"], lay_spans(stream, items, 30), strict=True):
        np.testing.assert_array_equal(array, expected)


@many
@given(seed=seeds, gaps=st.sampled_from([-1, 0]), numbers=st.booleans())
def test_laid_spans_move_where_two_overlap_and_are_gaps_where_none_is(seed, gaps, numbers):
    rng, stop, before, items = np.random.default_rng(seed), 0, 0, []
    for _ in range(rng.integers(0, 7)):
        # After the beginning of the one before, and not before the end of the one before that.
        first = max(before, items[-1].start + 1) if items else 0
        start = int(rng.integers(first, stop + 5))
        value = float(rng.integers(-60, 0)) if numbers else int(rng.integers(0, 4))
        before, stop = stop, max(start, stop) + int(rng.integers(1, 9))
        items.append(Item(start, stop, value))
    overlaps = [(two.start, one.stop) for one, two in itertools.pairwise(items)]
    samples = stop + int(rng.integers(-4, 4))
    if not numbers and any(start < samples < end for start, end in overlaps):
        samples = stop  # the end of a sound shortens a cross-fade: it says nothing of what lies beyond
    samples = max(samples, 0)
    stream = NumberStream("s0", -60.0, 0.0) if numbers else ClassesStream("s0", ("0", "1", "2", "3"), gaps=gaps)
    shuffled = [items[number] for number in rng.permutation(len(items))]
    spans = lay_spans(stream, shuffled, samples)
    plain = LOUDNESS if numbers else {"classes": 4}
    found = vectors_in(Columns(Track(samples, {"s0": spans}), (stream,), RATE).piece(0, samples), [plain])
    for t in range(samples):
        at = [item for item in items if item.start <= t < item.stop]
        if numbers:
            expected = np.zeros(2)
            if at:
                share = (t - at[1].start) / (at[0].stop - at[1].start) if len(at) == 2 else 0.0
                expected = np.array([1.0, (at[0].value + (at[-1].value - at[0].value) * share + 30) / 30])
        else:
            expected = onehot(None if gaps < 0 else gaps, 4)
            if at:
                share = (t - at[1].start + 0.5) / (at[0].stop - at[1].start) if len(at) == 2 else 0.0
                expected = (1 - share) * onehot(at[0].value, 4) + share * onehot(at[-1].value, 4)
        np.testing.assert_allclose(found[0, "number" if numbers else "class"][t], expected, atol=1e-5)
