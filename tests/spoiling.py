"""Ways to spoil a user's folder: each returns a function of it. And what must be true of the answer."""

import contextlib
import json
import os
import shutil
import struct
from collections.abc import Iterator

import pytest
from command_line import give, listing, write_conditions, write_sound, write_spec

from keras_samplernn.errors import UserError


def nothing():
    return lambda home: None


def spec(**sections):
    return lambda home: write_spec(home, **sections)


def text(path, content):
    def spoil(home):
        (home / path).parent.mkdir(exist_ok=True)
        (home / path).write_bytes(content if isinstance(content, bytes) else content.encode())

    return spoil


def sound(path, samples):
    return lambda home: write_sound(home / path, samples)


def conditions(path, samples):
    return lambda home: write_conditions(home / path, samples)


def remove(*paths):
    def spoil(home):
        for path in paths:
            shutil.rmtree(home / path) if (home / path).is_dir() else (home / path).unlink()

    return spoil


def folder(path):
    return lambda home: (home / path).mkdir(parents=True)


def loop(path):
    return lambda home: (home / path).symlink_to(path)


def copy(source, target):
    return lambda home: shutil.copy(home / source, home / target)


def cut(path, size):
    """Cut bytes off a file's end."""
    return lambda home: os.truncate(home / path, (home / path).stat().st_size - size)


def patch(path, offset, layout, *values):
    """Overwrite bytes of a file."""

    def spoil(home):
        content = bytearray((home / path).read_bytes())
        struct.pack_into(layout, content, offset, *values)
        (home / path).write_bytes(content)

    return spoil


def line_of(path, number, words):
    """Replace a line of a file; None takes it out."""

    def spoil(home):
        lines = (home / path).read_text().splitlines()
        lines[number - 1 : number] = [] if words is None else [words]
        (home / path).write_text("\n".join(lines) + "\n")

    return spoil


def changed(path, **fields):
    """Change top-level fields of a JSON file."""
    return lambda home: (home / path).write_text(json.dumps(json.loads((home / path).read_text()) | fields))


def together(*steps):
    def spoil(home):
        for step in steps:
            step(home)

    return spoil


def refused(command, home, lines):
    """Hold a command to its answer: the lines (HOME for the folder), status 1, nothing on stdout or on the disk."""
    before = listing(home)
    answer = give(command, home)
    assert answer.err.replace(str(home), "HOME").splitlines() == ([lines] if isinstance(lines, str) else lines)
    assert (answer.status, answer.out) == (1, "")
    assert listing(home) == before


@contextlib.contextmanager
def refuses(home, lines) -> Iterator[None]:
    """Hold the block, run in the folder, to a UserError of these lines (HOME for the folder) that writes nothing."""
    before = listing(home)
    with contextlib.chdir(home), pytest.raises(UserError) as refusal:
        yield
    told = [line.replace(str(home), "HOME") for line in refusal.value.lines]
    assert told == ([lines] if isinstance(lines, str) else lines)
    assert listing(home) == before


def frames(*sizes, **fields):
    stack = [{"type": "frame_rnn", "frame_size": size} | fields for size in sizes]
    return [*stack, {"type": "sample_mlp", "dim": 6, "emb_size": 4}]
