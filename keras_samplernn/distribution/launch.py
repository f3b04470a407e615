"""From `--strategy` and what is there, GPUs and the variable TF_CONFIG, to replicas."""

import json
import os
from typing import Any

import tensorflow as tf

from keras_samplernn.distribution.replicas import Replicas
from keras_samplernn.errors import UserError
from keras_samplernn.quiet import native_stderr_held_back

VARIABLE = "TF_CONFIG"
_EXAMPLE = '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'


def launch(strategy: str) -> Replicas:
    """Return the replicas that a training runs on; call it before TensorFlow computes anything.

    Args:
        strategy: "single": one replica. "mirrored": one on each GPU of this host, or on each of its logical CPU devices
            if a program has made several. "multiworker": one on each worker that TF_CONFIG names. "auto": multiworker
            where TF_CONFIG names several workers, mirrored where there are several GPUs, else single.

    Raises:
        UserError: TF_CONFIG is missing or cannot be read, there is one device only, or this worker has several GPUs.
    """
    workers, worker = _cluster() if strategy in ("auto", "multiworker") else (None, 0)
    if strategy == "auto":
        several = "mirrored" if len(tf.config.get_visible_devices("GPU")) > 1 else "single"
        strategy = "multiworker" if workers and workers > 1 else several
    if strategy == "single":
        return Replicas()
    return _mirrored() if strategy == "mirrored" else _multiworker(workers, worker)


def check_batch(replicas: Replicas, batch_size: int, name: str) -> None:
    """Raise UserError if the rows of a batch cannot be shared out evenly among replicas; `name` is of the spec."""
    count = replicas.count
    if batch_size % count:
        below, above = batch_size // count * count, -(-batch_size // count) * count
        nearest = f"{below} or {above}" if below else f"{above}"
        raise UserError(
            f"{name}: training.batch_size = {batch_size} does not divide by {count} replicas, each of which owns whole"
            f" rows; the nearest sizes are {nearest}, or train on fewer devices (--strategy single)"
        )


def _mirrored() -> Replicas:
    # This starts the devices, after which the number of threads is fixed: so it is not asked where it is not needed.
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) < 2:
        raise UserError("--strategy mirrored: this host shows one device only; give --strategy single, or leave it out")
    return Replicas(tf.distribute.MirroredStrategy([device.name for device in devices]))


def _multiworker(workers: int | None, worker: int) -> Replicas:
    if workers is None:
        raise UserError(
            f"--strategy multiworker: {VARIABLE} is not set; set it on each worker as in docs/scaling.md, {_EXAMPLE}"
        )
    if len(gpus := tf.config.get_visible_devices("GPU")) > 1:
        raise UserError(
            f"{VARIABLE}: worker {worker} shows {len(gpus)} GPUs, and a worker has one; start one worker for each, with"
            " CUDA_VISIBLE_DEVICES=0, 1 and so on"
        )
    # What is held back would be shown if an error left the block; a line says it all.
    with native_stderr_held_back():
        try:
            return Replicas(tf.distribute.MultiWorkerMirroredStrategy(), workers, worker)
        except (tf.errors.OpError, RuntimeError, ValueError) as error:
            reason = str(error).strip().partition("\n")[0].rstrip(".")
    if "program startup" in reason:
        raise UserError(
            "--strategy multiworker: TensorFlow has computed something in this program already; call `fit` first, or"
            " use the command"
        )
    raise UserError(f"{VARIABLE}: {reason}; correct the addresses of the workers")


def _cluster() -> tuple[int | None, int]:
    """Return how many workers TF_CONFIG names, None where it is not set, and the number of this one."""
    content = os.environ.get(VARIABLE)
    if not content:
        return None, 0
    try:
        names = _names(json.loads(content))
        task = json.loads(content)["task"]
        return len(names), names.index((task["type"], int(task["index"])))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(
            f"{VARIABLE} = {content:.200}: is not the JSON of a cluster of workers and of this task; set it as in"
            f" {_EXAMPLE}, or unset it"
        ) from None


def _names(config: dict[str, Any]) -> list[tuple[str, int]]:
    """Return type and index of each worker, the chief first; ValueError for a cluster that has other tasks."""
    cluster = config["cluster"]
    if not cluster.keys() <= {"chief", "worker"} or len(cluster.get("chief", [])) > 1:
        raise ValueError("has other tasks than one chief and workers")
    return [(kind, index) for kind in ("chief", "worker") for index, _ in enumerate(cluster.get(kind, ()))]
