"""`bundle.json`: what is in a bundle, of which run, and what it needs."""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from keras_samplernn.origin import Sha256
from keras_samplernn.run_folder import BUNDLE

CARD, SPEC, STATE, WEIGHTS = "README.md", "spec.json", "state.json", "weights.npz"
MEMBERS = (CARD, BUNDLE, SPEC, STATE, WEIGHTS)
"""The members of every bundle; beside them there are sounds."""
SOUND = re.compile(r"sounds/[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.wav")
MOST_SOUNDS = 32
MOST_MANIFEST_BYTES, MOST_CARD_BYTES, MOST_SOUND_BYTES = 2_000_000, 2_000_000, 10_000_000
Count = Annotated[int, Field(ge=0, lt=2**63)]
Seconds = Annotated[FiniteFloat, Field(ge=0)]
Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9.+!_-]{1,60}$")]
Package = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Fingerprint(_Record):
    """Size and sha256 of a member."""

    size: Count
    sha256: Sha256


class Requirement(_Record):
    """A tier or head that a bundle needs and that does not come with this program.

    Attributes:
        kind: what it is.
        type: its name in the spec.
        package: the package that has it.
        version: of that package, where the bundle was made.
    """

    kind: Literal["tier", "head"]
    type: Line
    package: Package
    version: Version


class Corpus(_Record):
    """What a bundle tells of a corpus: how much there was of what.

    Attributes:
        sounds: number of files.
        seconds: of all of them.
        seconds_of: for each stream of classes the seconds of each class.
    """

    sounds: Count
    seconds: Seconds
    seconds_of: dict[str, dict[str, Seconds]]


class Parent(_Record):
    """The weights that the run began with, as in `origin.json`, without the folder that they were in."""

    checkpoint: Line
    weights_sha256: Sha256
    spec_sha256: Sha256
    version: Line


class About(_Record):
    """What the maker says of a model.

    Attributes:
        title: None: the name of its spec.
        licence: None: nothing is said of it.
        about: what the sounds are; may have several lines.
    """

    title: Line | None = None
    licence: Line | None = None
    about: (
        Annotated[str, Field(min_length=1, max_length=20_000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]+$")] | None
    ) = None


class Manifest(_Record):
    """What `bundle.json` holds.

    Attributes:
        format: of the bundle.
        made_by: version of this program.
        about: what the maker says.
        checkpoint: name of the checkpoint that the weights are of.
        weights: whether they are the average of the weights that training kept, or as training left them.
        parameters: how many there are.
        requires: tiers and heads of other packages.
        versions: of the packages that the run was trained with.
        data: by `train`, `valid` and `test`; empty if the run does not tell.
        longest_spans: as in the run.
        parent: what the run began with; None: random weights.
        members: every member but this one.
    """

    format: Literal[1]
    made_by: Version
    about: About
    checkpoint: Annotated[str, Field(pattern=r"^step-\d{10}(-noted|-validated)?$")]
    weights: Literal["average", "raw", "trained"]
    parameters: Count
    requires: Annotated[list[Requirement], Field(max_length=100)]
    versions: Annotated[dict[Package, Version], Field(max_length=20)]
    data: dict[Literal["train", "valid", "test"], Corpus]
    longest_spans: dict[str, dict[str, Seconds]]
    parent: Parent | None
    members: dict[str, Fingerprint]

    def to_json(self) -> bytes:
        """Return the bytes of the file."""
        return f"{self.model_dump_json(indent=1)}\n".encode()
