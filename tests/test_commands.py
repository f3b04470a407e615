"""The commands do what their help says: through the command line, as a user gives them."""

import csv
import dataclasses
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import (
    SPEC,
    bytes_of,
    done,
    give,
    listing,
    outcome,
    write_named_conditions,
    write_sound,
    write_spec,
)
from tiny_home import copy_tiny_home

import keras_samplernn
from keras_samplernn.model import assembly
from keras_samplernn.model.head import bits_per_sample
from keras_samplernn.plugins import softmax
from keras_samplernn.training.evaluation import Evaluator

CLI = Path(__file__).parent.parent / "cli.py"
DROPOUT = [SPEC["tiers"][0] | {"dropout": 0.2}, SPEC["tiers"][1]]
LENGTHS = (3, 6, 2051)


@pytest.fixture(scope="module")
def home(tiny_home, tmp_path_factory):
    """The tiny home with its runs where commands look for them, `runs/run` being the newest, and conditions."""
    home = copy_tiny_home(tiny_home, tmp_path_factory.mktemp("commands") / "home")
    (home / "runs").mkdir()
    for name in ("wide", "free", "run"):
        (home / name).rename(home / "runs" / name)
    (home / "runs/run").rename(home / "runs/tiny")
    write_named_conditions(home, LENGTHS)
    (home / "few.txt").write_text("n6.csv\nn3.csv\n")
    (home / "index.txt").write_text("n6.csv\nn2051.csv\n")
    return home


def test_schema_prints_json_schema_with_a_branch_for_each_tier(home):
    schema = json.loads(give("schema", home).out)
    assert schema["type"] == "object" and set(SPEC) <= set(schema["properties"])
    branches = schema["properties"]["tiers"]["items"]["oneOf"]
    assert [branch["properties"]["type"]["const"] for branch in branches] == ["frame_rnn", "frame_ssm", "sample_mlp"]


def test_tiers_lists_the_built_in_tiers_and_where_they_come_from(home):
    package = f"keras-samplernn {keras_samplernn.__version__}"
    assert set(done("tiers", home)) >= {
        f"frame_rnn\t{package}\tkeras_samplernn.plugins.frame_rnn:FrameRNN",
        f"frame_ssm\t{package}\tkeras_samplernn.plugins.frame_ssm:FrameSSM",
        f"sample_mlp\t{package}\tkeras_samplernn.plugins.sample_mlp:SampleMLP",
    }


def test_cache_lists_what_it_holds_and_clears_it(home, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SAMPLERNN_CACHE", str(tmp_path / "cache"))
    assert done("cache", home) == []
    done("evaluate runs/tiny", home)
    (line,) = done("cache", home)
    entry, *figures = line.split("\t")
    assert Path(entry).parent == tmp_path / "cache" and figures == ["2 sounds", "737 samples", "0.0 MB"]
    assert done("cache --clear", home) == [f"{tmp_path / 'cache'}: freed 0.0 MB"]
    assert done("cache", home) == []


def test_check_tells_what_training_takes_and_leaves_nothing(home):
    before = listing(home)
    lines = done("check spec.json", home)
    assert lines[0].startswith("train: 2 sounds, 737 samples, 0:00; unigram entropy ")
    assert [line.split(":")[0] for line in lines] == [
        *4 * ["train"],
        *4 * ["valid"],
        *("model", "reach", "epoch", "rows", "step", "time", "memory", "verdict"),
        *3 * ["verdict"],  # on little sound, and rows and classes of less than a second
    ]
    assert listing(home) == before


def test_evaluate_prints_one_object_of_figures_alone(home):
    answer = give("evaluate runs/tiny --json", home)
    figures = json.loads(answer.out)
    assert (answer.status, answer.out.count("\n")) == (0, 1)
    assert set(figures) == {"bits_per_sample", "unigram_entropy_bits", "samples", "bits_per_sample_of_class"}
    assert figures["samples"] == 737
    assert set(figures["bits_per_sample_of_class"]) == {"0", "1", "2"}
    row = list(csv.DictReader((home / "runs/tiny/metrics.csv").open()))[-1]
    assert figures["bits_per_sample"] == pytest.approx(float(row["validation_bits"]), abs=1e-5)
    assert json.loads(give("evaluate runs/tiny --json --data train", home).out) != figures


def test_evaluate_needs_no_sounds_but_those_it_scores(home):
    expected = done("evaluate runs/tiny", home)
    (home / "train").rename(home / "elsewhere")
    try:
        assert done("evaluate runs/tiny", home) == expected
    finally:
        (home / "elsewhere").rename(home / "train")


def test_int8_makes_other_sounds_of_the_same_lengths_and_costs_few_bits(home, tmp_path):
    for precision in ("float32", "int8"):
        command = f"generate runs/wide --conditioning-index index.txt --batch-size 1 --precision {precision}"
        done(f"{command} --out {tmp_path / precision}", home)
    wide, narrow = bytes_of(tmp_path / "float32"), bytes_of(tmp_path / "int8")
    assert {name: len(content) for name, content in wide.items()} == {name: len(narrow[name]) for name in narrow}
    assert narrow["n2051.wav"] != wide["n2051.wav"]
    assert json.loads((tmp_path / "int8" / "generation.json").read_text())["n6.wav"]["precision"] == "int8"
    exact, rounded = (
        json.loads(give(f"evaluate runs/wide --json --precision {precision}", home).out)["bits_per_sample"]
        for precision in ("float32", "int8")
    )
    assert 0 < abs(rounded - exact) < 0.01


@pytest.mark.parametrize("module", ["generation.maker", "run"])
def test_a_checkpoint_that_a_fit_deletes_meanwhile_is_not_missed(home, tmp_path, monkeypatch, module):
    run = shutil.copytree(home / "runs/wide", tmp_path / "run")
    older, newer = (run / f"checkpoints/step-000000000{step}-validated" for step in (2, 3))

    def assemble(*arguments):
        older.rename(newer)
        return assembly.assemble(*arguments)

    monkeypatch.setattr(f"keras_samplernn.{module}.assemble", assemble)
    command = {
        "generation.maker": f"generate run --conditioning-index {home / 'few.txt'} --out sounds --batch-size 3",
        "run": f"evaluate run --data {home / 'valid'}",
    }[module]
    answer = give(command, tmp_path)
    assert answer.status == 0, answer.err
    assert "damaged" not in answer.err
    assert newer.exists()


def test_steps_that_are_done_are_not_done_again(home):
    before = listing(home / "runs/tiny")
    answer = give("fit spec.json --max-steps 2", home)
    assert (answer.status, answer.out) == (0, "runs/tiny\n")
    assert answer.err.splitlines() == [
        "runs/tiny: is finished: 2 of 2 steps are done; to continue, give a larger --max-steps or none",
        "stopped after step 2, at --max-steps. To go on:",
        "keras-samplernn fit spec.json",
        "TensorBoard: tensorboard --logdir runs/tiny",
    ]
    assert listing(home / "runs/tiny") == before


def test_restart_keeps_the_old_run_and_may_begin_with_its_weights(home, tmp_path):
    shutil.copytree(home / "runs/tiny", tmp_path / "tiny")
    before = listing(tmp_path / "tiny")
    answer = give(f"fit {home / 'spec.json'} --run tiny --max-steps 1 --restart --init-from tiny", tmp_path)
    (kept,) = tmp_path.glob("tiny.*")
    assert answer.status == 0
    assert answer.err.splitlines()[:2] == [
        "starts with the weights of tiny/checkpoints/step-0000000002-validated",
        f"tiny: moved to {kept.name}",
    ]
    assert listing(kept) == before
    assert [path.name for path in (tmp_path / "tiny/checkpoints").iterdir()] == ["step-0000000001-validated"]


EXHAUSTED = {
    "keras_samplernn.training.trainer.Trainer.step": (
        "fit {home}/spec.json --run big",
        "big: the device has too little memory for 2 windows of 16 samples; lower training.batch_size,"
        " training.seq_len or the tiers' dim, or set a small training.remat_samples in a new run",
    ),
    # A device that computes on its own tells when its results are read.
    "keras_samplernn.training.step.Sums.read": (
        "fit {home}/spec.json --run big",
        "big: the device has too little memory for 2 windows of 16 samples; lower training.batch_size,"
        " training.seq_len or the tiers' dim, or set a small training.remat_samples in a new run",
    ),
    "keras_samplernn.monitoring.sounds.SoundsInTraining.show": (
        "fit {home}/sounds.json --run big",
        "big: the device has too little memory for the sounds that it generates in training; lower monitoring.sounds,"
        " or set monitoring.guidance to 1, and go on",
    ),
    "keras_samplernn.generation.engine.GenerationEngine.advance": (
        "generate {home}/runs/tiny --conditioning-index {home}/few.txt --out big --batch-size 64",
        "{home}/runs/tiny: the device has too little memory for 64 sounds side by side; lower --batch-size",
    ),
    "keras_samplernn.training.evaluation.Evaluator.__call__": (
        "evaluate {home}/runs/tiny --data {home}/valid",
        "{home}/runs/tiny: the device has too little memory for 2 windows of 16 samples; evaluate on a larger one",
    ),
}


@pytest.mark.parametrize(("function", "command", "told"), [(key, *value) for key, value in EXHAUSTED.items()])
def test_memory_that_does_not_suffice_is_told_with_what_to_lower(home, tmp_path, monkeypatch, function, command, told):
    import tensorflow as tf

    def exhaust(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    spec = json.loads((home / "spec.json").read_text()) | {"monitoring": {"every_epochs": 1}}
    (home / "sounds.json").write_text(json.dumps(spec))
    monkeypatch.setattr(function, exhaust)
    answer = give(command.format(home=home), tmp_path)
    assert (answer.status, answer.out) == (1, "")
    assert answer.err.splitlines()[-1] == told.format(home=home)


def test_a_loss_that_is_not_finite_ends_the_run_in_one_line_and_keeps_the_checkpoint(home, tmp_path, monkeypatch):
    assert give(f"fit {home / 'spec.json'} --run run --max-steps 1", tmp_path).status == 0
    before = listing(tmp_path / "run" / "checkpoints")
    monkeypatch.setattr(softmax, "bits_per_sample", lambda *given: float("nan") * bits_per_sample(*given))
    answer = give(f"fit {home / 'spec.json'} --run run", tmp_path)
    assert (answer.status, answer.out) == (1, "")
    assert answer.err == (
        "run: continues after step 1\n"
        "run: the loss is nan at step 2; the last checkpoint is kept: try a lower training.learning_rate or"
        " training.clip_value in a new run\n"
    )
    assert listing(tmp_path / "run" / "checkpoints") == before


def test_a_validation_that_is_not_finite_ends_the_run_before_a_checkpoint(home, tmp_path, monkeypatch):
    score, totals = Evaluator.__call__, iter([9.0, float("nan")])  # before the first step, and after it
    monkeypatch.setattr(
        Evaluator, "__call__", lambda *arguments: dataclasses.replace(score(*arguments), total=next(totals))
    )
    answer = give(f"fit {home / 'spec.json'} --run run --max-steps 1", tmp_path)
    assert (answer.status, answer.out) == (1, "")
    *_, line = answer.err.splitlines()
    assert line.startswith("run: the validation loss is nan at step 1; the last checkpoint is kept: try a lower")
    assert not (tmp_path / "run/checkpoints").exists()


def test_gradients_may_be_left_unclipped(home, tmp_path):
    write_spec(home, "unclipped.json", name="unclipped", training={"clip_value": None})
    assert give(f"fit {home / 'unclipped.json'} --max-steps 2", tmp_path).status == 0


@pytest.fixture(scope="module")
def trained(corpus_cache, tmp_path_factory):
    """Two epochs of a conditional model with dropout, at once: what interrupted runs must come to, byte for byte."""
    folder = tmp_path_factory.mktemp("trained")
    for corpus, samples in (("train", (4800, 4790)), ("valid", (150,))):
        (folder / corpus).mkdir()
        for number, length in enumerate(samples):
            write_sound(folder / corpus / f"{number}.wav", length, seed=number)
    write_spec(folder, tiers=DROPOUT)
    assert give("fit spec.json --run whole", folder).status == 0
    return folder


def second_epoch(run: Path) -> tuple[bytes, bytes, dict]:
    """Return the weights and all that resuming needs, after both epochs, and the figures of the second."""
    (checkpoint,) = run.glob("checkpoints/step-*600-validated")
    figures = list(csv.DictReader((run / "metrics.csv").open()))[-1]
    del figures["samples_per_second"], figures["seconds"]
    return (checkpoint / "weights.npz").read_bytes(), (checkpoint / "training.npz").read_bytes(), figures


def test_two_halves_are_the_whole(trained):
    assert give("fit spec.json --run halves --max-steps 450", trained).status == 0
    answer = give("fit spec.json --run halves", trained)
    assert answer.err.startswith("halves: continues after step 450\n")
    assert second_epoch(trained / "halves") == second_epoch(trained / "whole")


def test_a_training_that_was_told_to_stop_goes_on_as_if_it_had_not(trained):
    command = ["fit", "spec.json", "--run", "stopped"]
    with subprocess.Popen(
        [sys.executable, CLI, *command], cwd=trained, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        # On a slow machine lines of progress stand between.
        assert any(line.startswith("epoch 1/2  step 300  ") for line in process.stderr)
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        *_, stopped, told = process.stderr.read().splitlines()
        assert process.stdout.read() == ""
    assert process.returncode == 128 + signal.SIGTERM
    step = int(stopped.removeprefix("stopped after step ").removesuffix("; a checkpoint is written. To go on:"))
    assert 300 < step < 600
    assert told == f"python {CLI} {' '.join(command)}"
    answer = give(" ".join(command), trained)
    assert answer.err.startswith(f"stopped: continues after step {step}\n")
    assert second_epoch(trained / "stopped") == second_epoch(trained / "whole")


def test_a_training_that_was_told_to_stop_in_its_validation_goes_on_as_if_it_had_not(trained, monkeypatch):
    called = itertools.count(1)

    def stop(*_):
        # The first one is before the first step. When the run goes on, it is made again, and then that of an epoch.
        if next(called) != 2:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.2)  # the thread that hears it
        return evaluate(*_)

    evaluate = Evaluator.__call__
    monkeypatch.setattr(Evaluator, "__call__", stop)
    for step in (0, 300):
        answer = give("fit spec.json --run broken_off", trained)
        assert answer.status == 143
        assert f"stopped after step {step}; a checkpoint is written" in answer.err
    monkeypatch.undo()
    assert give("fit spec.json --run broken_off", trained).status == 0
    assert outcome(trained / "broken_off") == outcome(trained / "whole")


def test_a_finished_run_says_so(trained):
    before = listing(trained / "whole")
    answer = give("fit spec.json --run whole", trained)
    assert (answer.status, answer.out) == (0, "whole\n")
    assert answer.err.splitlines() == [
        "whole: is finished: 2 of 2 epochs are done; to continue, raise training.epochs or give --epochs",
        "TensorBoard: tensorboard --logdir whole",
    ]
    assert listing(trained / "whole") == before
