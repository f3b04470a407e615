"""Whether TensorFlow's operations give the same bits each time."""

from tensorflow.python.framework import config

from keras_samplernn.backend import cpu_alone


def choose_determinism(deterministic: bool | None) -> None:
    """Turn deterministic operations on or off, for all that is traced from now on.

    Args:
        deterministic: as in a spec; None: on a CPU alone, where they cost next to nothing.
    """
    if cpu_alone() if deterministic is None else deterministic:
        config.enable_op_determinism()
    else:
        config.disable_op_determinism()  # in no public module
