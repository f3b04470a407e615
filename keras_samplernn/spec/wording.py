"""Plain words for places, values and rules: the same in messages, in the reference and for tiers of other packages."""

import json
import re
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from keras_samplernn.errors import nearest
from keras_samplernn.spec.suggestions import suggestion

LONGEST_VALUE = 60


def place_of(path: Iterable[str | int]) -> str:
    """Write a path as `--set` takes it: ("tiers", 1, "dim") becomes `tiers.1.dim`; odd keys are quoted, in brackets."""
    place = ""
    for key in path:
        if isinstance(key, int) or re.fullmatch(r"[\w$-]+", key):
            place += f".{key}" if place else str(key)
        else:
            place += f"[{show(key)}]"
    return place


def show(value: Any) -> str:
    """Write a value as JSON on one line that any terminal can print, shortened if it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    text = text if text.isprintable() else json.dumps(value, default=str)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def any_of(items: Iterable[str]) -> str:
    """Join alternatives: `a, b or c`; with a comma before the `or` if an alternative before it has one itself."""
    *others, last = items
    comma = "," * any(", " in other for other in others)
    return f"{', '.join(others)}{comma} or {last}" if others else last


def rule(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """Say which values a JSON Schema allows, for example "a whole number from 1 to 5"; empty if it allows all."""
    schema = resolved(schema, definitions)
    if "anyOf" in schema:
        return any_of(dict.fromkeys(filter(None, (rule(option, definitions) for option in schema["anyOf"]))))
    if "enum" in schema or "const" in schema:
        return any_of(show(value) for value in schema.get("enum", [schema.get("const")]))
    if "patternErrorMessage" in schema:
        return schema["patternErrorMessage"]
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return ("a whole number" if kind == "integer" else "a number") + _bounds(schema)
    if kind == "string" and "pattern" in schema:
        return f"text of the pattern {schema['pattern']}"
    if kind == "array":
        return _list_rule(schema, definitions)
    if kind == "object":
        required = " and ".join(show(key) for key in schema.get("required", ()))
        if "maxProperties" in schema:
            required = f"{schema.get('minProperties', 0)} to {schema['maxProperties']} entries"
        return f"an object with {required}" if required else "an object"
    if kind == "string" and "maxLength" in schema:
        return f"text of at most {schema['maxLength']} characters"
    path = schema.get("format") in ("path", "directory-path", "file-path")
    return {"boolean": "true or false", "string": "a path" if path else "text", "null": "null"}.get(kind, "")


def problems_of(
    error: ValidationError, raw: Any, schema: dict[str, Any], owner: str, homes: dict[str, str], root: tuple = ()
) -> dict[tuple, str]:
    """Turn pydantic's errors into one message for each path, with value, rule and remedy.

    Args:
        error: what pydantic raised about `raw`.
        raw: the values as they are in the spec.
        schema: JSON Schema of the model that was validated, with its `$defs`.
        owner: name of the model, for messages about unknown keys.
        homes: the full place of each field of a spec, for a key in the wrong place.
        root: path of `raw` inside the spec.
    """
    messages: dict[tuple, str] = {}
    # An error with words of its own knows more than the branches of the same union that failed on the type.
    for item in sorted(error.errors(include_url=False), key=lambda item: item["type"] not in OWN_WORDS):
        path, value, parent, field = _locate(item["loc"], raw, schema)
        where = place_of((*root, *path))
        if item["type"] == "extra_forbidden":
            section = place_of((*root, *path[:-1])) if path[:-1] else owner
            names = list(parent.get("properties", ()))
            fields = f"; its fields are {', '.join(names)}" if names else "; it has none"
            message = f"{where} is not a field of {section}{suggestion(path[-1], names, homes) or fields}"
        elif item["loc"][-1] == "[key]":
            message = f"{where}: the name must be {rule(parent.get('propertyNames', {}), {}) or item['msg']}"
        elif item["type"] == "missing":
            message = f"{where} is missing; give {rule(field, schema.get('$defs', {})) or 'a value'}"
        elif item["type"] in OWN_WORDS:
            message = f"{where} = {show(value)}: {item['ctx']['error']}"
        elif expected := rule(field, schema.get("$defs", {})):
            choices = [choice for choice in field.get("enum", ()) if isinstance(choice, str)]
            hint = nearest(value, choices) if isinstance(value, str) else ""
            message = f"{where} = {show(value)} must be {expected}{hint}"
        else:
            message = f"{where} = {show(value)}: {item['msg'].replace('Input should', 'it must')}"
        messages.setdefault((*root, *path), message)
    return messages


OWN_WORDS = ("value_error", "assertion_error")


def _locate(loc: tuple, raw: Any, schema: dict[str, Any]) -> tuple[tuple, Any, dict[str, Any], dict[str, Any]]:
    """Follow the location of an error as far as it consists of keys: pydantic appends the branches of unions.

    Returns:
        The path, the value there, the schema of the object around it, and its own schema.
    """
    definitions, path, parent = schema.get("$defs", {}), (), schema
    for key in loc:
        if isinstance(raw, dict) and isinstance(key, str):
            around = _object(schema, definitions)
            if key not in raw and key not in around.get("properties", ()):
                break
            of_any_name = next(iter(around.get("patternProperties", {}).values()), {})
            raw, parent, schema = raw.get(key), around, around.get("properties", {}).get(key, of_any_name)
        elif isinstance(raw, list) and isinstance(key, int):
            raw, schema = raw[key], resolved(schema, definitions).get("items", {})
        else:
            break
        path = (*path, key)
    return path, raw, parent, resolved(schema, definitions)


def resolved(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the definition that a schema refers to, or the schema itself if it is not a reference."""
    return definitions[schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema


def _object(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the alternative of a schema that is an object; empty if there is none."""
    options = [resolved(option, definitions) for option in resolved(schema, definitions).get("anyOf", [schema])]
    return next((option for option in options if option.keys() & {"properties", "patternProperties"}), {})


def _bounds(schema: dict[str, Any]) -> str:
    found = [key for key in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum") if key in schema]
    bounds = [f"{schema[key]:g}" if isinstance(schema[key], float) else schema[key] for key in found]
    words = RANGES[tuple(found)].format(*bounds)
    return words + (f" that is a multiple of {schema['multipleOf']}" if "multipleOf" in schema else "")


RANGES = {
    (): "",
    ("minimum",): " of at least {}",
    ("exclusiveMinimum",): " above {}",
    ("maximum",): " of at most {}",
    ("exclusiveMaximum",): " below {}",
    ("minimum", "maximum"): " from {} to {}",
    ("minimum", "exclusiveMaximum"): " from {} to below {}",
    ("exclusiveMinimum", "maximum"): " above {}, up to {}",
    ("exclusiveMinimum", "exclusiveMaximum"): " above {} and below {}",
}


def _list_rule(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    least, most = schema.get("minItems", 0), schema.get("maxItems")
    count = f"{least} to {most} values" if most else f"at least {least} values" if least else "values"
    item = rule(schema.get("items", {}), definitions)
    return f"a list of {count}" + (f", each {item}" if item else "")
