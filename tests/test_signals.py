"""A first signal ends a training in good order, whatever it is doing; a second one ends it at once."""

import fcntl
import itertools
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from command_line import give, outcome, write_corpora, write_sound, write_spec

from keras_samplernn.checkpoints.shelf import list_checkpoints
from keras_samplernn.training.interrupt import StopRequest
from keras_samplernn.training.trainer import Trainer

CLI = Path(__file__).parent.parent / "cli.py"
SECONDS = 5.0


@pytest.fixture(scope="module")
def home(forks, tmp_path_factory):
    """Few sounds to train with and many to validate with, or the other way round; all of them prepared."""
    home = tmp_path_factory.mktemp("signals")
    for corpus, samples in (("short", 800), ("long", 60_000)):
        (home / corpus).mkdir()
        for number in range(2):
            write_sound(home / corpus / f"{number}.wav", samples + number, seed=number)
    sounds = {"every_epochs": 1, "sounds": 2, "seconds": 100}
    for name, train, valid, monitoring in (
        ("training", "long", "short", {}),
        ("validation", "short", "long", {}),
        ("sounds", "short", "long", sounds),
    ):
        data = {"train": train, "valid": valid}
        write_spec(home, f"{name}.json", data=data, training={"epochs": 1}, monitoring=monitoring)
        assert forks.start(f"fit {name}.json --run first_{name} --max-steps 1", home, home / "out").wait()[0] == 0
    return home


def begin(forks, home, name, run):
    """Start a fit; return it when it is in the midst of that."""
    command = forks.start(f"fit {name}.json --run {run}", home, home / f"{run}.txt")
    until = time.monotonic() + 60
    # The log is begun when signals are heeded, and has figures when the epoch has been trained.
    while (b"spec" if name == "training" else b"bits") not in b"".join(
        file.read_bytes() for file in (home / run).glob("logs/*")
    ):
        assert time.monotonic() < until
        time.sleep(0.02)
    if name == "training":
        time.sleep(2)
    return command


@pytest.mark.parametrize(
    ("during", "number"),
    [
        ("training", signal.SIGINT),
        ("training", signal.SIGTERM),
        ("training", signal.SIGHUP),
        ("validation", signal.SIGINT),
        ("validation", signal.SIGTERM),
        ("sounds", signal.SIGTERM),
    ],
)
def test_the_first_signal_writes_a_checkpoint_and_says_how_to_go_on(forks, home, tally, during, number):
    run = f"{during}_{number:d}"
    command = begin(forks, home, during, run)
    command.kill(number)
    began = time.monotonic()
    status, _ = command.wait()
    taken = time.monotonic() - began
    *_, stopped, told = command.messages.read_text().splitlines()
    assert status == 128 + number
    assert taken < SECONDS
    (checkpoint,) = list_checkpoints(home / run / "checkpoints")
    assert stopped == f"stopped after step {checkpoint.step}; a checkpoint is written. To go on:"
    assert not checkpoint.validated
    assert told == f"keras-samplernn fit {during}.json --run {run}"
    if during != "training":
        again = begin(forks, home, during, run)
        assert again.wait()[0] == 0
        assert f"{run}: continues after step {checkpoint.step}\n" in again.messages.read_text()
        (checkpoint,) = list_checkpoints(home / run / "checkpoints")[-1:]
        assert checkpoint.validated
        assert len([*(home / run).glob("samples/epoch_0001/*")]) == (2 if during == "sounds" else 0)
    tally(
        "SIGINT, SIGTERM, SIGHUP",
        f"most seconds from {signal.Signals(number).name} in {during} to the end",
        round(taken, 2),
    )


@pytest.mark.parametrize("valid", ["valid", None])
@pytest.mark.parametrize("step", [3, 4, 8])
def test_a_signal_in_any_step_costs_nothing(tmp_path, monkeypatch, valid, step):
    """Four steps make an epoch: in the midst of one, and in the last of the first and of the run."""
    write_corpora(tmp_path)
    write_spec(tmp_path, data={"valid": valid}, training={"seq_len": 128})
    assert give("fit spec.json --run whole", tmp_path).status == 0
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "step", stopping_in(step, Trainer.step))
        answer = give("fit spec.json --run run", tmp_path)
    assert answer.status == 128 + signal.SIGINT
    assert f"stopped after step {step}; a checkpoint is written." in answer.err
    assert f"continues after step {step}" in give("fit spec.json --run run", tmp_path).err
    assert outcome(tmp_path / "run") == outcome(tmp_path / "whole")
    assert "is finished" in give("fit spec.json --run run", tmp_path).err


def stopping_in(number, step):
    """Return a trainer's step that the process gets a signal in the midst of, the first time at that number."""
    taken = itertools.count(1)

    def stopping_step(trainer, batch):
        if next(taken) == number:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.2)  # the thread that hears it
        return step(trainer, batch)

    return stopping_step


def test_the_second_signal_stops_at_once(forks, home, tally):
    command = begin(forks, home, "validation", "twice")
    os.kill(command.pid, signal.SIGSTOP)  # as if one step took long
    for number in (signal.SIGINT, signal.SIGTERM):
        command.kill(number)
    began = time.monotonic()
    os.kill(command.pid, signal.SIGCONT)
    status, _ = command.wait()
    taken = time.monotonic() - began
    assert status in {128 + signal.SIGINT, 128 + signal.SIGTERM}
    assert "stopped after step" not in command.messages.read_text()
    assert taken < 1
    again = forks.start("fit validation.json --run twice", home, home / "twice.txt")
    assert again.wait()[0] == 0
    tally("SIGINT, SIGTERM, SIGHUP", "most seconds from two signals to the end", round(taken, 2))


def test_a_terminal_that_is_closed_costs_messages_only(home):
    ours, theirs = pty.openpty()
    command = [sys.executable, CLI, "fit", "training.json", "--run", "closed"]

    def take_it():
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it would be ignored

    with subprocess.Popen(
        command, cwd=home, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, preexec_fn=take_it
    ) as process:
        os.close(theirs)
        said = b""
        while b"bits" not in said:  # the bar, after a step
            said += os.read(ours, 4096)
        os.close(ours)
        assert process.wait(60) == 128 + signal.SIGHUP
    (checkpoint,) = list_checkpoints(home / "closed/checkpoints")
    checkpoint.check()
    assert checkpoint.step


def test_signals_that_are_to_be_ignored_are():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.1)
            assert stop.signal_number is None
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_hangup_that_comes_twice_is_one():
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        with StopRequest() as stop:
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGHUP)
                time.sleep(0.1)
            assert stop.signal_number == signal.SIGHUP
    finally:
        signal.signal(signal.SIGHUP, before)
