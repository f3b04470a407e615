"""What training would take with a smaller model and fewer rows: measured, as the spec's own steps are."""

import contextlib
import dataclasses
import json
from pathlib import Path

from keras_samplernn.errors import UserError
from keras_samplernn.model.registry import load_types
from keras_samplernn.spec import Spec, parse_spec
from keras_samplernn.training.corpora import Corpora
from keras_samplernn.training.trial import Trial, try_steps

# The width and the rows that the presets and the measurements in docs/performance.md have.
DIM, BATCH_SIZE = 256, 32


@dataclasses.dataclass(frozen=True)
class Smaller:
    """A smaller spec, and what training it takes.

    Attributes:
        changes: what differs from the spec: `dim` of all wider tiers, `batch_size`.
        seconds_in_all: of as many epochs as the spec has, without validation.
    """

    changes: dict[str, int]
    seconds_in_all: float

    def __str__(self) -> str:
        """Return the changes for people."""
        return " and ".join(f"{name} {value}" for name, value in self.changes.items())


def try_smaller(spec: Spec, corpora: Corpora) -> Smaller | None:
    """Take trial steps with narrower tiers and fewer rows; None if the spec has few and narrow ones already.

    Args:
        spec: validated.
        corpora: of the spec.
    """
    raw, changes = json.loads(spec.to_json()), {}
    for tier in raw["tiers"]:
        if isinstance(width := tier.get("dim"), int) and width > DIM:
            tier["dim"] = changes["dim"] = DIM
    if spec.training.batch_size > BATCH_SIZE:
        raw["training"]["batch_size"] = changes["batch_size"] = BATCH_SIZE
    trial: Trial | None = None
    # A tier may refuse the width, by a rule of its own.
    with contextlib.suppress(UserError):
        trial = (
            try_steps(parse_spec(json.dumps(raw), spec.name, load_types(), Path.cwd()), corpora) if changes else None
        )
    return trial and Smaller(changes, trial.seconds_per_epoch * spec.training.epochs)
