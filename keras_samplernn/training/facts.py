"""What is worth knowing of a training besides its spec: the model's size, the devices and the versions."""

from collections import Counter

import tensorflow as tf

from keras_samplernn.machine import usable_cores
from keras_samplernn.model.memory import weights_in
from keras_samplernn.run_folder import environment
from keras_samplernn.training.trainer import Trainer


def facts_of(trainer: Trainer) -> dict[str, str]:
    """Return facts by what they are, as TensorBoard shows them."""
    replicas = trainer.replicas
    shared = f", {replicas.count} replicas on {replicas.workers} hosts" if replicas.count > 1 else ""
    return {"parameters": f"{weights_in(trainer.result):,}", "devices": _devices() + shared, **environment()}


def _devices() -> str:
    """Return the names of the devices of this host that TensorFlow uses."""
    gpus = [tf.config.experimental.get_device_details(each) for each in tf.config.get_visible_devices("GPU")]
    counts = Counter(each.get("device_name", "GPU") for each in gpus)
    return ", ".join(f"{count} x {name}" for name, count in counts.items()) or f"CPU, {usable_cores()} cores"
