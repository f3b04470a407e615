"""The reference page of the spec, made from its schema."""

import json
from collections.abc import Iterator
from typing import Any

from keras_samplernn.spec.schema import spec_schema
from keras_samplernn.spec.types import Types
from keras_samplernn.spec.wording import resolved, rule


def spec_reference(types: Types) -> str:
    """Return Markdown with a table for each object of a spec and for each type of tier and head."""
    schema = spec_schema(types)
    definitions = schema["$defs"]
    top = {key: field for key, field in schema["properties"].items() if key != "$schema"}
    lines = ["# The spec", "", "One JSON file says what is trained on what. Unknown fields are refused."]
    lines += _table("Top level", schema | {"properties": top}, definitions, level=2)
    for key, field in top.items():
        lines += _sections(key, field, definitions, level=2)
        if branches := field.get("items", field).get("oneOf"):
            lines += ["", f"## `{key}`", "", field["description"]]
            for branch in branches:
                own = {name: inner for name, inner in branch["properties"].items() if name != "type"}
                title = f'`"type": "{branch["properties"]["type"]["const"]}"`'
                lines += _table(title, branch | {"properties": own}, definitions, level=3)
    return "\n".join(lines) + "\n"


def _sections(place: str, field: dict[str, Any], definitions: dict[str, Any], level: int) -> Iterator[str]:
    """Yield the lines of the objects that a field may be, and of those in them."""
    for option in field.get("anyOf", [field]):
        for inside in option.get("patternProperties", {}).values():
            yield from _sections(f"{place}.NAME", inside, definitions, level)
        if "$ref" in option:
            section = resolved(option, definitions)
            yield from _table(f"`{place}`", section, definitions, level)
            for key, inner in section["properties"].items():
                yield from _sections(f"{place}.{key}", inner, definitions, level + 1)


def _table(title: str, schema: dict[str, Any], definitions: dict[str, Any], level: int) -> Iterator[str]:
    """Yield the lines of one object's section."""
    yield from ("", f"{'#' * level} {title}", "", schema.get("description", ""))
    if not schema["properties"]:
        return
    yield from ("", "| Field | Value | Default | Meaning |", "| --- | --- | --- | --- |")
    for key, field in schema["properties"].items():
        section = resolved(field, definitions)
        cells = (
            f"`{key}`",
            rule(field, definitions) or "any",
            f"`{json.dumps(field['default'])}`" if "default" in field and section is field else "",
            field.get("description", section.get("description", "")),
        )
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
