"""The run directory: everything that training writes, and everything that generation needs."""

import contextlib
import dataclasses
import fcntl
import importlib.metadata
import os
import platform
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from keras_samplernn import __version__
from keras_samplernn.errors import UserError
from keras_samplernn.files import make_folder, named, open_file, replace_file, replace_json, writing
from keras_samplernn.model.registry import load_types
from keras_samplernn.spec import DATA_PATHS, OF_WEIGHTS, Spec, differences, load_spec

RUNS = Path("runs")
LongestSpans = dict[str, dict[str, float]]
"""For each stream of classes the length in seconds of the longest span of each class that occurs, by its name."""
LONGEST_SPANS, _MOST_BYTES = "longest_spans.json", 10_000_000
_SPANS = TypeAdapter(LongestSpans)
CLASS_COLUMN = "validation_bits_"
"""What the columns of metrics.csv with the bits of a class begin with."""
BUNDLE = "bundle.json"
"""What tells that a run came out of a bundle, without what going on with its training needs."""
_PACKAGES = ("tensorflow", "keras", "tensorflow-io", "numpy", "soundfile", "soxr")
VERSIONS = ("keras-samplernn", "python", "machine", *_PACKAGES)
"""What environment.json tells the versions of."""


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """A run directory: `spec.json`, `environment.json`, `data_manifest.json`, `metrics.csv` and the folders below.

    `longest_spans.json` has the length in seconds of the longest span of each class in training, and `origin.json` the
    weights that it began with, if these are of another run. A run that came out of a bundle has a `bundle.json` too.

    Attributes:
        folder: its path. It may be moved to another machine.
        spec: its spec, validated.
    """

    folder: Path
    spec: Spec

    @property
    def checkpoints_folder(self) -> Path:
        """Weights, and everything that resuming needs."""
        return self.folder / "checkpoints"

    @property
    def logs_folder(self) -> Path:
        """TensorBoard's event files."""
        return self.folder / "logs"

    @property
    def samples_folder(self) -> Path:
        """Sounds generated during training."""
        return self.folder / "samples"

    @property
    def metrics_file(self) -> Path:
        """One row of figures for each validation."""
        return self.folder / "metrics.csv"

    @property
    def is_unbundled(self) -> bool:
        """Whether it came out of a bundle: it has one checkpoint, which has the weights alone."""
        return (self.folder / BUNDLE).is_file()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder if it is missing, and lock it; the system releases the lock when the process ends."""
        make_folder(self.folder)
        self._refuse_foreign_entries()
        lock = self.folder / ".lock"
        with writing(self.folder):
            stream = lock.open("a")
        with stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Meanwhile, the --restart of another `fit` may have moved the folder with the locked file away.
                if not os.path.samestat(os.fstat(stream.fileno()), lock.stat()):
                    raise BlockingIOError
            except (BlockingIOError, FileNotFoundError):
                raise UserError(
                    f"{self.folder}: another fit is training this run; wait for it, stop it, or give --run another"
                    " folder"
                ) from None
            except OSError as error:  # some network file systems have no locks
                raise UserError(
                    f"{self.folder}: cannot be locked ({error.strerror}); give --run a folder on another file system"
                ) from None
            yield

    def _refuse_foreign_entries(self) -> None:
        """Raise UserError for each link, pipe or device in the folder: a run writes into its own folder only."""
        problems = []
        for folder, folders, files in os.walk(self.folder):
            for path in (Path(folder, name) for name in [*folders, *files]):
                if path.is_symlink():
                    problems.append(
                        f"{path}: is a link; a run writes into its own folder only: put the file itself there"
                    )
                elif not (path.is_file() or path.is_dir()):
                    problems.append(f"{path}: is neither a file nor a folder; remove it")
        if problems:
            raise UserError(*problems)

    def record(self, data_manifest: dict[str, Any], longest_spans: LongestSpans) -> None:
        """Write the spec, the versions, the manifest of the corpora, and the longest spans of training."""
        replace_file(self.folder / "spec.json", self.spec.to_json().encode())
        replace_json(self.folder / "environment.json", environment())
        replace_json(self.folder / "data_manifest.json", data_manifest)
        replace_json(self.folder / LONGEST_SPANS, longest_spans)

    def longest_spans(self) -> LongestSpans:
        """Return the longest spans of training; empty if the run has no record of them, or one that is not whole."""
        path = self.folder / LONGEST_SPANS
        try:
            if path.is_symlink() or not path.is_file() or path.stat().st_size > _MOST_BYTES:
                return {}
            return _SPANS.validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return {}

    def set_aside(self) -> Path:
        """Rename the folder so that a new run can have its name; nothing is deleted."""
        folder = named(self.folder)
        aside = aside_of(folder)
        with self.locked(), writing(aside):
            folder.rename(aside)
        return aside


def aside_of(folder: Path) -> Path:
    """Return the name under which a folder, whose path has a name, is kept so that a new one can have its own."""
    name = f"{folder.name}.{time.strftime('%Y%m%d-%H%M%S')}"
    aside, number = folder.with_name(name), 1
    while aside.exists():
        number += 1
        aside = folder.with_name(f"{name}-{number}")
    return aside


def open_run(folder: Path) -> RunFolder:
    """Open an existing run directory; its tiers must be installed.

    Raises:
        UserError: it is not a run directory, or its spec is not valid with the installed tiers.
    """
    if not (folder / "spec.json").is_file():
        raise UserError(f"{folder}: is not a run directory, it holds no spec.json; give a folder that `fit` made")
    return RunFolder(folder, load_spec(folder / "spec.json", load_types()))


def check_run_folder(folder: Path, spec: Spec, restart: bool) -> None:
    """Check, before anything is written, that a folder can be the run directory of a spec.

    Args:
        folder: the run directory, old or new.
        spec: validated.
        restart: an old run will be moved aside, so its spec may differ.

    Raises:
        UserError: the folder holds something else or a run of another spec, or is inside a folder of the spec's sounds.
    """
    refuse_inside_corpora(folder, spec, "--run")
    if (folder / "spec.json").is_file():
        if (folder / BUNDLE).is_file() and not restart:
            raise UserError(
                f"{folder}: came out of a bundle, without the state of its optimizer, and cannot go on; start another"
                f" run with its weights: give --run another folder, and --init-from {shlex.quote(str(folder))}"
            )
        changed = [] if restart else differences(open_run(folder).spec, spec)
        if changed:
            weights = f", and with --init-from {shlex.quote(str(folder))} if it is to begin with these weights"
            if any(change.startswith(OF_WEIGHTS) for change in changed):
                weights = ""
            remedy = (
                f"restore the spec, or give --set as before; or start another run with --name or --run{weights}; or"
                " start again with --restart (the old run is kept)"
            )
            raise UserError(*(f"{folder}: was started with another spec: {change}; {remedy}" for change in changed))
    # Hidden files do not matter: they are a lock, or come from a file manager.
    elif folder.exists() and not (folder.is_dir() and all(path.name.startswith(".") for path in folder.iterdir())):
        raise UserError(f"{folder}: exists and is not a run directory; give --run another folder")


def refuse_inside_corpora(folder: Path, spec: Spec, option: str) -> None:
    """Raise UserError if a folder for results is inside a folder of a spec's sounds.

    Args:
        folder: old or new.
        spec: validated.
        option: which option gives another folder.
    """
    for field in DATA_PATHS:
        for number, corpus in enumerate(spec.data.folders(field)):
            if Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(corpus)):
                raise UserError(
                    f"{folder}: is inside {spec.data.place_of_folder(field, number)} = {corpus}, and its sounds would"
                    f" become part of the corpus; give {option} another folder"
                )


def is_run(folder: Path) -> bool:
    """Return whether a folder is a run directory, and not one of a user's spec and sounds."""
    return (folder / "spec.json").is_file() and any(
        (folder / name).exists() for name in ("environment.json", "checkpoints")
    )


def runs_in(folder: Path) -> list[Path]:
    """Return the run directories in a folder, the one that was trained last at the end."""
    return sorted(filter(is_run, folder.iterdir()), key=lambda run: (trained_at(run), run)) if folder.is_dir() else []


def trained_at(run: Path) -> float:
    """Return when something was trained in a run directory last, in seconds since 1970."""
    return max(path.stat().st_mtime for path in (run / "spec.json", *run.glob("checkpoints")))


def newest_run(root: Path = RUNS) -> Path:
    """Return the run under `root` that was trained last."""
    runs = runs_in(root)
    if not runs:
        raise UserError(f"{root.absolute()}: holds no run; train with `fit` first, or give a run directory")
    return runs[-1]


def is_being_trained(run: Path) -> bool:
    """Return whether a process trains the run in a folder now; False where the file system has no locks."""
    try:
        with open_file(run / ".lock") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def environment() -> dict[str, str]:
    """Return the versions that a result depends on."""
    versions = {"keras-samplernn": __version__, "python": platform.python_version(), "machine": platform.machine()}
    for package in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return versions
