"""What all objects of a spec have in common."""

import json

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """One object of the spec: strict, closed and frozen; printed, it is JSON with all its fields."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, serialize_by_alias=True)

    def __str__(self) -> str:
        return json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False)

    __repr__ = __str__
