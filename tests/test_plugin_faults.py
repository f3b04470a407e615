"""An exception out of another package's tier or head is one line that names its place; another keeps its traceback."""

import json
import sys

import numpy as np
import pytest
import soundfile
from command_line import RATE, SPEC, give

from keras_samplernn.model.plugin_faults import TRACEBACK, fault_of_plugin
from keras_samplernn.search.process import REFUSED, train_here

SOURCE = """
from keras import ops
from keras_samplernn import Tier, affine

def scaled(outputs, prepared):
    return outputs * prepared["scale"]

class Mine(Tier):
    def __init__(self, frame_size: int, dim: int = 6, **kwargs):
        super().__init__(**kwargs)
        self.frame_size, self.dim = frame_size, dim

    def build(self):
        self.add_linear(self.frame_size, self.binding.ratio * self.binding.output_dim, "output")

    def step(self, inputs, state, prepared):
        outputs = affine(inputs.wave, prepared["output"])
        shape = -1, self.binding.ratio, self.binding.output_dim
        return ops.reshape(scaled(outputs, prepared), shape), state
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with a sound, the spec of a tier that raises in `step`, and the package of that tier on sys.path."""
    site = tmp_path / "site"
    information = site / "my_tiers-1.2.dist-info"
    information.mkdir(parents=True)
    (site / "my_tiers.py").write_text(SOURCE)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: my-tiers\nVersion: 1.2\n")
    (information / "entry_points.txt").write_text("[keras_samplernn.tiers]\nmine = my_tiers:Mine\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "my_tiers", raising=False)
    (tmp_path / "train").mkdir()
    soundfile.write(tmp_path / "train" / "a.wav", np.sin(np.arange(300)), RATE)
    spec = {key: value for key, value in SPEC.items() if key != "conditioning"} | {"data": {"train": "train"}}
    spec["tiers"] = [{"type": "mine", "frame_size": 4}, spec["tiers"][-1]]
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    return tmp_path


def line_of(home):
    return (
        f"{home}/site/my_tiers.py:6: step of the tier mine (my-tiers 1.2) raised KeyError: scale; mend it there: "
        f"check_tier names most faults, and {TRACEBACK}=1 before the command shows the whole traceback"
    )


@pytest.mark.parametrize("command", ["check spec.json", "fit spec.json"])
def test_an_exception_of_a_plugin_is_one_line(home, command):
    answer = give(command, home)
    assert (answer.status, answer.out, answer.err.splitlines()[-1]) == (1, "", line_of(home))
    assert "Traceback" not in answer.err


def test_a_search_is_told_the_same_by_the_process_that_trains(home):
    spec = json.loads((home / "spec.json").read_text()) | {"data": {"train": str(home / "train")}}
    (home / "spec.json").write_text(json.dumps(spec))
    answer = train_here(str(home / "spec.json"), str(home / "run"), 1, [])
    assert list(answer[REFUSED]) == [line_of(home)]


def test_the_variable_keeps_the_traceback(home, monkeypatch):
    monkeypatch.setenv(TRACEBACK, "1")
    with pytest.raises(KeyError, match="scale"):
        give("check spec.json", home)


def test_an_exception_of_our_own_keeps_its_traceback(home):
    try:
        _ = {}["missing"]
    except KeyError as error:
        assert fault_of_plugin(error) is None
