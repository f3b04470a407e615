"""An exported model plays as `generate` does where neither this package nor Keras is, in Python and in C."""

import ctypes
import itertools
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
from command_line import SPEC, give, listing, write_spec
from untrained import write_run

from keras_samplernn import UserError, load_run
from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.streams import streams_of
from keras_samplernn.conditions.track import Spans, Track
from keras_samplernn.export.writing import write_export

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
    """Two runs, and their exported models: a plain one, and one with conditions, pre-emphasis and two parts."""
    home = tmp_path_factory.mktemp("export")
    audio = {"sample_rate": RATE, "q_type": "mu-law"}
    tiers = [tier | {"dim": 8} for tier in SPEC["tiers"]]  # as int8 needs them
    free = {"conditioning": None, "audio": audio | {"q_levels": 256}}
    rich = {
        "conditioning": {"classes": None, "streams": STREAMS},
        "audio": audio | {"q_levels": 65536, "preemphasis": 0.9},
    }
    write_spec(home, "free.json", name="free", tiers=tiers, **free)
    write_spec(home, "rich.json", name="rich", tiers=tiers, head={"type": "coarse_fine", "hidden": 6}, **rich)
    for name in ("free", "rich"):
        write_run(home / name, home / f"{name}.json", enlarge)
    answer = give("export free --out models/free --block 101", home)
    assert (answer.status, answer.out, answer.err) == (0, "models/free\n", "")
    load_run(home / "rich").export(home / "rooms-model", block_samples=200)
    (home / "exported.py").write_text(EXPORTED)
    return home


@pytest.fixture(scope="module")
def exported():
    """The functions of the page."""
    names = {}
    exec(compile(EXPORTED, "exported.py", "exec"), names)
    return names


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


def random_track(rng, streams, samples):
    """Return a track of spans, some of which move, and the same as the page's functions take it."""
    spans, asked = {}, {}
    for stream in streams:
        starts = np.unique(np.append(0, rng.integers(1, samples, 12)))
        if hasattr(stream, "classes"):
            values, targets = rng.integers(-1, len(stream.classes), (2, len(starts)), dtype=np.int32)
            words = [None, *stream.classes]
            told = [[words[value + 1] for value in side] for side in (values, targets)]
        else:
            values, targets = rng.uniform(-70, 10, (2, len(starts))).astype(np.float32)
            values[::3] = targets[::3] = np.nan
            told = [[None if np.isnan(value) else float(value) for value in side] for side in (values, targets)]
        stays = rng.random(len(starts)) < 0.5
        targets = np.where(stays, values, targets)
        spans[stream.name] = Spans(starts, values, targets)
        asked[stream.name] = [
            (int(start), value) if stay else (int(start), value, target)
            for start, stay, value, target in zip(starts, stays, *told, strict=True)
        ]
    return Track(samples, spans), asked


def test_the_pages_controls_are_those_of_generate(home, exported):
    run = load_run(home / "rich")
    streams, signature = streams_of(run.spec), json.loads((home / "rooms-model/signature.json").read_text())
    rng = np.random.default_rng(0)
    for samples in (30, 200, 2000):
        track, asked = random_track(rng, streams, samples)
        expected = Columns(track, streams, RATE).piece(0, samples)._asdict()
        made = exported["controls_of"](signature, asked, samples)
        assert expected["weights"].any()
        assert made.keys() == expected.keys()
        for name, array in expected.items():
            assert made[name].dtype == array.dtype
            np.testing.assert_array_equal(made[name], array, err_msg=name)


@pytest.mark.parametrize("options", [{"rows": 2}, {"precision": "int8"}], ids=str)
def test_rows_and_precision_are_those_of_generate(home, exported, tmp_path, options):
    run = load_run(home / "free", precision=options.get("precision", "float32"))
    rows = options.get("rows", 1)
    model, signature = exported["load"](run.export(tmp_path / "model", block_samples=300, rows=rows))
    expected = run.generate(seconds=0.403, batch_size=rows)
    np.testing.assert_array_equal(exported["render"](model, signature, SAMPLES), expected)


def test_a_state_is_all_that_a_sound_goes_on_from(home):
    """The function keeps nothing: the same state gives the same block, and the signature is the function."""
    model = tf.saved_model.load(home / "models/free")
    uniforms, temperature = np.random.default_rng(0).random((1, 104, 1), np.float32), np.ones(1, np.float32)
    start = model.initial_state()
    one, state = model.advance(start, {}, uniforms, temperature)
    other, _ = model.advance(state, {}, uniforms, temperature)
    again, _ = model.advance(start, {}, uniforms, temperature)
    np.testing.assert_array_equal(one, again)
    assert (one != other).numpy().any()
    flat = {f"state_{name}": tensor for name, tensor in state.items()}
    made = model.signatures["advance"](**flat, uniforms=tf.constant(uniforms), temperature=tf.constant(temperature))
    np.testing.assert_array_equal(made["samples"], other)
    assert made.keys() == flat.keys() | {"samples"}
    assert model.signatures["initial_state"]().keys() == flat.keys()


def split_mix():
    """Yield the uniforms of the page's program in C."""
    mask, state = (1 << 64) - 1, 1
    while True:
        state = state + 0x9E3779B97F4A7C15 & mask
        z = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
        yield ((z ^ z >> 31) >> 40) / (1 << 24)


def endless(signature, class_number):
    """Return the controls of a class from the beginning of a sound whose end is not known."""
    expf = ctypes.CDLL("libm.so.6").expf
    expf.argtypes, expf.restype = [ctypes.c_float], ctypes.c_float
    shapes = {name: tensor["shape"] for name, tensor in signature["advance"]["inputs"].items()}
    passed = (np.arange(SAMPLES, dtype=np.float32) + np.float32(0.5)) / np.float32(RATE)
    numbers = np.zeros((SAMPLES, shapes["numbers"][-1]), np.float32)
    for number, seconds in enumerate(signature["position_seconds"], 5):
        numbers[:, number] = [expf(-value) for value in passed / np.float32(seconds)]
    return {
        "exists": np.ones(SAMPLES, np.float32),
        "classes": np.broadcast_to(np.array([class_number, -1, -1], np.int32), (SAMPLES, 3)),
        "numbers": numbers,
        "targets": np.full((SAMPLES, 1), -1, np.int32),
        "weights": np.zeros((SAMPLES, 1), np.float32),
    }


LIBRARIES = [Path(tf.sysconfig.get_lib(), f"libtensorflow_{name}.so.2") for name in ("cc", "framework")]


@pytest.mark.skipif(
    not (shutil.which("cc") and all(library.exists() for library in LIBRARIES)),
    reason="needs a compiler of C, and TensorFlow's library",
)
def test_the_pages_program_in_c_plays_it(home, exported, tmp_path, monkeypatch):
    folder, include, library = home / "rooms-model", tf.sysconfig.get_include(), tf.sysconfig.get_lib()
    (tmp_path / "play.c").write_text(PLAY)
    strict = ["-Wall", "-Wextra", "-Werror", "-O1"]
    paths = ["-I", folder, "-isystem", include, "-L", library, f"-Wl,-rpath,{library}"]
    libraries = [f"-l:{library.name}" for library in LIBRARIES] + ["-lm"]
    subprocess.run(["cc", *strict, "play.c", "-o", "play", *paths, *libraries], cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "play", folder, "0.4031", "2"], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    model, signature = exported["load"](folder)
    # The program draws for whole blocks, sample by sample and part by part.
    uniforms = np.array([*itertools.islice(split_mix(), 2 * SAMPLES)], np.float32).reshape(SAMPLES, 2)
    monkeypatch.setitem(exported, "uniforms_of", lambda *_: uniforms)
    monkeypatch.setitem(exported, "controls_of", lambda *_: endless(signature, 2))
    # Past the end of the sound it asks for what it asked for before; the last frame hears of it.
    expected = exported["render"](model, signature, SAMPLES)[:400]
    np.testing.assert_array_equal(np.frombuffer(done.stdout, "<i2")[:400] / np.float32(32768), expected)
    assert len(done.stdout) == 2 * SAMPLES and len({*expected}) > 20


def test_a_model_names_no_place_of_its_maker(home):
    for path in (home / "models/free").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert str(home).encode() not in content and str(Path.home()).encode() not in content, path


def refused(command, folder):
    before = listing(folder)
    answer = give(command, folder)
    assert (answer.status, answer.out) == (1, "")
    assert listing(folder) == before
    return answer.err


def test_a_folder_is_replaced_only_if_it_was_exported(home, tmp_path):
    shutil.copytree(home / "free", tmp_path / "free")
    shutil.copytree(home / "models/free", tmp_path / "model")
    (tmp_path / "link").symlink_to("model")
    exists = "model: exists; give --overwrite to replace it, or --out another folder\n"
    assert refused("export free --out model", tmp_path) == exists
    for name in ("free", "link"):
        foreign = f"{name}: exists and is not a model that `export` wrote; give --out another folder\n"
        assert refused(f"export free --out {name} --overwrite", tmp_path) == foreign
    assert give("export free --out model --overwrite --block 8", tmp_path).status == 0
    assert json.loads((tmp_path / "model/signature.json").read_text())["block_samples"] == 8
    assert {path.name for path in tmp_path.iterdir()} == {"free", "link", "model"}


@pytest.mark.parametrize(
    "place, error",
    [
        ("keras_samplernn.export.writing.header_of", OSError(28, "No space left on device")),
        ("tensorflow.saved_model.save", tf.errors.OutOfRangeError(None, None, "a/b; No space left on device [Op:A]")),
    ],
    ids=["ours", "TensorFlow's"],
)
def test_what_breaks_off_leaves_nothing(home, tmp_path, monkeypatch, place, error):
    def full(*_, **__):
        raise error

    run = load_run(home / "free")
    shutil.copytree(home / "models/free", tmp_path / "model")
    before = listing(tmp_path)
    monkeypatch.setattr(place, full)
    for name in ("model", "other"):
        told = f"{name}: cannot be written: No space left on device; free space on its disk or give --out another"
        with pytest.raises(UserError, match=told):
            run.export(tmp_path / name, overwrite=True)
        assert listing(tmp_path) == before


def test_what_cannot_be_exported_is_told_in_one_line(home, tmp_path, monkeypatch):
    narrow = load_run(home / "free", precision="int8")
    with pytest.raises(UserError, match=r"^rows = 2: precision int8 makes one sound at a time; leave it out$"):
        narrow.export(tmp_path / "model", rows=2)
    with pytest.raises(UserError, match=r"^block_samples = 0: is not a whole number of at least 1$"):
        narrow.export(tmp_path / "model", block_samples=0)
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    with pytest.raises(UserError, match="Keras runs on jax; a SavedModel needs KERAS_BACKEND=tensorflow"):
        write_export(None, None, (), {}, tmp_path / "model", False)
    assert not [*tmp_path.iterdir()]
