"""A search trains each run as `fit` does, goes on where it stopped, and shares its runs out among shards."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tensorflow as tf
from command_line import SPEC, give, listing, outcome, write_corpora, write_spec

from keras_samplernn.errors import UserError
from keras_samplernn.run_folder import RunFolder
from keras_samplernn.search import searching
from keras_samplernn.search.process import reason_of, train_here
from keras_samplernn.training import fit as training
from keras_samplernn.training.bookkeeping import Diverged
from keras_samplernn.training.trainer import Trainer

CLI = Path(__file__).parent.parent / "cli.py"
SEARCH = "search spec.json --vary training.learning_rate=0.001,0.02 --vary tiers.0.dim=4,6"
FIVE = "search spec.json --vary training.seed=1,2,3,4,5 --steps 80"  # rungs of 5, 2 and 1 runs, of 8, 16, 32 steps
FOLDER = "runs/tiny-search"


@pytest.fixture
def home(tmp_path):
    write_corpora(tmp_path)
    write_spec(tmp_path, tiers=[SPEC["tiers"][0] | {"dropout": 0.2}, SPEC["tiers"][1]])
    return tmp_path


@pytest.fixture
def within(monkeypatch):
    """Runs are trained within this process, which need not start others."""

    def train(spec_file, folder, steps, told):
        return reason_of(json.loads(json.dumps(train_here(str(spec_file), str(folder), steps, told))), folder)

    monkeypatch.setattr(searching, "train_apart", train)


def test_a_search_trains_as_fit_does_even_if_it_is_interrupted(home, within, monkeypatch):
    command = f"{SEARCH} --steps 35 --eta 4"  # 4 runs of 5 steps, the best one of 20
    step, taken = Trainer.step, []

    def interrupted(*arguments):
        taken.append(1)
        if len(taken) == 12:  # in the third run
            os.kill(os.getpid(), signal.SIGTERM)
        return step(*arguments)

    monkeypatch.setattr(Trainer, "step", interrupted)
    answer = give(command, home)
    assert (answer.status, answer.out) == (143, "")
    assert answer.err.splitlines()[-2:] == [
        "stopped after step 2; a checkpoint is written. To go on:",
        f"keras-samplernn {command}",
    ]
    answer = give(command, home)
    assert answer.status == 0, answer.err
    assert len(taken) == 35  # no step was taken twice
    table, (header, *rows) = answer.out.splitlines(), csv.reader((home / FOLDER / "results.csv").open())
    figures = ["steps", "validation_bits", "training_bits", "minutes", "state", "run"]
    assert header == ["training.learning_rate", "tiers.0.dim", *figures]
    best = home / table[-1]
    assert [row[2] for row in rows] == ["20", "5", "5", "5"] and str(best) == str(home / rows[0][-1])
    assert [float(row[3]) for row in rows] == sorted(float(row[3]) for row in rows)
    assert json.loads((best / "spec.json").read_text())["name"] == best.name
    assert give(f"fit {FOLDER}/specs/{best.name}.json --run alone --max-steps 20", home).status == 0
    assert outcome(best)[:2] == outcome(home / "alone")[:2]


def test_a_run_has_a_process_of_its_own_to_which_signals_are_passed_on(home):
    command = "search spec.json --vary training.seed=1 --steps 40"
    run, messages = home / FOLDER / "1_seed-1", home / "messages"
    with messages.open("w") as stream:
        process = subprocess.Popen([sys.executable, CLI, *command.split()], cwd=home, stderr=stream)
        while not (run / "logs").exists():  # from then on a signal is noted
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 128 + signal.SIGTERM
    told = messages.read_text().splitlines()[-2:]
    assert re.fullmatch("stopped after step [0-9]+; a checkpoint is written. To go on:", told[0])
    assert told[1] == f"python {CLI} {command}"
    answer = give(command, home)
    assert answer.out.splitlines()[-1] == f"{FOLDER}/1_seed-1"
    assert give(f"fit {FOLDER}/specs/1_seed-1.json --run alone --max-steps 40", home).status == 0
    assert outcome(run)[:2] == outcome(home / "alone")[:2]


@pytest.fixture
def trained(within, monkeypatch):
    """Runs that are trained in no time, in the order of their training; a seed has fewer bits the higher it is."""
    trained = []

    def fit(spec, folder, say, max_steps):
        trained.append((spec.training.seed, max_steps))
        folder.mkdir(exist_ok=True)
        (folder / "spec.json").write_text(spec.to_json())
        metrics, bits = folder / "metrics.csv", 9 - spec.training.seed - max_steps / 1000
        if not metrics.exists():
            metrics.write_text("epoch,step,training_bits,gradient_norm,samples_per_second,validation_bits\n")
        with metrics.open("a") as stream:
            stream.write(f"1,{max_steps},{bits / 2},1,,{bits}\n")

    monkeypatch.setattr(training, "fit_spec", fit)
    return trained


def failing(trained, monkeypatch, seed, steps, error):
    """Let a run fail before it has so many steps."""
    fit = training.fit_spec

    def fail(spec, folder, say, max_steps):
        if (spec.training.seed, max_steps) == (seed, steps):
            trained.append((seed, max_steps))
            raise error
        fit(spec, folder, say, max_steps)

    monkeypatch.setattr(training, "fit_spec", fail)


RUNGS = [[(1, 8), (2, 8), (3, 8), (4, 8), (5, 8)], [(4, 16), (5, 16)], [(5, 32)]]


def test_the_best_of_each_rung_go_on_and_what_is_done_is_not_trained_again(home, trained):
    answer = give(FIVE, home)
    assert trained == [*RUNGS[0], *RUNGS[1], *RUNGS[2]]
    assert answer.out.splitlines()[1].split()[:4] == ["5", "32", "3.9680", "1.9840"]
    assert answer.out.splitlines()[-1] == f"{FOLDER}/5_seed-5"
    assert answer.err.splitlines()[:4] == [
        f"{FOLDER}: 5 combinations in 3 rungs, 72 of 80 steps",
        "rung 1: all, up to step 8",
        "rung 2: the best 2, up to step 16",
        "rung 3: the best 1, up to step 32",
    ]
    again = give(FIVE, home)
    assert len(trained) == 8 and again.out == answer.out
    # Nor does it matter how far the user has trained a run since.
    with (home / FOLDER / "1_seed-1/metrics.csv").open("a") as stream:
        stream.write("9,900,1,1,,0.5\n")
    (home / FOLDER / "records/1_seed-1.json").unlink()
    assert give(FIVE, home).out.splitlines()[-1] == f"{FOLDER}/5_seed-5"
    assert trained[8:] == [(1, 8)]


def test_shards_train_every_run_of_every_rung_once(home, trained):
    told = []
    for _ in RUNGS:
        for number in (1, 2, 3):
            answer = give(f"{FIVE} --shard {number}/3", home)
            assert answer.status == 0
            told.append((answer.err.splitlines()[-1], answer.out.count("\n")))
    lines, printed = zip(*told, strict=True)
    assert [run for run in trained if run[1] == 8] != RUNGS[0] and sorted(trained) == sorted(
        [*RUNGS[0], *RUNGS[1], *RUNGS[2]]
    )
    again = "give the same command again once they are done"
    assert lines[0] == f"rung 1 of 3 is not complete: 3 of its 5 runs are left to other shards; {again}"
    complete = "is complete; for rung {} give the same command to each of the 3 shards again"
    assert lines[2] == "rung 1 of 3 " + complete.format(2)
    assert "rung 2 of 3 " + complete.format(3) in lines
    assert printed[-1] == 7 and set(printed[:5]) == {0}
    assert give(FIVE, home).out.splitlines()[-1] == f"{FOLDER}/5_seed-5"


def test_a_shard_that_is_called_before_the_others_are_done_says_so_and_trains_nothing(home, trained):
    for _ in range(2):
        answer = give(f"{FIVE} --shard 2/5 --json", home)
    assert trained == [(2, 8)] and answer.status == 0
    assert answer.err.splitlines()[-1].startswith("rung 1 of 3 is not complete: 4 of its 5 runs are left to other")
    given = json.loads(answer.out)
    assert (given["complete"], given["best"]) == (False, f"{FOLDER}/2_seed-2")
    assert [row["state"] for row in given["results"]] == ["rung 1 of 3"] + 4 * ["not trained yet"]


@pytest.mark.parametrize("exhausted", [False, True])
def test_a_run_that_fails_is_the_worst_and_does_not_end_the_search(home, trained, monkeypatch, exhausted):
    error = (UserError if exhausted else Diverged)(f"{FOLDER}/5_seed-5: the loss is nan at step 3; try a lower rate")
    error.__cause__ = tf.errors.ResourceExhaustedError(None, None, "") if exhausted else None
    failing(trained, monkeypatch, 5, 16, error)
    answer = give(FIVE, home)
    assert trained == [*RUNGS[0], *RUNGS[1], (4, 32)]
    assert answer.status == 0 and answer.out.splitlines()[-1] == f"{FOLDER}/4_seed-4"
    assert answer.out.splitlines()[5].split()[0] == "5"
    assert answer.out.splitlines()[5].endswith("  the loss is nan at step 3")
    assert "5_seed-5: the loss is nan at step 3; it takes no further part\n" in answer.err
    assert give(FIVE, home).out == answer.out and len(trained) == 8


def test_a_search_whose_runs_all_fail_says_so(home, trained, monkeypatch):
    failing(trained, monkeypatch, 1, 100, Diverged("run: the loss is nan at step 3; try a lower rate"))
    answer = give("search spec.json --vary training.seed=1 --steps 100", home)
    assert answer.status == 1 and answer.out.splitlines()[1].endswith("the loss is nan at step 3")
    assert answer.err.endswith(f"{FOLDER}: all combinations failed; lower training.learning_rate\n")


def test_any_other_problem_ends_the_search_which_goes_on_from_there(home, trained, monkeypatch):
    with monkeypatch.context() as context:
        failing(trained, context, 3, 8, UserError("3_seed-3: another fit is training this run"))
        answer = give(FIVE, home)
        assert (answer.status, answer.out) == (1, "")
        assert answer.err.endswith("3_seed-3: another fit is training this run\n")
    assert give(FIVE, home).status == 0
    assert trained == [*RUNGS[0][:3], *RUNGS[0][2:], *RUNGS[1], *RUNGS[2]]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (FIVE.replace("3,4,5", "4,5"), "--vary training.seed: 1,2,3,4,5 -> 1,2,4,5"),
        (FIVE + " --vary tiers.0.dim=4", "--vary tiers.0.dim: absent -> 4"),
        (FIVE.replace("80", "90"), "--steps: 80 -> 90"),
        (FIVE + " --eta 3", "--eta: 2 -> 3"),
        (FIVE.replace("spec.json", "other.json"), "training.clip_value: 1.0 -> 2.0"),
    ],
)
def test_another_search_in_the_folder_is_refused_and_the_difference_named(home, trained, command, told):
    give(FIVE, home)
    write_spec(
        home, "other.json", training={"clip_value": 2.0}, tiers=json.loads((home / "spec.json").read_text())["tiers"]
    )
    answer = give(command, home)
    remedy = "restore it, give --out another folder, or start again with --restart (the old search is kept)"
    assert (answer.status, answer.out) == (1, "")
    assert answer.err == f"{FOLDER}: was started otherwise: {told}; {remedy}\n"
    assert len(trained) == 8


def test_fields_in_another_order_are_another_search_since_the_runs_are_numbered_by_it(home, trained):
    varied = "--vary training.seed=1,2", "--vary tiers.0.dim=4,5"
    give(f"search spec.json --steps 100 {' '.join(varied)}", home)
    answer = give(f"search spec.json --steps 100 {' '.join(varied[::-1])}", home)
    told = "order of --vary: training.seed, tiers.0.dim -> tiers.0.dim, training.seed"
    assert answer.err.startswith(f"{FOLDER}: was started otherwise: {told}; ")


def test_restart_moves_the_old_search_aside_unless_a_run_of_it_is_being_trained(home, trained):
    give(FIVE, home)
    with RunFolder(home / FOLDER / "4_seed-4", None).locked():
        answer = give(f"{FIVE} --restart", home)
    assert answer.err.startswith(f"{FOLDER}/4_seed-4: another fit is training this run")
    assert give(f"{FIVE} --restart", home).status == 0
    assert len(trained) == 16
    (aside,) = (home / "runs").glob("tiny-search.*")
    assert (aside / "5_seed-5/spec.json").is_file()


@pytest.mark.parametrize("restart", ["", " --restart"])
@pytest.mark.parametrize(
    ("folder", "told"),
    [
        ("valid/found", "is inside data.valid = "),
        ("other", "exists and is not a folder of a search; give --out another folder"),
    ],
)
def test_a_folder_of_something_else_is_refused(home, trained, folder, told, restart):
    (home / "other").mkdir()
    (home / "other/mine.txt").touch()
    before = listing(home)
    answer = give(f"{FIVE} --out {folder}{restart}", home)
    assert (answer.status, answer.out) == (1, "")
    assert answer.err.startswith(f"{folder}: {told}")
    assert listing(home) == before and not trained


def test_a_run_that_its_epochs_end_early_is_shown_as_such(home, trained, monkeypatch):
    fit = training.fit_spec
    monkeypatch.setattr(training, "fit_spec", lambda *given, max_steps: fit(*given, max_steps=min(max_steps, 10)))
    answer = give("search spec.json --vary training.seed=1,2 --steps 60", home)
    assert answer.out.splitlines()[1].endswith("rung 2 of 2, ended by its epochs or patience")


def test_a_damaged_record_is_told(home, trained):
    give(FIVE, home)
    (home / FOLDER / "records/2_seed-2.json").write_text("{")
    answer = give(FIVE, home)
    assert answer.err == (
        f"{FOLDER}/records/2_seed-2.json: is damaged; remove it, and what it said is looked up in the run again\n"
    )
