"""Mutated sounds are read or refused: nothing crashes, nothing hangs, nothing takes much memory."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

FUZZER = Path(__file__).with_name("audio_fuzzer.py")
MOST_KB = 512_000


def test_mutated_sounds_are_read_or_refused(tmp_path, rounds, tally):
    count, outcomes = rounds(100, 100_000), Counter()
    command = [sys.executable, FUZZER, tmp_path, str(count), "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            report = json.loads(line)
            assert not report.pop("slow")
            assert report.pop("grown_kb") < MOST_KB
            done = report.pop("done")
            outcomes += Counter(report)
        said = process.stderr.read()
    assert process.returncode == 0, said[-2000:]
    assert done == sum(outcomes.values()) == count
    assert outcomes["valid"] > 0.05 * count
    assert outcomes["refused by its decoder"] > 0
    for outcome, number in outcomes.items():
        tally("audio fuzz", f"mutated sounds, {outcome}", number)
