"""What a run directory tells of its sounds, its versions and its beginning, without a name of its maker's machine."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from keras_samplernn.bundles.manifest import MOST_MANIFEST_BYTES, Corpus, Count, Manifest, Parent, Requirement, Version
from keras_samplernn.conditions.streams import classes_streams, streams_of
from keras_samplernn.files import open_file
from keras_samplernn.model.registry import Installed, Kind, offers
from keras_samplernn.origin import read_origin
from keras_samplernn.run_folder import BUNDLE, VERSIONS, RunFolder
from keras_samplernn.spec import Spec

_MOST_BYTES = 500_000_000
_VERSION = TypeAdapter(Version)


class _Settings(BaseModel):
    sample_rate: int = Field(gt=0)


class _Corpus(BaseModel):
    """The part of a corpus' manifest that is told."""

    settings: _Settings
    samples: Count
    sounds: list[Any]
    class_counts: dict[str, list[Count]]


_CORPORA = TypeAdapter(dict[str, _Corpus])
_STRINGS = TypeAdapter(dict[str, str])


def data_of(run: RunFolder, say: Callable[[str], None]) -> dict[str, Corpus]:
    """Return how much there was in each corpus of a run; empty, with a message, if the run does not tell."""
    if (bundled := bundled_manifest(run.folder)) is not None:
        return dict(bundled.data)
    path = run.folder / "data_manifest.json"
    try:
        corpora = _CORPORA.validate_json(_read(path, _MOST_BYTES))
    except (OSError, ValidationError):
        say(f"{path}: is missing, or of an older version; the card does not say how much sound there was")
        return {}
    named = {name: corpora[name] for name in ("train", "valid", "test") if name in corpora}
    return {name: _told(corpus, run.spec) for name, corpus in named.items()}


def _told(corpus: _Corpus, spec: Spec) -> Corpus:
    rate = corpus.settings.sample_rate
    seconds_of = {}
    for stream in classes_streams(streams_of(spec)):
        counts = corpus.class_counts.get(stream.name, ())
        if len(counts) == len(stream.classes):
            seconds_of[stream.name] = {
                name: round(count / rate, 3) for name, count in zip(stream.classes, counts, strict=True)
            }
    return Corpus(sounds=len(corpus.sounds), seconds=round(corpus.samples / rate, 3), seconds_of=seconds_of)


def versions_of(run: RunFolder) -> dict[str, str]:
    """Return the versions of the packages that a run was trained with, as far as it has a record of them."""
    try:
        found = _STRINGS.validate_json(_read(run.folder / "environment.json", MOST_MANIFEST_BYTES))
    except (OSError, ValidationError):
        return {}
    known = {name: found[name] for name in VERSIONS if name in found}
    return {name: version for name, version in known.items() if _is_version(version)}


def _is_version(text: str) -> bool:
    try:
        _VERSION.validate_python(text)
    except ValidationError:
        return False
    return True


def parent_of(run: RunFolder) -> Parent | None:
    """Return the weights that a run began with; None: random ones."""
    if (bundled := bundled_manifest(run.folder)) is not None:
        return bundled.parent
    origin = read_origin(run.folder)
    return None if origin is None else Parent.model_validate(origin.model_dump(exclude={"run"}))


def requirements_of(spec: Spec) -> list[Requirement]:
    """Return the tiers and heads of a spec that other packages have."""
    wanted = [(Kind.TIER, tier.type) for tier in spec.tiers] + [(Kind.HEAD, spec.head.type)]
    found = [(kind, offer) for kind, name in dict.fromkeys(wanted) for offer in _offered(kind, name)]
    return [
        Requirement(kind=str(kind), type=offer.name, package=offer.distribution, version=offer.version)
        for kind, offer in found
        if not offer.is_ours
    ]


def _offered(kind: Kind, name: str) -> list[Installed]:
    return offers(kind).get(name, [])


def bundled_manifest(folder: Path) -> Manifest | None:
    """Return the manifest of the bundle that a run came out of; None: it did not, or the file is damaged."""
    try:
        return Manifest.model_validate_json(_read(folder / BUNDLE, MOST_MANIFEST_BYTES))
    except (OSError, ValidationError):
        return None


def _read(path: Path, most_bytes: int) -> bytes:
    """Return what is in a file of a run; OSError if it is no file or larger."""
    with open_file(path) as stream:
        content = stream.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise OSError(f"{path} is too large")
    return content
