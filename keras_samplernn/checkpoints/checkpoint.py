"""One checkpoint: a folder of arrays and JSON, never of code; the model is rebuilt from the run's spec.

checkpoints/step-0000001200[-noted|-validated]/
    weights.npz     the model's weights; generation reads no other arrays
    training.npz    truncated-BPTT states, random states, optimizer; beside an average of the weights, the weights
    state.json      position in the plan, best score, rows of metrics.csv
    manifest.json   size and sha256 of each file above
"""

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from keras_samplernn.checkpoints.arrays import Shape, bytes_range, read_arrays, write_arrays
from keras_samplernn.errors import UserError
from keras_samplernn.files import make_folder, open_file, staged_folder, writing

if TYPE_CHECKING:
    import keras

FILES = ("weights.npz", "training.npz", "state.json")
MOST_MANIFEST_BYTES = 4096
# 150,000 rows of metrics.csv for ten classes.
MOST_STATE_BYTES, MOST_STATE_VALUES, MOST_STATE_ROWS = 48_000_000, 3_000_000, 150_000
# At the end of an epoch or of the run, a step may have two checkpoints: one as training left it, and one with the
# figures of the step, NOTED, or VALIDATED if the weights were scored on validation files.
NOTED, VALIDATED = "-noted", "-validated"


class DamagedCheckpoint(UserError):
    """A checkpoint whose files do not agree with its manifest."""


class ArraysDoNotFit(UserError):
    """A checkpoint of a model of another shape, or a file that no run wrote."""


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """One checkpoint on disk.

    Attributes:
        folder: its folder.
        step: training steps that were done when it was written.
    """

    folder: Path
    step: int

    @property
    def validated(self) -> bool:
        """Whether the weights were scored after that step; if so, the state holds the score."""
        return self.folder.name.endswith(VALIDATED)

    def read_state(self) -> dict[str, Any]:
        """Return what `save_checkpoint` was given as `state`."""
        try:
            return state_in(self._read("state.json", MOST_STATE_BYTES))
        except ValueError:
            raise self.foreign("state.json") from None

    def load_weights(self, model: "keras.Model") -> None:
        """Assign the weights of this checkpoint to the model."""
        arrays = self._read_arrays("weights.npz", [Shape.of(variable) for variable in model.weights])
        if not all(np.isfinite(array).all() for array in arrays):
            raise self.foreign("weights.npz")
        for array, variable in zip(arrays, model.weights, strict=True):
            variable.assign(array)

    def read_training(self, *choices: Sequence[Shape]) -> list[np.ndarray]:
        """Return what `save_checkpoint` was given as `training`; `choices` as in `read_arrays`."""
        return self._read_arrays("training.npz", *choices)

    def set_aside(self) -> Path:
        """Rename the folder so that it does not count as a checkpoint and its name is free; return the new path."""
        aside = self.folder.with_name(f"damaged-{self.folder.name}")
        shutil.rmtree(aside, ignore_errors=True)
        with writing(aside):
            self.folder.rename(aside)
        return aside

    def check_fits(self, outline: "keras.Model") -> None:
        """Raise ArraysDoNotFit if the weights cannot be those of a model, with or without values."""
        shapes = [Shape.of(variable) for variable in outline.weights]
        if self._manifest()["weights.npz"]["size"] not in bytes_range(shapes):
            raise self.foreign("weights.npz")

    def digest(self) -> str:
        """Return the sha256 of the manifest, which tells checkpoints of one name apart."""
        return hashlib.sha256(_as_json(self._manifest())).hexdigest()

    @property
    def weights_sha256(self) -> str:
        """The sha256 of `weights.npz`, as the manifest has it."""
        return self._manifest()["weights.npz"]["sha256"]

    def check(self) -> None:
        """Read the files that generation needs; raise DamagedCheckpoint if one is damaged."""
        self.read_state()
        with self._open("weights.npz") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if digest != self._manifest()["weights.npz"]["sha256"]:
            raise self._damaged("weights.npz")

    def foreign(self, name: str) -> ArraysDoNotFit:
        """Return the error of a file that is not damaged but does not belong to this run."""
        return ArraysDoNotFit(
            f"{self.folder / name}: does not fit the run's spec; the spec or the file was changed by"
            " hand: restore it, or train a new run"
        )

    def _read_arrays(self, name: str, *choices: Sequence[Shape]) -> list[np.ndarray]:
        content = self._read(name, max(bytes_range(shapes)[-1] for shapes in choices))
        try:
            return read_arrays(content, *choices)
        except ValueError:
            raise self.foreign(name) from None

    def _manifest(self) -> dict[str, dict[str, Any]]:
        """Return size and sha256 of each file. Every byte of a manifest is determined, so any other byte is damage."""
        path = self.folder / "manifest.json"
        try:
            with open_file(path) as stream:
                content = stream.read(MOST_MANIFEST_BYTES)
            manifest = json.loads(content)
            whole = list(manifest) == list(FILES) and content == _as_json(manifest)
            said = [[(key, type(value)) for key, value in manifest[name].items()] for name in FILES]
            whole = whole and all(each == [("size", int), ("sha256", str)] for each in said)
        except OSError as error:
            raise DamagedCheckpoint(f"{path}: cannot be read ({error.strerror})") from None
        except (ValueError, RecursionError, AttributeError, TypeError, KeyError):
            whole = False
        if not whole:
            raise DamagedCheckpoint(f"{path}: is damaged")
        return manifest

    def _read(self, name: str, most_bytes: int) -> bytes:
        """Read a file and compare it with the manifest.

        Raises:
            ArraysDoNotFit: it has more than `most_bytes`.
            DamagedCheckpoint: it does not agree with the manifest.
        """
        said = self._manifest()[name]
        with self._open(name) as stream:
            if said["size"] > most_bytes:
                raise self.foreign(name)
            content = stream.read()
        if said != {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}:
            raise self._damaged(name)
        return content

    def _open(self, name: str) -> BinaryIO:
        """Open a file if it has the size that is in the manifest."""
        try:
            stream = open_file(self.folder / name)
        except OSError as error:
            raise DamagedCheckpoint(f"{self.folder / name}: cannot be read ({error.strerror})") from None
        if os.fstat(stream.fileno()).st_size != self._manifest()[name]["size"]:
            stream.close()
            raise self._damaged(name)
        return stream

    def _damaged(self, name: str) -> DamagedCheckpoint:
        return DamagedCheckpoint(f"{self.folder / name}: is damaged, its size or sha256 is not the manifest's")


def save_checkpoint(
    folder: Path, step: int, suffix: str, model: "keras.Model", training: Sequence[Any], state: dict[str, Any]
) -> Checkpoint:
    """Write a checkpoint under a hidden name, force it to the disk and rename it.

    The name determines the content, so a checkpoint that exists already is kept.

    Args:
        folder: the folder of the run's checkpoints.
        step: training steps done.
        suffix: NOTED or VALIDATED if `state` holds the figures of the step, else empty.
        model: its weights are written.
        training: variables and tensors that resuming needs besides the weights.
        state: a value that JSON can hold.
    """
    checkpoint = Checkpoint(folder / f"step-{step:010d}{suffix}", step)
    if checkpoint.folder.exists():
        return checkpoint
    make_folder(folder)
    with staged_folder(checkpoint.folder) as staged, writing(checkpoint.folder):
        for name, tensors in (("weights.npz", model.weights), ("training.npz", training)):
            with (staged / name).open("wb") as stream:
                write_arrays(stream, tensors)
        (staged / "state.json").write_bytes(_as_json(state))
        _write_manifest(staged)
    return checkpoint


def save_weights(folder: Path, name: str, weights: bytes, state: bytes) -> None:
    """Write a checkpoint that has weights and figures, and nothing that training could go on with.

    Args:
        folder: the folder of the run's checkpoints, which nobody reads yet.
        name: of the checkpoint.
        weights: the bytes of `weights.npz`.
        state: the bytes of `state.json`.
    """
    make_folder(folder / name)
    for file, content in (("weights.npz", weights), ("state.json", state)):
        (folder / name / file).write_bytes(content)
    with (folder / name / "training.npz").open("wb") as stream:
        write_arrays(stream, ())
    _write_manifest(folder / name)


def state_in(content: bytes) -> dict[str, Any]:
    """Return what the bytes of a `state.json` hold; ValueError if they are anything else."""
    # Python objects take many times the memory of their text.
    values, objects = sum(map(content.count, (b",", b"[", b"{"))), content.count(b"{")
    if values > MOST_STATE_VALUES or objects > MOST_STATE_ROWS + 1:
        raise ValueError(f"a state of {values:,} values")
    try:
        state = json.loads(content)
    except RecursionError:
        raise ValueError("lists within lists without end") from None
    if not isinstance(state, dict):
        raise ValueError("a state that is no object")
    return state


def _write_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(_as_json({name: _fingerprint(folder / name) for name in FILES}))


def _as_json(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()


def _fingerprint(path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        return {"size": path.stat().st_size, "sha256": hashlib.file_digest(stream, "sha256").hexdigest()}
