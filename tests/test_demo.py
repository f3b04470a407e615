"""The demo: voices that can be told apart, and a journey that can be made again."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import give

from keras_samplernn import demo_corpus
from keras_samplernn.training import fit
from keras_samplernn.training.interrupt import Interrupted


def describe(wave):
    """Return the strongest frequency in Hz, and how alike all frequencies are: 0 for a tone, 1 for white noise."""
    power = np.abs(np.fft.rfft(wave * np.hanning(len(wave)))) ** 2 + 1e-9
    return np.argmax(power) * demo_corpus.SAMPLE_RATE / len(wave), np.exp(np.mean(np.log(power))) / np.mean(power)


@pytest.mark.parametrize(
    ("voice", "strongest_hz", "flatness"),
    [
        ("reed", (105, 115), (0, 0.01)),
        ("flute", (880, 920), (0, 0.01)),
        ("breath", (1000, 3000), (0.05, 1)),
        ("siren", (290, 510), (0, 0.01)),
    ],
)
def test_a_voice_is_heard_where_it_should_be(voice, strongest_hz, flatness):
    found_hz, found_flatness = describe(demo_corpus.VOICES[voice](demo_corpus.SAMPLE_RATE, np.random.default_rng(0)))
    assert strongest_hz[0] < found_hz < strongest_hz[1]
    assert flatness[0] < found_flatness < flatness[1]


def test_a_file_changes_between_voices_sample_by_sample():
    wave, conditions = demo_corpus.synthesise_file(4.0, np.random.default_rng(0))
    assert len(wave) == len(conditions) == 4 * demo_corpus.SAMPLE_RATE
    assert np.abs(wave).max() <= 1
    ends = [0, *(np.flatnonzero(np.array(conditions[1:]) != np.array(conditions[:-1])) + 1), len(wave)]
    assert len(ends) > 4
    assert np.diff(ends)[:-1].min() >= 0.4 * demo_corpus.SAMPLE_RATE  # the last piece may be cut short


@pytest.fixture
def tiny_demo(monkeypatch):
    """Make the demo as small as it goes."""
    for name, value in {"TRAIN_FILES": 2, "VALID_FILES": 1, "FILE_SECONDS": 0.2, "SOUND_SECONDS": 0.1}.items():
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
    assert answer.out.splitlines() == [str(sounds / f"{stem}.wav") for stem in ("changing", *demo_corpus.VOICES)]
    assert soundfile.info(tmp_path / sounds / "reed.wav").frames == 800
    assert soundfile.info(tmp_path / sounds / "changing.wav").frames == 1600
    assert answer.err.splitlines()[-1] == "TensorBoard: tensorboard --logdir runs/demo"
    before = (tmp_path / sounds / "changing.wav").read_bytes()
    (tmp_path / sounds / "changing.wav").unlink()

    again = give("demo", tmp_path)
    assert (again.status, again.out) == (0, answer.out), again.err
    assert again.err.splitlines()[:2] == [
        "runs/demo-corpus: exists and is used",
        "runs/demo: exists and is continued",
    ]
    assert (tmp_path / sounds / "changing.wav").read_bytes() == before


def test_the_demo_leaves_what_is_not_its_own(tiny_demo, tmp_path):
    for kept in ("my-corpus/index.txt", "your-sounds/reed.wav"):
        (tmp_path / kept).parent.mkdir()
        (tmp_path / kept).write_text("precious")
    mine, yours = give("demo --run my", tmp_path), give("demo --run your", tmp_path)
    assert (mine.status, mine.err) == (
        1,
        "my-corpus: exists and is not a corpus of the demo; give --run another folder\n",
    )
    assert (yours.status, yours.err.splitlines()[-1]) == (
        1,
        "your-sounds/reed.wav: exists; give --overwrite, or --out another folder",
    )
    assert [path.read_text() for path in (tmp_path / "my-corpus/index.txt", tmp_path / "your-sounds/reed.wav")] == [
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
