"""What the benchmarks share: interleaved repeats, the median and the spread, the machine, a table or JSON."""

import argparse
import dataclasses
import importlib.metadata
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes:
        case: what was measured.
        name: of the figure.
        unit: of its values; empty for a ratio.
        values: one for each repeat.
        at_most, at_least: what is aimed at, where something is.
    """

    case: str
    name: str
    unit: str
    values: list[float]
    at_most: float | None = None
    at_least: float | None = None

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    @property
    def aim(self) -> str:
        """What is aimed at, in words; empty where nothing is."""
        if self.at_most is not None:
            return f"at most {self.at_most:g}"
        return "" if self.at_least is None else f"at least {self.at_least:g}"

    @property
    def met(self) -> bool:
        """Whether the median is as aimed at."""
        return (self.at_most is None or self.median <= self.at_most) and (
            self.at_least is None or self.median >= self.at_least
        )


def interleave(runs: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, list[float]]:
    """Call each run in turn, `repeats` times round, so that a busy moment of the machine falls on all alike.

    Args:
        runs: by name; each returns what it measured. What it compiles it must have compiled before.

    Returns:
        The values of each, in order.
    """
    values: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            values[name].append(run())
    return values


def ratios(over: list[float], under: list[float]) -> list[float]:
    """Divide value by value: what was measured in the same round."""
    return [one / other for one, other in zip(over, under, strict=True)]


def seconds(function: Callable[[], Any]) -> float:
    """Return how long a call took."""
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def machine() -> dict[str, Any]:
    """Describe the machine, the versions and how busy it is."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        **{name: _version(name) for name in ("tensorflow", "keras", "numpy")},
        "load_average": round(os.getloadavg()[0], 2),
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def tell(line: str) -> None:
    """Say how far a benchmark is, on stderr."""
    print(line, file=sys.stderr, flush=True)


def main(measure: Callable[..., Iterable[Figure]], about: str, repeats: int) -> None:
    """Run a benchmark as a command: `--repeats`, and `--json` for one object on stdout instead of a table.

    Args:
        measure: called with the number of repeats; yields figures.
        about: the benchmark's docstring.
        repeats: unless `--repeats` says otherwise.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--repeats", type=int, default=repeats, help="of every measurement (default: %(default)s)")
    arguments = parser.parse_args()
    before = machine()
    figures = []
    for figure in measure(arguments.repeats):
        tell(line_of(figure))
        figures.append(figure)
    if arguments.json:
        print(json.dumps(report_of(about, before, figures), indent=1))
    else:
        print("  ".join(f"{name} {value}" for name, value in before.items()))
        for figure in figures:
            print(line_of(figure))


def report_of(about: str, machine: dict[str, Any], figures: Iterable[Figure]) -> dict[str, Any]:
    """Return what a benchmark measured as `report.py` reads it from JSON."""
    rows = [
        dataclasses.asdict(figure) | {"median": figure.median, "aim": figure.aim, "met": figure.met}
        for figure in figures
    ]
    return {"about": about, "machine": machine, "figures": rows}


def line_of(figure: Figure) -> str:
    """Return a figure as a line of text."""
    spread = f"({min(figure.values):.4g} to {max(figure.values):.4g})"
    aim = f"  {figure.aim}: {'met' if figure.met else 'MISSED'}" if figure.aim else ""
    return f"{figure.case}: {figure.name} {figure.median:.4g} {figure.unit} {spread}{aim}"
