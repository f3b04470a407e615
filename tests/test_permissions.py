"""What is not the user's to read or to write is told by name."""

import pwd

import pytest
from command_line import without_notes
from spoiling import refused

ELSEWHERE = "see to its permissions or choose another folder"
CLOSED = [
    (".", 0o555, "fit spec.json --run new", "new: cannot be written: Permission denied; " + ELSEWHERE),
    (
        "run",
        0o555,
        "fit spec.json --run run",
        "run/metrics.csv: cannot be written: Permission denied; " + ELSEWHERE,
    ),
    (
        "run",
        0o555,
        "generate run --conditioning-index index.txt --out run/out",
        "run/out: cannot be written: Permission denied; " + ELSEWHERE,
    ),
    ("spec.json", 0, "fit spec.json", "spec.json: cannot be read (Permission denied); see to its permissions"),
    ("train/a.wav", 0, "fit spec.json", "HOME/train/a.wav: Permission denied; make it readable or move it away"),
    (
        "run",
        0,
        "generate run --conditioning-index index.txt --out out",
        "run/spec.json: Permission denied; see to its permissions",
    ),
]


@pytest.mark.parametrize("path, mode, command, line", CLOSED)
def test_what_is_not_the_users_is_named(home, forks, path, mode, command, line):
    messages = home.with_name("messages.txt")
    (home / path).chmod(mode)
    try:
        status, _ = forks.start(command, home, messages, privileged=False).wait()
    finally:
        (home / path).chmod(0o755)
    assert (status, without_notes(messages.read_text())) == (1, f"{line}\n".replace("HOME", str(home)))


@pytest.mark.parametrize("cache", ["~nobody-here/cache", ""])
def test_a_home_that_is_not_known_is_named(home, monkeypatch, cache):
    monkeypatch.setenv("KERAS_SAMPLERNN_CACHE", cache)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", lambda number: {}[number])
    line = "HOME: is not set, and this user has no home folder; set it"
    if cache:
        line = f"KERAS_SAMPLERNN_CACHE = {cache}: there is no such home; set an absolute path"
    refused("cache", home, line)
