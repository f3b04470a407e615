"""The manifests of prepared corpora and of their parts: everything about them but the arrays."""

import itertools
import json
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, InstanceOf, model_validator

from keras_samplernn.data.profiles import SEGMENTS

MANIFEST = "manifest.json"

_Count = Annotated[int, Field(ge=0, lt=2**63)]
# pydantic's own string refuses half surrogate pairs, which stand for the bytes of a file name that is not UTF-8.
_Text = InstanceOf[str]
_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

_Key = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
_Profile = Annotated[str, Field(pattern=f"^[0-9a-f]{{{4 * SEGMENTS}}}$")]


class _Record(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class _Stream(BaseModel):
    # What else a stream has depends on its kind.
    model_config = ConfigDict(strict=True, extra="allow")

    kind: str
    name: _Text
    classes: list[_Text] | None = None


class _Settings(_Record):
    sample_rate: _Count
    q_type: str
    q_levels: _Count
    preemphasis: float = 0.0
    speed: float = 1.0
    mu: _Count | None = None
    streams: list[_Stream]


class _Sound(_Record):
    name: _Text
    start: _Count
    samples: _Count
    sha256: _Sha256
    conditions_sha256: _Sha256 | None
    profile: _Profile
    spans: list[_Count]


class _Manifest(_Record):
    format: _Count
    settings: _Settings
    samples: _Count
    sounds: list[_Sound]
    code_counts: list[_Count]
    class_counts: dict[str, list[_Count]]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        ends = itertools.accumulate((sound.samples for sound in self.sounds), initial=0)
        starts = [*(sound.start for sound in self.sounds), self.samples]
        streams = self.settings.streams
        spans = all(len(sound.spans) == len(streams) for sound in self.sounds)
        classes = {stream.name: len(stream.classes) for stream in streams if stream.classes is not None}
        counted = {name: len(counts) for name, counts in self.class_counts.items()}
        counts = len(self.code_counts) == self.settings.q_levels and counted == classes
        if starts != list(ends) or not counts or not spans:
            raise ValueError("the fields of the manifest contradict each other")
        return self


class _PartManifest(_Manifest):
    # As `Notes.to_json` returns them; what pydantic takes for a tuple is no list where it is strict.
    remarks: list[Annotated[tuple[_Text, bool, list[_Text]], Field(strict=False)]]


class _PartOfCorpus(_Record):
    key: _Key
    sounds: Annotated[int, Field(ge=1)]


class _CorpusManifest(_Manifest):
    parts: list[_PartOfCorpus]
    notes: list[_Text]
    lost: list[_Text]

    @model_validator(mode="after")
    def _has_all_sounds(self) -> Self:
        if sum(part.sounds for part in self.parts) != len(self.sounds):
            raise ValueError("the parts of the manifest have other sounds")
        return self


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest in the folder of a prepared corpus.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not a manifest.
    """
    return _read(folder, _CorpusManifest)


def read_part_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest in the folder of a part; raises as `read_manifest` does."""
    return _read(folder, _PartManifest)


def _read(folder: Path, kind: type[_Manifest]) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("lists within lists without end") from None
    kind.model_validate(manifest)
    return manifest
