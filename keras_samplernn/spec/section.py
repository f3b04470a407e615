"""What all objects of a spec have in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """One object of the spec: strict, closed and frozen."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, serialize_by_alias=True)
