"""Changes of single fields of a spec: a path in its JSON, such as `tiers.0.dim`, and a new value."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from keras_samplernn.errors import UserError
from keras_samplernn.spec.json_text import read_json
from keras_samplernn.spec.presets import fill_in

Scalar = str | int | float | bool | None
_MISSING = 'a value is missing; write {}, and "" for an empty text'
_DECODER = json.JSONDecoder()


def read_value(text: str) -> Any:
    """Read a value: JSON, lists and objects included; any other text is a string.

    Raises:
        ValueError: there is no value; in words for users.
    """
    if not text:
        raise ValueError(_MISSING.format("FIELD=VALUE"))
    value, end = _value_at(text, 0)
    return value if end == len(text) else text


def read_values(text: str) -> list[Scalar]:
    """Read values separated by commas: JSON's numbers, strings, true, false and null; any other text is a string.

    Raises:
        ValueError: a value is missing, is there twice, or is a list or an object; in words for users.
    """
    values = list(_scalars(text))
    shown = [json.dumps(value) for value in values]
    for place, value in enumerate(shown):
        if value in shown[:place]:
            raise ValueError(f"{value} is there twice; give each value once")
    return values


def _scalars(text: str) -> Iterator[Scalar]:
    place = 0
    while True:
        value, end = _value_at(text, place)
        if value == "" and end == place:
            raise ValueError(_MISSING.format("FIELD=VALUE,VALUE"))
        if isinstance(value, list | dict):
            raise ValueError(f"{json.dumps(value)} is no single value; give numbers, text, true, false or null")
        yield value
        if end == len(text):
            return
        place = end + 1


def _value_at(text: str, place: int) -> tuple[Any, int]:
    """Return the value that begins at a place, and the place of the comma or of the end after it."""
    try:
        value, end = _DECODER.raw_decode(text, place)
        plain = value != value or value in (float("inf"), -float("inf"))  # Python's parser takes NaN and Infinity
    except (ValueError, RecursionError):
        plain = True
    if plain or (end < len(text) and text[end] != ","):
        end = text.find(",", place) if "," in text[place:] else len(text)
        value = text[place:end]
    return value, end


def field_path(field: str) -> str:
    """Return a field in the notation of all messages: `tiers[0].dim` is `tiers.0.dim`."""
    return re.sub(r"\[([0-9]+)\]", r".\1", field)


def read_object(text: str, place: str) -> dict[str, Any]:
    """Return the JSON of a spec whose fields are to be changed; UserError with one line for each repeated key."""
    raw, problems = read_json(text, place)
    if problems:
        raise UserError(*(f"{place}: {message}" for message in problems.values()))
    return raw


def with_changes(raw: Mapping[str, Any], changes: Mapping[str, Any], place: str, option: str) -> str:
    """Return the JSON of a spec with some fields changed; the objects around them that are missing are added.

    Whether the spec may have the fields is seen when it is validated.

    Args:
        raw: JSON of the spec; it stays as it is.
        changes: values by field, a path such as "training.learning_rate" or "tiers.0.dim", which may be written as
            "tiers[0].dim" too.
        place: the name of the spec at the start of each message.
        option: what gives the changes, for messages, such as "--set".

    Raises:
        UserError: there is no place for a field.
    """
    changed = json.loads(json.dumps(raw))
    for field, value in changes.items():
        path = field_path(field)
        if path.startswith("tiers."):
            _write_out_tiers(changed)
        _set(changed, path, value, place, option)
    # Paths are as natural in a dictionary as text; whatever else JSON does not know is told by its field.
    return json.dumps(changed, default=str)


def _write_out_tiers(raw: dict[str, Any]) -> None:
    """Give a spec that leaves its tiers to a preset these tiers, with their defaults, as its own."""
    filled, _ = fill_in(raw)
    if "tiers" not in raw and "tiers" in filled:
        raw.update({name: filled[name] for name in ("tiers", "tier_defaults") if name in filled})


def _set(raw: dict[str, Any], field: str, value: Any, place: str, option: str) -> None:
    around: Any = raw
    *path, last = field.split(".")
    for number, key in enumerate([*path, last]):
        if isinstance(around, list):
            parent = ".".join(path[:number])
            if not re.fullmatch("[0-9]+", key) or int(key) >= len(around):
                raise UserError(f"{place}: {option} {field}: {parent} has no entry {key}, but 0 to {len(around) - 1}")
            key = int(key)
        elif not isinstance(around, dict) or not key or key.isdigit():
            parent = ".".join(path[:number]) or "the spec"
            raise UserError(f"{place}: {option} {field}: {parent} has nothing called {key or '(nothing)'} to change")
        if number == len(path):
            around[key] = value
        elif isinstance(around, dict):
            following = around.get(key)
            around[key] = around = {} if following is None else following
        else:
            around = around[key]
