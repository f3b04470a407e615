"""A fit that dies, or whose disk is full, at any one of its operations on the disk goes on as if it had not."""

import shutil
import signal

import pytest
from command_line import give, outcome, write_corpora, write_spec
from faults import operations

from keras_samplernn.checkpoints.shelf import list_checkpoints
from keras_samplernn.data.cache import cache_folder, clear_cache, list_cache, part_name

COMMAND = "fit spec.json --run copy --max-steps 2"


@pytest.fixture(scope="module")
def home(forks, tmp_path_factory):
    """A run `run` after one of two steps, and `whole` after both; the spec keeps one checkpoint."""
    home = tmp_path_factory.mktemp("operations")
    write_corpora(home)
    write_spec(home, training={"keep_checkpoints": 1, "batch_size": 1}, data={"valid": None})
    assert forks.start("fit spec.json --run run --max-steps 1", home, home / "out").wait()[0] == 0
    shutil.copytree(home / "run", home / "whole")
    assert forks.start("fit spec.json --run whole --max-steps 2", home, home / "out").wait()[0] == 0
    return home


@pytest.fixture(scope="module")
def numbers(home, rounds):
    """The operations to be killed at: under --full each, else one before and one after the commit of the checkpoint."""
    begin(home)
    kinds = operations(lambda: give(COMMAND, home))
    assert {"open", "write", "mkdir", "fsync", "rename", "replace", "unlink", "rmdir"} <= set(kinds)
    committed = len(kinds) - kinds[::-1].index("rename")
    return rounds((committed - 8, committed + 8), range(len(kinds)))


def begin(home):
    """Put the run after one step in place, and its corpora out of the cache."""
    clear_cache()
    shutil.rmtree(home / "copy", ignore_errors=True)
    shutil.copytree(home / "run", home / "copy")


def newest(home):
    """Return the newest checkpoint, which is whole, as all others are."""
    *_, newest = checkpoints = list_checkpoints(home / "copy/checkpoints")
    for checkpoint in checkpoints:
        checkpoint.check()
    return newest


def goes_on(forks, home):
    """Give the command again, and hold its outcome to that of a run without a fault."""
    step = newest(home).step
    again = forks.start(COMMAND, home, home / "copy.txt")
    assert again.wait()[0] == 0
    assert f"copy: {'continues after step 1' if step == 1 else 'is finished'}" in again.messages.read_text()
    assert outcome(home / "copy") == outcome(home / "whole")
    assert [path.name for path in (home / "copy/checkpoints").iterdir()] == ["step-0000000002-noted"]
    return step


def test_a_kill_costs_one_checkpoint_at_most(forks, home, numbers, tally):
    steps = []
    for number in numbers:
        begin(home)
        status, _ = forks.start(COMMAND, home, home / "copy.txt", fault=("dying_at", number)).wait()
        if not status:  # in a process of its own, a fit may have fewer
            break
        assert status == -signal.SIGKILL
        steps.append(goes_on(forks, home))
    assert {*steps} == {1, 2}
    tally("SIGKILL", "operations on the disk in a fit, killed at each, resumed by the same command", len(steps))


def test_a_full_disk_is_told_and_costs_one_checkpoint_at_most(forks, home, numbers, rounds, tally):
    told = 0
    for number in rounds(numbers[:1], numbers):
        begin(home)
        fit = forks.start(COMMAND, home, home / "copy.txt", fault=("disk_full_at", number))
        status, _ = fit.wait()
        said = fit.messages.read_text()
        assert "Traceback" not in said, (number, said)
        if status:
            told += 1
            assert status == 1
            assert "No space left on device" in said.splitlines()[-1], (number, said)
        hidden = [path.name for path in (home / "copy").rglob(".*") if path.name != ".lock"]
        assert not hidden, number
        entries = list_cache()
        whole = {entry.folder.name for entry in entries}
        whole |= {part_name(part["key"]) for entry in entries for part in entry.manifest["parts"]}
        assert {path.name for path in cache_folder().iterdir()} <= {"hashes", *whole}, number
        goes_on(forks, home)
    assert told
    tally("disk full", "operations on the disk in a fit, no space left from each on, told and gone on from", told)
