"""Checkpoints: everything a run needs to go on, in a folder that appears whole or not at all.

    checkpoints/step-0000001200[-validated]/
        weights.npz     the model's weights: all that generation reads
        training.npz    optimizer, truncated-BPTT states, random states, metrics
        state.json      plan position, best score, metrics rows
        manifest.json   size and sha256 of each file above

Only arrays and JSON are read, never code: the model is rebuilt from the run's spec. Arrays go by their position,
which the spec determines; Keras' own names differ from process to process.
"""

import dataclasses
import hashlib
import io
import json
import os
import re
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_samplernn.errors import UserError
from keras_samplernn.files import make_folder, sync_folder, writing
from keras_samplernn.model.samplernn import SampleRNN

_NAME = re.compile(r"step-(\d{10})(-validated)?")


class ArraysDoNotFit(UserError):
    """A checkpoint of a model of another shape."""


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """One checkpoint on disk.

    Attributes:
        folder: where it lies.
        step: training steps that it stands after.
        validated: whether the weights were scored after that step, which `state` then tells.
    """

    folder: Path
    step: int
    validated: bool

    def read_state(self) -> dict[str, Any]:
        """Return what `save_checkpoint` was given as `state`."""
        return json.loads(self._read("state.json"))

    def load_weights(self, model: SampleRNN) -> None:
        """Give the model the weights of this checkpoint."""
        self._assign("weights.npz", weights_of(model))

    def load_training(self, model: SampleRNN) -> None:
        """Give optimizer, carried states, random states and metrics their values. The optimizer must be built."""
        self._assign("training.npz", _training_variables(model))

    def _assign(self, name: str, variables: Sequence[keras.Variable]) -> None:
        with np.load(io.BytesIO(self._read(name)), allow_pickle=False) as arrays:
            found = [arrays[key].shape for key in arrays.files]
            wanted = [tuple(variable.shape) for variable in variables]
            if found != wanted:
                raise ArraysDoNotFit(
                    f"{self.folder / name}: its arrays do not have the shapes that the run's spec asks for; the spec"
                    " or the file was changed by hand: restore it, or train anew"
                )
            for key, variable in zip(arrays.files, variables, strict=True):
                variable.assign(arrays[key])

    def _read(self, name: str) -> bytes:
        """Read a file and hold it against the manifest."""
        try:
            manifest = json.loads((self.folder / "manifest.json").read_bytes())
            content = (self.folder / name).read_bytes()
            intact = manifest[name] == _fingerprint(content)
        except OSError as error:
            raise UserError(
                f"{error.filename}: cannot be read ({error.strerror}); restore the file, or delete {self.folder} to"
                " fall back on another checkpoint"
            ) from None
        except (ValueError, KeyError, TypeError):
            raise UserError(
                f"{self.folder / 'manifest.json'}: is damaged; restore the file, or delete {self.folder} to fall back"
                " on another checkpoint"
            ) from None
        if not intact:
            raise UserError(
                f"{self.folder / name}: is damaged, its sha256 is not the manifest's; restore the file, or delete"
                f" {self.folder} to fall back on another checkpoint"
            )
        return content


def save_checkpoint(folder: Path, step: int, validated: bool, model: SampleRNN, state: dict[str, Any]) -> Checkpoint:
    """Write a checkpoint beside its place, force it to the disk and rename it.

    What stands under a name is a function of the name, so that one that is there already is kept.

    Args:
        folder: the run's checkpoints.
        step: training steps done.
        validated: whether `state` tells the score after that step.
        model: compiled, its optimizer built.
        state: JSON-able.
    """
    checkpoint = Checkpoint(folder / f"step-{step:010d}{'-validated' if validated else ''}", step, validated)
    if checkpoint.folder.exists():
        return checkpoint
    make_folder(folder)
    staging = folder / f".{checkpoint.folder.name}.partial"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        with writing(checkpoint.folder):
            _write_files(staging, model, state)
            staging.rename(checkpoint.folder)
            sync_folder(folder)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return checkpoint


def list_checkpoints(folder: Path) -> list[Checkpoint]:
    """Return the checkpoints in a run's folder, oldest first."""
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    matches = [match for name in names if (match := _NAME.fullmatch(name))]
    return [Checkpoint(folder / match[0], int(match[1]), bool(match[2])) for match in matches]


def choose_checkpoint(folder: Path, which: str) -> Checkpoint:
    """Return the newest checkpoint, or the best by validation (the newest where none is best yet).

    Args:
        folder: the run's checkpoints.
        which: "best" or "newest".
    """
    checkpoints = list_checkpoints(folder)
    if not checkpoints:
        raise UserError(f"{folder}: holds no checkpoint yet; train with `fit` first")
    newest = checkpoints[-1]
    if which == "newest":
        return newest
    best_step = newest.read_state()["best_step"]
    return next((each for each in checkpoints if each.validated and each.step == best_step), newest)


def prune_checkpoints(folder: Path, keep: int, best_step: int | None) -> None:
    """Delete all but the `keep` newest checkpoints and the best, and what a broken-off save left."""
    for checkpoint in list_checkpoints(folder)[:-keep]:
        if not (checkpoint.validated and checkpoint.step == best_step):
            shutil.rmtree(checkpoint.folder)
    for leftover in folder.glob(".step-*.partial"):
        shutil.rmtree(leftover)


def weights_of(model: SampleRNN) -> list[keras.Variable]:
    """Return what a checkpoint keeps for generation: every weight, but not the states that training carries."""
    carried = {id(variable) for variable in _carried(model)}
    return [variable for variable in model.weights if id(variable) not in carried]


def _training_variables(model: SampleRNN) -> list[keras.Variable]:
    known = {id(variable) for variable in [*model.weights, *model.metrics_variables]}
    random_states = [variable for variable in model.variables if id(variable) not in known]
    return [*_carried(model), *random_states, *model.optimizer.variables, *model.metrics_variables]


def _carried(model: SampleRNN) -> list[keras.Variable]:
    return [variable for states in model.carried_states for variable in states]


def _write_files(folder: Path, model: SampleRNN, state: dict[str, Any]) -> None:
    """Make a new folder with a checkpoint's files, all of it forced to the disk."""
    folder.mkdir()
    manifest = {
        "weights.npz": _write_arrays(folder / "weights.npz", weights_of(model)),
        "training.npz": _write_arrays(folder / "training.npz", _training_variables(model)),
        "state.json": _write(folder / "state.json", json.dumps(state, indent=1).encode()),
    }
    _write(folder / "manifest.json", json.dumps(manifest, indent=1).encode())
    sync_folder(folder)


def _write_arrays(path: Path, variables: Sequence[keras.Variable]) -> dict[str, Any]:
    """Write variables as an uncompressed npz, entry by entry, so that memory holds one array at a time."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for number, variable in enumerate(variables):
            with archive.open(f"{number:05d}.npy", "w", force_zip64=True) as entry:
                array = np.ascontiguousarray(keras.ops.convert_to_numpy(variable))
                np.lib.format.write_array(entry, array.reshape(variable.shape), allow_pickle=False)
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())
        return _fingerprint(stream.read())


def _write(path: Path, content: bytes) -> dict[str, Any]:
    with path.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    return _fingerprint(content)


def _fingerprint(content: bytes) -> dict[str, Any]:
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
