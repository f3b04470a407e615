"""The JSON Schema of a spec, with a branch for each installed tier: for editors, and for the reference."""

from collections.abc import Mapping
from typing import Any

from keras_samplernn.spec.constructors import constructor_model
from keras_samplernn.spec.fields import DEFAULT_TIERS, MOST_TIERS, Spec

TYPE_WORDS = "Type of the tier: the name under which it is installed."
TIER_DEFAULTS_WORDS = "Values for each tier that has the field and whose own entry does not give it."
SCHEMA_KEY_WORDS = "Path or address of the JSON Schema, for editors; ignored."


def spec_schema(tier_types: Mapping[str, type]) -> dict[str, Any]:
    """Return the JSON Schema of a spec with these tiers.

    Every valid spec agrees with it. Only `parse_spec` checks relations between fields, for example that frame sizes
    divide each other.
    """
    schema = Spec.model_json_schema()
    definitions = schema["$defs"]
    del definitions["TierSpec"]
    branches, shared = [], {}
    for name, tier_class in sorted(tier_types.items()):
        # Nested models of two packages may have the same name, so each tier keeps its own definitions.
        template = f"#/$defs/{name}.{{model}}"
        branch = constructor_model(tier_class).model_json_schema(ref_template=template)
        definitions |= {f"{name}.{key}": value for key, value in branch.pop("$defs", {}).items()}
        for key, field in branch["properties"].items():
            shared.setdefault(key, [])
            shared[key] += [field] if field not in shared[key] else []
        marker = {"const": name, "title": "Type", "description": TYPE_WORDS}
        # A field that the constructor requires may come from tier_defaults.
        branches.append(branch | {"properties": {"type": marker, **branch["properties"]}, "required": ["type"]})
    properties = schema["properties"]
    tier_defaults = {
        "title": "Tier Defaults",
        "description": TIER_DEFAULTS_WORDS,
        "type": "object",
        "default": {},
        "additionalProperties": False,
        "properties": {key: fields[0] if len(fields) == 1 else {"anyOf": fields} for key, fields in shared.items()},
    }
    properties["tiers"] |= {
        "items": {"oneOf": branches},
        "minItems": 2,
        "maxItems": MOST_TIERS,
        "default": DEFAULT_TIERS,
    }
    ordered = {}
    for key, field in properties.items():
        ordered |= {"tier_defaults": tier_defaults, key: field} if key == "tiers" else {key: field}
    schema_key = {"type": "string", "description": SCHEMA_KEY_WORDS}
    required = [key for key in schema["required"] if key != "tiers"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "SampleRNN spec",
        "description": "The parts of a SampleRNN, and the sounds it is trained on.",
        "properties": {"$schema": schema_key, **ordered},
        "required": required,
    }
