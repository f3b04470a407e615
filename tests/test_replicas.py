"""A batch that several devices or workers share out is the batch of one, in training and in validation."""

import json
import os
import shutil
import signal

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from command_line import write_corpora, write_spec
from workers import ends_of, run_workers, start_process

from keras_samplernn import UserError, load_run
from keras_samplernn.api import STRATEGIES, train
from keras_samplernn.checkpoints.shelf import list_checkpoints
from keras_samplernn.distribution.launch import check_batch, launch
from keras_samplernn.distribution.replicas import Replicas

# Everything that a row has of its own, and more lanes than validation files.
TRAINING = {
    "batch_size": 6,
    "input_noise": 1,
    "ema_decay": 0.9,
    "weight_decay": 0.1,
    "learning_rate": 0.01,
    "schedule": "cosine",
    "decay_steps": 20,
}
THREE_TIERS = [
    *({"type": "frame_rnn", "frame_size": frame, "dim": 6} for frame in (8, 2)),
    {"type": "sample_mlp", "dim": 6, "emb_size": 4, "window": None},
]
FOUR_TIERS = [
    *({"type": "frame_rnn", "frame_size": frame, "dim": 5, "n_rnn": layers} for frame, layers in ((8, 1), (4, 2))),
    {"type": "frame_ssm", "frame_size": 2, "dim": 4, "expansion": 2},
    {"type": "sample_mlp", "dim": 6, "emb_size": 4, "window": None},
]
FOUR_TRAINING = {"batch_size": 6, "learning_rate": 0.01, "remat_samples": 8}
OWN = {"own_continuations": 2, "own_share": 0.2}
# In the full counts, without continuations: one that rounding draws otherwise changes all that follows.
LONG_EPOCHS = 25
MOVES_AT, STOPS_AT, KILLED_AT = 5, 3, 4


@pytest.fixture(scope="module")
def full(request):
    """Whether 200 steps are compared, not a few."""
    return request.config.getoption("--full")


@pytest.fixture(scope="module")
def home(full, tmp_path_factory):
    """A folder with runs of one replica, whole and begun."""
    folder, longer = tmp_path_factory.mktemp("replicas"), {"epochs": LONG_EPOCHS} if full else {}
    training = TRAINING | ({"decay_steps": 200} | longer if full else OWN)
    write_corpora(folder)
    write_spec(folder, tiers=THREE_TIERS, training=training)
    write_spec(folder, "four.json", tiers=FOUR_TIERS, training=FOUR_TRAINING | longer)
    write_spec(folder, "elsewhere.json", tiers=THREE_TIERS, training=training, data={"train": "nowhere"})
    (folder / "copied").mkdir()
    for name in ("train", "valid"):
        shutil.copytree(folder / name, folder / "copied" / name)
    write_spec(folder / "copied", tiers=THREE_TIERS, training=training)
    single = Replicas()
    train(folder / "spec.json", folder / "one", single)
    train(folder / "four.json", folder / "four", single, max_steps=200 if full else 4)
    train(folder / "spec.json", folder / "begun", single, max_steps=MOVES_AT)
    for name in ("moved", "moved_mirrored"):
        shutil.copytree(folder / "begun", folder / name)
    return folder


@pytest.fixture(scope="module")
def two(home, full):
    """How jobs ended on two workers, the last one with the loss of a worker."""
    job = {"spec": "spec.json"}
    jobs = {
        # The sounds of the other worker are in folders of other names.
        "whole": job | {"run": "two", "others": {"spec": "copied/spec.json"}},
        "four tiers": {"spec": "four.json", "run": "four_two", "max_steps": 200 if full else 4},
        "evaluated": {"evaluate": "one"},
        "moved": job | {"run": "moved", "max_steps": MOVES_AT + 2},
        "other steps": job | {"run": "other", "others": {"max_steps": 3}},
        "no sounds": job | {"run": "no_sounds", "others": {"spec": "elsewhere.json"}},
        "stopped": job | {"run": "stopped", "at_step": STOPS_AT, "gets": "SIGTERM"},
        "killed": job | {"run": "stopped", "at_step": KILLED_AT, "gets": "SIGKILL"},
    }
    chief, other = run_workers(2, list(jobs.values()), home)
    assert len(chief) == len(jobs) + 1, chief[-1]["said"]
    return {name: each for name, *each in zip(jobs, chief, [*other, None], strict=False)}


def assert_same_run(one, other, rows=slice(None)):
    """The bits and, of a short one, the weights of two runs differ by rounding alone."""
    columns = ["training_bits", "validation_bits"]
    bits = [pd.read_csv(run / "metrics.csv")[columns].to_numpy()[rows] for run in (one, other)]
    long = len(pd.read_csv(one / "metrics.csv")) == LONG_EPOCHS + 1
    np.testing.assert_allclose(*bits, rtol=0, atol=1e-4 if long else 1e-5)
    for name in () if long else ("weights.npz", "training.npz"):
        paths = [list_checkpoints(run / "checkpoints")[-1].folder / name for run in (one, other)]
        with np.load(paths[0]) as ours, np.load(paths[1]) as theirs:
            for key in ours:
                np.testing.assert_allclose(ours[key], theirs[key], atol=2e-3, err_msg=f"{name} {key}")


def test_two_workers_train_and_validate_as_one(home, two):
    assert two["whole"] == [{"done": True}] * 2
    assert_same_run(home / "one", home / "two")


def assert_same_bits(home, figures):
    """Figures of an evaluation of the whole run are those of one replica."""
    expected = load_run(home / "one").evaluate()
    assert figures.keys() == expected.keys()
    for name, value in expected.items():
        assert figures[name] == pytest.approx(value, abs=1e-6), name


def test_two_workers_evaluate_as_one(home, two):
    for figures in two["evaluated"]:
        assert_same_bits(home, figures)


def test_two_workers_train_four_tiers_as_one(home, two):
    assert two["four tiers"] == [{"done": True}] * 2
    assert_same_run(home / "four", home / "four_two")


def whole(full, suffix):
    """In the full counts both models are trained whole by three workers and two devices too."""
    names = {"one": "spec.json", "four": "four.json"} if full else {}
    return {f"{run}_{suffix}": {"spec": spec, "run": f"{run}_{suffix}"} for run, spec in names.items()}


def assert_whole(home, runs):
    for run in runs:
        assert_same_run(home / run.partition("_")[0], home / run)


def test_a_run_moves_between_one_two_and_three_workers(home, two, full):
    assert two["moved"] == [{"done": True}] * 2
    lost = {"spec": "spec.json", "run": "lost", "at_step": 2, "gets": "SIGKILL", "who": 0}
    runs = whole(full, "three")
    ends = run_workers(3, [{"spec": "spec.json", "run": "moved"}, *runs.values(), lost], home)
    assert all(end == {"done": True} for each in ends for end in each[: len(runs) + 1]), ends
    assert_same_run(home / "one", home / "moved", rows=slice(-1, None))
    assert_whole(home, runs)
    # Then the chief is killed.
    for worker, (*_, end, _) in enumerate(ends[1:], 1):
        assert end["refused"][0].startswith(f"worker {worker} of 3: another worker has ended or cannot be reached (")


def test_workers_with_other_work_are_refused_before_anything_is_written(home, two):
    for end in two["other steps"]:
        (line,) = end["refused"]
        assert line.startswith("worker 1 differ in --epochs and --max-steps from worker 0")
    assert not (home / "other" / "checkpoints").exists()


def test_where_one_worker_cannot_start_all_end(home, two):
    chief, other = two["no sounds"]
    assert "nowhere" in other["refused"][0]
    assert chief["refused"] == ["worker 1 could not start, as told there; mend that, and start all workers again"]
    assert not (home / "no_sounds" / "checkpoints").exists()


def test_a_signal_to_one_worker_stops_all_after_the_same_step(two):
    chief, other = two["stopped"]
    assert chief == other
    number, step = chief["stopped"]
    assert number == signal.SIGTERM
    assert step >= STOPS_AT


def test_a_killed_worker_ends_the_others_and_the_run_goes_on(home, two):
    (line,) = two["killed"][0]["refused"]
    assert line.startswith("worker 0 of 2: another worker has ended or cannot be reached (")
    assert line.endswith("; the last checkpoint is kept: start all workers again with the same command")
    train(home / "spec.json", home / "stopped", Replicas())
    assert_same_run(home / "one", home / "stopped")


def test_two_devices_of_a_host_train_and_validate_as_one(home, full):
    runs = whole(full, "devices")
    jobs = [{"spec": "spec.json", "run": "mirrored"}, {"spec": "spec.json", "run": "moved_mirrored"}]
    *trained, figures, _ = ends_of(start_process([*runs.values(), *jobs, {"evaluate": "one"}], home, DEVICES="2"))
    assert trained == [{"done": True}] * (len(runs) + 2)
    assert_same_bits(home, figures)
    assert_whole(home, runs)
    for run, rows in (("mirrored", slice(None)), ("moved_mirrored", slice(-1, None))):
        assert_same_run(home / "one", home / run, rows)


@pytest.mark.parametrize(("size", "count", "nearest"), [(7, 2, "6 or 8"), (2, 3, "3"), (128, 3, "126 or 129")], ids=str)
def test_a_batch_that_does_not_divide_is_refused_with_the_nearest_sizes(size, count, nearest):
    replicas = Replicas()
    replicas.count = count
    with pytest.raises(
        UserError, match=f"spec: training.batch_size = {size} .* {count} .* nearest sizes are {nearest},"
    ):
        check_batch(replicas, size, "spec")
    check_batch(replicas, 2 * count, "spec")


CLUSTER = {"worker": ["a:1", "b:1"]}
WRONG = [
    "{",
    "[]",
    json.dumps({"cluster": CLUSTER}),
    json.dumps({"cluster": CLUSTER, "task": {"type": "worker", "index": 2}}),
    json.dumps({"cluster": CLUSTER | {"ps": ["c:1"]}, "task": {"type": "worker", "index": 0}}),
]


@pytest.mark.parametrize("content", WRONG, ids=range(len(WRONG)))
@pytest.mark.parametrize("strategy", ["auto", "multiworker"])
def test_a_cluster_that_cannot_be_read_is_refused(monkeypatch, content, strategy):
    monkeypatch.setenv("TF_CONFIG", content)
    with pytest.raises(UserError, match=r"TF_CONFIG = .*: is not the JSON of a cluster"):
        launch(strategy)


@pytest.mark.parametrize("strategy", ["auto", "single"])
def test_one_replica_starts_no_device(monkeypatch, strategy):
    """Once devices are started, TensorFlow takes no other number of threads, which int8 needs."""
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.setattr("tensorflow.config.list_logical_devices", None)
    assert launch(strategy).count == 1


@pytest.mark.parametrize(
    ("failure", "line"),
    [
        (
            tf.errors.UnknownError(None, None, "Could not start gRPC server\nmore"),
            "TF_CONFIG: Could not start gRPC server",
        ),
        (
            RuntimeError("Collective ops must be configured at program startup"),
            "--strategy multiworker: TensorFlow has",
        ),
    ],
)
def test_workers_that_cannot_be_joined_are_told_in_a_line(monkeypatch, capfd, failure, line):
    def fail():
        os.write(2, b"what native code says")
        raise failure

    monkeypatch.setattr("tensorflow.distribute.MultiWorkerMirroredStrategy", fail)
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": CLUSTER, "task": {"type": "worker", "index": 0}}))
    with pytest.raises(UserError, match=line):
        launch("multiworker")
    assert capfd.readouterr().err == ""


def test_what_is_not_there_is_refused(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert launch("auto").count == launch("single").count == 1
    with pytest.raises(UserError, match="--strategy multiworker: TF_CONFIG is not set"):
        launch("multiworker")
    with pytest.raises(UserError, match="--strategy mirrored: this host shows one device only"):
        launch("mirrored")
    monkeypatch.setenv(
        "TF_CONFIG", json.dumps({"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}})
    )
    assert launch("auto").count == 1
    assert set(STRATEGIES) == {"auto", "single", "mirrored", "multiworker"}
