"""Checking, training and evaluating from Python do what the commands do."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from command_line import give, outcome

import keras_samplernn
from keras_samplernn import UserError


def test_fit_trains_as_the_command_does_and_loads_the_run(home, monkeypatch):
    monkeypatch.chdir(home)
    assert give("fit spec.json --run commanded --epochs 1", home).status == 0
    run = keras_samplernn.fit("spec.json", "called", epochs=1)
    assert outcome(home / "called") == outcome(home / "commanded")
    assert run.checkpoint == "step-" + f"{run.metrics['step'].iloc[-1]:010d}" + "-validated"
    assert len(run.generate(1, seconds=0.01)) == 40


def test_a_spec_may_be_given_as_its_content_and_goes_on_where_it_stopped(home, monkeypatch):
    monkeypatch.chdir(home)
    spec = json.loads((home / "spec.json").read_text()) | {"name": "by_content"}
    for steps in (3, 5):
        run = keras_samplernn.fit(spec, max_steps=steps)
    assert run.folder.as_posix() == "runs/by_content"
    assert run.metrics["step"].tolist() == [0, 3, 5]


def test_check_gives_the_figures_that_the_command_prints(home, monkeypatch):
    monkeypatch.chdir(home)
    estimate = keras_samplernn.check("spec.json")
    printed = give("check spec.json", home).out.splitlines()
    told = str(estimate).splitlines()
    # Of the verdict, the line with the time in all.
    timed = re.compile("step:|time:|memory:|verdict: .* in all, for")
    assert [line for line in told if not timed.match(line)] == [line for line in printed if not timed.match(line)]
    assert estimate.corpora["train"].samples == 737
    (shares,) = estimate.corpora["train"].class_shares.values()
    assert sum(shares.values()) == pytest.approx(1)
    assert estimate.seconds_per_epoch == estimate.steps_per_epoch * estimate.seconds_per_step > 0


def test_evaluate_gives_what_the_command_prints(home):
    run = keras_samplernn.load_run(home / "run")
    assert run.evaluate() == json.loads(give("evaluate run --json", home).out)
    assert run.evaluate(home / "train") == json.loads(give("evaluate run --json --data train", home).out)


def test_what_is_wrong_with_a_spec_is_told_in_a_line_a_problem(home, monkeypatch):
    monkeypatch.chdir(home)
    with pytest.raises(UserError) as raised:
        keras_samplernn.fit({"data": {"trian": "train"}})
    assert raised.value.lines == (
        "spec: data.train is missing; give a path or a list of 1 to 1000 values, each a path",
        'spec: data.trian is not a field of data; did you mean "train"?',
    )
    assert not (home / "runs/samplernn").exists()


@pytest.mark.parametrize("limit", [{"epochs": 0}, {"max_steps": -1}, {"epochs": 1.5}])
def test_a_limit_that_is_not_a_count_is_told(home, monkeypatch, limit):
    monkeypatch.chdir(home)
    ((name, value),) = limit.items()
    with pytest.raises(UserError, match=f"^{name} = {value}: must be a whole number of at least 1"):
        keras_samplernn.fit("spec.json", "limited", **limit)
    assert not (home / "limited").exists()


def test_fit_runs_in_any_thread_and_takes_paths_in_a_dictionary(home):
    spec = json.loads((home / "spec.json").read_text())
    spec["data"] = {"train": home / "train", "valid": home / "valid"}
    with ThreadPoolExecutor(1) as thread:
        run = thread.submit(keras_samplernn.fit, spec, home / "threaded", max_steps=1).result()
    assert run.metrics["step"].tolist() == [0, 1]
