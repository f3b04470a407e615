"""Progress: plain lines with the time left where stderr is no terminal, a bar where it is."""

import io
import sys

import pytest

from keras_samplernn import progress
from keras_samplernn.progress import Progress, format_duration


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_plain_lines_tell_share_and_time_left_every_ten_seconds(clock, capsys):
    with Progress("fit", total=400, done=100) as shown:
        for step in range(31):
            shown.update(100 + 5 * step, f"epoch 1/2  {step} bits")
            clock[0] += 1
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "fit  37%  epoch 1/2  10 bits  0:50 left",
        "fit  50%  epoch 1/2  20 bits  0:40 left",
        "fit  62%  epoch 1/2  30 bits  0:30 left",
    ]


def test_the_time_left_counts_neither_compiling_nor_what_was_done_before(clock, capsys):
    with Progress("fit", total=1000, done=900) as shown:
        clock[0] += 300
        shown.update(901)
        clock[0] += 20
        shown.update(951)
        assert shown.speed(951) == 2.5
    assert capsys.readouterr().err == "fit  90%\nfit  95%  0:20 left\n"


def test_a_terminal_gets_a_bar_and_lines_that_stay(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with Progress("generate", total=10) as shown:
        shown.update(5, "2.00 x real time")
        shown.say("a line [that] stays")
    assert "a line [that] stays\n" in terminal.getvalue().replace("\r", "")
    assert "generate" in terminal.getvalue()


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (245, "4:05"), (3729, "1:02:09")])
def test_durations_are_written_as_people_read_them(seconds, text):
    assert format_duration(seconds) == text
