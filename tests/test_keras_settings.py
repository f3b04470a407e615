"""What keras.json or Keras' variables of the environment set changes nothing that a command does."""

import json

import keras
import pytest
from command_line import give, outcome, write_corpora, write_spec

EPOCHS, STEPS_PER_EPOCH = 2, 4


@pytest.fixture(scope="module")
def home(corpus_cache, tmp_path_factory):
    """A spec, its corpora, and what the commands make of it while Keras' settings are its own."""
    home = tmp_path_factory.mktemp("settings")
    write_corpora(home)
    write_spec(home, training={"seq_len": 128, "epochs": EPOCHS})
    (home / "index.txt").write_text("valid/a.csv\n")
    return home


@pytest.fixture(scope="module")
def plain(home):
    return results(home, "plain")


def results(home, run):
    """Train, evaluate and generate; return all figures and the sound."""
    commands = f"fit spec.json --run {run}", f"evaluate {run} --json"
    _, figures = answers = [give(command, home) for command in commands]
    answers.append(give(f"generate {run} --conditioning-index index.txt --out {run}/sounds", home))
    assert [answer.status for answer in answers] == [0, 0, 0], answers
    return *outcome(home / run), json.loads(figures.out), (home / run / "sounds/a.wav").read_bytes()


def test_limits_of_keras_fit_cut_nothing_short(home, plain):
    keras.config.set_max_epochs(1)
    keras.config.set_max_steps_per_epoch(1)
    try:
        limited = results(home, "limited")
    finally:
        keras.config.set_max_epochs(None)
        keras.config.set_max_steps_per_epoch(None)
    assert limited == plain
    name, _, _, rows, *_ = limited
    assert name == f"step-{EPOCHS * STEPS_PER_EPOCH:010}-validated"
    assert [(int(row["epoch"]), int(row["step"])) for row in rows] == [
        (epoch, epoch * STEPS_PER_EPOCH) for epoch in range(EPOCHS + 1)
    ]


def test_figures_are_those_of_float32_whatever_floatx_says(home, plain):
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float16")
    keras.config.set_dtype_policy("float16")
    try:
        assert results(home, "half") == plain
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)
