"""`fit` refuses a run directory that it cannot write, or that is not of its spec, and changes nothing."""

import errno
import fcntl
import shutil

import pytest
from command_line import SPEC, give
from spoiling import loop, nothing, patch, refused, remove, spec, text
from tiny_home import LAST_STEP

from keras_samplernn.errors import UserError
from keras_samplernn.run_folder import RunFolder

CHECKPOINT = f"run/checkpoints/{LAST_STEP}"
RUNS = {
    "a run of another spec": (
        spec(tiers=[SPEC["tiers"][0] | {"dim": 8}, SPEC["tiers"][1]], training={"seed": 5, "epochs": 9}),
        "fit spec.json --run run",
        [
            (
                "run: was started with another spec: tiers.0.dim: 6 -> 8; restore the spec, or give --set as "
                "before; or start another run with --name or --run; or start again with --restart (the old run is kept)"
            ),
            (
                "run: was started with another spec: training.seed: 123 -> 5; restore the spec, or give --set as "
                "before; or start another run with --name or --run; or start again with --restart (the old run is kept)"
            ),
        ],
    ),
    "a run of the same tiers": (
        nothing(),
        "fit spec.json --run run --set training.learning_rate=0.0003",
        (
            "run: was started with another spec: training.learning_rate: 0.001 -> 0.0003; restore the spec, or give "
            "--set as before; or start another run with --name or --run, and with --init-from run if it is to begin "
            "with these weights; or start again with --restart (the old run is kept)"
        ),
    ),
    "a folder that holds something else": (
        text("notes/a.txt", "x"),
        "fit spec.json --run notes",
        "notes: exists and is not a run directory; give --run another folder",
    ),
    "a restart of something else": (
        text("notes/a.txt", "x"),
        "fit spec.json --run notes --restart",
        "notes: exists and is not a run directory; give --run another folder",
    ),
    "a run that is a text": (
        nothing(),
        "fit spec.json --run index.txt",
        "index.txt: exists and is not a run directory; give --run another folder",
    ),
    "a run below a file": (
        nothing(),
        "fit spec.json --run index.txt/run",
        "index.txt/run: cannot be written: Not a directory; choose another folder",
    ),
    "a run among the sounds": (
        nothing(),
        "fit spec.json --run valid/run",
        (
            "valid/run: is inside data.valid = HOME/valid, and its sounds would become part of the corpus; give "
            "--run another folder"
        ),
    ),
    "a checkpoint that is damaged": (
        patch(f"{CHECKPOINT}/training.npz", 200, "<I", 99),
        "fit spec.json --run run --max-steps 3",
        "run/checkpoints/step-0000000002-validated/training.npz: is damaged, its size or sha256 is not the manifest's; "
        "restore the file from a copy, or start again with `fit --restart`",
    ),
    "first weights of another shape": (
        nothing(),
        "fit spec.json --run new --init-from free",
        (
            'free: its weights do not fit the spec: conditioning: null -> {"classes": 3}, tiers.0.dim: 5 -> '
            "6; --init-from takes a run of the same tiers, head, q_levels and condition streams"
        ),
    ),
    "first weights from no run": (
        nothing(),
        "fit spec.json --run new --init-from valid",
        "valid: is not a run directory, it holds no spec.json; give a folder that `fit` made",
    ),
    "first weights without checkpoint": (
        remove("free/checkpoints"),
        "fit spec.json --run run --restart --init-from free",
        "free/checkpoints: holds no checkpoint yet; train with `fit` first",
    ),
    "a run that is a link to itself": (
        loop("loop"),
        "fit spec.json --run loop",
        "loop: cannot be written: File exists; choose another folder",
    ),
}


@pytest.mark.parametrize("spoil, command, lines", RUNS.values(), ids=RUNS)
def test_a_run_that_cannot_be_begun_or_continued_changes_nothing(home, spoil, command, lines):
    spoil(home)
    refused(command, home, lines)


def test_a_run_that_another_fit_trains_is_left_alone(home):
    line = "run: another fit is training this run; wait for it, stop it, or give --run another folder"
    with (home / "run/.lock").open() as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        refused("fit spec.json --run run --max-steps 3", home, [line])
        refused("fit spec.json --run run --restart", home, [line])


def test_a_run_that_another_fit_moves_away_meanwhile_is_not_locked_twice(home, monkeypatch):
    run, flock = RunFolder(home / "run", None), fcntl.flock

    def late(stream, how):
        """Lock, after a fit with --restart has begun anew in the same place."""
        monkeypatch.undo()
        run.set_aside()
        (home / "run").mkdir()
        (home / "run/.lock").touch()
        flock(stream, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(UserError, match="another fit is training this run"), run.locked():
        pass


def test_a_file_system_without_locks_is_named(home, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    line = "run: cannot be locked (No locks available); give --run a folder on another file system"
    refused("fit spec.json --run run --max-steps 3", home, line)


def test_logs_that_are_a_file_are_named(home):
    shutil.rmtree(home / "run/logs")
    (home / "run/logs").touch()
    answer = give("fit spec.json --run run --max-steps 3", home)
    assert (answer.status, answer.err.splitlines()[1:]) == (
        1,
        ["run/logs: cannot be written: Not a directory; choose another folder"],
    )
