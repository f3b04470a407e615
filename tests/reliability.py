"""The full counts of the reliability tests, and what they counted written into docs/reliability.md.

    python tests/reliability.py

Hours on two cores, which two parts keep busy at a time. What a part counted is kept in build/reliability once it has
passed: the same command goes on where it was stopped, and takes a part again after its sources have changed. The page
is written when all parts have passed.
"""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TESTS = Path(__file__).resolve().parent
PROJECT = TESTS.parent
KEPT = PROJECT / "build" / "reliability"
PAGE = PROJECT / "docs" / "reliability.md"
FUZZ_SECONDS = 600
# In the order of the page.
FILES = (
    "test_kills.py",
    "test_operations.py",
    "test_signals.py",
    "test_damage.py",
    "test_hostile_runs.py",
    "test_hostile_bundles.py",
    "test_full_disk.py",
    "test_replicas.py",
    "test_audio_fuzz.py",
    "test_fuzz.py",
    "test_exact_length.py",
)
FUZZED = ("csv", "index", "spec")
COUNTED = "## Counted\n"


def run() -> bool:
    """Run the parts that have not passed yet, as many side by side as there are cores; tell whether all have now."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return all([*pool.map(run_part, [*FILES, *FUZZED])])


def run_part(part: str) -> bool:
    """Run a file's tests, or the fuzzer of a kind, unless their result is kept; tell whether they passed."""
    folder, sources = KEPT / part, digest(part)
    passed = folder / "passed"
    if passed.is_file() and passed.read_text() == sources:
        print(f"{part}: passed before", flush=True)
        return True
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if part in FILES:
        command = ["-m", "pytest", "--full", f"--tally={folder}", TESTS / part]
    else:
        command = [TESTS / "coverage_fuzzer.py", part, str(FUZZ_SECONDS)]
    began = time.monotonic()
    with (folder / "log.txt").open("w") as log:
        # Side by side, parts keep the cores busy by themselves.
        environment = os.environ | {"TF_NUM_INTRAOP_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, *command], cwd=PROJECT, env=environment, stdout=log, stderr=log, check=False
        )
    said = (folder / "log.txt").read_text(errors="replace")
    if part in FUZZED:
        runs = re.findall(r"Done (\d+) runs in (\d+) second", said)
        for number, seconds in runs:
            counted = f"{part}: inputs of the fuzzer led by coverage, in {seconds} seconds"
            entry = ["csv, index and spec fuzz", counted, int(number)]
            (folder / "tally.jsonl").write_text(json.dumps(entry) + "\n")
    if done.returncode or not (folder / "tally.jsonl").is_file():
        print(f"{part}: failed; see {folder / 'log.txt'}\n{said[-2000:]}", flush=True)
        return False
    passed.write_text(sources)
    print(f"{part}: passed in {time.monotonic() - began:,.0f} s", flush=True)
    return True


def digest(part: str) -> str:
    """Return a digest of the program, and of the part's tests with what tests share."""
    tests = [path for path in TESTS.glob("*.py") if not path.name.startswith("test_")]
    own = TESTS / (part if part in FILES else "test_fuzz.py")
    program = [path for folder in ("keras_samplernn", "plugins") for path in (PROJECT / folder).rglob("*.py")]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted([*program, *tests, own]))).hexdigest()


def page(tallies: Iterable[Path]) -> str:
    """Return the page: its words, and then what was counted."""
    numbers = defaultdict(lambda: defaultdict(list))
    for line in (line for tally in tallies for line in tally.read_text().splitlines()):
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
    counted = f"By the tests of this version, on {versions}, side by side on all cores; all of them passed."
    return f"{words}{COUNTED}\n{counted}\n\n{table}\n"


if __name__ == "__main__":
    if not run():
        sys.exit(1)
    PAGE.write_text(page(KEPT / part / "tally.jsonl" for part in [*FILES, *FUZZED]))
