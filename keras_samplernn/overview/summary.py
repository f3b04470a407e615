"""What there is to say of a run in one line."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_samplernn.checkpoints.shelf import list_checkpoints
from keras_samplernn.errors import UserError
from keras_samplernn.origin import Origin, read_origin
from keras_samplernn.overview.metrics import read_metrics
from keras_samplernn.run_folder import is_being_trained, trained_at
from keras_samplernn.spec import read_spec_text
from keras_samplernn.spec.changes import read_object


@dataclass(frozen=True)
class Summary:
    """A run in figures.

    Attributes:
        run: its folder.
        name: of its spec.
        fields: the other fields of its spec, by their path in the JSON, such as "tiers.0.dim".
        training: whether a process trains it now.
        epochs: epochs done; None: there is no checkpoint that says it.
        steps: steps done.
        best_bits: bits per sample of its best validation; None: there was none yet.
        best_step: step of that validation.
        training_bits: bits per sample of training, at its last validation.
        seconds: how long it has been trained in all; None: it is not noted.
        origin: which weights it began with; None: random ones.
        trained: when it was trained last, in seconds since 1970.
    """

    run: Path
    name: str
    fields: dict[str, Any]
    training: bool
    epochs: int | None
    steps: int
    best_bits: float | None
    best_step: int | None
    training_bits: float | None
    seconds: float | None
    origin: Origin | None
    trained: float

    @property
    def epochs_in_all(self) -> int | None:
        """Epochs that its spec asks for."""
        epochs = self.fields.get("training.epochs")
        return epochs if isinstance(epochs, int) else None

    @property
    def state(self) -> str:
        """What it is doing: training, done with all epochs of its spec, or stopped."""
        if self.training:
            return "training"
        done = self.epochs is not None and self.epochs_in_all is not None and self.epochs >= self.epochs_in_all
        return "done" if done else "stopped"

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON values, without the spec."""
        return {
            "run": str(self.run),
            "name": self.name,
            "state": self.state,
            "epochs": self.epochs,
            "epochs_in_all": self.epochs_in_all,
            "steps": self.steps,
            "validation_bits": self.best_bits,
            "validation_step": self.best_step,
            "training_bits": self.training_bits,
            "minutes": None if self.seconds is None else round(self.seconds / 60, 2),
            "origin": None if self.origin is None else self.origin.model_dump(),
            "trained": time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(self.trained)),
        }


def summarise(run: Path, say: Callable[[str], None]) -> Summary:
    """Return the figures of a run.

    Args:
        run: the run directory; it may be used while `fit` writes to it.
        say: called with a line for each checkpoint that is damaged.

    Raises:
        UserError: its spec, its metrics or its origin cannot be read.
    """
    place = run / "spec.json"
    spec = read_object(read_spec_text(place), str(place))
    rows = read_metrics(run)
    validations = [row for row in rows if "validation_bits" in row]
    best = min(validations, key=lambda row: row["validation_bits"], default=None)
    epochs, step = _position(run, say)
    last = rows[-1] if rows else {}
    return Summary(
        run,
        str(spec.pop("name", run.name)),
        dict(_flat(spec, ())),
        is_being_trained(run),
        epochs,
        max(step, int(last.get("step", 0))),
        best and best["validation_bits"],
        best and int(best["step"]),
        last.get("training_bits"),
        last.get("seconds"),
        read_origin(run),
        trained_at(run),
    )


def _position(run: Path, say: Callable[[str], None]) -> tuple[int | None, int]:
    """Return the epochs and the steps that are done by the newest checkpoint that is whole."""
    for checkpoint in reversed(list_checkpoints(run / "checkpoints")):
        try:
            epochs = checkpoint.read_state().get("epoch")
        except UserError as error:
            # A training deletes old checkpoints meanwhile.
            if checkpoint.folder.exists():
                say(str(error))
            continue
        return (epochs if isinstance(epochs, int) else None), checkpoint.step
    return None, 0


def _flat(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a spec's JSON by their path; of lists, that of the tiers is looked into."""
    if isinstance(value, dict) and value:
        for key, child in value.items():
            yield from _flat(child, (*path, key))
    elif path == ("tiers",) and isinstance(value, list):
        for number, child in enumerate(value):
            yield from _flat(child, (*path, str(number)))
    else:
        yield ".".join(path), value
