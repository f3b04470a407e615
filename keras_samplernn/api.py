"""What a program or a notebook calls; everything heavy is imported by the call.

Example:
    >>> import keras_samplernn
    >>> run = keras_samplernn.load_run("runs/rooms")
    >>> wave = run.generate("rain", seconds=2, seed=1, temperature=0.9)
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from keras_samplernn.errors import UserError
from keras_samplernn.progress import say
from keras_samplernn.quiet import start_tensorflow

if TYPE_CHECKING:
    from keras_samplernn.run import Run

BACKENDS, CHECKPOINTS, PRECISIONS = ("tensorflow", "jax"), ("best", "newest"), ("float32", "int8")


def load_run(folder: str | Path, checkpoint: str = "best", precision: str = "float32") -> "Run":
    """Load a run that `fit` made.

    Args:
        folder: the run directory. It may be used while `fit` still writes to it.
        checkpoint: "best" by validation, or "newest".
        precision: of the weights; "int8" generates faster from wide tiers on TensorFlow 2.17, most of all where this
            is the first call of the program.

    Raises:
        UserError: one line for each problem: there is no run, or none of its checkpoints is whole.
    """
    for name, value, values in (("checkpoint", checkpoint, CHECKPOINTS), ("precision", precision, PRECISIONS)):
        if value not in values:
            raise UserError(f'{name} = "{value}" is unknown; give one of {", ".join(values)}')
    # XLA would share each of int8's many small sums out among threads, which costs more than the sum.
    _start(threads=1 if precision == "int8" else None)
    from keras_samplernn.run import load

    return load(Path(folder), checkpoint, precision, say)


def _start(threads: int | None = None) -> None:
    """Start TensorFlow, quietly, and see to it that Keras runs on it, unless the program has chosen JAX already."""
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"
    start_tensorflow(threads)
    import keras

    backend = keras.backend.backend()
    if backend not in BACKENDS:
        raise UserError(
            f"Keras runs on {backend} in this program; keras_samplernn takes {' or '.join(BACKENDS)}: set KERAS_BACKEND"
            " before Keras is imported, or call this first"
        )
