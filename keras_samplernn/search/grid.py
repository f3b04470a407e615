"""The grid of a search: fields of a spec, values for each, and a spec for each combination of these."""

import dataclasses
import itertools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from keras_samplernn.errors import UserError, collect
from keras_samplernn.spec import Spec, Types, parse_spec
from keras_samplernn.spec.changes import Scalar, read_object, with_changes

Grid = Mapping[str, Sequence[Scalar]]
"""Values by field; a field is a path in the spec's JSON, such as `tiers.0.dim`."""

LONGEST_NAME = 100  # of a run, as the spec's `name` has it


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
    raw = read_object(text, place)
    if "name" in grid:
        raise UserError("--vary name: the search names its runs itself; vary another field")
    problems: list[str] = []
    name_of = _namer(grid)
    own_name, combinations = "", []
    for number, chosen in enumerate(itertools.product(*grid.values()), 1):
        values = dict(zip(grid, chosen, strict=True))

        def parse(values: Mapping[str, Scalar] = values) -> Spec:
            return parse_spec(with_changes(raw, values, place, "--vary"), place, types, folder)

        if spec := collect(problems, parse):
            own_name, spec = spec.name, spec.model_copy(update={"name": name_of(number, values)})
            combinations.append(Combination(number, values, spec))
    if problems:
        raise UserError(*dict.fromkeys(problems))
    _refuse_what_cannot_be_compared([each.spec for each in combinations], place)
    return own_name, combinations


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
    split = ("train", "valid", "hold_out", "keep")
    sounds = {
        spec.data.model_dump_json(include={*split} if isinstance(spec.data.valid, float) else {"valid"})
        for spec in specs
    }
    if len(sounds) > 1:
        problems.append(
            f"{place}: the combinations differ in the sounds that they are validated on, so that their bits cannot be"
            " compared; search each apart"
        )
    if problems:
        raise UserError(*problems)
