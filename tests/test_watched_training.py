"""A training that is looked at by the clock: when, what it says and leaves, and that it learns the same without."""

import json
import re
import signal

import pandas as pd
import pytest
import soundfile
from command_line import give, listing, write_corpora, write_spec

from keras_samplernn.checkpoints.shelf import list_checkpoints
from keras_samplernn.monitoring.sounds import SoundsInTraining
from keras_samplernn.training import clock
from keras_samplernn.training.evaluation import Evaluator
from keras_samplernn.training.trainer import Trainer

STEP_SECONDS = 25


@pytest.fixture(scope="module")
def home(corpus_cache, tmp_path_factory):
    home = tmp_path_factory.mktemp("watched")
    write_corpora(home)
    write_spec(home, "unwatched.json", training={"epochs": 2, "keep_checkpoints": 9})
    watched = {"every_epochs": None, "sounds": 2, "seconds": 0.05}
    write_spec(home, "watched.json", training={"epochs": 2, "keep_checkpoints": 9}, monitoring=watched)
    assert give("fit unwatched.json --run unwatched", home).status == 0
    return home


@pytest.fixture
def slow(monkeypatch):
    """Let each step take 25 seconds by the clock, and a validation as many as `slow.validation` says."""

    class Slow:
        now, validation = 0.0, 1.0

    step, validate = Trainer.step, Evaluator.__call__

    def slow_step(trainer, batch):
        Slow.now += STEP_SECONDS
        return step(trainer, batch)

    def slow_validation(evaluator, corpus, check_stop=lambda: None):
        Slow.now += Slow.validation
        return validate(evaluator, corpus, check_stop)

    monkeypatch.setattr(clock.time, "monotonic", lambda: Slow.now)
    monkeypatch.setattr(Trainer, "step", slow_step)
    monkeypatch.setattr(Evaluator, "__call__", slow_validation)
    return Slow


def steps_of_sounds(answer):
    return [
        int(step) for step in re.findall(r"^sounds after .* of training, at step (\d+): ", answer.err, re.MULTILINE)
    ]


def arrays_of(run):
    """Return the bytes of the weights and of all that training needs, of each checkpoint at the end of an epoch."""
    names = ("weights.npz", "training.npz")
    return {
        each.folder.name: [(each.folder / name).read_bytes() for name in names]
        for each in list_checkpoints(run / "checkpoints")
        if each.validated
    }


def test_a_watched_training_makes_sounds_and_validates_by_the_clock_and_learns_the_same(home, slow):
    answer = give("fit watched.json --run watched", home)
    assert answer.status == 0, answer.err
    rows = pd.read_csv(home / "watched/metrics.csv")
    last = int(rows["step"].max())
    # After 120, 240, 480 and 960 seconds, and with the last epoch.
    assert steps_of_sounds(answer) == [5, 10, 20, 39, last]
    assert (last * STEP_SECONDS, last) == (1200, 48)
    assert "\nsounds after 2:05 of training, at step 5: watched/samples/step-0000000005\n" in answer.err
    folders = {path.name for path in (home / "watched/samples").iterdir()}
    assert folders == {"clips.csv", "real", *(f"step-{step:010d}" for step in (5, 10, 20, 39, last))}
    for folder in folders - {"clips.csv"}:
        for name in ("valid_00", "valid_01"):
            assert soundfile.info(home / f"watched/samples/{folder}/{name}.wav").frames == 200
    in_passing = rows[rows["training_bits"].isna()]
    assert in_passing["step"].tolist() == [0, 5, 10, 20, 39]
    assert in_passing["epoch"].tolist() == [0, 1, 1, 1, 2]
    assert rows["validation_bits"].notna().all() and rows["validation_bits_1"].notna().all()
    assert "\nepoch 1/2  step 5  validation " in answer.err
    assert answer.err.startswith("epoch 0/2  step 0  validation ")
    assert arrays_of(home / "watched") == arrays_of(home / "unwatched")
    state, other = (list_checkpoints(home / run / "checkpoints")[-1].read_state() for run in ("watched", "unwatched"))
    for name in ("best_bits", "best_step", "epochs_since_best", "epoch", "step"):
        assert state[name] == other[name]
    assert state["times"]["seconds"] == 1200


def test_a_run_that_goes_on_is_watched_as_if_it_had_not_stopped(home, slow):
    answers = [give(f"fit watched.json --run halves --max-steps {steps}", home) for steps in (7, 30, 48)]
    # The rest of the second half of the sounds' intervals is waited for, not another two minutes.
    assert [steps_of_sounds(answer) for answer in answers] == [[5], [10, 20], [39, 48]]
    assert arrays_of(home / "halves").items() >= arrays_of(home / "unwatched").items()


def test_a_validation_that_takes_long_is_rare_and_does_not_hold_up_the_start(home, slow):
    slow.validation = 61.0
    answer = give("fit watched.json --run slow", home)
    assert answer.err.splitlines()[0] == "a validation takes more than 60 s: the first one is at the end of the epoch"
    rows = pd.read_csv(home / "slow/metrics.csv")
    # The end of the first epoch tells how long it takes; 610 seconds later is after the second one.
    assert rows["step"].tolist() == [24, 48]
    assert steps_of_sounds(answer) == [5, 10, 20, 39, 48]
    assert arrays_of(home / "slow") == arrays_of(home / "unwatched")


def test_sounds_that_a_signal_breaks_off_are_made_when_the_run_goes_on(home, slow, monkeypatch):
    def stop(sounds, monitor, trained, step, check_stop):
        signal.raise_signal(signal.SIGTERM)
        while True:  # until the thread has heard it
            check_stop()

    with monkeypatch.context() as patch:
        patch.setattr(SoundsInTraining, "show", stop)
        stopped = give("fit watched.json --run stopped", home)
    assert stopped.status == 128 + signal.SIGTERM
    assert "stopped after step 5; a checkpoint is written." in stopped.err
    again = give("fit watched.json --run stopped", home)
    assert again.status == 0, again.err
    assert steps_of_sounds(again) == [6, 10, 20, 39, 48]


def test_a_run_without_validation_files_is_heard_too(home, slow):
    write_spec(
        home,
        "alone.json",
        data={"valid": None},
        training={"epochs": 1},
        monitoring={"every_epochs": None, "minutes": 5, "sounds": 1, "seconds": 0.05},
    )
    answer = give("fit alone.json --run alone", home)
    assert "monitoring: there are no validation files, so the clips train_00, ... are of training files" in answer.err
    assert steps_of_sounds(answer) == [5, 10, 20, 24]
    assert (home / "alone/samples/real/train_00.wav").is_file()
    assert pd.read_csv(home / "alone/metrics.csv")["step"].tolist() == [24]


@pytest.mark.parametrize(("monitoring", "steps"), [({"every_epochs": 0}, []), ({"minutes": 0}, [48])])
def test_the_clock_can_be_left_out_and_sounds_altogether(home, slow, monitoring, steps):
    write_spec(home, "quiet.json", monitoring={"every_epochs": None, "seconds": 0.05, **monitoring})
    answer = give(f"fit quiet.json --run quiet_{len(steps)}", home)
    assert steps_of_sounds(answer) == steps
    assert (home / f"quiet_{len(steps)}/samples").exists() == bool(steps)


def test_a_named_score_is_made_without_a_real_clip(home, slow):
    (home / "index.txt").write_text("valid/b.csv\n")
    spec = json.loads((home / "watched.json").read_text())
    spec["monitoring"] |= {"index": "index.txt", "minutes": 0}
    (home / "score.json").write_text(json.dumps(spec))
    assert steps_of_sounds(give("fit score.json --run score", home)) == [48]
    made = {path for path in listing(home / "score/samples") if path.endswith(".wav")}
    assert made == {"step-0000000048/b.wav"}
