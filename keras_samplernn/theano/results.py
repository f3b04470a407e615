"""The files of the original program: which checkpoint of a results folder, and the command line that made it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_samplernn.errors import UserError
from keras_samplernn.machine import machine_bytes
from keras_samplernn.theano.stand_ins import text_of
from keras_samplernn.theano.unpickler import read_pickle

# Two files that lie beside checkpoints and hold none.
ARGUMENTS, LOG = "args.pkl", "train_log.pkl"
REMEDY = "give a checkpoint as the original program writes it, params_*.pkl, or its results folder"
_NAME = re.compile(r"params_e(\d+)_i(?P<steps>\d{1,10})_t[\d.]+_tr[\d.a-z]+_v(?P<bits>\d+\.\d+)(_best)?")
_MOST_ARGUMENTS_BYTES, _MOST_WORDS, _MOST_SHOWN = 100_000, 200, 5


class Results(NamedTuple):
    """The files of a checkpoint.

    Attributes:
        checkpoint: a pickle of arrays by name.
        arguments: the pickled command line; None: there is none.
    """

    checkpoint: Path
    arguments: Path | None

    @property
    def steps(self) -> int:
        """Training steps that the name of the checkpoint tells; 0: it tells none."""
        match = _NAME.fullmatch(self.checkpoint.stem)
        return int(match["steps"]) if match else 0

    def read_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays of the checkpoint by name, float32 or float64, read-only.

        Raises:
            UserError: one line: it is no such checkpoint, or too large, or not finite.
        """
        size = self.checkpoint.stat().st_size
        if size > machine_bytes() // 3:
            raise UserError(
                f"{self.checkpoint}: has {size / 1e9:,.1f} GB, and this machine or its container has"
                f" {machine_bytes() / 1e9:,.1f} GB of memory; import it on a machine with three times its size"
            )
        arrays = read_pickle(self.checkpoint, REMEDY)
        if not isinstance(arrays, dict) or not arrays:
            raise UserError(f"{self.checkpoint}: holds no arrays by name; {REMEDY}")
        for name, array in arrays.items():
            with np.errstate(over="ignore"):
                finite = np.isfinite(array.astype(np.float32, copy=False)).all()
            if not finite:
                raise UserError(
                    f"{self.checkpoint}: {name} is not finite in float32, so its training ran away; give an earlier"
                    " checkpoint"
                )
        return arrays

    def read_words(self) -> list[str]:
        """Return the command line, word by word; none if it is not known.

        Raises:
            UserError: one line: the file is no command line.
        """
        if self.arguments is None:
            return []
        remedy = "move it away, and give --q-type, --seq-len and --batch-size"
        if self.arguments.stat().st_size > _MOST_ARGUMENTS_BYTES:
            raise UserError(f"{self.arguments}: has more than {_MOST_ARGUMENTS_BYTES // 1000} kB; {remedy}")
        words = read_pickle(self.arguments, remedy)
        texts = [text_of(word) for word in words] if isinstance(words, list) else [None]
        if None in texts or len(texts) > _MOST_WORDS:
            raise UserError(f"{self.arguments}: is not the list of words of a command line; {remedy}")
        return texts


def find_results(source: Path, say: Callable[[str], None]) -> Results:
    """Return the files that a user means by a path.

    Args:
        source: a checkpoint, or a results folder, of which the checkpoint with the lowest validation loss is taken.
        say: called with the choice, if there is one.

    Raises:
        UserError: one line: there is no checkpoint, or it is not clear which.
    """
    if source.is_dir():
        checkpoint = _choose(source, say)
    elif source.is_file():
        checkpoint = source
    else:
        fault = "is not a file" if source.exists() else "does not exist"
        raise UserError(f"{source}: {fault}; {REMEDY}")
    folder = checkpoint.parent
    places = [folder / f"{checkpoint.stem}.{ARGUMENTS}", folder / ARGUMENTS]
    if folder.absolute().name in ("params", "best"):
        places.append(folder.absolute().parent / ARGUMENTS)
    return Results(checkpoint, next((place for place in places if place.is_file()), None))


def _choose(folder: Path, say: Callable[[str], None]) -> Path:
    """Return the checkpoint of a results folder, or of its folder `params`, with the lowest validation loss."""
    found = _checkpoints_in(folder / "params") or _checkpoints_in(folder)
    if not found:
        raise UserError(f"{folder}: holds no checkpoint, neither itself nor in params; {REMEDY}")
    named = [
        (float(match["bits"]), -int(match["steps"]), path) for path in found if (match := _NAME.fullmatch(path.stem))
    ]
    if len(found) == 1:
        return found[0]
    if not named:
        names = ", ".join(path.name for path in found[:_MOST_SHOWN])
        raise UserError(f"{folder}: holds {len(found)} files, {names}, whose names tell no loss; give one of them")
    bits, _, best = min(named)
    say(f"{best}: is taken of {len(found)} checkpoints, with the lowest validation loss, {bits:g} bits")
    return best


def _checkpoints_in(folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.pkl")) if folder.is_dir() else []
    return [path for path in files if path.is_file() and not path.name.endswith((ARGUMENTS, LOG))]
