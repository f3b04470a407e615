"""What a run began from, if it began with the weights of another run: `origin.json` in its folder."""

import hashlib
import os
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from keras_samplernn import __version__
from keras_samplernn.errors import UserError
from keras_samplernn.files import open_file, remove, replace_json, writing

FILE = "origin.json"
_MOST_BYTES = 100_000
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Origin(BaseModel):
    """The checkpoint that a run took its first weights from.

    Attributes:
        run: folder of the other run, absolute, as it was then.
        checkpoint: name of the checkpoint.
        weights_sha256: of its `weights.npz`.
        spec_sha256: of the `spec.json` of the other run.
        version: of this program when it took the weights.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    run: str
    checkpoint: str
    weights_sha256: Sha256
    spec_sha256: Sha256
    version: str

    @classmethod
    def of(cls, run: Path, checkpoint: str, weights_sha256: str) -> Self:
        """Return the origin of a run that begins with a checkpoint of another run now."""
        return cls(
            run=os.path.abspath(run),  # noqa: PTH100 (links stay what the user knows them as)
            checkpoint=checkpoint,
            weights_sha256=weights_sha256,
            spec_sha256=hashlib.sha256((run / "spec.json").read_bytes()).hexdigest(),
            version=__version__,
        )

    def moved_to(self, run: Path) -> Self:
        """Return the same origin after its run was moved."""
        return self.model_copy(update={"run": os.path.abspath(run)})  # noqa: PTH100


def write_origin(folder: Path, origin: Origin | None) -> None:
    """Note in a run directory what the run began from; None: it began with random weights."""
    if origin is None:
        with writing(folder / FILE):
            remove(folder / FILE)
    else:
        replace_json(folder / FILE, origin.model_dump())


def read_origin(folder: Path) -> Origin | None:
    """Return what the run in a folder began from; None: it began with random weights.

    Raises:
        UserError: the file is damaged, or no run wrote it.
    """
    path = folder / FILE
    try:
        with open_file(path) as stream:
            return Origin.model_validate_json(stream.read(_MOST_BYTES))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); remove it or put back what `fit` wrote") from None
    except ValidationError:
        raise UserError(f"{path}: is damaged; remove it or put back what `fit` wrote") from None
