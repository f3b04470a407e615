"""The environment variables XLA_FLAGS and TF_XLA_FLAGS: a mistake in them ends the process that compiles first.

TensorFlow offers no other way to check them, so a process of its own compiles first. It runs while this one imports
TensorFlow, and only where one of the variables is set.
"""

import contextlib
import os
import re
import sys
from collections.abc import Iterator

from keras_samplernn.errors import UserError

VARIABLES = ("XLA_FLAGS", "TF_XLA_FLAGS")
_COMPILE = "import tensorflow as tf; tf.function(lambda x: x + 1, jit_compile=True)(tf.zeros(()))"


@contextlib.contextmanager
def checked_flags() -> Iterator[None]:
    """Check the variables while the block runs; compile nothing in it.

    Raises:
        UserError: at the end of the block, if TensorFlow does not accept the value of a variable.
    """
    if not any(os.environ.get(variable) for variable in VARIABLES):
        yield
        return
    import subprocess

    # Flags are read alike with and without a GPU, which takes long to start.
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, "-P", "-c", _COMPILE]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        try:
            yield
            _, messages = process.communicate()
        finally:
            process.kill()
    # Whatever else ends that process is no fault of the flags, and ends this one too.
    if process.returncode and (problem := problem_in(messages.decode(errors="replace"))):
        raise UserError(problem)


def problem_in(messages: str) -> str | None:
    """Return what is wrong with a variable, by what TensorFlow wrote before it ended; None where it was not that."""
    if found := re.search(r"Unknown flags? in (\w+): (.*)", messages):
        variable, flags = found[1], ", ".join(found[2].split())
        return f"{variable}: this version of TensorFlow does not know {flags}; correct {variable} or unset it"
    if found := re.search(r'Could not open file "(.*)" to read flags for environment variable "(\w+)"', messages):
        file, variable = found.groups()
        return (
            f'{variable} = "{file}" is neither flags, which begin with --, nor a readable file of flags;'
            f" correct {variable} or unset it"
        )
    if found := re.search(r"Flag parsing failed\.\s*usage: (.*)", messages):
        given = {name: os.environ[name].split() for name in VARIABLES if os.environ.get(name)}
        variable = " or ".join([name for name in given if given[name] == found[1].split()] or given)
        return f"{variable}: TensorFlow cannot read the value of a flag in {found[1]}; correct {variable} or unset it"
    return None
