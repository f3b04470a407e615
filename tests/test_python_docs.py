"""The Python of docs/python.md and of the notebook runs as it is shown."""

import json
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from command_line import write_sound, write_spec
from tiny_home import copy_tiny_home
from untrained import write_run

import keras_samplernn
from keras_samplernn.planning import proposal
from keras_samplernn.run import Run
from keras_samplernn.search import searching

ROOT = Path(__file__).parent.parent
OLDER = ROOT / "tests/older_runs/0.1.0"


@pytest.fixture
def shown(monkeypatch):
    """What is heard and plotted, collected; without IPython, which the program does not need, and without drawing."""
    shown = []

    class Audio:
        def __init__(self, data, rate):
            assert data.dtype == np.float32 and data.ndim == 1 and rate == 4000
            shown.append(("audio", len(data)))

    def plot(self, x=None, y=(), **options):
        assert {x, *y} - {None} <= {*self.columns}
        shown.append(("plot", len(self)))

    for name in ("IPython", "IPython.display"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    sys.modules["IPython.display"].Audio = Audio
    monkeypatch.setattr(pd.DataFrame, "plot", plot)
    return shown


def run_all(pieces, folder, monkeypatch):
    """Execute pieces of Python in order, in one namespace, in a folder."""
    monkeypatch.chdir(folder)
    names = {"__name__": "__main__"}
    for number, piece in enumerate(pieces):
        exec(compile(piece, f"piece {number}", "exec"), names)
    return names


def test_the_page_on_python_runs(tmp_path, monkeypatch, capsys, shown):
    page = (ROOT / "docs/python.md").read_text(encoding="utf-8")
    shutil.copytree(OLDER / "run", tmp_path / "runs/rooms")
    write_spec(tmp_path, "plain.json", name="plain", conditioning=None)
    write_run(tmp_path / "runs/plain", tmp_path / "plain.json")
    for name in ("valid/door", "test/street"):
        (tmp_path / "rooms" / name).parent.mkdir(parents=True)
        write_sound(tmp_path / f"rooms/{name}.wav", 400)
    write_spec(tmp_path / "rooms", data={"valid": None})
    (tmp_path / "rooms/train").mkdir()
    write_sound(tmp_path / "rooms/train/rain.wav", 900)
    for name, samples in (("train/rain", 900), ("test/street", 400)):  # spans that are long enough to be heard
        classes = "".join(f"{number // 250 % 3}\n" for number in range(samples))
        (tmp_path / f"rooms/{name}.csv").write_text(classes)
    (tmp_path / "rooms/asked").mkdir()
    (tmp_path / "rooms/asked/slow.csv").write_text("0\n" * 300 + "2\n" * 300)
    names = run_all(re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL), tmp_path, monkeypatch)
    assert [kind for kind, _ in shown] == ["audio", "plot", "plot"]
    lengths = [len(names[name]) for name in ("rain", "slow", "answer", "wave", "sound", "bits")]
    assert lengths == [2000, 600, 2000, 2000, 60 * 256, 600]
    assert names["trained"].metrics["epoch"].tolist() == [1]
    assert [len(block) for block in names["blocks"]] == [256] * 4
    printed = capsys.readouterr().out
    assert " of 1 excerpts are heard as their class" in printed
    assert printed.endswith("\nconditions[2]: 7 is not a class; classes are 0 to 2\n")
    assert "\n    conditions[2]: 7 is not a class; classes are 0 to 2\n" in page


@pytest.fixture
def no_trials(monkeypatch):
    """What takes minutes: the trial steps of `init` have a speed, and a search is over before it has begun."""
    speed = SimpleNamespace(parameters=1000, steps_per_epoch=10, seconds_per_step=0.1, samples_per_second=40_000)
    monkeypatch.setattr(proposal, "estimate", lambda spec, corpora: speed)
    monkeypatch.setattr(searching.Search, "train", lambda self, shard: SimpleNamespace(best=self.rungs[0]))


def test_the_page_on_the_api_runs_and_names_all_of_it(tiny_home, tmp_path, monkeypatch, capsys, no_trials):
    page = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    pieces = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    copy_tiny_home(tiny_home, tmp_path / "rooms")
    (tmp_path / "rooms/score.txt").write_text("0.0\t0.05\t1\n")
    for corpus in ("train", "valid"):  # spans that are long enough to be heard
        for name in ("a", "b"):
            write_sound(tmp_path / f"rooms/{corpus}/{name}.wav", 800)
            classes = "".join(f"{number // 250 % 3}\n" for number in range(800))
            (tmp_path / f"rooms/{corpus}/{name}.csv").write_text(classes)
    (tmp_path / "takes").mkdir()
    for number in range(3):
        write_sound(tmp_path / f"takes/{number}.wav", 4000, number)
        (tmp_path / f"takes/{number}.csv").unlink()
    names = run_all(pieces, tmp_path, monkeypatch)
    assert len(pieces[0].strip().splitlines()) - 1 < 10, "the comparison is to take less than ten lines"
    for number in range(3):
        column = names["table"][f"validation_bits_{number}"]
        assert list(column.index) == ["runs/lr-0.001", "runs/lr-0.0003"] and column.notna().all()
    assert {path.name for path in tmp_path.iterdir()} >= {"rates.png", "bits.png", "bits.npz", "score.wav"}
    assert (len(names["wave"]), [len(block) for block in names["blocks"]]) == (400, [256, 256])
    # The same cell of a notebook again.
    run_all(pieces[:1], tmp_path, monkeypatch)
    assert capsys.readouterr().err.count("is finished") == 2
    # Every name of the site has a line, and an example.
    members = re.search(r"members: \[(.*)\]", page)[1].split(", ")
    members += [f"Run.{name}" for name in vars(Run) if not name.startswith("_")] + ["Control", "UserError"]
    glance = page.partition("## At a glance")[2]
    for name in members:
        assert re.search(rf"`{re.escape(name)}`", glance), name
        assert re.search(rf"\b{name.removeprefix('Run.')}\b", "".join(pieces)), name
    assert {*members} >= {name for name in keras_samplernn.__all__ if keras_samplernn._HOMES[name].endswith(".api")}


def test_the_notebook_runs(monkeypatch, capsys, shown):
    notebook = json.loads((ROOT / "examples/python.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not [line for cell in cells for line in cell.splitlines() if line.startswith(("%", "!"))]
    assert not [cell for cell in notebook["cells"] if cell.get("outputs") or cell.get("execution_count")]
    run_all(cells, ROOT / "examples", monkeypatch)
    assert shown == [("audio", 6000), ("audio", 40 * 256), ("plot", 300), ("plot", 1)]
    assert "6.5" in capsys.readouterr().out


def test_links_of_the_notebook_lead_somewhere():
    text = (ROOT / "examples/python.ipynb").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    assert links and all((ROOT / "examples" / link).exists() for link in links)
