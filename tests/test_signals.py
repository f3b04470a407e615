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
from keras_samplernn.model.registry import load_types
from keras_samplernn.spec import load_spec
from keras_samplernn.training.corpora import prepare_corpora
from keras_samplernn.training.interrupt import StopRequest
from keras_samplernn.training.trainer import Trainer

CLI = Path(__file__).parent.parent / "cli.py"
# Only what hangs takes as long, however many processes share the machine. How long it takes is counted.
HANGS_SECONDS = 120
CASES = [
    ("training", signal.SIGINT),
    ("training", signal.SIGHUP),
    ("validation", signal.SIGTERM),
    ("sounds", signal.SIGTERM),
]
FURTHER_CASES = [("training", signal.SIGTERM), ("validation", signal.SIGINT)]
# What is validated with, and the step: in the midst of an epoch, in the last step of the first one, and of the run.
STEPS = [("valid", 3), ("valid", 4), (None, 8)]
FURTHER_STEPS = [("valid", 8), (None, 3), (None, 4)]


def pytest_generate_tests(metafunc):
    full = metafunc.config.getoption("--full")
    if "during" in metafunc.fixturenames:
        metafunc.parametrize(("during", "number"), CASES + FURTHER_CASES if full else CASES)
    if "step" in metafunc.fixturenames:
        steps = STEPS + FURTHER_STEPS if full else STEPS
        metafunc.parametrize(("eight_steps", "step"), steps, indirect=["eight_steps"], scope="module")


@pytest.fixture(scope="module")
def home(forks, rounds, tmp_path_factory):
    """Few sounds to train with and many to validate with, or the other way round; all of them prepared."""
    home = tmp_path_factory.mktemp("signals")
    for corpus, samples in (("short", 800), ("long", rounds(30_000, 60_000))):
        (home / corpus).mkdir()
        for number in range(2):
            write_sound(home / corpus / f"{number}.wav", samples + number, seed=number)
    sounds = {"every_epochs": 1, "sounds": 2, "seconds": rounds(2, 100)}
    for name, train, valid, monitoring in (
        ("training", "long", "short", {}),
        ("validation", "short", "long", {}),
        ("sounds", "short", "long", sounds),
    ):
        data = {"train": train, "valid": valid}
        write_spec(home, f"{name}.json", data=data, training={"epochs": 1}, monitoring=monitoring)
        prepare_corpora(load_spec(home / f"{name}.json", load_types()), lambda line: None)
    return home


def begin(forks, home, name, run):
    """Start a fit; return it when it is in the midst of that."""
    command = forks.start(f"fit {name}.json --run {run}", home, home / f"{run}.txt")
    until = time.monotonic() + HANGS_SECONDS
    # The log is begun when signals are heeded, and has figures when the epoch has been trained.
    while (b"spec" if name == "training" else b"bits/training") not in b"".join(
        file.read_bytes() for file in (home / run).glob("logs/*")
    ):
        assert time.monotonic() < until
        time.sleep(0.02)
    if name == "training":
        time.sleep(1)
    return command


def test_the_first_signal_writes_a_checkpoint_and_says_how_to_go_on(forks, home, tally, during, number):
    run = f"{during}_{number:d}"
    command = begin(forks, home, during, run)
    command.kill(number)
    began = time.monotonic()
    status, _ = command.wait()
    taken = time.monotonic() - began
    *_, stopped, told = command.messages.read_text().splitlines()
    assert status == 128 + number
    assert taken < HANGS_SECONDS
    (checkpoint,) = list_checkpoints(home / run / "checkpoints")
    assert stopped == f"stopped after step {checkpoint.step}; a checkpoint is written. To go on:"
    assert not checkpoint.validated
    assert told == f"keras-samplernn fit {during}.json --run {run}"
    if during != "training":
        again = begin(forks, home, during, run)
        assert again.wait()[0] == 0
        continues = f"{run}: continues after step {checkpoint.step}\n" in again.messages.read_text()
        assert continues == (checkpoint.step > 0)  # the validation may be that before the first step
        (checkpoint,) = list_checkpoints(home / run / "checkpoints")[-1:]
        assert checkpoint.validated
        assert len([*(home / run).glob("samples/step-*/*")]) == (2 if during == "sounds" else 0)
    tally(
        "SIGINT, SIGTERM, SIGHUP",
        f"most seconds from {signal.Signals(number).name} in {during} to the end",
        round(taken, 2),
    )


@pytest.fixture(autouse=True)
def heeded():
    """Heed SIGINT, which a shell lets its background jobs ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def eight_steps(request, corpus_cache, tmp_path_factory):
    """A spec whose two epochs have four steps each, with and without validation, and the run `whole` of it."""
    home = tmp_path_factory.mktemp("steps")
    write_corpora(home)
    write_spec(home, data={"valid": request.param}, training={"seq_len": 128})
    assert give("fit spec.json --run whole", home).status == 0
    return home


def test_a_signal_in_any_step_costs_nothing(eight_steps, monkeypatch, step):
    command = f"fit spec.json --run run_{step}"
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "step", stopping_in(step, Trainer.step))
        answer = give(command, eight_steps)
    assert answer.status == 128 + signal.SIGINT
    assert f"stopped after step {step}; a checkpoint is written." in answer.err
    assert f"continues after step {step}" in give(command, eight_steps).err
    assert outcome(eight_steps / f"run_{step}") == outcome(eight_steps / "whole")
    assert "is finished" in give(command, eight_steps).err


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
    assert taken < HANGS_SECONDS
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
        assert process.wait(HANGS_SECONDS) == 128 + signal.SIGHUP
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
