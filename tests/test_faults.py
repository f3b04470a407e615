"""Whatever operation a commit breaks off at, what lay there before is whole and the next attempt goes through."""

import shutil

import keras
import numpy as np
import pytest
from faults import disk_full_at, killed_at, operations
from variants import build_variant

from keras_samplernn.checkpoints.arrays import Shape
from keras_samplernn.checkpoints.checkpoint import VALIDATED, save_checkpoint
from keras_samplernn.checkpoints.shelf import list_checkpoints, prune_checkpoints
from keras_samplernn.data.wav_writer import WavWriter
from keras_samplernn.errors import UserError
from keras_samplernn.files import replace_file

pytestmark = pytest.mark.law

STATE = {"best_step": 1}
# What resuming needs beside the weights.
TRAINING = [np.arange(6, dtype="float32")]


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    return build_variant(frames=(8, 2), classes=3)


@pytest.fixture
def folder(model, tmp_path):
    """A folder with the checkpoint of step 1, of all weights 1."""
    give_value(model, 1.0)
    save_checkpoint(tmp_path / "checkpoints", 1, VALIDATED, model, TRAINING, STATE)
    return tmp_path / "checkpoints"


def give_value(model, value):
    for weight in model.trainable_variables:
        weight.assign(np.full(weight.shape, value, "float32"))


def commit(model, folder):
    """Write the checkpoint of step 2, of all weights 2, and delete the older one."""
    give_value(model, 2.0)
    save_checkpoint(folder, 2, VALIDATED, model, TRAINING, STATE | {"best_step": 2})
    prune_checkpoints(folder, 1, {2})


def value_of_newest(model, folder):
    """Load the newest checkpoint, whole, and return what its weights are."""
    *_, newest = checkpoints = list_checkpoints(folder)
    for checkpoint in checkpoints:
        checkpoint.check()
    newest.load_weights(model)
    (array,) = newest.read_training([Shape.of(TRAINING[0])])
    np.testing.assert_array_equal(array, TRAINING[0])
    assert newest.read_state()["best_step"] == newest.step
    values = {float(each) for weight in model.trainable_variables for each in np.ravel(weight)}
    (value,) = values
    return value


def every_operation(model, folder):
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    kinds = operations(lambda: commit(model, copy))
    assert {"open", "write", "mkdir", "fsync", "rename", "unlink"} <= set(kinds)
    return range(len(kinds))


def restore(folder, copy):
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(copy, folder)


def test_a_commit_that_is_killed_anywhere_costs_that_checkpoint_at_most(model, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "before")
    seen = set()
    for number in every_operation(model, folder):
        restore(folder, tmp_path / "before")
        with killed_at(number):
            commit(model, folder)
        seen.add(value := value_of_newest(model, folder))
        assert value in (1.0, 2.0)
        commit(model, folder)
        assert value_of_newest(model, folder) == 2.0
        assert [path.name for path in folder.iterdir()] == ["step-0000000002-validated"]
    assert seen == {1.0, 2.0}


def test_a_disk_that_is_full_anywhere_is_told_and_costs_that_checkpoint_at_most(model, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "before")
    told = 0
    for number in every_operation(model, folder):
        restore(folder, tmp_path / "before")
        try:
            with disk_full_at(number):
                commit(model, folder)
        except UserError as error:
            told += 1
            assert str(error) == (
                f"{folder / 'step-0000000002-validated'}: cannot be written: No space left on device; free space"
                " on its disk or choose another folder"
            )
            assert value_of_newest(model, folder) in (1.0, 2.0)
            assert not [path for path in folder.iterdir() if path.name.startswith(".")]
        commit(model, folder)
        assert value_of_newest(model, folder) == 2.0
    assert told > 20


@pytest.mark.parametrize("fault", [killed_at, disk_full_at])
@pytest.mark.parametrize("kind", ["wav", "file"])
def test_a_file_is_the_old_one_or_the_new_one(tmp_path, kind, fault):
    path = tmp_path / ("sound.wav" if kind == "wav" else "metrics.csv")

    def write(seed):
        content = np.random.default_rng(seed).uniform(-1, 1, 30_000)
        if kind == "file":
            return replace_file(path, content.tobytes())
        with WavWriter(path, 8000) as writer:
            for part in np.split(content, 3):
                writer.write(part)

    contents = []
    for seed in (1, 2):
        write(seed)
        contents.append(path.read_bytes())
    for number in range(len(operations(lambda: write(2)))):
        write(1)
        try:
            with fault(number):
                write(2)
        except UserError as error:
            assert str(error).startswith(f"{path}: cannot be written: No space left on device; free")
            assert [each.name for each in tmp_path.iterdir()] == [path.name]
        assert path.read_bytes() in contents
        write(2)
        assert path.read_bytes() == contents[1]
        assert [each.name for each in tmp_path.iterdir()] == [path.name]
