"""Checkpoints: everything a run needs to go on, in a folder that appears whole or not at all.

    checkpoints/step-0000001200[-noted|-validated]/
        weights.npz     the model's weights: all that generation reads
        training.npz    optimizer, truncated-BPTT states, random states, metrics
        state.json      plan position, best score, metrics rows
        manifest.json   size and sha256 of each file above

Only arrays and JSON are read, never code: the model is rebuilt from the run's spec. Arrays go by their position,
which the spec determines; Keras' own names differ from process to process.
"""

import contextlib
import dataclasses
import hashlib
import io
import json
import math
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import keras
import numpy as np

from keras_samplernn.errors import UserError
from keras_samplernn.files import make_folder, open_file, partial_of, sync_folder, writing
from keras_samplernn.model.samplernn import SampleRNN

FILES = ("weights.npz", "training.npz", "state.json")
MOST_MANIFEST_BYTES = 4096
# 150,000 rows of metrics.csv for ten classes.
MOST_STATE_BYTES, MOST_STATE_VALUES, MOST_STATE_ROWS = 48_000_000, 3_000_000, 150_000
# Of an entry of an npz, beside the array.
MOST_ENTRY_BYTES = 1024
# A step may have two checkpoints: as training left it, and with its figures noted, where an epoch or the run ends. Then
# its weights were scored too, where there are validation files.
NOTED, VALIDATED = "-noted", "-validated"
_NAME = re.compile(rf"step-(\d{{10}})({NOTED}|{VALIDATED})?")


class DamagedCheckpoint(UserError):
    """A checkpoint that is not what was written, as its manifest shows."""


class ArraysDoNotFit(UserError):
    """A checkpoint of a model of another shape, or one that no run wrote."""


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """One checkpoint on disk.

    Attributes:
        folder: where it lies.
        step: training steps that it stands after.
    """

    folder: Path
    step: int

    @property
    def validated(self) -> bool:
        """Whether the weights were scored after that step, which the state then tells."""
        return self.folder.name.endswith(VALIDATED)

    def read_state(self) -> dict[str, Any]:
        """Return what `save_checkpoint` was given as `state`."""
        content = self._read("state.json", MOST_STATE_BYTES)
        # Python's objects take many times the bytes of their text.
        values, objects = sum(map(content.count, (b",", b"[", b"{"))), content.count(b"{")
        if values > MOST_STATE_VALUES or objects > MOST_STATE_ROWS + 1:
            raise self.foreign("state.json")
        with contextlib.suppress(ValueError, RecursionError):
            if isinstance(state := json.loads(content), dict):
                return state
        raise self.foreign("state.json")

    def load_weights(self, model: SampleRNN) -> None:
        """Give the model the weights of this checkpoint."""
        self._assign("weights.npz", weights_of(model), finite=True)

    def load_training(self, model: SampleRNN) -> None:
        """Give optimizer, carried states, random states and metrics their values. The optimizer must be built."""
        self._assign("training.npz", _training_variables(model))

    def set_aside(self) -> Path:
        """Rename the folder, so that it is no checkpoint any more and its name is free; return the new name."""
        aside = self.folder.with_name(f"damaged-{self.folder.name}")
        shutil.rmtree(aside, ignore_errors=True)
        with writing(aside):
            self.folder.rename(aside)
        return aside

    def check_fits(self, outline: SampleRNN) -> None:
        """Raise ArraysDoNotFit where the weights cannot be those of a model, which may be without values yet."""
        shapes = _shapes(weights_of(outline))
        least_bytes = sum(_array_bytes(*each) for each in shapes)
        if not least_bytes <= self._manifest()["weights.npz"]["size"] <= _most_bytes(shapes):
            raise self.foreign("weights.npz")

    def check(self) -> None:
        """Read what generation needs; raise DamagedCheckpoint where it is not whole."""
        self.read_state()
        with self._open("weights.npz") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if digest != self._manifest()["weights.npz"]["sha256"]:
            raise self._damaged("weights.npz")

    def foreign(self, name: str) -> ArraysDoNotFit:
        """Return the error of a file that is whole and yet not of this run."""
        return ArraysDoNotFit(
            f"{self.folder / name}: does not hold what the run's spec asks for; the spec or the file was changed by"
            " hand: restore it, or train anew"
        )

    def _assign(self, name: str, variables: Sequence[keras.Variable], finite: bool = False) -> None:
        wanted = _shapes(variables)
        content = self._read(name, _most_bytes(wanted))
        try:
            arrays = list(_arrays_of(content, wanted))
            if finite and not all(np.isfinite(array).all() for array in arrays):
                raise ValueError("no training ends with numbers that are none")
        except (ValueError, ArithmeticError, zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError):
            raise self.foreign(name) from None
        # All of them are known to be good before the first is used.
        for array, variable in zip(arrays, variables, strict=True):
            variable.assign(array)

    def _manifest(self) -> dict[str, dict[str, Any]]:
        """Return size and sha256 of each file. A manifest is written in one way only: any other byte is damage."""
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
        """Read a file that is what the manifest says.

        Raises:
            ArraysDoNotFit: it has more than `most_bytes`.
            DamagedCheckpoint: it is not what the manifest says.
        """
        said = self._manifest()[name]
        with self._open(name) as stream:
            if said["size"] > most_bytes:
                raise self.foreign(name)
            content = stream.read()
        if said != _fingerprint(content):
            raise self._damaged(name)
        return content

    def _open(self, name: str) -> BinaryIO:
        """Open a file that has the size that the manifest says."""
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


def save_checkpoint(folder: Path, step: int, suffix: str, model: SampleRNN, state: dict[str, Any]) -> Checkpoint:
    """Write a checkpoint beside its place, force it to the disk and rename it.

    What stands under a name is a function of the name, so that one that is there already is kept.

    Args:
        folder: the run's checkpoints.
        step: training steps done.
        suffix: NOTED or VALIDATED where `state` tells the step's figures, else nothing.
        model: compiled, its optimizer built.
        state: JSON-able.
    """
    checkpoint = Checkpoint(folder / f"step-{step:010d}{suffix}", step)
    if checkpoint.folder.exists():
        return checkpoint
    make_folder(folder)
    staging = partial_of(checkpoint.folder)
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
    return [Checkpoint(folder / match[0], int(match[1])) for match in matches]


def choose_checkpoint(folder: Path, which: str, model: SampleRNN, say: Callable[[str], None]) -> Checkpoint:
    """Return the newest checkpoint that is whole, or the best by validation (the newest where none is best yet).

    Args:
        folder: the run's checkpoints.
        which: "best" or "newest".
        model: that the weights are for; an outline will do.
        say: takes a line for each damaged checkpoint that was passed over.

    Raises:
        UserError: there is no checkpoint, none is whole, or one is of another model.
    """
    checkpoints = list_checkpoints(folder)
    if not checkpoints:
        raise UserError(f"{folder}: holds no checkpoint yet; train with `fit` first")
    damage: list[DamagedCheckpoint] = []
    newest = next((each for each in reversed(checkpoints) if _is_whole(each, model, damage)), None)
    if newest is None:
        if damage:
            raise all_damaged(damage)
        return choose_checkpoint(folder, which, model, say)  # a fit has replaced them all meanwhile
    try:
        best_step = newest.read_state().get("best_step") if which == "best" else None
    except DamagedCheckpoint:
        return choose_checkpoint(folder, which, model, say)  # it was whole a moment ago
    best = (each for each in checkpoints if each.validated and each.step == best_step)
    chosen = next((each for each in best if _is_whole(each, model, damage)), newest)
    for error in damage:
        say(f"{error}; {chosen.folder.name} is used")
    return chosen


def _is_whole(checkpoint: Checkpoint, model: SampleRNN, damage: list[DamagedCheckpoint]) -> bool:
    try:
        checkpoint.check_fits(model)
        checkpoint.check()
    except DamagedCheckpoint as error:
        if checkpoint.folder.exists():
            damage.append(error)
        return False
    return True


def load_chosen(chosen: Checkpoint, which: str, model: SampleRNN, say: Callable[[str], None]) -> Checkpoint:
    """Give a model the weights of a chosen checkpoint; of the next choice, where a fit has deleted it meanwhile.

    Args:
        chosen: what `choose_checkpoint` returned.
        which, say: its arguments.
        model: with values.

    Returns:
        The checkpoint that was loaded.
    """
    while True:
        try:
            chosen.load_weights(model)
        except DamagedCheckpoint:
            if chosen.folder.exists():
                raise
            chosen = choose_checkpoint(chosen.folder.parent, which, model, say)
        else:
            return chosen


def all_damaged(damage: Iterable[DamagedCheckpoint]) -> UserError:
    """Return the error of a run of which no checkpoint is whole."""
    return UserError(
        *(f"{error}; restore the file from a copy, or begin anew with `fit --restart`" for error in damage)
    )


def prune_checkpoints(folder: Path, keep: int, best_step: int | None) -> None:
    """Delete all but the `keep` newest checkpoints and the best, and what a broken-off save left."""
    with writing(folder):
        for leftover in folder.glob(".step-*.partial"):
            _delete(leftover)
        for checkpoint in list_checkpoints(folder)[:-keep]:
            if not (checkpoint.validated and checkpoint.step == best_step):
                # Under its own name there is only ever a whole one.
                _delete(checkpoint.folder.rename(partial_of(checkpoint.folder)))


def _delete(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


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
        "state.json": _write(folder / "state.json", _as_json(state)),
    }
    _write(folder / "manifest.json", _as_json(manifest))
    sync_folder(folder)


def _write_arrays(path: Path, variables: Sequence[keras.Variable]) -> dict[str, Any]:
    """Write variables as an uncompressed npz, entry by entry, so that memory holds one array at a time."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for number, variable in enumerate(variables):
            with archive.open(_entry(number), "w", force_zip64=True) as entry:
                array = np.ascontiguousarray(keras.ops.convert_to_numpy(variable))
                np.lib.format.write_array(entry, array.reshape(variable.shape), allow_pickle=False)
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())
        return _fingerprint(stream.read())


def _arrays_of(content: bytes, wanted: Sequence[tuple[tuple[int, ...], np.dtype]]) -> Iterator[np.ndarray]:
    """Yield the arrays of an npz, in order; ValueError where they are not those wanted, before anything is unpacked."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        if len(entries) != len(wanted):
            raise ValueError(f"{len(entries)} arrays, not {len(wanted)}")
        for number, (entry, (shape, dtype)) in enumerate(zip(entries, wanted, strict=True)):
            size = _array_bytes(shape, dtype)
            stored = entry.compress_type == zipfile.ZIP_STORED and entry.file_size == entry.compress_size
            if entry.filename != _entry(number) or not stored or entry.file_size > size + MOST_ENTRY_BYTES:
                raise ValueError(f"{entry.filename} is no array of {size} bytes")
            data = archive.read(entry)
            # NumPy's format 1.0. Its own reader parses the header as Python, and fails in as many ways.
            begin = 10 + int.from_bytes(data[8:10], "little")
            header = f"{{'descr': '{dtype.str}', 'fortran_order': False, 'shape': {shape}, }}".encode()
            if data[:8] != b"\x93NUMPY\x01\x00" or data[10:begin].rstrip() != header or len(data) != begin + size:
                raise ValueError(f"{entry.filename} is no array of {dtype} and shape {shape}")
            yield np.frombuffer(data, dtype, offset=begin).reshape(shape)


def _shapes(variables: Sequence[keras.Variable]) -> list[tuple[tuple[int, ...], np.dtype]]:
    return [(tuple(variable.shape), np.dtype(variable.dtype)) for variable in variables]


def _most_bytes(shapes: Sequence[tuple[tuple[int, ...], np.dtype]]) -> int:
    """Return the most that an npz of such arrays takes."""
    return sum(_array_bytes(*each) + MOST_ENTRY_BYTES for each in shapes) + MOST_ENTRY_BYTES


def _entry(number: int) -> str:
    return f"{number:05d}.npy"


def _array_bytes(shape: tuple[int, ...], dtype: np.dtype) -> int:
    return math.prod(shape) * dtype.itemsize


def _as_json(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()


def _write(path: Path, content: bytes) -> dict[str, Any]:
    with path.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    return _fingerprint(content)


def _fingerprint(content: bytes) -> dict[str, Any]:
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
