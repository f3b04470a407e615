"""A tier's constructor is the schema of its fields: names, types and defaults.

The docstring of the class describes them.
"""

import contextlib
import inspect
import json
import re
from collections.abc import Iterator
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, TypeAdapter, create_model
from pydantic_core import PydanticSerializationError, to_jsonable_python

# Keras' own arguments of every layer: `assemble` gives them.
NOT_THE_SPECS = {"self", "name", "dtype", "trainable"}
NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def constructor_model(tier_class: type) -> type[BaseModel]:
    """Return a strict pydantic model with the arguments that a spec may give to the tier's constructor.

    Descriptions come from `Field(description=...)` in the hints, or from the `Args:` of the class' docstring, or from
    those of the classes above it.
    """
    hints = get_type_hints(tier_class.__init__, include_extras=True)
    words = _described_arguments(tier_class)
    fields: dict[str, Any] = {}
    for name, parameter in _arguments(tier_class):
        default = ... if parameter.default is parameter.empty else parameter.default
        hint = hints.get(name, Any)
        described = any(getattr(extra, "description", None) for extra in getattr(hint, "__metadata__", ()))
        fields[name] = (hint, default if described else Field(default, description=words.get(name)))
    config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())
    summary = (inspect.getdoc(tier_class) or "").partition("\n\n")[0].replace("\n", " ")
    return create_model(tier_class.__name__, __config__=config, __doc__=summary or None, **fields)


def check_constructor(tier_class: type) -> None:
    """Raise TypeError with the argument, unless JSON can give every argument of the constructor, and hold its default.

    A run records all arguments, also those that the spec leaves out.
    """
    for name, parameter in _arguments(tier_class):
        try:
            json.dumps(
                None if parameter.default is parameter.empty else parameter.default, default=_plain, allow_nan=False
            )
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"its argument {name} has a default that JSON cannot hold ({error}); let it be a number, text, list or "
                "None, and make the rest of it in the constructor"
            ) from None
    try:
        constructor_model(tier_class).model_json_schema()
    except PydanticUserError:
        for name, hint in get_type_hints(tier_class.__init__, include_extras=True).items():
            try:
                TypeAdapter(hint).json_schema()
            except PydanticUserError:
                raise TypeError(
                    f"its argument {name} has the hint {hint}, which JSON cannot give; hint it as number, text or list"
                ) from None
        raise


def _arguments(tier_class: type) -> Iterator[tuple[str, inspect.Parameter]]:
    """Return the arguments of the constructor that a spec may give."""
    for name, parameter in inspect.signature(tier_class.__init__).parameters.items():
        if name not in NOT_THE_SPECS and not name.startswith("_") and parameter.kind in NAMED:
            yield name, parameter


def _plain(value: Any) -> Any:
    """Return a default as JSON has it, such as the value of an Enum; a set has no order to be recorded in."""
    if not isinstance(value, (set, frozenset)):
        with contextlib.suppress(PydanticSerializationError):
            return to_jsonable_python(value)
    raise TypeError(f"{type(value).__name__} is no type of JSON")


def frame_size_of(tier_class: type, config: dict[str, Any]) -> int | None:
    """Return samples per step, from an argument of the constructor or an attribute of the class; None: neither."""
    size = config.get("frame_size", getattr(tier_class, "frame_size", None))
    return size if isinstance(size, int) and not isinstance(size, bool) and size > 0 else None


def _described_arguments(tier_class: type) -> dict[str, str]:
    """Read the `Args:` sections of a class and of those above it: one sentence for each argument, the lowest one's."""
    words: dict[str, str] = {}
    for ancestor in reversed(tier_class.__mro__):
        docstring = inspect.cleandoc(vars(ancestor).get("__doc__") or "")
        section = re.search(r"^Args:\n((?:[ \t]+.*\n?|\n)*)", docstring, re.MULTILINE)
        found = re.findall(r"^ {4}(\w+)[^:\n]*: (.*(?:\n {5,}.*)*)", section[1] if section else "", re.MULTILINE)
        words |= {name: " ".join((text[0].upper() + text[1:]).split()) for name, text in found}
    return words
