"""The tiers of a spec: each entry is validated by the constructor of its type, the stack by the rule of frame sizes."""

from collections.abc import Mapping
from typing import Any

from keras_samplernn.spec.constructors import frame_size_of
from keras_samplernn.spec.fields import MOST_TIERS, TierSpec
from keras_samplernn.spec.suggestions import suggestion
from keras_samplernn.spec.types import Problems, Types, resolve
from keras_samplernn.spec.wording import any_of, show

MOST_SUGGESTIONS = 6


def resolve_tiers(raw: dict[str, Any], types: Types) -> tuple[list[TierSpec], int | None, Problems]:
    """Validate `tiers` and `tier_defaults` of a spec.

    Returns:
        The tiers, empty if any has a problem; the top tier's frame size, or None if it is not known; and a message for
        each path that has a problem.
    """
    entries, defaults = raw.get("tiers"), raw.get("tier_defaults", {})
    problems: Problems = {}
    if not isinstance(defaults, dict):
        problems["tier_defaults",] = f"tier_defaults = {show(defaults)} must be an object"
        defaults = {}
    if not isinstance(entries, list) or not 2 <= len(entries) <= MOST_TIERS:
        problems["tiers",] = f"tiers = {show(entries)} must be a list of 2 to {MOST_TIERS} tiers, slowest first"
        return [], None, problems
    tiers, sizes, fields = [], [], []
    for index, entry in enumerate(entries):
        tier, size, own_fields, found = _resolve_tier(index, entry, defaults, types)
        problems |= {path: message for path, message in found.items() if path not in problems}
        tiers.append(tier)
        sizes.append(size)
        fields.append(own_fields)
    if None not in fields:
        taken = set().union(*fields)
        for key in (key for key in defaults if key not in taken):
            hint = suggestion(key, taken) or f"; their fields are {', '.join(sorted(taken))}"
            problems["tier_defaults", key] = f"tier_defaults.{key} is a field of none of the tiers{hint}"
    problems |= _check_frame_sizes(entries, sizes, types.tiers, problems)
    return ([] if problems else tiers), sizes[0], problems


def _resolve_tier(
    index: int, entry: Any, defaults: dict[str, Any], types: Types
) -> tuple[TierSpec | None, int | None, set[str] | None, Problems]:
    """Return one tier, its frame size, its fields (None if its type is unknown), and its problems."""
    path = ("tiers", index)
    found, problems = resolve(path, entry, types.tiers, types.broken_tiers, defaults, "tier_defaults")
    if found is None:
        return None, None, None, problems
    tier = None
    if found.config is None:
        wrong = {where[-1] for where in problems}
        size = None if "frame_size" in wrong else frame_size_of(found.type_class, found.given)
    else:
        size = frame_size_of(found.type_class, found.config)
        if size is None:
            problems[path] = f'tiers.{index}.type = "{found.type}" declares no frame_size; every tier must'
        else:
            tier = TierSpec(type=found.type, tier_class=found.type_class, config=found.config, frame_size=size)
    return tier, size, found.fields, problems


def _check_frame_sizes(
    entries: list, sizes: list[int | None], tier_types: Mapping[str, type], known: Problems
) -> Problems:
    """Check the rule of the stack: sizes fall from tier to tier, each divides the one above, the last is 1."""
    problems: Problems = {}
    sizes, last = list(sizes), len(sizes) - 1
    singles = sorted(name for name, tier in tier_types.items() if frame_size_of(tier, {}) == 1)
    for index, (entry, size) in enumerate(zip(entries[:-1], sizes, strict=False)):
        if size == 1 and entry["type"] in singles:
            message = f'tiers.{index}.type = "{entry["type"]}" predicts single samples; it can only be the last tier'
            problems["tiers", index, "type"] = message
            sizes[index] = None
    for index in range(1, len(sizes)):
        above, size = sizes[index - 1], sizes[index]
        if above is None or size is None or (index == last and size == 1):
            continue
        here, there = f"tiers.{index}.frame_size = {size}", f"tiers.{index - 1}.frame_size = {above}"
        if above % size or above == size:
            fault = "is not smaller than" if above <= size else "does not divide"
            remedy = _suggest(above, size, sizes[index + 1] if index < last else 1, index)
            problems["tiers", index, "frame_size"] = f"{here} {fault} {there}; {remedy}"
    if sizes[last] not in (1, None):
        such_as = f", such as {any_of(singles)}" if singles else ""
        problems["tiers", last, "frame_size"] = (
            f"tiers.{last}.frame_size = {sizes[last]} is the last tier's, which predicts single samples and must "
            f"be 1; end the list with a tier of frame_size 1{such_as}"
        )
    return {path: message for path, message in problems.items() if path not in known}


def _suggest(above: int, size: int, below: int | None, index: int) -> str:
    """Suggest frame sizes that would fit between the neighbours; if there are many, the nearest ones."""
    divisors = [d for d in range(2, above // 2 + 1) if above % d == 0] if above <= 1_000_000 else []
    fitting = [d for d in divisors if below and d % below == 0 and d > below] or divisors
    if not fitting:
        return (
            f"make tiers.{index - 1}.frame_size a multiple of it, such as {max(2, (above + size // 2) // size) * size}"
        )
    nearby = sorted(sorted(fitting, key=lambda d: abs(d - size))[:MOST_SUGGESTIONS])
    return f"try {any_of(map(str, nearby))}"
