"""The run directory: all that a training leaves behind, and all that generation needs."""

import contextlib
import dataclasses
import fcntl
import importlib.metadata
import platform
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from keras_samplernn import __version__
from keras_samplernn.errors import UserError
from keras_samplernn.files import replace_file, replace_json
from keras_samplernn.spec import Spec, differences, load_spec

RUNS = Path("runs")


@dataclasses.dataclass(frozen=True)
class Run:
    """A run directory: `spec.json`, `environment.json`, `data_manifest.json`, `metrics.csv` and the folders below.

    Attributes:
        folder: where it lies. It may be moved to another machine.
        spec: its spec, validated.
    """

    folder: Path
    spec: Spec

    @property
    def checkpoints_folder(self) -> Path:
        """Weights, and all that resuming needs."""
        return self.folder / "checkpoints"

    @property
    def logs_folder(self) -> Path:
        """TensorBoard's event files."""
        return self.folder / "logs"

    @property
    def samples_folder(self) -> Path:
        """Sounds generated while training."""
        return self.folder / "samples"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second `fit` out. The lock of a process that died is gone with it."""
        with (self.folder / ".lock").open("w") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UserError(
                    f"{self.folder}: another fit trains this run; wait for it, stop it, or give --run another folder"
                ) from None
            yield


def open_run(folder: Path, tier_types: Mapping[str, type]) -> Run:
    """Open an existing run directory.

    Raises:
        UserError: it is none, or its spec is not valid here.
    """
    if not (folder / "spec.json").is_file():
        raise UserError(f"{folder}: is no run directory, it holds no spec.json; give a folder that `fit` made")
    return Run(folder, load_spec(folder / "spec.json", tier_types))


def open_or_create_run(folder: Path, spec: Spec, tier_types: Mapping[str, type]) -> Run:
    """Open the run of a spec, or begin it; what may change between two calls takes its new value.

    Raises:
        UserError: the folder holds something else, or a run of another spec.
    """
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / "spec.json").is_file())):
        raise UserError(f"{folder}: exists and is no run directory; give --run another folder")
    if (folder / "spec.json").is_file():
        changed = differences(open_run(folder, tier_types).spec, spec)
        if changed:
            remedy = "restore the spec, give --run another folder, or begin anew with --restart (the old run is kept)"
            raise UserError(*(f"{folder}: was begun with another spec: {change}; {remedy}" for change in changed))
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / "spec.json", spec.to_json().encode())
    replace_json(folder / "environment.json", environment())
    return Run(folder, spec)


def set_aside(folder: Path) -> Path:
    """Rename an old run, so that a new one can take its place; nothing is deleted."""
    aside = folder.with_name(f"{folder.name}.{time.strftime('%Y%m%d-%H%M%S')}")
    number = 1
    while aside.exists():
        number += 1
        aside = folder.with_name(f"{folder.name}.{time.strftime('%Y%m%d-%H%M%S')}-{number}")
    shutil.move(folder, aside)
    return aside


def newest_run(root: Path = RUNS) -> Path:
    """Return the run under `root` that was trained last."""
    runs = [path.parent for path in root.glob("*/spec.json")]
    if not runs:
        raise UserError(f"{root.absolute()}: holds no run; train with `fit` first, or give a run directory")
    return max(
        runs, key=lambda run: max(path.stat().st_mtime for path in (run / "spec.json", *run.glob("checkpoints")))
    )


def environment() -> dict[str, str]:
    """Return the versions that a result depends on."""
    packages = ("tensorflow", "keras", "tensorflow-io", "numpy", "soundfile", "soxr")
    versions = {"keras-samplernn": __version__, "python": platform.python_version(), "machine": platform.machine()}
    for package in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return versions
