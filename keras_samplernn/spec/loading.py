"""From a spec's file to a `Spec`, or to one line for each of its problems."""

import codecs
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from keras_samplernn.errors import REMEDIES, UserError
from keras_samplernn.files import home_folder
from keras_samplernn.spec.constructors import constructor_model
from keras_samplernn.spec.contradictions import contradictions
from keras_samplernn.spec.fields import DATA_PATHS, HeadSpec, Spec
from keras_samplernn.spec.heads import audio_for, check_levels, resolve_head
from keras_samplernn.spec.json_text import read_json
from keras_samplernn.spec.presets import fill_in
from keras_samplernn.spec.tiers import resolve_tiers
from keras_samplernn.spec.types import Types
from keras_samplernn.spec.wording import place_of, problems_of, resolved, show

MOST_BYTES = 1_000_000
TYPED = ("tiers", "head")
OF_WEIGHTS = ("tiers", "head", "audio.q_levels", "conditioning")
"""Where the places of fields begin that the shapes of the weights depend on."""
# What may change when a run continues; data paths may too, but not a fraction, which would move files between the sets.
MAY_CHANGE = (
    "monitoring",
    "training.epochs",
    "training.patience",
    "training.deterministic",
    "training.checkpoint_minutes",
    "training.keep_checkpoints",
)


def load_spec(path: str | Path, types: Types) -> Spec:
    """Read and validate the file of a spec; UserError with one line for each problem."""
    path = Path(path)
    return parse_spec(read_spec_text(path), str(path), types, path.parent)


def read_spec_text(path: Path) -> str:
    """Return the text of a spec's file; UserError if it cannot be read or is not UTF-8."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except IsADirectoryError:
        raise UserError(f"{path}: is a folder; give the path of the spec itself, a file") from None
    except OSError as error:
        remedy = REMEDIES.get(error.strerror, "give the path of a spec")
        raise UserError(f"{path}: cannot be read ({error.strerror}); {remedy}") from None
    if len(content) > MOST_BYTES:
        raise UserError(f"{path}: is larger than {MOST_BYTES // 1_000_000} MB; a spec has a few kB")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content[:4]:
        raise UserError(f"{path}: is UTF-16 text, or no text; save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(f"{path}:{line}: is not UTF-8 text; save it as UTF-8") from None


def parse_spec(text: str, place: str, types: Types, folder: str | Path) -> Spec:
    """Validate a spec.

    Args:
        text: JSON.
        place: the name of the spec at the start of each message.
        types: the installed tiers and heads.
        folder: the folder that relative data paths start from.

    Raises:
        UserError: one line for each problem; as many as can be found together.
    """
    raw, problems = read_json(text, place)
    raw.pop("$schema", None)  # for editors: the schema to use
    given = raw
    raw, found_in_preset = fill_in(given)
    tiers, top_frame_size, found = resolve_tiers(raw, types)
    head, found_in_head = resolve_head(raw, types)
    found |= found_in_head | found_in_preset
    sections = sections_alone(raw)
    typed = {"tiers": tiers, "head": head or sections["head"]}
    try:
        spec = Spec.model_validate(sections | typed)
    except ValidationError as error:
        schema = Spec.model_json_schema()
        found = problems_of(error, given, schema, "the spec", _homes(schema, types)) | found
        spec = Spec.model_validate(_without(sections, found) | typed)
    spec = _resolve_paths(spec, Path(folder))
    for path, message in found.items():
        problems.setdefault(place_of(path), message)
    if head is not None:
        spec = spec.model_copy(update={"audio": audio_for(head, spec.audio)})
    crossed = [*contradictions(spec, top_frame_size), *(check_levels(spec) if head else ())]
    for places, message in crossed:
        if not problems.keys() & {*places}:
            problems[places[0]] = message
    if problems:
        raise UserError(*(f"{place}: {message}" for message in problems.values()))
    return spec


def differences(old: Spec, new: Spec) -> list[str]:
    """Return the differences that a run may not have from its spec, as `training.seq_len: 512 -> 256`."""
    return list(_compare(_frozen_fields(old, new), _frozen_fields(new, old), ()))


def _frozen_fields(spec: Spec, other: Spec) -> dict[str, Any]:
    fields = spec.model_dump(mode="json")
    if spec.conditioning is not None and other.conditioning is None:
        # It is shown whole: without what nobody wrote.
        fields["conditioning"] = spec.conditioning.model_dump(mode="json", exclude_defaults=True)
    for key in DATA_PATHS:
        if not isinstance(fields["data"][key], float):
            fields["data"][key] = None
    for place in MAY_CHANGE:
        section, _, key = place.partition(".")
        fields[section].pop(key) if key else fields.pop(section)
    return fields


def _compare(old: Any, new: Any, path: tuple) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        keys = dict.fromkeys([*old, *new])
        for key in keys:
            yield from _compare(old.get(key, ...), new.get(key, ...), (*path, key))
    elif path == ("tiers",):
        for index in range(max(len(old), len(new))):
            pair = (tiers[index] if index < len(tiers) else ... for tiers in (old, new))
            yield from _compare(*pair, (*path, index))
    elif old != new:
        before, after = ("absent" if value is ... else show(value) for value in (old, new))
        yield f"{place_of(path)}: {before} -> {after}"


def sections_alone(raw: dict[str, Any]) -> dict[str, Any]:
    """Return what a spec says of all but its tiers and its head, with none and an empty one in their places."""
    sections = {key: value for key, value in raw.items() if key not in ("tiers", "tier_defaults", "head")}
    return sections | {"tiers": [], "head": HeadSpec(type="", head_class=object, config={})}


def _homes(schema: dict[str, Any], types: Types) -> dict[str, str]:
    """Return the full place of each field of sections, heads and tiers, to suggest it for a key in the wrong place."""
    homes = {key: f"head.{key}" for head in types.heads.values() for key in constructor_model(head).model_fields}
    homes |= {
        # A required field usually differs from tier to tier; the others are mostly shared.
        key: f"tiers.0.{key}" if field.is_required() else f"tier_defaults.{key}"
        for tier in types.tiers.values()
        for key, field in constructor_model(tier).model_fields.items()
    }
    return homes | section_homes(schema)


def section_homes(schema: dict[str, Any]) -> dict[str, str]:
    """Return the full place of each field of sections.

    Args:
        schema: JSON Schema of `Spec`.
    """
    homes = {}
    for section, field in schema["properties"].items():
        for option in field.get("anyOf", [field]):
            inner = resolved(option, schema["$defs"])
            homes |= {key: f"{section}.{key}" for key in inner.get("properties", ()) if section not in TYPED}
    return homes


def _without(sections: dict[str, Any], problems: dict[tuple, str]) -> dict[str, Any]:
    """Return the sections without the values that are wrong, so that the rest can be checked too."""
    sound = {key: dict(value) if isinstance(value, dict) else value for key, value in sections.items()}
    for path in problems:
        section = sound.get(path[0])
        # Without one of its fields, the others of `conditioning` may contradict each other.
        if isinstance(section, dict) and len(path) > 1 and path[0] != "conditioning":
            section.pop(path[1], None)
        else:
            sound.pop(path[0], None)
    return sound | {"data": {"train": "."} | sound.get("data", {})}


def _resolve_paths(spec: Spec, folder: Path) -> Spec:
    """Return the spec with absolute paths; relative ones are relative to the folder."""
    data, monitoring = spec.data, spec.monitoring

    def resolve(path: Path) -> Path:
        home = path.parts[:1] == ("~",)
        absolute = home_folder().joinpath(*path.parts[1:]) if home else folder.absolute() / path
        return Path(os.path.normpath(absolute))

    resolved_paths = {}
    for key in DATA_PATHS:
        if paths := list(map(resolve, data.folders(key))):
            resolved_paths[key] = paths if isinstance(getattr(data, key), list) else paths[0]
    updates = {"data": data.model_copy(update=resolved_paths)}
    if monitoring.index is not None:
        updates["monitoring"] = monitoring.model_copy(update={"index": resolve(monitoring.index)})
    return spec.model_copy(update=updates)
