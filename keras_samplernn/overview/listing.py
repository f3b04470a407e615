"""Runs in a table, with the fields in which their specs differ."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from keras_samplernn.errors import UserError
from keras_samplernn.overview.summary import Summary, summarise
from keras_samplernn.run_folder import is_run, runs_in
from keras_samplernn.spec.wording import show
from keras_samplernn.table import aligned

_ABSENT = "-"


def summaries_of(places: Sequence[Path], say: Callable[[str], None]) -> list[Summary]:
    """Return the figures of runs.

    Args:
        places: run directories, and folders of such; of these, the run that was trained last is the last.
        say: called with a line for each folder that is left out, and why.

    Raises:
        UserError: there is no run.
    """
    summaries = []
    for run in dict.fromkeys(run for place in places for run in _runs_at(place, say)):
        try:
            summaries.append(summarise(run, say))
        except UserError as error:
            say(f"{error}; it is left out")
    if not summaries:
        raise UserError(f"{', '.join(map(str, places))}: no run to list; train with `fit` first, or give run folders")
    return summaries


def _runs_at(place: Path, say: Callable[[str], None]) -> Iterator[Path]:
    if is_run(place):
        yield place
    elif not place.is_dir():
        say(f"{place}: {'is no folder' if place.exists() else 'does not exist'}; it is left out")
    else:
        runs = runs_in(place)
        others = (path for path in sorted(place.iterdir()) if path.is_dir() and not path.name.startswith("."))
        for folder in (path for path in others if path not in runs):
            inside = len(runs_in(folder))
            kind = f"holds {inside} runs; name it to list them" if inside else "is not a run; it is left out"
            say(f"{folder}: {kind}")
        yield from runs


def differing(summaries: Sequence[Summary]) -> dict[str, list[Any]]:
    """Return the fields of specs that differ among runs, each with a value for each run; `...` where it is absent."""
    fields = dict.fromkeys(field for summary in summaries for field in summary.fields)
    values = {field: [summary.fields.get(field, ...) for summary in summaries] for field in fields}
    return {field: each for field, each in values.items() if any(map(_differs, each, each[1:]))}


def to_json(summaries: Sequence[Summary]) -> dict[str, Any]:
    """Return the figures of runs, with the fields that differ among them, as JSON values."""
    fields = differing(summaries)
    runs = []
    for number, summary in enumerate(summaries):
        own = {field: values[number] for field, values in fields.items() if values[number] is not ...}
        runs.append(summary.to_json() | {"differing": own})
    return {"runs": runs}


def to_text(summaries: Sequence[Summary]) -> str:
    """Return a table of runs, and one of the fields that differ among them."""
    columns = {
        "run": [str(summary.run) for summary in summaries],
        "state": [summary.state for summary in summaries],
        "epochs": [f"{_count(summary.epochs)} of {_count(summary.epochs_in_all)}" for summary in summaries],
        "steps": [_count(summary.steps) for summary in summaries],
        "minutes": [_ABSENT if each.seconds is None else f"{each.seconds / 60:,.1f}" for each in summaries],
        "training bits": [_bits(summary.training_bits) for summary in summaries],
        "validation bits": [_bits(summary.best_bits) for summary in summaries],
        "at step": [_count(summary.best_step) for summary in summaries],
        "trained": [time.strftime("%Y-%m-%d %H:%M", time.localtime(summary.trained)) for summary in summaries],
        "began with": [_began_with(summary) for summary in summaries],
    }
    for column in ("minutes", "began with"):
        if {*columns[column]} == {_ABSENT}:
            del columns[column]
    words = {number for number, column in enumerate(columns) if column in ("run", "state", "trained", "began with")}
    table = aligned([[*columns], *zip(*columns.values(), strict=True)], words)
    fields = differing(summaries)
    if not fields:
        return table
    header = ["", *(str(summary.run) for summary in summaries)]
    rows = [header, *([field, *map(_shown, values)] for field, values in fields.items())]
    # Upright where there are more runs than fields: a terminal has more lines than columns.
    upright = len(summaries) > len(fields)
    return f"{table}\n\n{aligned(list(zip(*rows, strict=True)) if upright else rows, range(len(summaries) + 1))}"


def _differs(value: Any, other: Any) -> bool:
    """Return whether two values differ as JSON; true is not 1 there, and 1.0 is."""
    return value != other or isinstance(value, bool) is not isinstance(other, bool)


def _shown(value: Any) -> str:
    return _ABSENT if value is ... else show(value)


def _count(value: int | None) -> str:
    return _ABSENT if value is None else f"{value:,}"


def _bits(value: float | None) -> str:
    return _ABSENT if value is None else f"{value:.4f}"


def _began_with(summary: Summary) -> str:
    if summary.origin is None:
        return _ABSENT
    return f"{Path(summary.origin.run).name} {summary.origin.checkpoint}"
