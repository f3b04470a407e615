"""The notebook of the first day runs as it is, from the demo's corpus to what is heard."""

import copy
import json
import re
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parent.parent / "examples/first_day.ipynb"
CELLS = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]


def is_install(cell):
    return cell["metadata"].get("tags") == ["install"]


def kinds_of(cell):
    """Return the kinds of what a cell shows."""
    return {kind for output in cell.get("outputs", ()) for kind in output.get("data", {})}


def test_all_cells_run_but_the_one_that_installs(tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed, which runs notebooks")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed, which runs notebooks")
    nbformat = pytest.importorskip("nbformat")
    monkeypatch.setenv("DEMO_STEPS", "8")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    (install,) = (cell for cell in notebook.cells if is_install(cell))
    install.source = ""
    before = copy.deepcopy(notebook.cells)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert [cell.source for cell in notebook.cells] == [cell.source for cell in before]
    shown = [kinds_of(cell) for cell in notebook.cells if cell.cell_type == "code"]
    assert sum("image/png" in kinds for kinds in shown) == 2
    players = "".join(
        output["data"]["text/html"]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "text/html" in output.get("data", {})
    )
    assert players.count("<audio") == 5
    assert (tmp_path / "first-day/run/checkpoints").is_dir()


def test_the_notebook_is_kept_without_what_it_shows_and_installs_in_one_cell():
    assert not [cell for cell in CELLS if cell.get("outputs") or cell.get("execution_count")]
    (install,) = filter(is_install, CELLS)
    assert "%pip install" in "".join(install["source"])
    others = [line for cell in CELLS if not is_install(cell) for line in cell["source"] if cell["cell_type"] == "code"]
    assert not [line for line in others if line.startswith(("%", "!"))]


def test_links_of_the_notebook_lead_somewhere():
    links = re.findall(r"\]\(([^)\s]+)\)", NOTEBOOK.read_text(encoding="utf-8"))
    assert links and all((NOTEBOOK.parent / link).exists() for link in links)
