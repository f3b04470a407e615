"""`runs` lists and compares runs; what is damaged or foreign is told in a line, and the rest is listed."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time

import pytest
from command_line import done, give, listing
from tiny_home import LAST_STEP

from keras_samplernn import UserError, compare, load_run
from keras_samplernn.overview.listing import differing, summaries_of

CHECKPOINT = f"run/checkpoints/{LAST_STEP}"


def change(run, **training):
    """Change fields of a run's spec."""
    spec = json.loads((run / "spec.json").read_text())
    spec["training"] |= training
    (run / "spec.json").write_text(json.dumps(spec))


def cells_of(line):
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


@pytest.fixture
def runs(home):
    """`runs/tiny`, two copies of it with other specs, and what is no run beside them."""
    folder = home / "runs"
    folder.mkdir()
    shutil.move(home / "run", folder / "tiny")
    for number, name in enumerate(("other", "third")):
        shutil.copytree(folder / "tiny", folder / name)
        change(folder / name, learning_rate=0.01 * (number + 1), clip_value=None if number else 1.0)
    (folder / "corpus").mkdir()
    shutil.copy(home / "spec.json", folder / "corpus")
    (folder / "bits.png").touch()
    for number, name in enumerate(("other", "tiny", "third")):
        for path in (folder / name / "spec.json", folder / name / "checkpoints"):
            os.utime(path, (10**9 + number, 10**9 + number))
    return folder


def test_runs_are_listed_with_their_figures_and_the_fields_that_differ(runs):
    answer = give("runs", runs.parent)
    assert (answer.status, answer.err) == (0, "runs/corpus: is not a run; it is left out\n")
    header, *table = map(cells_of, answer.out.splitlines())
    assert header == [
        *("run", "state", "epochs", "steps", "minutes", "training bits", "validation bits", "at step", "trained"),
    ]
    state = json.loads((runs / "tiny/checkpoints" / LAST_STEP / "state.json").read_text())
    minutes = f"{state['rows'][-1]['seconds'] / 60:.1f}"
    bits = f"{state['rows'][-1]['training_bits']:.4f}", f"{state['best_bits']:.4f}"
    trained = time.strftime("%Y-%m-%d %H:%M", time.localtime(10**9))
    assert table[0] == ["runs/other", "stopped", "0 of 2", "2", minutes, *bits, str(state["best_step"]), trained]
    assert [row[0] for row in table[:3]] == ["runs/other", "runs/tiny", "runs/third"]
    # Three runs that differ in two fields: a line for each run.
    assert table[3] == []
    assert table[4:] == [
        ["training.learning_rate", "training.clip_value"],
        ["runs/other", "0.01", "1.0"],
        ["runs/tiny", "0.001", "1.0"],
        ["runs/third", "0.02", "null"],
    ]


def test_given_runs_are_compared_in_their_order_and_as_json(runs):
    change(runs / "tiny", patience=3, epochs=9)
    lines = done("runs runs/third runs/tiny", runs.parent)
    # Two runs that differ in four fields: a line for each field.
    assert list(map(cells_of, lines[4:])) == [
        ["runs/third", "runs/tiny"],
        ["training.epochs", "2", "9"],
        ["training.learning_rate", "0.02", "0.001"],
        ["training.clip_value", "null", "1.0"],
        ["training.patience", "null", "3"],
    ]
    (printed,) = done("runs runs/third runs/tiny --json", runs.parent)
    third, tiny = json.loads(printed)["runs"]
    assert (third["run"], third["name"], third["state"], third["steps"]) == ("runs/third", "tiny", "stopped", 2)
    first = {"training.epochs": 9, "training.learning_rate": 0.001}
    assert tiny["differing"] == first | {"training.clip_value": 1.0, "training.patience": 3}
    assert third["minutes"] >= 0 and third["origin"] is None and third["epochs_in_all"] == 2


def test_a_run_that_is_being_trained_or_is_done_says_so(runs):
    with (runs / "tiny/.lock").open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert cells_of(done("runs runs/tiny", runs.parent)[1])[1] == "training"
    change(runs / "tiny", epochs=0)
    assert cells_of(done("runs runs/tiny", runs.parent)[1])[1] == "done"


def test_minutes_and_origin_have_columns_where_there_are_any(runs):
    for name in ("tiny", "other"):
        (runs / name / "metrics.csv").write_text("epoch,step,training_bits\n1,2,7.0\n")
    assert not {"minutes", "began with"} & {*cells_of(done("runs runs/tiny runs/other", runs.parent)[0])}
    (runs / "tiny/metrics.csv").write_text("epoch,step,training_bits,seconds\n1,1,7.0,60\n1,2,6.5,90\n")
    digest = "0" * 64
    origin = {"run": "/far/away", "checkpoint": LAST_STEP, "weights_sha256": digest, "spec_sha256": digest}
    (runs / "other/origin.json").write_text(json.dumps(origin | {"version": "9"}))
    header, *table = map(cells_of, done("runs runs/tiny runs/other", runs.parent)[:3])
    assert header[4] == "minutes" and [row[4] for row in table] == ["1.5", "-"]
    assert header[-1] == "began with" and [row[-1] for row in table] == ["-", f"away {LAST_STEP}"]


def damage(path, content):
    return lambda runs: (runs / path).write_bytes(content)


def link(path):
    def spoil(runs):
        (runs / path).rename(runs.parent / "elsewhere")
        (runs / path).symlink_to(runs.parent / "elsewhere")

    return spoil


LEFT_OUT = {
    "a spec that is no JSON": (
        damage("tiny/spec.json", b"{"),
        "runs/tiny/spec.json:1:2: the file ends before the spec does; a bracket } or ] is missing; it is left out",
    ),
    "metrics of something else": (
        damage("tiny/metrics.csv", b"a,b\n1,2\n"),
        "runs/tiny/metrics.csv: has no column epoch; restore it, or let `fit` write it again by going on with the run;"
        " it is left out",
    ),
    "metrics that are no text": (
        damage("tiny/metrics.csv", b"\xff\xfe\0"),
        "runs/tiny/metrics.csv: is no csv file of figures; restore it, or let `fit` write it again by going on with the"
        " run; it is left out",
    ),
    "metrics that are no numbers": (
        damage("tiny/metrics.csv", b"epoch,step,training_bits\n1,2,nan\n"),
        "runs/tiny/metrics.csv:2: training_bits = nan is no number; restore it, or let `fit` write it again by going on"
        " with the run; it is left out",
    ),
    "metrics that are a link": (
        link("tiny/metrics.csv"),
        "runs/tiny/metrics.csv: cannot be read (Too many levels of symbolic links); restore it, or let `fit` write it"
        " again by going on with the run; it is left out",
    ),
    "an origin of something else": (
        damage("tiny/origin.json", b"[]"),
        "runs/tiny/origin.json: is damaged; remove it or put back what `fit` wrote; it is left out",
    ),
}


@pytest.mark.parametrize(("spoil", "told"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_a_damaged_run_is_told_in_one_line_and_the_others_are_listed(runs, spoil, told):
    spoil(runs)
    answer = give("runs", runs.parent)
    assert answer.status == 0
    assert answer.err.splitlines() == ["runs/corpus: is not a run; it is left out", told]
    assert [line.split()[0] for line in answer.out.splitlines()[1:3]] == ["runs/other", "runs/third"]


def test_a_damaged_checkpoint_is_told_and_its_run_is_listed(runs):
    (runs / "tiny/checkpoints" / LAST_STEP / "state.json").write_text("{}")
    answer = give("runs runs/tiny", runs.parent)
    assert answer.err == (
        f"runs/tiny/checkpoints/{LAST_STEP}/state.json: is damaged, its size or sha256 is not the manifest's\n"
    )
    assert cells_of(answer.out.splitlines()[1])[:4] == ["runs/tiny", "stopped", "- of 2", "2"]


def test_a_folder_of_runs_inside_another_is_named(runs):
    answer = give("runs .", runs.parent)
    assert answer.status == 0
    assert "runs: holds 3 runs; name it to list them" in answer.err.splitlines()
    assert [line.split()[0] for line in answer.out.splitlines()[1:3]] == ["wide", "free"]


@pytest.mark.parametrize(
    ("places", "told"),
    [
        ("nothing", ["nothing: does not exist; it is left out"]),
        ("spec.json", ["spec.json: is no folder; it is left out"]),
        ("older", [f"older/{name}: is not a run; it is left out" for name in ("step-0000000001-validated",)]),
    ],
)
def test_where_there_is_no_run_the_status_says_so(home, places, told):
    before = listing(home)
    answer = give(f"runs {places}", home)
    assert (answer.status, answer.out) == (1, "")
    end = f"{places}: no run to list; train with `fit` first, or give run folders"
    assert answer.err.splitlines() == [*told, end]
    assert listing(home) == before


def test_values_differ_as_they_do_in_json(runs):
    change(runs / "other", learning_rate=1)
    change(runs / "third", learning_rate=1.0, clip_value=1.0)
    assert differing(summaries_of([runs / "other", runs / "third"], print)) == {}
    change(runs / "third", learning_rate=True)
    fields = differing(summaries_of([runs / "other", runs / "third"], print))
    assert fields == {"training.learning_rate": [1, True]}


def test_the_commands_import_no_keras(runs):
    program = (
        "import sys, keras_samplernn.commands.program as program\n"
        "for arguments in (['runs'], ['plot', 'runs/tiny']):\n"
        "    program.cli(arguments, standalone_mode=False)\n"
        "print([name for name in ('keras', 'tensorflow') if name in sys.modules])"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], cwd=runs.parent, capture_output=True, text=True, check=True
    )
    assert finished.stdout.splitlines()[-1] == "[]"


def test_runs_in_python_are_rows_of_a_frame(home):
    change(home / "wide", learning_rate=0.25)
    run = load_run(home / "run")
    frame = compare(run, home / "wide")
    assert list(frame.index) == [str(home / "run"), str(home / "wide")] and frame.index.name == "run"
    best = run.metrics.sort_values("validation_bits").iloc[0]
    row = frame.loc[str(home / "run")]
    assert (row["steps"], row["validation_step"]) == (2, best["step"])
    for column in ("validation_bits", "validation_bits_0", "validation_bits_1", "validation_bits_2"):
        assert row[column] == pytest.approx(best[column])
    assert frame["training.learning_rate"].tolist() == [0.001, 0.25]
    assert "training.seed" not in frame and frame.loc[str(home / "wide")].isna()["validation_bits_0"]
    assert frame["validation_bits"].idxmin() == str(home / "run")


def test_the_runs_of_the_folder_are_compared_where_none_are_given(home, monkeypatch):
    monkeypatch.chdir(home)
    with pytest.raises(UserError, match="no run to list"):
        compare()
    (home / "runs").mkdir()
    (home / "free").rename(home / "runs/free")
    assert list(compare().index) == ["runs/free"]
