"""TensorFlow without the lines its native code writes to stderr while it starts."""

import contextlib
import functools
import os
import sys
from collections.abc import Iterator

from keras_samplernn.devices import choose_devices
from keras_samplernn.errors import UserError
from keras_samplernn.nvidia import checked_gpus
from keras_samplernn.xla_flags import checked_flags


@functools.cache
def import_tensorflow(device: str | None = None) -> None:
    """Import TensorFlow, silently, and choose its devices: newer releases write messages that no setting turns off.

    Args:
        device: see `choose_devices`.

    Raises:
        UserError: TensorFlow does not accept the value of XLA_FLAGS or TF_XLA_FLAGS, or a GPU; or there is no such
            device.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with checked_flags(), checked_gpus(), native_stderr_held_back():
        import tensorflow  # noqa: F401
    with native_stderr_held_back():
        choose_devices(device)


@functools.cache
def start_tensorflow(
    threads: int | None = None, device: str | None = None, threads_of_an_operation: int | None = None
) -> None:
    """Import TensorFlow and start its compiler, silently: it writes messages when it first compiles.

    Args:
        threads: number of threads that TensorFlow computes with, within an operation and beside each other; None: as
            many as the machine has cores.
        device: see `choose_devices`.
        threads_of_an_operation: number of threads that one operation uses, if that is another; None: `threads`.

    Raises:
        UserError: TensorFlow does not accept the value of XLA_FLAGS or TF_XLA_FLAGS, or a GPU; or there is no such
            device; or it runs on another number of threads already.
    """
    import_tensorflow(device)
    import tensorflow

    with native_stderr_held_back():
        # It warns where a function is compiled for several shapes, which is meant.
        tensorflow.get_logger().setLevel("ERROR")
        if threads is not None:
            _choose_threads(threads)
        if threads_of_an_operation is not None:
            # If TensorFlow runs already, its threads stay as they are: slower, not wrong.
            with contextlib.suppress(RuntimeError):
                tensorflow.config.threading.set_intra_op_parallelism_threads(threads_of_an_operation)
        tensorflow.function(lambda x: x + 1, jit_compile=True)(tensorflow.zeros(()))


def _choose_threads(threads: int) -> None:
    from tensorflow.config import threading

    try:
        threading.set_intra_op_parallelism_threads(threads)
        threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError:
        raise UserError(
            f"threads = {threads}: TensorFlow runs already, on another number of threads; give the number in the first"
            " call of the program"
        ) from None


@contextlib.contextmanager
def native_stderr_held_back() -> Iterator[None]:
    """Hold back what the block writes to file descriptor 2, and show it if the block fails.

    Where no temporary file can be made, nothing is held back.
    """
    import tempfile  # here, since `--help` answers without it

    sys.stderr.flush()
    with contextlib.ExitStack() as files:
        held_back = None
        with contextlib.suppress(OSError):
            held_back = files.enter_context(tempfile.TemporaryFile())
        if held_back is None:
            yield
            return
        stderr = os.dup(2)
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        except BaseException:
            held_back.seek(0)
            os.write(stderr, held_back.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
