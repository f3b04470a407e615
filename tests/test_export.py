"""An exported model plays as `generate` does where neither this package nor Keras is, in Python and in C."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from command_line import give, write_spec
from untrained import write_run

from keras_samplernn import load_run
from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.streams import ClassesStream, NumberStream
from keras_samplernn.conditions.track import Spans, Track

pytestmark = pytest.mark.law

PAGE = (Path(__file__).parent.parent / "docs/export.md").read_text(encoding="utf-8")
EXPORTED, USE = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
PLAY = re.search(r"^```c\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[1]
RATE, SAMPLES = 1000, 403  # not whole top frames
STREAMS = {
    "pitch": {"classes": ["c4", "d4", "e4"], "position": True, "neighbours": True},
    "loudness": {"number": {"low": -60, "high": 0, "unit": "dB"}},
}
# What the page asks for.
SCORE = "start,stop,pitch,loudness\n0.0,0.2,c4,\n0.1,0.4,e4,\n0.0,0.4,,-3>-40\n"
# What comes first in a process in which two packages that are installed cannot be found.
ALONE = """
import sys

class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, *given):
        hidden = name.partition(".")[0] in ("keras", "keras_samplernn")
        return None if hidden else self.finder.find_spec(name, *given)

sys.meta_path[:] = map(Without, sys.meta_path)
"""
RENDER = """
import json
import numpy as np
from exported import load, render

waves = {}
for number, (folder, *asked) in enumerate(json.load(open("asked.json"))):
    waves[str(number)] = render(*load(folder), *asked)
np.savez("waves.npz", **waves)
"""
AFTER = """
assert not {"keras", "keras_samplernn"} & {name.partition(".")[0] for name in sys.modules}
"""


def enlarge(model):
    """Give a model weights with which what it is asked for is heard."""
    rng = np.random.default_rng(5)
    for variable in model.trainable_variables:
        variable.assign(rng.standard_normal(variable.shape) * 0.7)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Two runs, and their exported models: without conditions and with pre-emphasis; with all else."""
    home = tmp_path_factory.mktemp("export")
    audio = {"sample_rate": RATE, "q_type": "mu-law"}
    write_spec(home, "free.json", name="free", conditioning=None, audio=audio | {"q_levels": 256, "preemphasis": 0.9})
    rich = {"classes": None, "streams": STREAMS}
    head = {"type": "coarse_fine", "hidden": 6}
    write_spec(home, "rich.json", name="rich", audio=audio | {"q_levels": 65536}, head=head, conditioning=rich)
    for name in ("free", "rich"):
        write_run(home / name, home / f"{name}.json", enlarge)
    answer = give("export free --out models/free --block 101", home)
    assert (answer.status, answer.out) == (0, "models/free\n"), answer.err
    load_run(home / "rich").export(home / "rooms-model")
    (home / "exported.py").write_text(EXPORTED)
    return home


def test_a_process_without_this_package_makes_the_samples_of_generate(home):
    free, rich = load_run(home / "free"), load_run(home / "rich")
    (home / "slow.csv").write_text(SCORE)
    held = {"pitch": [[0, 2], [100, None], [200, "c4"]], "loudness": [[0, None], [50, -100], [300, -7.3]]}
    classes = np.repeat(["e4", "none", "c4"], [100, 100, 203])
    loudness = np.repeat([np.nan, -100, -7.3], [50, 250, 103])
    asked = {
        ("models/free", SAMPLES, None, 3, "x", 0.9): free.generate(seconds=0.403, name="x", seed=3, temperature=0.9),
        ("models/free", 0): free.generate(seconds=0),
        ("rooms-model", SAMPLES): rich.generate({}, seconds=0.403),
    }
    expected = [*asked.values(), rich.generate({"pitch": classes, "loudness": loudness}, temperature=0)]
    asked = [*asked, ("rooms-model", SAMPLES, held, 0, "x", 0)]
    (home / "asked.json").write_text(json.dumps(asked))
    (home / "render.py").write_text(ALONE + RENDER + USE + AFTER)
    done = subprocess.run([sys.executable, "render.py"], cwd=home, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = np.load(home / "waves.npz")
    for number, wave in enumerate(expected):
        np.testing.assert_array_equal(made[str(number)], wave, err_msg=str(asked[number]))
    slow = soundfile.read(home / "slow.wav", dtype="float32")[0]
    np.testing.assert_array_equal(slow, rich.generate(home / "slow.csv", seed=1, temperature=0.9))
    # What is asked for is heard, and sounds are no constant: they would be equal whatever was made.
    assert (expected[2] != expected[3]).mean() > 0.5 and len({*slow}) > 20
