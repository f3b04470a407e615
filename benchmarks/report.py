"""Run the benchmarks one after the other and write docs/performance.md from what they measured.

Each runs in a process of its own, alone, and its JSON is kept as build/benchmarks/NAME.json; what is not run anew is
written from the JSON that is kept.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from measuring import tell

PROJECT = Path(__file__).resolve().parent.parent
KEPT = PROJECT / "build" / "benchmarks"
PAGE = PROJECT / "docs" / "performance.md"
BENCHMARKS = (
    "generation",
    "training",
    "heads",
    "own_recurrence",
    "long_sound",
    "narrow_weights",
    "precision",
    "input_pipeline",
    "overheads",
    "startup",
)
VERSIONS = "python", "tensorflow", "jax", "keras", "numpy"
HEAD = "# Performance"
ACCELERATOR = """\
## On an accelerator

`benchmarks/accelerator.py` measures training and generation on Keras' JAX backend beside the time of their matrix
products alone, at widths 256 and 1024, in float32 and bfloat16, with 1, 16 and 256 sounds. It needs no TensorFlow:"""
ACCELERATOR_ANEW = """\
    pip install keras "jax[cuda12]" pandas pydantic
    pip install --no-deps --editable .
    python benchmarks/accelerator.py --json build/benchmarks/accelerator.json

It is made for five minutes on one H100 and prints this section; the most important figures come first, and the file
has those of a run that was cut off. With the file there, `benchmarks/report.py` writes them into this page."""
HOW_TO_READ = """\
How to read the tables: a figure is the median of its repeats, which take turns with what they are compared with; the
spread is from the smallest to the largest of them, and is missing where there was one. The aim is what the project
holds itself to, and is met or missed by the median. A ratio is taken within one run, of what was measured in the same
round, so that it says more of another machine than seconds do. Compiling is counted only where a section says so."""
ANEW = "`make bench` measures all of it anew, except on an accelerator, and writes this page."


def run(name: str) -> None:
    """Run a benchmark in a process of its own and keep its JSON."""
    tell(f"{name}:")
    command = [sys.executable, Path(__file__).with_name(f"{name}.py"), "--json"]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    json.loads(text)  # what cannot be read back must not take the place of what was kept
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"{name}.json").write_text(text)


def page(reports: dict[str, dict[str, Any] | None], accelerator: dict[str, Any] | None) -> str:
    """Return the page: the machine, how to read it, and a section for each benchmark; None: it was not measured."""
    measured = {name: report for name, report in reports.items() if report is not None}
    missing = [name for name, report in reports.items() if report is None]
    parts = [HEAD, _machines(measured), HOW_TO_READ, ANEW]
    if missing:
        parts.insert(2, f"Not measured: {', '.join(f'`{name}`' for name in missing)}.")
    for name, report in measured.items():
        parts += _section(name, report)
    parts += accelerator_section(accelerator)
    return "\n\n".join(parts) + "\n"


def accelerator_section(report: dict[str, Any] | None) -> list[str]:
    """Return the paragraphs on what `accelerator.py` measured, and on how to measure it; None: it was not measured."""
    if report is None:
        return [ACCELERATOR, ACCELERATOR_ANEW, "Not measured yet: no accelerator was at hand."]
    machine, (_, _, text) = report["machine"], report["about"].strip().partition("\n\n")
    on = (
        f"Measured on {machine['device']}; {_machine(machine)}; products in float32 at precision {machine['products']}."
    )
    left_out = [f"- {case}: {reason}" for case, reason in report["left_out"].items()]
    paragraphs = [ACCELERATOR, ACCELERATOR_ANEW, text.strip(), on, _table(report["figures"])]
    return [*paragraphs, "Left out:", "\n".join(left_out)] if left_out else paragraphs


def _machines(reports: dict[str, dict[str, Any]]) -> str:
    """Say what was measured on: once where it was one machine with one set of versions."""
    benchmarks_on: dict[str, list[str]] = {}
    for name, report in reports.items():
        benchmarks_on.setdefault(_machine(report["machine"]), []).append(name)
    if len(benchmarks_on) == 1:
        return f"Measured on {next(iter(benchmarks_on))}."
    lines = [f"- {machine}: {', '.join(names)}" for machine, names in benchmarks_on.items()]
    return "\n".join(["Measured on:", "", *lines]) if lines else "Nothing was measured."


def _machine(machine: dict[str, Any]) -> str:
    cores = f"{machine['cores']} core{'s' * (machine['cores'] != 1)}"
    versions = ", ".join(f"{name} {machine[name]}" for name in VERSIONS if machine.get(name))
    return f"{cores} of {machine['processor']}; {versions}"


def _section(name: str, report: dict[str, Any]) -> list[str]:
    summary, _, text = report["about"].strip().partition("\n\n")
    load = f"`benchmarks/{name}.py`; load average when it began: {report['machine']['load_average']:.2g}."
    paragraphs = [f"## {' '.join(summary.split()).removesuffix('.')}", text.strip(), load, _table(report["figures"])]
    return [paragraph for paragraph in paragraphs if paragraph]


def _table(figures: list[dict[str, Any]]) -> str:
    rows = [
        (figure["case"], figure["name"], _value(figure), _spread(figure), figure["aim"], _met(figure))
        for figure in figures
    ]
    columns = "case", "figure", "median", "spread", "aim", "met"
    return "\n".join([_line(columns), "| --- | --- | ---: | ---: | --- | --- |", *map(_line, rows)])


def _line(cells: Iterable[str]) -> str:
    escaped = [cell.replace("|", r"\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"


def _value(figure: dict[str, Any]) -> str:
    return f"{readable(figure['median'])} {figure['unit']}".strip()


def _spread(figure: dict[str, Any]) -> str:
    values = figure["values"]
    return f"{readable(min(values))} to {readable(max(values))}" if len(values) > 1 else ""


def _met(figure: dict[str, Any]) -> str:
    return ("yes" if figure["met"] else "**no**") if figure["aim"] else ""


def readable(value: float) -> str:
    """Return a number with four significant digits, thousands separated, without an exponent where it is not tiny."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 1 else f"{value:.4g}"


def _kept(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text()) if path.is_file() else None


def main() -> None:
    """Run what is asked for and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=BENCHMARKS, help="run this one; may be given again")
    parser.add_argument("--write", action="store_true", help="run nothing, write the page from what is kept")
    arguments = parser.parse_args()
    for name in () if arguments.write else arguments.only or BENCHMARKS:
        run(name)
    PAGE.write_text(page({name: _kept(KEPT / f"{name}.json") for name in BENCHMARKS}, _kept(KEPT / "accelerator.json")))
    tell(f"{PAGE}: written")


if __name__ == "__main__":
    main()
