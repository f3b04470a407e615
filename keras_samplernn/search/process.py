"""Training a run in a process of its own, as `fit` does.

TensorFlow keeps the graph of every custom gradient, and the weights with it, as long as its process lives; so a search
that trained its runs in one process would need the memory of all of them.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Collection
from pathlib import Path
from typing import Any

from keras_samplernn.errors import UserError
from keras_samplernn.progress import say
from keras_samplernn.training.interrupt import Interrupted, StopRequest

POLL_SECONDS = 0.1
# The names of what the process answers, one of them: what ended the training.
DONE, STOPPED, FAILED, REFUSED = "done", "stopped", "failed", "refused"


def train_apart(spec_file: Path, folder: Path, steps: int, told: Collection[str]) -> str:
    """Train a run up to a step, in a process of its own.

    A signal to this process is passed on; the other one stops as `fit` does. It also stops if this process dies.

    Args:
        spec_file: of the run.
        folder: the run directory.
        steps: training steps of the run in all.
        told: messages that are not to be said again.

    Returns:
        Why the run cannot be trained to that step: its loss is not finite, or the device has too little memory. Empty
        if it was.

    Raises:
        Interrupted: a signal came; the step was finished and a checkpoint written.
        UserError: anything else that the user can mend.
    """
    answer_end, their_end = os.pipe()
    command = [sys.executable, "-m", __name__, str(their_end)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with StopRequest() as stop, os.fdopen(answer_end, "rb") as answers:
        # In a session of its own, or Ctrl-C would reach it twice.
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, env=environment, pass_fds=[their_end], start_new_session=True
        )
        os.close(their_end)
        # Open until the process has ended, which takes its end as the end of this one.
        with process:
            request = {"spec": str(spec_file), "folder": str(folder), "steps": steps, "told": sorted(told)}
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            passed_on = False
            while process.poll() is None:
                if stop.signal_number and not passed_on:
                    process.send_signal(stop.signal_number)
                    passed_on = True
                try:
                    process.wait(POLL_SECONDS)
                except subprocess.TimeoutExpired:
                    continue
        answer = answers.read()
    if answer:
        return reason_of(json.loads(answer), folder)
    if stop.signal_number == signal.SIGINT:  # before the first step, where `fit` writes no checkpoint either
        raise KeyboardInterrupt
    if stop.signal_number:
        raise SystemExit(128 + stop.signal_number)
    if process.returncode == -signal.SIGKILL:
        raise UserError(
            f"{folder}: its training was killed, as systems do if memory runs out; see to that, and give the same"
            " command again"
        )
    raise RuntimeError(f"the process that trains {folder} ended with status {process.returncode}")


def reason_of(answer: dict[str, Any], folder: Path) -> str:
    """Return why a run cannot be trained on, or raise what its training has raised; see `train_apart`."""
    if STOPPED in answer:
        raise Interrupted(*answer[STOPPED])
    if REFUSED in answer:
        raise UserError(*answer[REFUSED])
    if FAILED in answer:
        return answer[FAILED].removeprefix(f"{folder}: ").partition(";")[0]
    return ""


def train_here(spec: str, folder: str, steps: int, told: Collection[str]) -> dict[str, Any]:
    """Train a run in this process; the arguments are those of `train_apart`, the result is for `reason_of`."""
    from keras_samplernn.backend import exhaustion_errors
    from keras_samplernn.model.plugin_faults import fault_of_plugin
    from keras_samplernn.model.registry import load_types
    from keras_samplernn.spec import load_spec
    from keras_samplernn.training.bookkeeping import Diverged
    from keras_samplernn.training.fit import fit_spec

    def say_news(line: str) -> None:
        if line not in told:
            say(line)

    try:
        fit_spec(load_spec(spec, load_types()), Path(folder), say_news, max_steps=steps)
    except Interrupted as stop:
        return {STOPPED: (stop.signal_number, stop.step)}
    except UserError as error:
        if isinstance(error, Diverged) or isinstance(error.__cause__, exhaustion_errors()):
            return {FAILED: error.lines[0]}
        return {REFUSED: error.lines}
    except Exception as error:
        fault = fault_of_plugin(error)
        if fault is None:
            raise
        return {REFUSED: fault.lines}
    return {DONE: steps}


def _end_with_parent() -> None:
    """Wait until the other end of stdin is closed; then stop as for a signal."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _main() -> None:
    from keras_samplernn.quiet import start_tensorflow

    request = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ["KERAS_BACKEND"] = "tensorflow"
    try:
        start_tensorflow()
        answer = train_here(**request)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    with os.fdopen(int(sys.argv[1]), "wb") as stream:
        stream.write(json.dumps(answer).encode())


if __name__ == "__main__":
    _main()
