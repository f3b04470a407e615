"""The Python of docs/python.md and of the notebook runs as it is shown."""

import json
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from command_line import write_sound, write_spec
from untrained import write_run

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
