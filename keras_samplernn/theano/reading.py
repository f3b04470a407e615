"""A checkpoint of the original, read and checked: before TensorFlow starts, and before anything is written."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_samplernn.errors import UserError
from keras_samplernn.theano.architecture import UNUSED, Architecture
from keras_samplernn.theano.arguments import Arguments
from keras_samplernn.theano.recognition import read_architecture
from keras_samplernn.theano.results import REMEDY, Results, find_results

PUBLISHED = (("FrameLevel",), ("BigFrameLevel", "FrameLevel"))
"""The names of the frame tiers of the original program, slow to fast."""


class Original(NamedTuple):
    """A checkpoint of the original program.

    Attributes:
        files: where it is.
        architecture: its model.
        arrays: by name.
        arguments: its command line; false: that is not known.
    """

    files: Results
    architecture: Architecture
    arrays: dict[str, np.ndarray]
    arguments: Arguments


def read_original(source: Path, say: Callable[[str], None]) -> Original:
    """Read a checkpoint.

    Args:
        source: the checkpoint or a results folder.
        say: called with a line for each choice, and for what is left out or was never tried.

    Raises:
        UserError: one line: it is none, or one that this program has no model for.
    """
    files = find_results(source, say)
    place = str(files.checkpoint)
    arrays = files.read_arrays()
    architecture = read_architecture({name: array.shape for name, array in arrays.items()}, place, REMEDY)
    _check_norms(arrays, place)
    arguments = Arguments(files.read_words(), str(files.arguments))
    arguments.check(architecture)
    if architecture.names not in PUBLISHED:
        say(
            f"{place}: has the frame tiers {', '.join(architecture.names)}, as forks of the original may have; their"
            " order is told by their shapes, and no checkpoint of a fork was there to try this with: listen first"
        )
    if unused := [name for name in arrays if f".{UNUSED}." in name]:
        say(f"{place}: {UNUSED} is left out ({len(unused)} arrays), since it takes no part in sound")
    if any(array.dtype.itemsize > np.dtype("float32").itemsize for array in arrays.values()):
        say(f"{place}: is in float64, and is rounded to float32")
    return Original(files, architecture, arrays, arguments)


def _check_norms(arrays: dict[str, np.ndarray], place: str) -> None:
    """Raise UserError where weight norm would divide by zero, as it would in the original."""
    for name, array in arrays.items():
        if name.removesuffix(".W0") + ".g0" in arrays and f".{UNUSED}." not in name:
            with np.errstate(under="ignore", over="ignore"):
                squares = np.square(array.astype(np.float32, copy=False)).sum(axis=0)
            if not (np.isfinite(squares) & (squares > 0)).all():
                raise UserError(f"{place}: {name} has a column whose norm is 0 or not finite in float32; {REMEDY}")
