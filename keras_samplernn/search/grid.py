"""The grid of a search: fields of a spec, values for each, and a spec for each combination of these."""

import dataclasses
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_samplernn.errors import UserError, collect
from keras_samplernn.spec import Spec, Types, parse_spec
from keras_samplernn.spec.json_text import read_json

Scalar = str | int | float | bool | None
Grid = Mapping[str, Sequence[Scalar]]
"""Values by field; a field is a path in the spec's JSON, such as `tiers.0.dim`."""

LONGEST_NAME = 100  # of a run, as the spec's `name` has it
_DECODER = json.JSONDecoder()


@dataclasses.dataclass(frozen=True)
class Combination:
    """One point of the grid.

    Attributes:
        number: from 1, in the order of the grid; the last field varies fastest.
        values: by field.
        spec: validated; its name is that of the run.
    """

    number: int
    values: Mapping[str, Scalar]
    spec: Spec


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
        value, end = _scalar_at(text, place)
        if value == "" and end == place:
            raise ValueError('a value is missing; write FIELD=VALUE,VALUE, and "" for an empty text')
        if isinstance(value, list | dict):
            raise ValueError(f"{json.dumps(value)} is no single value; give numbers, text, true, false or null")
        yield value
        if end == len(text):
            return
        place = end + 1


def _scalar_at(text: str, place: int) -> tuple[Any, int]:
    """Return the value that begins at a place, and the place of the comma or of the end after it."""
    try:
        value, end = _DECODER.raw_decode(text, place)
        plain = value != value or value in (float("inf"), -float("inf"))  # Python's parser takes NaN and Infinity
    except ValueError:
        plain = True
    if plain or (end < len(text) and text[end] != ","):
        end = text.find(",", place) if "," in text[place:] else len(text)
        value = text[place:end]
    return value, end


def combine(text: str, place: str, types: Types, folder: Path, grid: Grid) -> tuple[str, list[Combination]]:
    """Return the spec's own name, and all combinations of a grid, each with its validated spec.

    Args:
        text: JSON of the spec that they have in common.
        place: the name of the spec at the start of each message.
        types: the installed tiers and heads.
        folder: the folder that relative data paths start from.
        grid: not empty, with at least one value for each field.

    Raises:
        UserError: one line for each problem of any combination; or their bits cannot be compared.
    """
    raw, repeated = read_json(text, place)
    if repeated:
        raise UserError(*(f"{place}: {message}" for message in repeated.values()))
    if "name" in grid:
        raise UserError("--vary name: the search names its runs itself; vary another field")
    problems: list[str] = []
    name_of = _namer(grid)
    own_name, combinations = "", []
    for number, chosen in enumerate(itertools.product(*grid.values()), 1):
        values = dict(zip(grid, chosen, strict=True))

        def parse(values: Mapping[str, Scalar] = values) -> Spec:
            changed = json.loads(json.dumps(raw))
            for field, value in values.items():
                _set(changed, field, value, place)
            return parse_spec(json.dumps(changed), place, types, folder)

        if spec := collect(problems, parse):
            own_name, spec = spec.name, spec.model_copy(update={"name": name_of(number, values)})
            combinations.append(Combination(number, values, spec))
    if problems:
        raise UserError(*dict.fromkeys(problems))
    _refuse_what_cannot_be_compared([each.spec for each in combinations], place)
    return own_name, combinations


def _set(raw: dict[str, Any], field: str, value: Scalar, place: str) -> None:
    """Set a field of a spec's JSON, and add the objects around it that are missing; UserError where there is no place.

    Whether the spec may have the field is seen when it is validated.
    """
    around: Any = raw
    *path, last = field.split(".")
    for number, key in enumerate([*path, last]):
        if isinstance(around, list):
            parent = ".".join(path[:number])
            if not re.fullmatch("[0-9]+", key) or int(key) >= len(around):
                raise UserError(f"{place}: --vary {field}: {parent} has no entry {key}, but 0 to {len(around) - 1}")
            key = int(key)
        elif not isinstance(around, dict) or not key or key.isdigit():
            parent = ".".join(path[:number]) or "the spec"
            raise UserError(f"{place}: --vary {field}: {parent} has nothing called {key or '(nothing)'} to vary")
        if number == len(path):
            around[key] = value
        elif isinstance(around, dict):
            following = around.get(key)
            around[key] = around = {} if following is None else following
        else:
            around = around[key]


def _namer(grid: Grid) -> Callable[[int, Mapping[str, Scalar]], str]:
    """Return what names the run of a combination: its number, and the varied fields with their values."""
    combinations = 1
    for values in grid.values():
        combinations *= len(values)
    digits, short = len(str(combinations)), _short_names(list(grid))

    def name(number: int, values: Mapping[str, Scalar]) -> str:
        texts = (f"{short[field]}-{_text_of(value)}" for field, value in values.items())
        return "_".join([f"{number:0{digits}}", *texts])[:LONGEST_NAME]

    return name


def _short_names(fields: Sequence[str]) -> dict[str, str]:
    """Return for each field the shortest end of its path that no other one has: `dim` for `tier_defaults.dim`."""
    short = {}
    for field in fields:
        parts = field.split(".")
        ends = [".".join(parts[-length:]) for length in range(1, len(parts) + 1)]
        alone = (end for end in ends if sum(f".{other}".endswith(f".{end}") for other in fields) == 1)
        short[field] = re.sub(r"[^A-Za-z0-9._-]", "-", next(alone, field))
    return short


def _text_of(value: Scalar) -> str:
    """Return a value as it may stand in the name of a file."""
    return re.sub(r"[^A-Za-z0-9.-]", "-", value if isinstance(value, str) else json.dumps(value))


def _refuse_what_cannot_be_compared(specs: Sequence[Spec], place: str) -> None:
    """Raise UserError unless the specs differ, and validate on the same sounds and the same codes."""
    if any(spec.data.valid is None for spec in specs):
        raise UserError(
            f"{place}: data.valid is null, and a search compares validations; give a folder, or a share such as 0.1"
        )
    problems = []
    seen: dict[str, int] = {}
    for number, spec in enumerate(specs, 1):
        first = seen.setdefault(spec.model_copy(update={"name": ""}).to_json(), number)
        if first < number and not problems:
            problems.append(
                f"{place}: combinations {first} and {number} are the same spec; what a tier says itself, tier_defaults"
                " does not change: vary tiers.0.dim and the like, or take it out of the tiers"
            )
    if len({spec.audio.model_dump_json() for spec in specs}) > 1:
        problems.append(
            f"{place}: the combinations differ in their codes (audio, or the head's levels), so that their bits cannot"
            " be compared; search each apart"
        )
    # A share of the training files is validated on where `valid` is no folder.
    sounds = {(spec.data.valid, spec.data.train if isinstance(spec.data.valid, float) else None) for spec in specs}
    if len(sounds) > 1:
        problems.append(
            f"{place}: the combinations differ in the sounds that they are validated on, so that their bits cannot be"
            " compared; search each apart"
        )
    if problems:
        raise UserError(*problems)
