"""Laws of own continuations: each is what generation makes of its history, and only what the model hears changes."""

import itertools

import keras
import numpy as np
import pytest
from command_line import done, outcome, write_corpora, write_spec
from generations import engine_of, generate
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import draw
from test_coarse_fine import drawn_from, model_of
from test_training_laws import make_corpus, make_spec, make_trainer, values
from variants import as_conditions, build_variant, random_sound, window_of

from keras_samplernn.data.continuations import draw_continuations
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.head import bits_per_sample
from keras_samplernn.training.continuing import with_continuations
from keras_samplernn.training.trainer import Trainer

pytestmark = pytest.mark.law

SILENCE, SAMPLES = 5, 32
NONE = SAMPLES  # where a continuation begins that there is not
LENGTHS_AND_SHARES = [(1, 0.5), (1, 0.3), (4, 0.25), (5, 0.4), (16, 0.1)]


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def batch_of(model, starts, length, valid=(SAMPLES, SAMPLES), **arrays):
    """Return a batch of random sounds in two rows, with continuations at the starts `(2, N)`."""
    codes, conditions = random_sound(model, SAMPLES, rows=2)
    uniforms = np.random.default_rng(5).random((*np.shape(starts), length, len(model.head.parts)), dtype="float32")
    batch = {
        "codes": window_of(model, codes, SILENCE),
        "reset": np.array([1, 0], "int32"),
        "valid": np.array(valid, "int32"),
        "own_starts": np.array(starts, "int32"),
        "own_uniforms": uniforms,
        **arrays,
    }
    return batch if conditions is None else batch | {"conditions": as_conditions(conditions)}


def states_of(model):
    """Return states as a window before may have left them."""
    rng = np.random.default_rng(2)
    return [
        tuple(rng.normal(0, 0.3, (2, *shape)).astype("float32") for shape in tier.state_shapes) for tier in model.tiers
    ]


def heard_by(model, batch, states):
    tensors = keras.tree.map_structure(lambda x: None if x is None else keras.ops.convert_to_tensor(x), batch)
    return array(with_continuations(model, tensors, states))


def places_of(batch, length):
    """Return whether each target is in a continuation, `(B, T)`."""
    ages = np.arange(SAMPLES)[:, None] - batch["own_starts"][:, None]  # (B, T, N)
    return ((ages >= 0) & (ages < length)).any(axis=-1) & (np.arange(SAMPLES) < batch["valid"][:, None])


def one_by_one(model, batch, states, draw_one):
    """Draw the same sample by sample, each from a window in which nothing but silence follows it."""
    heard = batch["heard"].copy()
    for number in range(batch["own_uniforms"].shape[2]):
        before = heard.copy()
        for row, continuation in np.ndindex(batch["own_starts"].shape):
            place = batch["own_starts"][row, continuation] + number
            if place >= batch["valid"][row]:
                continue
            known = before.copy()
            known[:, model.lookback + place :] = SILENCE
            outputs, _ = model({**batch, "codes": known}, states=states)
            uniforms = batch["own_uniforms"][row, continuation, number]
            heard[row, model.lookback + place] = draw_one(model, array(outputs)[row, place], uniforms)
    return heard


def draw_softmax(model, outputs, uniforms):
    return draw(outputs.astype("float64"), uniforms[0], 1.0)


def draw_16_bits(model, outputs, uniforms):
    return drawn_from(model, outputs, uniforms, 1.0)


@pytest.mark.parametrize(
    ("build", "options", "draw_one"),
    [
        (build_variant, {"classes": 3, "dropout": 0.5}, draw_softmax),
        (build_variant, {"frames": (8, 4, 2), "ssm": (1,), "rnn_type": "LSTM"}, draw_softmax),
        (model_of, {"classes": 3}, draw_16_bits),
    ],
    ids=["three tiers conditional", "four tiers LSTM over SSM", "16 bits"],
)
def test_continuations_are_those_of_a_loop_over_single_samples(build, options, draw_one):
    """They are cut at the end of the window and of the sound, and nothing else is changed."""
    model = build(**options)
    noisy = window_of(model, random_sound(model, SAMPLES, rows=2, seed=9)[0], SILENCE)
    batch = batch_of(model, [[2, 14, 30], [0, 18, NONE]], length=4, valid=(SAMPLES, 20), heard=noisy)
    states = states_of(model)
    heard = heard_by(model, batch, states)
    np.testing.assert_array_equal(heard, one_by_one(model, batch, states, draw_one))
    own = np.pad(places_of(batch, 4), ((0, 0), (model.lookback, 0)))
    assert own.sum(axis=1).tolist() == [10, 6]
    np.testing.assert_array_equal(heard[~own], noisy[~own])
    assert (heard[own] != noisy[own]).mean() > 0.5


def test_a_continuation_is_what_generation_makes_of_the_same_history():
    """A sound that was generated, continued from a place with other uniforms: by the engine, and by passes."""
    model, begin, length = build_variant(classes=3, ssm=(0,)), 11, 9
    batch = batch_of(model, [[begin]] * 2, length, reset=np.ones(2, "int32"))
    _, conditions = random_sound(model, SAMPLES, rows=2)
    engine, uniforms = engine_of(model, block_samples=SAMPLES), np.random.default_rng(1).random((2, SAMPLES))
    first = generate(engine, conditions, uniforms, [1.0, 1.0])
    uniforms[:, begin : begin + length] = batch["own_uniforms"][:, 0, :, 0]
    other = generate(engine, conditions, uniforms, [1.0, 1.0])
    heard = heard_by(model, batch | {"codes": window_of(model, first, SILENCE)}, states_of(model))[:, model.lookback :]
    np.testing.assert_array_equal(heard[:, : begin + length], other[:, : begin + length])
    np.testing.assert_array_equal(heard[:, begin + length :], first[:, begin + length :])
    assert (first != other)[:, begin : begin + length].mean() > 0.5


@settings(max_examples=60, deadline=None, derandomize=True)
@given(first=st.integers(0, 5000), samples=st.integers(1, 300), chosen=st.sampled_from(LENGTHS_AND_SHARES))
def test_a_sample_is_drawn_at_the_same_place_with_the_same_uniform_wherever_a_window_begins(first, samples, chosen):
    drawn = draw_continuations(3, *chosen, parts=2, seed=1, epoch=2)
    sounds, pieces = np.array([4, 6]), np.array([1, 2])
    whole = drawn.at(sounds, np.zeros(2, int), pieces, first + samples)
    window = drawn.at(sounds, np.full(2, first), pieces, samples)
    for lane in range(2):
        for start, uniforms in zip(*(field[lane] for field in window), strict=True):
            at = np.flatnonzero(whole[0][lane] == first + start)
            if start == samples:
                continue
            np.testing.assert_array_equal(uniforms, whole[1][lane][at[0]])
        begun = whole[0][lane]
        assert ((window[0][lane] < samples).sum()) == ((begun >= first) & (begun < first + samples)).sum()


@pytest.mark.parametrize(("length", "share"), LENGTHS_AND_SHARES)
def test_as_many_samples_are_continued_as_were_asked_for_apart_and_in_every_place_of_a_frame(length, share):
    drawn, most, pieces = draw_continuations(400, length, share, parts=1, seed=0, epoch=0), 2000, np.arange(400)
    starts, uniforms = drawn.at(pieces, np.zeros(400, int), pieces, most)
    assert (np.sum(starts < most) * length / (400 * most)) == pytest.approx(share, rel=0.02)
    for begun in starts:
        gaps = np.diff(begun[begun < most]) - length
        assert gaps.min() >= max((int(length / share) - length) // 2, 1)
    places = np.bincount(starts[starts < most] % 16, minlength=16)
    np.testing.assert_allclose(places / places.mean(), 1, atol=0.25)
    uniforms = uniforms[starts < most]
    assert (uniforms.min() >= 0, uniforms.max() < 1) == (True, True)
    np.testing.assert_allclose(np.quantile(uniforms, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.01)


def test_others_are_drawn_for_each_seed_epoch_sound_and_piece():
    keys = (0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 2)
    found, uniforms = [], []
    for seed, epoch, *lane in keys:
        drawn = draw_continuations(3, 16, 0.5, parts=1, seed=seed, epoch=epoch)
        sound, piece = np.array(lane)[:, None]
        starts, values = drawn.at(sound, np.zeros(1, int), piece, 4000)
        found.append(starts.tolist())
        uniforms.append(values[starts < 4000])
    assert len(set(map(str, found))) == len(keys)
    # Of 2,000 each. Pieces of a sound share the uniforms of the samples that are continued in both.
    for one, other in itertools.combinations(uniforms[:4], 2):
        assert len(np.intersect1d(one, other)) < 10
    assert len(np.intersect1d(uniforms[0], uniforms[4])) > 100


def test_a_resumed_epoch_has_the_continuations_of_the_whole_one():
    trainer = make_trainer(own_continuations=3, own_share=0.4)
    through = list(trainer.batches(trainer.plan(0)))
    resumed = list(trainer.batches(trainer.plan(0), first_step=3))
    assert len(through) > 4
    for one, other in zip(through[3:], resumed, strict=True):
        for name in ("own_starts", "own_uniforms"):
            np.testing.assert_array_equal(one[name], other[name])


def test_without_the_fields_training_is_as_it_was():
    """Batches have nothing new, and a step whose windows have no continuations is that of windows without them."""
    trainer, twin = make_trainer(own_continuations=2), make_trainer()
    assert twin.plan(0).continuations is None
    assert make_spec() == make_spec(own_continuations=0)
    for batch, plain in zip(trainer.batches(trainer.plan(0)), twin.batches(twin.plan(0)), strict=True):
        assert batch.keys() - plain.keys() == {"own_starts", "own_uniforms"}
        np.testing.assert_array_equal(batch["codes"], plain["codes"])
        trainer.step(batch | {"own_starts": keras.ops.full_like(batch["own_starts"], 16)})
        twin.step(plain)
    for one, other in zip(values(trainer), values(twin), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_the_model_hears_itself_and_predicts_the_recording():
    spec = make_spec(own_continuations=3, own_share=0.5, input_noise=2)
    model = assemble(spec)
    trainer = Trainer(spec, model, make_corpus([70, 33, 50]))
    batch = next(iter(trainer.batches(trainer.plan(0))))
    states = model.initial_states(2)
    heard = with_continuations(model, batch, states)
    assert (array(heard) != array(batch["heard"])).sum() > 4
    outputs, after = model({**batch, "codes": heard}, states=states)
    bits = array(bits_per_sample(batch["codes"][:, model.lookback :], outputs))
    exists = np.arange(16) < array(batch["valid"])[:, None]
    assert trainer.step(batch).read().bits == pytest.approx(bits[exists].sum(), rel=1e-5)
    for carried, expected in zip(trainer.kept(), keras.tree.flatten(after), strict=False):
        np.testing.assert_allclose(carried, expected, atol=1e-6)


def test_a_stopped_training_goes_on_as_if_it_had_not_been(tmp_path):
    write_corpora(tmp_path)
    training = {"own_continuations": 3, "own_share": 0.4, "input_noise": 1, "ema_decay": 0.9, "epochs": 1}
    head = {"type": "coarse_fine", "hidden": 5}
    write_spec(tmp_path, audio={"q_levels": 65536}, head=head, training=training)
    done("fit spec.json --run whole", tmp_path)
    done("fit spec.json --run halves --max-steps 5", tmp_path)
    done("fit spec.json --run halves", tmp_path)
    whole, halves = outcome(tmp_path / "whole"), outcome(tmp_path / "halves")
    assert whole[:2] == halves[:2]
