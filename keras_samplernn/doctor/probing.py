"""Runs the probe in a process of its own and reads what it printed, whether it came to its end or not."""

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from keras_samplernn.doctor import probe

PATIENCE_SECONDS = 180
_COMMAND = (sys.executable, "-P", probe.__file__)


@dataclasses.dataclass(frozen=True)
class Probed:
    """What the probe found.

    Attributes:
        parts: for each part that was examined to its end, what was found.
        ended_in: the part in which the process ended too early; empty: it came to its end.
        end: how it ended: "SIGABRT", "exit status 1", "no answer in 180 s".
        messages: what it and its libraries wrote.
    """

    parts: dict[str, dict[str, Any]]
    ended_in: str = ""
    end: str = ""
    messages: str = ""


def run_probe(command: Sequence[str] = _COMMAND, patience_seconds: float = PATIENCE_SECONDS) -> Probed:
    """Run the probe.

    Args:
        command: what is run.
        patience_seconds: how long it may take.
    """
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            told, messages = process.communicate(timeout=patience_seconds)
            end = _end(process.returncode)
        except subprocess.TimeoutExpired:
            process.kill()
            told, messages = process.communicate()
            end = f"no answer in {patience_seconds:g} s"
        except BaseException:
            process.kill()
            raise
    parts, under_way = {}, "start"
    for line in told.splitlines():
        with contextlib.suppress(ValueError):  # the last line may be cut
            facts = json.loads(line)
            under_way = facts.pop("part")
            if not facts.pop("began", False):
                parts[under_way] = facts
    return Probed(parts, under_way if end else "", end, messages.decode(errors="replace"))


def _end(status: int) -> str:
    """Return how a process ended, by its return code; empty if well."""
    if status >= 0:
        return f"exit status {status}" if status else ""
    with contextlib.suppress(ValueError):
        return signal.Signals(-status).name
    return f"signal {-status}"
