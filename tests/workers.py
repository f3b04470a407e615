"""Workers of a training, each a process of its own, that do several jobs one after the other.

    python workers.py JOBS

JOBS is JSON, see `run_workers`. A worker prints a line of JSON for each job: how it ended.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

# Only what hangs takes as long, however many processes share the machine.
HANGS_SECONDS = 300


def run_workers(count: int, jobs: Sequence[dict[str, Any]], folder: Path) -> list[list[dict[str, Any]]]:
    """Let workers do jobs in a folder; return how each job ended on each worker.

    Args:
        count: number of workers.
        jobs: of each `evaluate` with a run; or the `spec`, the `run` and other arguments of `fit`, where `others` has
            arguments of worker 1 alone; the worker `who`, else 1, gets the signal `gets` before the step `at_step`.
        folder: the working folder.
    """
    with contextlib.ExitStack() as taken:
        sockets = [taken.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("localhost", 0))
        addresses = [f"localhost:{each.getsockname()[1]}" for each in sockets]
    processes = []
    for worker in range(count):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": worker}}
        processes.append(start_process(jobs, folder, TF_CONFIG=json.dumps(task)))
    return [ends_of(process) for process in processes]


def start_process(jobs: Sequence[dict[str, Any]], folder: Path, **environment: str) -> subprocess.Popen:
    """Start one process of this file."""
    return subprocess.Popen(
        [sys.executable, __file__, json.dumps(jobs)],
        cwd=folder,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ends_of(process: subprocess.Popen) -> list[dict[str, Any]]:
    """Wait for a process; return what it printed, and what it said on stderr as the last."""
    out, err = process.communicate(timeout=HANGS_SECONDS)
    return [*map(json.loads, out.splitlines()), {"said": err}]


def main() -> None:
    """Do the jobs of the command line."""
    from keras_samplernn.api import start_replicas
    from keras_samplernn.quiet import import_tensorflow

    if devices := int(os.environ.get("DEVICES", "0")):
        import_tensorflow()
        import tensorflow as tf

        (cpu,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * devices)
    replicas = start_replicas("mirrored" if devices else "multiworker")
    for job in json.loads(sys.argv[1]):
        print(json.dumps(end_of(job, replicas)), flush=True)


def end_of(job: dict[str, Any], replicas: Any) -> dict[str, Any]:
    """Do a job; return how it ended."""
    from keras_samplernn.api import train
    from keras_samplernn.errors import UserError
    from keras_samplernn.run import load
    from keras_samplernn.training.interrupt import Interrupted

    if "evaluate" in job:
        return load(Path(job["evaluate"]), "best", "float32", False, replicas).evaluate()
    arguments = {name: value for name, value in job.items() if name not in ("others", "at_step", "gets", "who")}
    if replicas.worker == 1:
        arguments |= job.get("others", {})
    spec, run = arguments.pop("spec"), arguments.pop("run")
    with contextlib.ExitStack() as patched:
        if "at_step" in job and replicas.worker == job.get("who", 1):
            patched.enter_context(_signal_at(job["at_step"], signal.Signals[job["gets"]]))
        try:
            train(spec, run, replicas, **arguments)
        except UserError as error:
            return {"refused": list(error.lines)}
        except Interrupted as stop:
            return {"stopped": [stop.signal_number, stop.step]}
    return {"done": True}


@contextlib.contextmanager
def _signal_at(step: int, number: signal.Signals) -> Iterator[None]:
    """Send this process a signal before it takes a step."""
    from unittest import mock

    from keras_samplernn.training.trainer import Trainer

    taken, take = [], Trainer.step

    def counted(self: Trainer, batch: Any) -> Any:
        taken.append(batch)
        if len(taken) == step:
            os.kill(os.getpid(), number)
        return take(self, batch)

    with mock.patch.object(Trainer, "step", counted):
        yield


if __name__ == "__main__":
    main()
