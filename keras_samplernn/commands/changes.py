"""Fields of a spec on the command line: `FIELD=VALUE`, and the options that change a spec."""

from collections.abc import Sequence
from typing import Any

import click


class FieldValue(click.ParamType):
    """A field of the spec and its new value."""

    name = "field=value"
    example = "training.learning_rate=0.0003"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        """Return the field and the value, or fail as click's types do."""
        if isinstance(value, tuple):
            return value
        field, equals, text = str(value).partition("=")
        if not equals or not field:
            self.fail(f"'{value}' is not {self.name.upper()}, such as {self.example}.", param, ctx)
        from keras_samplernn.spec.changes import field_path

        try:
            return field_path(field), self.read(text)
        except ValueError as error:
            self.fail(f"{field}: {error}.", param, ctx)

    def read(self, text: str) -> Any:
        """Return what the text after the equals sign means; ValueError, in words for users, if it means nothing."""
        from keras_samplernn.spec.changes import read_value

        return read_value(text)


class FieldValues(FieldValue):
    """A field of the spec and several values for it."""

    name = "field=value,value"
    example = "training.learning_rate=0.001,0.002"

    def read(self, text: str) -> list:
        """Return the values, as `FieldValue.read` does."""
        from keras_samplernn.spec.changes import read_values

        return read_values(text)


def by_field(given: Sequence[tuple[str, Any]], option: str, remedy: str) -> dict[str, Any]:
    """Return what options say of each field; click.UsageError if one of them is given twice."""
    fields = [field for field, _ in given]
    for field in fields:
        if fields.count(field) > 1:
            raise click.UsageError(f"{option} {field} is given twice; {remedy}.")
    return dict(given)


def _changes(ctx: click.Context, param: click.Parameter, given: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    return by_field(given, "--set", "give one value")


set_option = click.option(
    "--set",
    "changes",
    type=FieldValue(),
    multiple=True,
    callback=_changes,
    help="Change a field of the spec, such as training.learning_rate=0.0003 or tiers.0.dim=128; its file stays as it"
    " is. The value is JSON, or else text. Give it several times for several fields.",
)
