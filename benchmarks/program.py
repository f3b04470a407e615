"""The program as its user calls it, for the benchmarks that train and generate whole runs."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).resolve().parent.parent / "cli.py"


def command(*arguments: object) -> str:
    """Run a command of the program; its messages pass through, its results are returned."""
    line = [sys.executable, PROGRAM, *map(str, arguments)]
    return subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout


def fit(*arguments: object, minutes: float | None = None) -> float:
    """Run `fit`, and have it write a checkpoint and stop when its time is over; return the seconds it took.

    Ctrl-C stops it in the same way, and then this program.

    Args:
        arguments: of `fit`.
        minutes: of wall-clock time, starting and compiling included; None: as long as it takes.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    line = [sys.executable, PROGRAM, "fit", *map(str, arguments)]
    began = time.monotonic()
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL)
    stopped = False
    try:
        process.wait(None if minutes is None else 60 * minutes)
    except subprocess.TimeoutExpired:
        stopped = True
        process.terminate()
        process.wait()
    except KeyboardInterrupt:  # the terminal has sent it to `fit` too, which now writes its checkpoint
        process.wait()
        raise
    if process.returncode and not (stopped and process.returncode == 128 + signal.SIGTERM):
        raise subprocess.CalledProcessError(process.returncode, line)
    return time.monotonic() - began


def changed(spec: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """Return a spec with some of its fields changed; objects are changed field by field, lists as a whole."""
    merged = {
        name: changed(spec[name], value) if isinstance(value, dict) and isinstance(spec.get(name), dict) else value
        for name, value in fields.items()
    }
    return spec | merged


def write_index(path: Path, scores: list[Path]) -> Path:
    """Write the index of condition files for `generate`, relative to its folder; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{os.path.relpath(score, path.parent)}\n" for score in scores), encoding="utf-8")
    return path


def write_json(path: Path, value: Any) -> None:
    """Write a file of JSON, which has its old content or its new one if this is interrupted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = path.with_name(f"{path.name}.new")
    begun.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    begun.replace(path)
