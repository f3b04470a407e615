"""A first signal ends a training in good order, whatever it is doing; a second one ends it at once."""

import os
import signal
import time

import pytest
from command_line import write_sound, write_spec

from keras_samplernn.checkpoint import list_checkpoints

SECONDS = 5.0


@pytest.fixture(scope="module")
def home(forks, tmp_path_factory):
    """Few sounds to train with and many to validate with, or the other way round; all of them prepared."""
    home = tmp_path_factory.mktemp("signals")
    for corpus, samples in (("short", 800), ("long", 60_000)):
        (home / corpus).mkdir()
        for number in range(2):
            write_sound(home / corpus / f"{number}.wav", samples + number, seed=number)
    for name, train, valid in (("training", "long", "short"), ("validation", "short", "long")):
        write_spec(home, f"{name}.json", data={"train": train, "valid": valid}, training={"epochs": 1})
        assert forks.start(f"fit {name}.json --run first_{name} --max-steps 1", home, home / "out").wait()[0] == 0
    return home


def begin(forks, home, name, run):
    """Start a fit; return it when it is in the midst of that."""
    command = forks.start(f"fit {name}.json --run {run}", home, home / f"{run}.txt")
    until = time.monotonic() + 60
    while b"bits" not in b"".join(file.read_bytes() for file in (home / run).glob("logs/*")) and name == "validation":
        assert time.monotonic() < until
        time.sleep(0.02)
    if name == "training":
        time.sleep(4)
    return command


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("during", ["training", "validation"])
def test_the_first_signal_writes_a_checkpoint_and_says_how_to_go_on(forks, home, tally, during, number):
    run = f"{during}_{number}"
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
    if during == "validation":
        again = begin(forks, home, during, run)
        assert again.wait()[0] == 0
        assert f"{run}: goes on after step {checkpoint.step}\n" in again.messages.read_text()
        (checkpoint,) = list_checkpoints(home / run / "checkpoints")[-1:]
        assert checkpoint.validated
    tally("SIGINT, SIGTERM", f"most seconds from {signal.Signals(number).name} in {during} to the end", round(taken, 2))


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
    tally("SIGINT, SIGTERM", "most seconds from two signals to the end", round(taken, 2))
