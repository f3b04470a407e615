"""Commands as a user gives them, but within this process, so that many of them cost one import of Keras."""

import contextlib
import csv
import dataclasses
import hashlib
import io
import json
import re
import shlex
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from unittest import mock

import numpy as np
import soundfile

from keras_samplernn.commands import main

RATE = 4000
LENGTHS = {"a": 300, "b": 437}
SPEC = {
    "name": "tiny",
    "preset": "paper",  # nothing but what it says
    "audio": {"sample_rate": RATE, "q_levels": 16},
    "data": {"train": "train", "valid": "valid"},
    "conditioning": {"classes": 3},
    "tiers": [
        {"type": "frame_rnn", "frame_size": 4, "dim": 6},
        {"type": "sample_mlp", "dim": 6, "emb_size": 4, "window": None},
    ],
    "training": {"seq_len": 16, "batch_size": 2, "epochs": 2},
    "monitoring": {"every_epochs": 0},
}

# What is told of corpora as tiny as those of the tests.
NOTES = re.compile(r"^\w+: less than a second of a class: .*\n", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str


def give(command: str, folder: Path) -> Answer:
    """Run a command line (without the program's name) in a folder, in this process."""
    out, err, status = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True), io.StringIO(), 0
    handler = signal.getsignal(signal.SIGTERM)
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch.object(sys, "argv", ["keras-samplernn", *shlex.split(command)]),
    ):
        try:
            main()
        except SystemExit as end:
            status = end.code
        finally:
            signal.signal(signal.SIGTERM, handler)  # pytest's own
    return Answer(status, out.buffer.getvalue().decode(errors="surrogateescape"), without_notes(err.getvalue()))


def without_notes(messages: str) -> str:
    """Return messages without what is told of every tiny corpus."""
    return NOTES.sub("", messages)


def done(command: str, folder: Path) -> list[str]:
    """Run a command line that must succeed; return the lines of its stdout."""
    answer = give(command, folder)
    assert answer.status == 0, answer.err
    return answer.out.splitlines()


def write_spec(folder: Path, file: str = "spec.json", /, **sections) -> None:
    """Write the tiny spec; a section given is laid over its own, None takes it out."""
    spec = json.loads(json.dumps(SPEC))
    for key, value in sections.items():
        spec[key] = spec[key] | value if isinstance(value, dict) and isinstance(spec.get(key), dict) else value
    (folder / file).write_text(json.dumps({key: value for key, value in spec.items() if value is not None}))


def write_sound(path: Path, samples: int, seed: int = 0) -> None:
    """Write a tone with some noise, and its conditions beside it."""
    noise = np.random.default_rng(seed).standard_normal(samples)
    soundfile.write(path, 0.3 * np.sin(0.2 * np.arange(samples)) + 0.02 * noise, RATE, "PCM_16")
    write_conditions(path.with_suffix(".csv"), samples)


def write_conditions(path: Path, samples: int) -> None:
    """Write classes 0, 1, 2 in turn, 50 samples each."""
    path.write_text("".join(f"{number // 50 % 3}\n" for number in range(samples)))


def write_named_conditions(folder: Path, lengths: Iterable[int]) -> None:
    """Write `n<length>.csv` for each length."""
    for samples in lengths:
        write_conditions(folder / f"n{samples}.csv", samples)


def write_corpora(folder: Path) -> None:
    """Write two sounds to each of `train` and `valid`."""
    for seed, corpus in enumerate(("train", "valid")):
        (folder / corpus).mkdir()
        for name, samples in LENGTHS.items():
            write_sound(folder / corpus / f"{name}.wav", samples, seed)


def listing(folder: Path) -> dict[str, str]:
    """Return every file and folder below, hidden ones too, with what files hold."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in folder.rglob("*")
    }


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Return what each wav in a folder holds."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.wav"))}


def outcome(run: Path) -> tuple:
    """Return the last checkpoint's arrays, and state and metrics without what tells the time."""
    # Here, since it imports Keras: what starts the tests need not wait for it.
    from keras_samplernn.checkpoints.shelf import list_checkpoints

    last = list_checkpoints(run / "checkpoints")[-1]
    state = last.read_state()
    rows = list(csv.DictReader((run / "metrics.csv").open()))
    del state["times"]
    for row in [state, *state["rows"], *rows]:
        row.pop("samples_per_second", None)
        del row["seconds"]
    arrays = [(last.folder / name).read_bytes() for name in ("weights.npz", "training.npz")]
    return last.folder.name, arrays, json.dumps(state), rows
