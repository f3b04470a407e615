"""The demo: strings that sound as asked, and a journey that can be made again."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import give

from keras_samplernn.conditions.pitch import fundamental_hz
from keras_samplernn.demo import corpus as demo_corpus
from keras_samplernn.demo.score import SCALE, Note, draw_score, hertz_of, play, score_text, steady
from keras_samplernn.demo.strings import bow, strike
from keras_samplernn.training import fit
from keras_samplernn.training.interrupt import Interrupted

RATE = demo_corpus.SAMPLE_RATE
HERTZ = hertz_of(np.array([*SCALE.values()]))
MIDDLES = np.arange(0.2, 0.55, 0.05)
VELOCITY = np.linspace(0.2, 1, len(HERTZ))


@pytest.fixture(scope="module")
def notes():
    """Each pitch, struck and bowed, from soft to loud."""
    steady_hertz = np.repeat(HERTZ[:, None], round(0.6 * RATE), axis=1)
    return {
        "struck": strike(HERTZ, VELOCITY, 0.6, RATE, np.random.default_rng(0)),
        "bowed": bow(
            steady_hertz, np.repeat(VELOCITY[:, None], steady_hertz.shape[1], axis=1), RATE, np.random.default_rng(0)
        ),
    }


def cents(wave, asked_hz):
    heard = fundamental_hz(wave.astype(np.float32), RATE, MIDDLES)
    return 1200 * np.log2(heard / asked_hz)


def brightness(wave):
    """Return the mean frequency of a wave, weighted by power, in Hz."""
    power = np.abs(np.fft.rfft(wave)) ** 2
    return np.sum(power * np.fft.rfftfreq(len(wave), 1 / RATE)) / np.sum(power)


@pytest.mark.parametrize("string", ["struck", "bowed"])
def test_strings_are_in_tune(notes, string):
    for wave, asked_hz in zip(notes[string], HERTZ, strict=True):
        assert np.abs(np.median(cents(wave, asked_hz))) < 2


def test_a_glide_is_where_it_should_be_at_each_moment():
    asked = hertz_of(np.linspace(60, 69, round(0.6 * RATE)))
    (wave,) = bow(asked[None], np.full((1, len(asked)), 0.7), RATE, np.random.default_rng(0))
    assert np.abs(cents(wave, asked[np.round(MIDDLES * RATE).astype(int)])).max() < 40


def test_a_struck_string_dies_away_and_a_bowed_one_does_not(notes):
    for struck, bowed in zip(notes["struck"], notes["bowed"], strict=True):
        early, late = slice(round(0.1 * RATE), round(0.2 * RATE)), slice(round(0.5 * RATE), None)
        assert struck[late].std() < 0.5 * struck[early].std()
        assert bowed[late].std() > 0.9 * bowed[early].std()


@pytest.mark.parametrize("string", ["struck", "bowed"])
def test_louder_notes_are_louder_and_a_hard_strike_is_brighter(string):
    hertz, velocity = np.repeat(HERTZ[0], 2), np.array([0.2, 1.0])
    if string == "struck":
        soft, loud = strike(hertz, velocity, 0.5, RATE, np.random.default_rng(0))
        assert brightness(loud) > 1.2 * brightness(soft)
    else:
        hertz, velocity = (np.repeat(each[:, None], RATE // 2, axis=1) for each in (hertz, velocity))
        soft, loud = bow(hertz, velocity, RATE, np.random.default_rng(0))
    assert 2 < loud.std() / soft.std() < 8  # some 6 to 18 dB
    assert np.abs(loud).max() < 0.95


def test_a_bowed_string_slips_once_in_a_period(notes):
    """Helmholtz's motion: the spectrum of the force on the bridge falls as 1 / n, here after mute and body."""
    for wave, hertz in zip(notes["bowed"], HERTZ, strict=True):
        steady_wave = wave[round(0.3 * RATE) :]
        power = np.abs(np.fft.rfft(steady_wave * np.hanning(len(steady_wave)))) ** 2
        bins = np.round(np.arange(1, 5) * hertz * len(steady_wave) / RATE).astype(int)
        levels = 10 * np.log10([power[place - 2 : place + 3].sum() for place in bins])
        assert (np.diff(levels) < -5).all(), levels


def test_strings_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="strings have 0 to 500"):
        strike(np.array([600.0]), np.array([0.5]), 0.1, RATE, np.random.default_rng(0))


def test_a_score_is_played_to_the_sample_without_clicks_at_its_joins():
    score = [
        steady("struck", 0.4, "a4", 120),
        steady("bowed", 0.4, "c4", 120),
        Note("bowed", 0.4, "c4", "g4", 120),
        Note("rest", 0.4),
        steady("bowed", 0.4, "a4", 120),
    ]
    (wave,) = play([score], RATE, np.random.default_rng(0))
    assert len(wave) == round(2.0 * RATE)
    rest = wave[round(1.3 * RATE) : round(1.6 * RATE)]
    assert 0.005 < rest.std() < 0.012
    # A click is a step: compare the bends of the wave around the joins with those inside the bowed notes.
    bends = np.abs(np.diff(wave, 2))
    joins = [round(place * RATE) for place in (0.4, 0.8, 1.2, 1.6)]
    inside = max(bends[join - 1600 : join - 800].max() for join in joins[1:3])
    assert max(bends[join - 40 : join + 40].max() for join in joins) < 1.3 * inside


def test_a_score_is_written_in_spans_with_glides_and_rests():
    score = [steady("struck", 0.25, "a4", 90), Note("bowed", 0.5, "c4", "e4", 70), Note("rest", 0.125)]
    assert score_text(score).splitlines() == [
        "start,stop,string,pitch,velocity",
        "0.000000,0.250000,struck,a4,90",
        "0.250000,0.750000,bowed,c4>e4,70",
        "0.750000,0.875000,rest,none,none",
    ]


def test_a_drawn_score_is_as_long_as_asked_and_the_same_again():
    score, again = (draw_score(60, np.random.default_rng(0)) for _ in range(2))
    assert score == again
    assert sum(note.seconds for note in score) == pytest.approx(60)
    kinds = {(note.string, note.pitch != note.target) for note in score}
    assert kinds == {("struck", False), ("bowed", False), ("bowed", True), ("rest", False)}
    assert {note.pitch for note in score} == {*SCALE, "none"}


def test_the_corpus_is_the_same_each_time(tiny_demo, tmp_path):
    for name in ("one", "other"):
        demo_corpus.make_demo_corpus(tmp_path / name, lambda _: None)
    one, other = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}
        for folder in (tmp_path / "one", tmp_path / "other")
    )
    assert one == other
    assert {path.name for path in one} == {
        *("spec.json", "index.txt", "train_00.wav", "train_00.csv", "train_01.wav", "train_01.csv"),
        *("valid_00.wav", "valid_00.csv", "note.csv", "change.csv"),
    }


@pytest.fixture
def tiny_demo(monkeypatch):
    """Make the demo as small as it goes."""
    asked = {
        "note": [steady("struck", 0.1, "c4", 90)],
        "change": [steady("bowed", 0.1, "c4", 90), Note("rest", 0.1)],
    }
    for name, value in {"TRAIN_FILES": 2, "VALID_FILES": 1, "FILE_SECONDS": 0.2, "ASKED": asked}.items():
        monkeypatch.setattr(demo_corpus, name, value)
    training = {"seq_len": 64, "batch_size": 2, "epochs": 1}
    tiers = [{"type": "frame_rnn", "frame_size": 4}, {"type": "sample_mlp", "emb_size": 4}]
    small = {
        "tier_defaults": {"dim": 4},
        "tiers": tiers,
        "training": training,
        "monitoring": {"every_epochs": 0},
    }
    monkeypatch.setattr(demo_corpus, "SPEC", demo_corpus.SPEC | small)


@pytest.mark.journey
def test_the_demo_makes_its_sounds_and_makes_them_again_when_called_again(tiny_demo, tmp_path):
    answer = give("demo", tmp_path)
    assert answer.status == 0, answer.err
    sounds = Path("runs/demo-sounds")
    assert answer.out.splitlines() == [str(sounds / f"{stem}.wav") for stem in ("change", "note")]
    assert soundfile.info(tmp_path / sounds / "note.wav").frames == 800
    assert soundfile.info(tmp_path / sounds / "change.wav").frames == 1600
    assert answer.err.splitlines()[-1] == "TensorBoard: tensorboard --logdir runs/demo"
    before = (tmp_path / sounds / "change.wav").read_bytes()
    (tmp_path / sounds / "change.wav").unlink()

    again = give("demo", tmp_path)
    assert (again.status, again.out) == (0, answer.out), again.err
    assert again.err.splitlines()[:2] == [
        "runs/demo-corpus: exists and is used",
        "runs/demo: exists and is continued",
    ]
    assert (tmp_path / sounds / "change.wav").read_bytes() == before


def test_the_demo_leaves_what_is_not_its_own(tiny_demo, tmp_path):
    for kept in ("my-corpus/index.txt", "your-sounds/note.wav"):
        (tmp_path / kept).parent.mkdir()
        (tmp_path / kept).write_text("precious")
    mine, yours = give("demo --run my", tmp_path), give("demo --run your", tmp_path)
    assert (mine.status, mine.err) == (
        1,
        "my-corpus: exists and is not a corpus of the demo; give --run another folder\n",
    )
    assert (yours.status, yours.err.splitlines()[-1]) == (
        1,
        "your-sounds/note.wav: exists; give --overwrite, or --out another folder",
    )
    assert [path.read_text() for path in (tmp_path / "my-corpus/index.txt", tmp_path / "your-sounds/note.wav")] == [
        "precious",
        "precious",
    ]
    assert [path.name for path in (tmp_path / "my-corpus").iterdir()] == ["index.txt"]


def test_an_interrupted_demo_says_how_to_go_on(tiny_demo, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise Interrupted(15, 7)

    monkeypatch.setattr(fit, "fit_spec", interrupted)
    answer = give("demo --run demo", tmp_path)
    assert answer.status == 143
    assert answer.err.splitlines()[-2:] == [
        "stopped after step 7; a checkpoint is written. To go on:",
        "keras-samplernn demo --run demo",
    ]
    assert json.loads((tmp_path / "demo-corpus" / "spec.json").read_text())["name"] == "demo"
