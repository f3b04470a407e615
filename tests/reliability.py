"""The full counts of the reliability tests, and what they counted written into docs/reliability.md.

    python tests/reliability.py [--write]      --write: only the page, from what is kept in build/reliability

Hours on two cores. The page is written if all of them pass.
"""

import argparse
import json
import platform
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

TESTS = Path(__file__).resolve().parent
PROJECT = TESTS.parent
KEPT = PROJECT / "build" / "reliability"
PAGE = PROJECT / "docs" / "reliability.md"
FUZZ_SECONDS = 600
FILES = (
    "test_kills.py",
    "test_operations.py",
    "test_faults.py",
    "test_signals.py",
    "test_damage.py",
    "test_hostile_runs.py",
    "test_full_disk.py",
    "test_audio_fuzz.py",
    "test_fuzz.py",
    "test_exact_length.py",
)
COUNTED = "## Counted\n"


def run() -> None:
    """Run tests and fuzzers, and mark what they counted as passed if all of them did."""
    shutil.rmtree(KEPT, ignore_errors=True)
    KEPT.mkdir(parents=True)
    tests = [sys.executable, "-m", "pytest", "--full", f"--tally={KEPT}", *(TESTS / name for name in FILES)]
    passed = subprocess.run(tests, cwd=PROJECT, check=False).returncode == 0
    for kind in ("csv", "index", "spec"):
        command = [sys.executable, TESTS / "coverage_fuzzer.py", kind, str(FUZZ_SECONDS)]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace", check=False)
        runs = re.findall(r"Done (\d+) runs in (\d+) second", done.stderr)
        passed &= done.returncode == 0 and bool(runs)
        if not runs:
            print(done.stderr[-2000:], file=sys.stderr)
        for number, seconds in runs:
            counted = f"{kind}: inputs of the fuzzer led by coverage, in {seconds} seconds"
            note(["csv, index and spec fuzz", counted, int(number)])
    if passed:
        (KEPT / "passed").touch()


def note(entry: list) -> None:
    """Keep what was counted."""
    with (KEPT / "tally.jsonl").open("a") as stream:
        stream.write(json.dumps(entry) + "\n")


def page() -> str:
    """Return the page: its words, and then what was counted."""
    if not (KEPT / "passed").is_file():
        sys.exit(f"{KEPT}: not everything passed, or nothing was run")
    numbers = defaultdict(lambda: defaultdict(list))
    for line in (KEPT / "tally.jsonl").read_text().splitlines():
        promise, counted, number = json.loads(line)
        numbers[promise][counted].append(number)
    rows = []
    for promise, figures in numbers.items():
        for counted, each in figures.items():
            number = max(each) if counted.startswith("most ") else sum(each)
            digits = 0 if isinstance(number, int) or number > 100 else 1 if number >= 1 else 2
            rows.append(f"| {promise} | {counted} | {number:,.{digits}f} |")
    table = "\n".join(["| promise | counted | number |", "| --- | --- | ---: |", *rows])
    versions = f"Python {platform.python_version()}, {platform.system()} on {platform.machine()}"
    words = PAGE.read_text().partition(COUNTED)[0]
    return f"{words}{COUNTED}\nBy the tests of this version, on {versions}; all of them passed.\n\n{table}\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    if not parser.parse_args().write:
        run()
    PAGE.write_text(page())
