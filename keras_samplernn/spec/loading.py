"""From a spec's file to a `Spec`, or to one line for each of its problems."""

import codecs
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from keras_samplernn.errors import REMEDIES, UserError
from keras_samplernn.files import home_folder
from keras_samplernn.spec.chunks import check_chunks
from keras_samplernn.spec.constructors import constructor_model
from keras_samplernn.spec.fields import Data, HeadSpec, Spec, Training
from keras_samplernn.spec.heads import audio_for, check_levels, resolve_head
from keras_samplernn.spec.json_text import read_json
from keras_samplernn.spec.presets import fill_in
from keras_samplernn.spec.tiers import resolve_tiers
from keras_samplernn.spec.types import Types
from keras_samplernn.spec.wording import place_of, problems_of, resolved, show

MOST_BYTES = 1_000_000
TYPED = ("tiers", "head")
DATA_PATHS = ("train", "valid", "test")
# What may change when a run continues; data paths may too, but not a fraction, which would move files between the sets.
MAY_CHANGE = (
    "monitoring",
    "training.epochs",
    "training.patience",
    "training.checkpoint_minutes",
    "training.keep_checkpoints",
)

# What the augmentations change, and the streams that say it: features of sounds, and those of MIDI files.
_AUGMENTED = (
    ("gain_db", {"loudness", "velocity"}, "loudness"),
    ("speed", {"pitch", "note", "f0", "centroid"}, "pitch"),
)


def load_spec(path: str | Path, types: Types) -> Spec:
    """Read and validate the file of a spec; UserError with one line for each problem."""
    path = Path(path)
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
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(f"{path}:{line}: is not UTF-8 text; save it as UTF-8") from None
    return parse_spec(text, str(path), types, path.parent)


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
    raw, found_in_preset = fill_in(raw)
    tiers, top_frame_size, found = resolve_tiers(raw, types.tiers)
    head, found_in_head = resolve_head(raw, types.heads)
    found |= found_in_head | found_in_preset
    sections = {key: value for key, value in raw.items() if key not in ("tiers", "tier_defaults", "head")}
    typed = {"tiers": tiers, "head": head or HeadSpec(type="", head_class=object, config={})}
    try:
        spec = Spec.model_validate(sections | typed)
    except ValidationError as error:
        schema = Spec.model_json_schema()
        found = problems_of(error, sections, schema, "the spec", _homes(schema, types)) | found
        spec = Spec.model_validate(_without(sections, found) | typed)
    spec = spec.model_copy(update={"data": _resolve_paths(spec.data, Path(folder))})
    for path, message in found.items():
        problems.setdefault(place_of(path), message)
    if head is not None:
        spec = spec.model_copy(update={"audio": audio_for(head, spec.audio)})
    crossed = [*_cross_check(spec, top_frame_size), *(check_levels(spec) if head else ())]
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


def _homes(schema: dict[str, Any], types: Types) -> dict[str, str]:
    """Return the full place of each field of sections, heads and tiers, to suggest it for a key in the wrong place."""
    homes = {key: f"head.{key}" for head in types.heads.values() for key in constructor_model(head).model_fields}
    homes |= {
        # A required field usually differs from tier to tier; the others are mostly shared.
        key: f"tiers[0].{key}" if field.is_required() else f"tier_defaults.{key}"
        for tier in types.tiers.values()
        for key, field in constructor_model(tier).model_fields.items()
    }
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


def _resolve_paths(data: Data, folder: Path) -> Data:
    def resolve(path: Path) -> Path:
        home = path.parts[:1] == ("~",)
        absolute = home_folder().joinpath(*path.parts[1:]) if home else folder.absolute() / path
        return Path(os.path.normpath(absolute))

    paths = {key: getattr(data, key) for key in DATA_PATHS}
    return data.model_copy(update={k: resolve(path) for k, path in paths.items() if isinstance(path, Path)})


def _cross_check(spec: Spec, top: int | None) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield fields that contradict each other, the one to change first, and a message."""
    training, data = spec.training, spec.data
    if top and training.seq_len % top:
        below = training.seq_len // top * top
        yield (
            ("training.seq_len",),
            f"training.seq_len = {training.seq_len} is not a multiple of tiers[0].frame_size = {top}; "
            f"try {f'{below} or ' if below else ''}{below + top}",
        )
    elif top and training.remat_samples is not None:
        yield from check_chunks(training.remat_samples, training.seq_len, top)
    if spec.audio.mu is not None and spec.audio.q_type != "mu-law":
        yield (
            ("audio.mu", "audio.q_type"),
            f"audio.mu = {spec.audio.mu} has no effect with audio.q_type = {show(spec.audio.q_type)}; remove it",
        )
    if training.schedule != "constant" and training.decay_steps is None:
        yield (
            ("training.decay_steps", "training.schedule"),
            f'training.decay_steps is missing; training.schedule = "{training.schedule}" needs it, the optimizer '
            "steps in which the learning rate falls",
        )
    if training.schedule == "constant" and training.decay_steps is not None:
        yield (
            ("training.decay_steps", "training.schedule"),
            f"training.decay_steps = {training.decay_steps} has no effect with training.schedule = "
            '"constant"; choose "cosine" or "exponential", or remove it',
        )
    if training.own_continuations > training.seq_len:
        yield (
            ("training.own_continuations", "training.seq_len"),
            f"training.own_continuations = {training.own_continuations} is longer than a window, training.seq_len = "
            f"{training.seq_len}; give at most that",
        )
    elif training.own_continuations and training.remat_samples is not None:
        yield (
            ("training.own_continuations", "training.remat_samples"),
            f"training.own_continuations = {training.own_continuations} runs over whole windows, and "
            f"training.remat_samples = {training.remat_samples} over chunks; remove one of them",
        )
    if training.own_share != Training().own_share and not training.own_continuations:
        yield (
            ("training.own_share", "training.own_continuations"),
            f"training.own_share = {training.own_share:g} has no effect with training.own_continuations = 0; give that,"
            " from 1 to 16 samples, or remove it",
        )
    if training.patience is not None and data.valid is None:
        yield (
            ("training.patience", "data.valid"),
            f"training.patience = {training.patience} needs data.valid, whose loss it watches; give a folder or a "
            "fraction such as 0.1",
        )
    if data.balance and not (spec.conditioning and spec.conditioning.has_classes):
        yield (
            ("data.balance", "conditioning"),
            f"data.balance = {data.balance:g} needs a stream of classes in conditioning, whose shares it evens out;"
            " remove it",
        )
    for field, names, wrong in _AUGMENTED:
        value = getattr(training.augmentation, field)
        streams = (spec.conditioning.streams if spec.conditioning else None) or {}
        for name in [name for name in streams if value and name in names]:
            yield (
                (f"training.augmentation.{field}", "conditioning"),
                f"training.augmentation.{field} = {value:g} changes the {wrong} of sounds, and conditioning.streams."
                f"{name} would still say the old one; remove one of the two",
            )
    listen = f"monitoring.listen_epochs = {spec.monitoring.listen_epochs}"
    if spec.monitoring.listen_epochs and not (spec.conditioning and spec.conditioning.has_classes):
        yield (
            ("monitoring.listen_epochs", "conditioning"),
            f"{listen} needs a stream of classes in conditioning, which a listener tells apart; remove it",
        )
    elif spec.monitoring.listen_epochs and data.valid is None:
        yield (
            ("monitoring.listen_epochs", "data.valid"),
            f"{listen} needs data.valid, under whose conditions sounds are generated; give a folder or a fraction such"
            " as 0.1",
        )
    for key in DATA_PATHS:
        path = getattr(data, key)
        if isinstance(path, Path) and re.search("[\ud800-\udfff]", str(path)):
            yield (
                (f"data.{key}",),
                f"data.{key} = {show(str(path))} lies in a folder whose name is not UTF-8 text; rename that folder",
            )
    for key in ("valid", "test"):
        path = getattr(data, key)
        if isinstance(path, Path) and (path == data.train or {path, data.train} & {*path.parents, *data.train.parents}):
            yield (
                (f"data.{key}", "data.train"),
                f"data.{key} = {show(str(path))} shares files with data.train = {show(str(data.train))}, since "
                "folders are read with their subfolders; give folders beside each other",
            )
