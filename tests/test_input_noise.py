"""Laws of input noise: whatever windows, lanes and where a run goes on, and only what the model hears is moved."""

import numpy as np
import pytest
from corpora import corpus_of
from hypothesis import given, settings
from hypothesis import strategies as st
from test_training_laws import make_corpus, make_spec, make_trainer, values

from keras_samplernn.data.batches import gather_windows, make_batches
from keras_samplernn.data.draws import fractions
from keras_samplernn.data.noise import draw_noise, normal_numbers
from keras_samplernn.data.plan import plan_epoch
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.head import bits_per_sample
from keras_samplernn.training.trainer import Trainer

pytestmark = pytest.mark.law

SILENCE, LEVELS = 128, 256
LENGTHS = 70, 33, 50


def noisy_plan(lanes=2, seq_len=16, most=6.0, segment_samples=None, dropout=0.0):
    plan = plan_epoch(LENGTHS, lanes, seq_len, segment_samples=segment_samples, seed=5, epoch=2)
    stretches = {"dropout": dropout, "stretch": 5, "silence": SILENCE}
    plan.noise = draw_noise(plan.pieces, most, LEVELS, seed=5, epoch=2, **stretches)
    return plan


def corpus():
    codes = np.random.default_rng(0).integers(40, 216, sum(LENGTHS)).astype(np.uint8)
    return corpus_of(LENGTHS, codes, None, 0)


def test_fractions_of_random_bits_reach_from_0_to_just_below_1():
    assert fractions(np.array([0, 2**63, 2**64 - 1], np.uint64)).tolist() == [0, 0.5, 1 - 2**-53]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(first=st.integers(0, 5000), count=st.integers(0, 300), cut=st.integers(0, 300))
def test_the_noise_of_a_sample_is_the_same_wherever_a_window_begins(first, count, cut):
    whole = normal_numbers(1, 2, 3, first, count)
    cut = min(cut, count)
    np.testing.assert_array_equal(normal_numbers(1, 2, 3, first + cut, count - cut), whole[cut:])


def test_the_noise_is_normal_and_of_its_own_for_each_seed_epoch_and_sound():
    drawn = [normal_numbers(*key, 0, 100_000) for key in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))]
    for each in drawn:
        moments = [each.mean(), each.std(), (each**3).mean(), (each**4).mean(), (each[1:] * each[:-1]).mean()]
        np.testing.assert_allclose(moments, [0, 1, 0, 3, 0], atol=0.06)
        assert np.isfinite(each).all()
    assert np.abs(np.corrcoef(drawn) - np.eye(4)).max() < 0.02


def test_levels_lie_between_none_and_the_greatest():
    levels = draw_noise(10_000, 4.0, LEVELS, seed=0, epoch=0).levels
    assert levels.min() >= 0
    assert levels.max() < 4
    np.testing.assert_allclose(np.quantile(levels, [0.1, 0.5, 0.9]), [0.4, 2.0, 3.6], atol=0.1)


@pytest.mark.parametrize(("lanes", "seq_len", "lookback"), [(1, 8, 4), (2, 16, 20), (5, 64, 7)])
def test_what_is_heard_is_near_what_is_predicted_and_silence_before_a_sound_stays(lanes, seq_len, lookback):
    sounds, plan = corpus(), noisy_plan(lanes, seq_len)
    moved = 0
    for step in range(plan.steps):
        windows = plan.at(step)
        clean = gather_windows(sounds, windows, seq_len, lookback, SILENCE)
        noisy = gather_windows(sounds, windows, seq_len, lookback, SILENCE, noise=plan.noise)
        assert clean.heard is None
        np.testing.assert_array_equal(noisy.codes, clean.codes)
        for lane, (sound, offset, _, valid, piece) in enumerate(zip(*windows, strict=True)):
            known = min(offset, lookback) if valid else 0
            before, after = slice(lookback - known), slice(lookback + valid, None)
            assert (noisy.heard[lane, before] == SILENCE).all()
            assert (noisy.heard[lane, after] == SILENCE).all()
            place = lane, slice(lookback - known, lookback + valid)
            level = plan.noise.levels[piece]
            expected = clean.codes[place] + level * normal_numbers(5, 2, sound, offset - known, known + valid)
            np.testing.assert_array_equal(noisy.heard[place], np.clip(np.rint(expected), 0, LEVELS - 1))
            moved += np.count_nonzero(noisy.heard[place] != clean.codes[place])
    assert moved > sum(LENGTHS) / 2


def test_codes_stay_codes_at_the_ends_of_the_range():
    sounds, plan = corpus_of([400], np.repeat([0, 255], 200).astype(np.uint8), None, 0), plan_epoch([400], 1, 400)
    plan.noise = draw_noise(1, 60.0, LEVELS, seed=0, epoch=0)
    (batch,) = make_batches(sounds, plan, 4, SILENCE)
    heard = batch["heard"].numpy()
    assert (heard.min(), heard.max()) == (0, 255)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(first=st.integers(0, 5000), count=st.integers(0, 300), cut=st.integers(0, 300), stretch=st.integers(1, 70))
def test_a_stretch_is_silent_as_a_whole_wherever_a_window_begins(first, count, cut, stretch):
    noise = draw_noise(3, 0.0, LEVELS, seed=1, epoch=2, dropout=0.9, stretch=stretch, silence=SILENCE)
    codes = np.full(count, 7, np.int32)
    whole, cut = noise.heard(codes, 4, first, piece=1), min(cut, count)
    np.testing.assert_array_equal(noise.heard(codes[cut:], 4, first + cut, piece=1), whole[cut:])
    stretches = (first + np.arange(count)) // stretch
    assert set(np.unique(whole)) <= {7, SILENCE}
    for number in np.unique(stretches):
        assert len(np.unique(whole[stretches == number])) == 1


def test_as_many_stretches_are_silent_as_were_asked_for_others_in_each_epoch_and_sound():
    codes, silent = np.zeros(40_000, np.int32), []
    for epoch, sound in ((0, 0), (1, 0), (0, 1)):
        noise = draw_noise(4000, 0.0, LEVELS, seed=0, epoch=epoch, dropout=0.5, stretch=4, silence=SILENCE)
        np.testing.assert_allclose(np.quantile(noise.shares, [0.1, 0.5, 0.9]), [0.05, 0.25, 0.45], atol=0.02)
        piece = int(np.argmax(noise.shares))
        silent.append(noise.heard(codes, sound, 0, piece)[::4] == SILENCE)
        assert abs(silent[-1].mean() - noise.shares[piece]) < 0.02
    assert np.abs(np.corrcoef(silent) - np.eye(3)).max() < 0.05


def test_what_is_predicted_is_not_silent_where_silence_is_heard():
    (batch, *_) = make_batches(corpus(), noisy_plan(most=0.0, dropout=0.9), 6, SILENCE)
    codes, heard = batch["codes"].numpy(), batch["heard"].numpy()
    assert (heard != codes).mean() > 0.1
    assert (heard[heard != codes] == SILENCE).all()


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_resumed_epoch_hears_what_the_whole_one_does(dropout):
    plan = noisy_plan(segment_samples=16, dropout=dropout)
    through = [batch["heard"].numpy() for batch in make_batches(corpus(), plan, 6, SILENCE)]
    resumed = [batch["heard"].numpy() for batch in make_batches(corpus(), plan, 6, SILENCE, first_step=3)]
    np.testing.assert_array_equal(through[3:], resumed)
    assert "heard" not in make_batches(corpus(), plan_epoch(LENGTHS, 2, 16), 6, SILENCE).element_spec


def test_the_model_hears_the_noise_and_predicts_the_sound():
    trainer, twin = make_trainer(input_noise=8), make_trainer()
    (batch, *_) = trainer.batches(trainer.plan(0))
    swapped = {name: value for name, value in batch.items() if name != "heard"}
    assert trainer.step(batch).read().bits != twin.step(swapped).read().bits
    spec = make_spec(input_noise=8)
    model = assemble(spec)  # without dropout
    logits = model({**batch, "codes": batch["heard"]})
    bits = bits_per_sample(batch["codes"][:, model.lookback :], logits).numpy()
    exists = np.arange(bits.shape[1]) < batch["valid"].numpy()[:, None]
    assert Trainer(spec, model, trainer.train).step(batch).read().bits == pytest.approx(bits[exists].sum(), rel=1e-5)
    trainer, twin = make_trainer(input_noise=8), make_trainer()
    trainer.step(batch | {"heard": batch["codes"]})
    twin.step(swapped)
    for noisy, clean in zip(values(trainer), values(twin), strict=True):
        np.testing.assert_array_equal(noisy, clean)


def test_noise_is_drawn_anew_each_epoch_and_none_without_the_field():
    trainer = make_trainer(input_noise=3)
    levels = [trainer.plan(epoch).noise.levels for epoch in (0, 1)]
    assert max(map(np.max, levels)) < 3
    assert (levels[0] != levels[1]).all()
    assert make_trainer().plan(0).noise is None
    silent = make_trainer(input_dropout=0.4).plan(0).noise
    assert 0 < silent.shares.max() < 0.4
    assert silent.stretch > 1
    assert not silent.levels.any()
    spec = make_spec(input_noise=3)
    assert isinstance(Trainer(spec, trainer.model, make_corpus([70])).plan(0).noise.seed, int)
