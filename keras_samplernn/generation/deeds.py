"""What a performer does to a voice besides asking for conditions; each begins at the first sample of a block."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_TEMPERATURE = 100


class _Deed(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Temperature(_Deed):
    """Set the temperature: it divides the logits, and 0 takes the likeliest code."""

    do: Literal["temperature"] = "temperature"
    value: Annotated[float, Field(ge=0, le=MOST_TEMPERATURE, allow_inf_nan=False)]


class Seed(_Deed):
    """Draw from the uniforms of another seed, from their first on."""

    do: Literal["seed"] = "seed"
    value: Annotated[int, Field(ge=-(2**63), lt=2**63)]


class Reset(_Deed):
    """Begin anew, as before the first sample of a sound."""

    do: Literal["reset"] = "reset"


class Prime(_Deed):
    """Go on from a recording.

    Attributes:
        value: its path.
        sha256: of its wave and its conditions, see `entry.primer_digest`.
    """

    do: Literal["prime"] = "prime"
    value: str
    sha256: str


class Snapshot(_Deed):
    """Keep the model's whole state under a name."""

    do: Literal["snapshot"] = "snapshot"
    value: str


class Restore(_Deed):
    """Go on from the state that was kept under a name."""

    do: Literal["restore"] = "restore"
    value: str


class Mute(_Deed):
    """Make what is heard silent, or heard again; the model goes on meanwhile."""

    do: Literal["mute"] = "mute"
    value: bool


Deed = Annotated[Temperature | Seed | Reset | Prime | Snapshot | Restore | Mute, Field(discriminator="do")]
