"""Laws of augmentation: a pure function of seed, epoch and piece, whatever windows and lanes; in training only."""

import shutil

import numpy as np
import pytest
import soundfile
from command_line import RATE, write_conditions, write_corpora, write_spec
from corpora import corpus_of
from test_training_laws import make_spec, make_trainer

from keras_samplernn.data.batches import gather_windows, make_batches
from keras_samplernn.data.gains import STEPS, draw_gains
from keras_samplernn.data.noise import draw_noise
from keras_samplernn.data.plan import plan_epoch
from keras_samplernn.data.quantization import Q_TYPES, Quantizer
from keras_samplernn.data.speeds import Versions, draw_lengths, speeds_within
from keras_samplernn.model.registry import load_types
from keras_samplernn.spec import load_spec
from keras_samplernn.training.corpora import prepare_corpora
from keras_samplernn.training.trainer import Trainer

pytestmark = pytest.mark.law

SILENCE = 128
LENGTHS = 70, 33, 50
QUANTIZER = Quantizer("mu-law", 256)
ALL = {"gain_db": 12, "polarity": True, "speed": 0.2}


def varied_plan(lanes=2, seq_len=16, noise=0.0, segment_samples=None):
    plan = plan_epoch(LENGTHS, lanes, seq_len, segment_samples=segment_samples, seed=5, epoch=2)
    plan.gains = draw_gains(plan.pieces, 12.0, True, QUANTIZER, seed=5, epoch=2)
    if noise:
        plan.noise = draw_noise(plan.pieces, noise, 256, seed=5, epoch=2)
    return plan


def corpus():
    return corpus_of(LENGTHS, np.random.default_rng(0).integers(0, 256, sum(LENGTHS)).astype(np.uint8), None, 0)


@pytest.mark.parametrize("q_type", Q_TYPES)
@pytest.mark.parametrize("q_levels", [16, 255, 256, 65536])
def test_gains_go_from_the_least_to_none_and_polarity_mirrors_them(q_type, q_levels):
    quantizer = Quantizer(q_type, q_levels)
    gains = draw_gains(1, 12.0, True, quantizer, seed=0, epoch=0)
    codes = np.arange(q_levels)
    assert gains.places.shape == (2 * STEPS, q_levels)
    exact = quantizer.place(quantizer.decode(codes) * 10 ** (-12 / 20))
    np.testing.assert_allclose(gains.places[0], exact)
    assert (np.diff(gains.places[:STEPS], axis=1) > 0).all()

    def applied(gain):
        return gains._replace(chosen=np.array([gain])).applied(codes, 0, 0, 0)

    np.testing.assert_array_equal(applied(STEPS - 1), codes)
    np.testing.assert_array_equal(applied(2 * STEPS - 1), q_levels - 1 - codes)
    for gain in range(2 * STEPS):
        made = applied(gain)
        assert made.min() >= 0
        assert made.max() < q_levels
        # No farther from where it lies than half the code that it was.
        assert np.abs(made + 0.5 - gains.places[gain]).max() <= 1.0


@pytest.mark.parametrize("q_type", ["linear", "mu-law"])
def test_what_a_gain_makes_has_no_comb_of_codes(q_type):
    quantizer = Quantizer(q_type, 256)
    gains = draw_gains(1, 4.0, False, quantizer, seed=0, epoch=0)._replace(chosen=np.array([0]))
    codes = np.random.default_rng(0).integers(0, 256, 1_000_000).astype(np.uint8)
    found = np.bincount(gains.applied(codes, 0, 0, 0), minlength=256)
    wave = quantizer.decode(codes) / 10 ** (4 / 20)
    within = found[quantizer.encode(wave.min()) + 8 : quantizer.encode(wave.max()) - 8]
    smooth = np.convolve(within, np.ones(9) / 9, "valid")
    np.testing.assert_allclose(within[4:-4], smooth, rtol=0.1)


def test_gains_are_drawn_evenly_and_anew_for_each_seed_and_epoch():
    drawn = [draw_gains(32_000, 6.0, True, QUANTIZER, *key).chosen for key in ((0, 0), (1, 0), (0, 1))]
    for chosen in drawn:
        np.testing.assert_allclose(np.bincount(chosen, minlength=2 * STEPS), 1000, atol=150)
    assert np.abs(np.corrcoef(drawn) - np.eye(3)).max() < 0.03
    only_signs = draw_gains(100, 0.0, True, QUANTIZER, 0, 0)
    assert only_signs.places.shape == (2, 256)
    assert draw_gains(100, 6.0, False, QUANTIZER, 0, 0).places.shape == (STEPS, 256)


@pytest.mark.parametrize(("lanes", "seq_len", "lookback"), [(1, 8, 4), (2, 16, 20), (5, 64, 7)])
def test_a_piece_and_its_lookback_have_one_gain_and_noise_comes_after_it(lanes, seq_len, lookback):
    sounds, plan = corpus(), varied_plan(lanes, seq_len, noise=3.0)
    for step in range(plan.steps):
        windows = plan.at(step)
        clean = gather_windows(sounds, windows, seq_len, lookback, SILENCE)
        loud = gather_windows(sounds, windows, seq_len, lookback, SILENCE, noise=plan.noise, gains=plan.gains)
        for lane, (sound, offset, _, valid, piece) in enumerate(zip(*windows, strict=True)):
            known = min(offset, lookback) if valid else 0
            place = slice(lookback - known, lookback + valid)
            expected = clean.codes[lane].copy()
            expected[place] = plan.gains.applied(expected[place], sound, offset - known, piece)
            np.testing.assert_array_equal(loud.codes[lane], expected)
            heard = plan.noise.heard(expected[place], sound, offset - known, piece)
            np.testing.assert_array_equal(loud.heard[lane, place], heard)


def test_a_resumed_epoch_is_varied_as_the_whole_one():
    plan = varied_plan(segment_samples=16, noise=2.0)
    through = [batch["heard"].numpy() for batch in make_batches(corpus(), plan, 6, SILENCE)]
    resumed = [batch["heard"].numpy() for batch in make_batches(corpus(), plan, 6, SILENCE, first_step=3)]
    np.testing.assert_array_equal(through[3:], resumed)


def test_plans_have_gains_where_the_spec_asks_for_them():
    assert make_trainer().plan(0).gains is None
    assert make_trainer(augmentation={"speed": 0.1}).plan(0).gains is None
    trainer = make_trainer(augmentation={"polarity": True})
    assert trainer.plan(0).gains.places.shape == (2, 12)
    assert not np.array_equal(trainer.plan(0).gains.chosen, trainer.plan(1).gains.chosen)
    np.testing.assert_array_equal(trainer.plan(1).gains.chosen, trainer.plan(1).gains.chosen)


def test_each_epoch_has_each_sound_once_at_one_of_five_speeds():
    assert speeds_within(0) == ()
    assert speeds_within(0.1) == (0.9, 0.95, 1.05, 1.1)
    samples = np.arange(1, 5001)
    drawn = [np.reshape(draw_lengths(samples.tolist(), 5, *key), (5, 1000)) for key in ((0, 0), (1, 0), (0, 1))]
    for lengths in drawn:
        assert ((lengths > 0).sum(axis=0) == 1).all()
        assert ((lengths == 0) | (lengths == samples.reshape(5, 1000))).all()
        np.testing.assert_allclose((lengths > 0).sum(axis=1), 200, atol=45)
    assert not np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("augmentation")
    write_corpora(home)
    for name in "cdef":
        shutil.copy(home / "train/a.wav", home / f"train/{name}.wav")
        shutil.copy(home / "train/a.csv", home / f"train/{name}.csv")
    soundfile.write(home / "train/long.wav", 0.5 * np.sin(2 * np.pi * 400 * np.arange(4000) / RATE), RATE, "PCM_16")
    write_conditions(home / "train/long.csv", 4000)
    write_spec(home, audio={"q_levels": 256}, training={"augmentation": ALL})
    return home


def corpora_of(home):
    return prepare_corpora(load_spec(home / "spec.json", load_types()), lambda line: None)


def test_versions_are_the_sounds_faster_and_slower_with_their_conditions(home):
    corpora = corpora_of(home)
    versions, count = corpora.varied, len(corpora.train.sounds)
    assert isinstance(versions, Versions)
    assert len(versions.sounds) == 5 * count
    for version, speed in enumerate((1.0, *speeds_within(0.2))):
        entry = versions.sounds[version * count + count - 1]
        assert entry.name == "long.wav"
        assert entry.samples == pytest.approx(4000 / speed, abs=1)
        wave = QUANTIZER.decode(versions.codes[entry.start : entry.start + entry.samples])
        spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
        assert spectrum.argmax() * RATE / len(wave) == pytest.approx(400 * speed, abs=2)
        starts = entry.columns.track.spans["class"].starts
        np.testing.assert_allclose(starts, np.arange(80) * 50 / speed, atol=1)
    sound = corpora.train.sounds[1]
    np.testing.assert_array_equal(
        versions.codes[sound.start : sound.start + sound.samples],
        corpora.train.codes[sound.start : sound.start + sound.samples],
    )


def test_plans_visit_every_sample_of_the_versions_that_were_drawn(home):
    corpora, spec = corpora_of(home), load_spec(home / "spec.json", load_types())
    trainer = Trainer(spec, make_trainer().model, corpora.varied)
    seen = set()
    for epoch in range(3):
        plan = trainer.plan(epoch)
        visited = np.zeros(len(corpora.varied.sounds), int)
        for step in range(plan.steps):
            windows = plan.at(step)
            np.add.at(visited, windows.sound, windows.valid)
        chosen = np.flatnonzero(visited)
        assert sorted(chosen % len(corpora.train.sounds)) == list(range(len(corpora.train.sounds)))
        assert [visited[each] for each in chosen] == [corpora.varied.sounds[each].samples for each in chosen]
        seen |= set(chosen)
    assert len(seen) > len(corpora.train.sounds)


def test_only_training_is_varied(home):
    write_spec(home, "plain.json", audio={"q_levels": 256})
    plain = prepare_corpora(load_spec(home / "plain.json", load_types()), lambda line: None)
    varied = corpora_of(home)
    assert plain.varied is plain.train
    assert [varied.train.folder, varied.valid.folder] == [plain.train.folder, plain.valid.folder]
    assert varied.manifest() == plain.manifest()


def test_the_spec_says_how_its_sounds_are_varied():
    assert make_spec().training.augmentation.model_dump() == {"gain_db": 0.0, "polarity": False, "speed": 0.0}
