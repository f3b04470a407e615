"""A damaged checkpoint is never loaded: the one before is used, and it is said."""

import random
import shutil

import pytest
from command_line import give
from tiny_home import FIRST_STEP, LAST_STEP, copy_tiny_home

from keras_samplernn.checkpoints.checkpoint import DamagedCheckpoint
from keras_samplernn.checkpoints.shelf import list_checkpoints
from keras_samplernn.model.assembly import assemble
from keras_samplernn.run_folder import open_run
from keras_samplernn.training.trainer import Trainer

FILES = ("manifest.json", "state.json", "training.npz", "weights.npz")


def pytest_generate_tests(metafunc):
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", FILES if metafunc.config.getoption("--full") else FILES[2:])


@pytest.fixture
def home(home):
    """A run with the checkpoints of its steps 1 and 2."""
    (home / "older" / FIRST_STEP).rename(home / "run/checkpoints" / FIRST_STEP)
    assert [each.step for each in list_checkpoints(home / "run/checkpoints")] == [1, 2]
    return home


@pytest.fixture(scope="module")
def trainer(tiny_home):
    """What checkpoints of the run are loaded into."""
    spec = open_run(tiny_home / "run").spec
    return Trainer(spec, assemble(spec), None)


@pytest.fixture(scope="module")
def from_the_first(corpus_cache, tiny_home, tmp_path_factory):
    """What `training.npz` holds after step 3."""
    home = copy_tiny_home(tiny_home, tmp_path_factory.mktemp("whole") / "home")
    assert give("fit spec.json --run run --max-steps 3", home).status == 0
    return (home / "run/checkpoints/step-0000000003-validated/training.npz").read_bytes()


def load(checkpoint, trainer):
    """Read all of a checkpoint."""
    checkpoint.load_weights(trainer.model)
    checkpoint.read_training(trainer.shapes)
    checkpoint.read_state()


def flip(path, random_source):
    """Change one bit; return where."""
    content = bytearray(path.read_bytes())
    place = random_source.randrange(8 * len(content))
    content[place // 8] ^= 1 << place % 8
    path.write_bytes(content)
    return f"bit {place}"


def cut(path, random_source):
    """Cut the file short; return where."""
    length = random_source.randrange(path.stat().st_size)
    with path.open("rb+") as stream:
        stream.truncate(length)
    return f"{length} bytes"


@pytest.mark.parametrize(("damage", "fast", "full"), [(flip, 100, 1000), (cut, 30, 200)], ids=["flipped", "cut"])
def test_no_damage_is_loaded(home, trainer, tmp_path, rounds, tally, damage, fast, full):
    random_source = random.Random(7)
    whole = list_checkpoints(home / "run/checkpoints")[-1]
    copy = list_checkpoints(shutil.copytree(home / "run/checkpoints", tmp_path / "copy"))[-1]
    detected = 0
    for _ in range(rounds(fast, full)):
        name = random_source.choice(FILES)
        where = damage(copy.folder / name, random_source)
        with pytest.raises(DamagedCheckpoint):
            load(copy, trainer)
            raise AssertionError(f"{name}, {where}: was loaded")
        detected += 1
        shutil.copy(whole.folder / name, copy.folder / name)
    load(copy, trainer)
    tally("damaged checkpoint", f"{damage.__name__} at random, each detected", detected)


def test_the_checkpoint_before_is_used_and_it_is_said(home, from_the_first, name):
    newest = home / "run/checkpoints" / LAST_STEP
    cut(newest / name, random.Random(1))
    answer = give("generate run --conditioning-index index.txt --out sounds", home)
    assert answer.status == 0
    if name != "training.npz":  # generation does not read it
        damage, _ = answer.err.split("\n", 1)
        assert damage.startswith(f"run/checkpoints/{newest.name}/{name}: is damaged")
        assert damage.endswith(f"; {FIRST_STEP} is used")
    answer = give("fit spec.json --run run --max-steps 3", home)
    assert answer.status == 0
    damage, goes_on, *_ = answer.err.splitlines()
    assert damage.startswith(f"run/checkpoints/{newest.name}/{name}: is damaged")
    assert damage.endswith(f"; {FIRST_STEP} is used, and the damaged one is kept as damaged-{newest.name}")
    assert goes_on == "run: continues after step 1"
    last = home / "run/checkpoints/step-0000000003-validated/training.npz"
    assert last.read_bytes() == from_the_first


def test_a_run_whose_checkpoints_are_all_damaged_says_so_and_changes_nothing(home):
    for checkpoint in list_checkpoints(home / "run/checkpoints"):
        cut(checkpoint.folder / "weights.npz", random.Random(1))
    for command in ("fit spec.json --run run --max-steps 3", "evaluate run --data valid"):
        answer = give(command, home)
        assert (answer.status, answer.out) == (1, "")
        assert answer.err.splitlines() == [
            f"run/checkpoints/step-000000000{step}-validated/weights.npz: is damaged, its size or sha256 is not the"
            " manifest's; restore the file from a copy, or start again with `fit --restart`"
            for step in (2, 1)
        ]
    assert [each.step for each in list_checkpoints(home / "run/checkpoints")] == [1, 2]
