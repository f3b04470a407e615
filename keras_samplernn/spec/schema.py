"""The JSON Schema of a spec, with a branch for each installed tier and head: for editors, and for the reference."""

from collections.abc import Mapping
from typing import Any

from keras_samplernn.spec.constructors import constructor_model
from keras_samplernn.spec.fields import DEFAULT_HEAD, MOST_TIERS, Spec
from keras_samplernn.spec.presets import DEFAULT_PRESET, PRESETS
from keras_samplernn.spec.types import Types

TYPE_WORDS = "Type of the {}: the name under which it is installed."
TIER_DEFAULTS_WORDS = (
    "Values for each tier that has the field and whose own entry does not give it; by default {} where the spec has "
    "`tiers` of its own."
)
SCHEMA_KEY_WORDS = "Path or address of the JSON Schema, for editors; ignored."
PRESET_WORDS = (
    "What goes together (docs/sound.md) of tiers, training and conditions, for what the spec itself does not say; its "
    "own `tiers` replace those of the preset as a whole. The defaults below are those of the default preset."
)


def spec_schema(types: Types) -> dict[str, Any]:
    """Return the JSON Schema of a spec with these tiers and heads.

    Every valid spec agrees with it. Only `parse_spec` checks relations between fields, for example that frame sizes
    divide each other.
    """
    schema = Spec.model_json_schema()
    definitions = schema["$defs"]
    del definitions["TierSpec"], definitions["HeadSpec"]
    branches, shared = _branches("tier", types.tiers, definitions), {}
    for branch in branches:
        for key, field in branch["properties"].items():
            if key != "type":
                shared.setdefault(key, [])
                shared[key] += [field] if field not in shared[key] else []
        # A field that the constructor requires may come from tier_defaults.
        branch["required"] = ["type"]
    properties = schema["properties"]
    tier_defaults = {
        "title": "Tier Defaults",
        "description": TIER_DEFAULTS_WORDS,
        "type": "object",
        "additionalProperties": False,
        "properties": {key: fields[0] if len(fields) == 1 else {"anyOf": fields} for key, fields in shared.items()},
    }
    properties["tiers"] |= {
        "items": {"oneOf": branches},
        "minItems": 2,
        "maxItems": MOST_TIERS,
    }
    heads = _branches("head", types.heads, definitions)
    words = properties["head"]["description"]
    properties["head"] = {"description": words, "type": "object", "oneOf": heads, "default": DEFAULT_HEAD}
    ordered = {}
    for key, field in properties.items():
        ordered |= {"tier_defaults": tier_defaults, key: field} if key == "tiers" else {key: field}
    schema_key = {"type": "string", "description": SCHEMA_KEY_WORDS}
    preset = {"enum": [*PRESETS], "default": DEFAULT_PRESET, "description": PRESET_WORDS}
    _show_defaults(ordered, definitions)
    required = [key for key in schema["required"] if key not in ("tiers", "head")]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "SampleRNN spec",
        "description": "The parts of a SampleRNN, and the sounds it is trained on.",
        "properties": {"$schema": schema_key, "preset": preset, **ordered},
        "required": required,
    }


def _show_defaults(properties: dict[str, Any], definitions: dict[str, Any]) -> None:
    """Put the values of the default preset over the defaults in `fields.py`, which are those of recorded specs."""
    for key, values in PRESETS[DEFAULT_PRESET].items():
        if key in ("tiers", "tier_defaults"):
            properties[key]["default"] = values
            continue
        for definition in {"conditioning": ("Conditioning", "Stream")}.get(key, (key.capitalize(),)):
            fields = definitions[definition]["properties"]
            for field in values.keys() & fields.keys():
                fields[field]["default"] = values[field]
    for field in properties.values():
        if "$ref" in field and "default" in field:  # a section: each of its fields has a default
            field["default"] = {}


def _branches(kind: str, classes: Mapping[str, type], definitions: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the schema of each class of a kind; what it refers to is added to the definitions."""
    branches = []
    for name, each in sorted(classes.items()):
        # Nested models of two packages may have the same name, so each class keeps its own definitions.
        template = f"#/$defs/{name}.{{model}}"
        branch = constructor_model(each).model_json_schema(ref_template=template)
        definitions |= {f"{name}.{key}": value for key, value in branch.pop("$defs", {}).items()}
        marker = {"const": name, "title": "Type", "description": TYPE_WORDS.format(kind)}
        fields = branch.get("properties", {})
        branches.append(
            branch | {"properties": {"type": marker, **fields}, "required": ["type", *branch.get("required", ())]}
        )
    return branches
