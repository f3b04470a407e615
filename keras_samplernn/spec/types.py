"""Objects of a spec that name a `type`: each is validated by the constructor of the class that is installed for it."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from keras_samplernn.errors import nearest
from keras_samplernn.spec.constructors import constructor_model
from keras_samplernn.spec.wording import place_of, problems_of, show

Problems = dict[tuple, str]


class Types(NamedTuple):
    """The classes that are installed, by the names that a spec gives as `type`.

    Attributes:
        tiers: the tiers.
        heads: the heads.
        broken_tiers: why an installed tier cannot be used, and the remedy, by its name.
        broken_heads: likewise.
    """

    tiers: Mapping[str, type]
    heads: Mapping[str, type]
    broken_tiers: Mapping[str, str] = {}
    broken_heads: Mapping[str, str] = {}


class Resolved(NamedTuple):
    """An object that names an installed type.

    Attributes:
        type: its name.
        type_class: the class of that name.
        fields: the names of its fields.
        given: the fields that the spec gives, defaults of the spec included.
        config: every argument of the constructor; None if a field has a problem.
    """

    type: str
    type_class: type
    fields: set[str]
    given: dict[str, Any]
    config: dict[str, Any] | None


def resolve(
    path: tuple,
    entry: Any,
    types: Mapping[str, type],
    broken: Mapping[str, str],
    defaults: Mapping[str, Any] | None = None,
    source: str = "",
) -> tuple[Resolved | None, Problems]:
    """Validate an object that names a type.

    Args:
        path: its path in the spec.
        entry: the object.
        types: the installed classes by name.
        broken: why others cannot be used, by name.
        defaults: values for the fields that the type has and the object does not give.
        source: the section of the spec that has the defaults.

    Returns:
        The object, or None if its type is not known; and a message for each path that has a problem.
    """
    place, installed = place_of(path), ", ".join(sorted(types)) or "none"
    if not isinstance(entry, dict) or "type" not in entry:
        return None, {path: f'{place} = {show(entry)} must be an object with "type"; installed: {installed}'}
    name = entry["type"]
    if isinstance(name, str) and name in broken:
        return None, {(*path, "type"): f"{place}.type = {show(name)} is installed, but broken: {broken[name]}"}
    if not isinstance(name, str) or name not in types:
        hint = nearest(name, types) if isinstance(name, str) else ""
        message = f"{place}.type = {show(name)} is not installed{hint or '.'} Installed: {installed}"
        return None, {(*path, "type"): message}

    model = constructor_model(types[name])
    own = {key: value for key, value in entry.items() if key != "type"}
    shared = {key: value for key, value in (defaults or {}).items() if key in model.model_fields and key not in own}
    config, problems = None, {}
    try:
        # As JSON, so that a list may become a tuple, but text never becomes a number.
        arguments = model.model_validate_json(json.dumps(shared | own))
    except ValidationError as error:
        messages = problems_of(error, shared | own, model.model_json_schema(), name, {}, path)
        for where, message in messages.items():
            if len(where) > len(path) and where[len(path)] in shared:
                where, message = (source, where[len(path)]), message.replace(place, source, 1)
            problems[where] = message
    else:
        config = {field: getattr(arguments, field) for field in model.model_fields}
    return Resolved(name, types[name], set(model.model_fields), shared | own, config), problems
