"""Which of the machine's devices TensorFlow uses, chosen before it starts them."""

import contextlib

from keras_samplernn.errors import UserError


def choose_devices(device: str | None) -> None:
    """Let TensorFlow see the devices of a name, and take a GPU's memory as it needs it, so that programs can share one.

    Args:
        device: "cpu"; "gpu", all GPUs there are; "gpu:N", one of them, counted from 0; None: all devices, or those that
            were chosen before.

    Raises:
        UserError: there is no such device, or TensorFlow runs on others already.
    """
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        # Once a GPU is started, or cut into logical devices by the program, its memory stays as it is.
        with contextlib.suppress(RuntimeError, ValueError):
            tf.config.experimental.set_memory_growth(gpu, True)
    if device is None:
        return
    by_name = {"cpu": [], **({"gpu": gpus} if gpus else {}), **{f"gpu:{n}": [gpu] for n, gpu in enumerate(gpus)}}
    if device not in by_name:
        raise UserError(
            f'device = "{device}": TensorFlow sees no such device here; give one of {", ".join(by_name)}'
            if gpus
            else f'device = "{device}": TensorFlow sees no GPU here, only cpu; give cpu, or leave it out'
        )
    try:
        tf.config.set_visible_devices(by_name[device], "GPU")
    except RuntimeError:
        raise UserError(
            f'device = "{device}": TensorFlow runs on other devices already; choose the device in the first call of the'
            " program"
        ) from None
