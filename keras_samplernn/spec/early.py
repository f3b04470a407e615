"""What can be refused of a spec before Keras is imported, which takes seconds, and the tiers with it."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from keras_samplernn.errors import UserError
from keras_samplernn.spec.changes import field_path, read_object, with_changes
from keras_samplernn.spec.fields import Spec
from keras_samplernn.spec.json_text import read_json
from keras_samplernn.spec.loading import section_homes, sections_alone
from keras_samplernn.spec.presets import fill_in
from keras_samplernn.spec.suggestions import is_sure
from keras_samplernn.spec.wording import place_of, problems_of


def refuse_early(text: str, place: str, changes: Mapping[str, Any]) -> None:
    """Raise UserError if a spec is not JSON, or if a change of it is wrong whatever tiers and heads are installed.

    Other problems are left to `parse_spec`, which tells all of them together, with those of the sounds.

    Args:
        text: JSON of the spec.
        place: the name of the spec at the start of each message.
        changes: values by field, as in `with_changes`.

    Raises:
        UserError: one line for each problem.
    """
    read_json(text, place)
    if not changes:
        return
    raw, _ = read_json(with_changes(read_object(text, place), changes, place, "--set"), place)
    raw.pop("$schema", None)
    filled, problems = fill_in(raw)
    try:
        Spec.model_validate(sections_alone(filled))
    except ValidationError as error:
        schema = Spec.model_json_schema()
        homes = section_homes(schema)
        known = [*homes, *schema["properties"], "tier_defaults", "preset"]
        unknown = {item["loc"] for item in error.errors(include_url=False) if item["type"] == "extra_forbidden"}
        unsure = {path for path in unknown if not is_sure(str(path[-1]), known)}
        found = problems_of(error, raw, schema, "the spec", homes)
        problems |= {path: message for path, message in found.items() if path not in unsure}
    fields = [field_path(field) for field in changes]
    if told := [f"{place}: {message}" for path, message in problems.items() if _is_changed(place_of(path), fields)]:
        raise UserError(*told)


def _is_changed(place: str, fields: Iterable[str]) -> bool:
    """Return whether a place of a spec is one of the fields, or around one, or in one."""
    return any(f"{place}.".startswith(f"{field}.") or f"{field}.".startswith(f"{place}.") for field in fields)
