"""A run of each released version still resumes, evaluates and generates.

Each was trained for two steps by that version, on the sounds beside it; its spec names them by relative paths. That
version made `sounds` from it, under the conditions of `valid`, with seed 3 and temperature 0.9.
"""

import json
import shutil
from pathlib import Path

import pytest
from command_line import give

OLDER = Path(__file__).with_name("older_runs")
# What the version itself said of its run on `valid`.
BITS = {"0.1.0": 6.559299192240959}


@pytest.fixture(params=BITS)
def older(request, corpus_cache, tmp_path):
    return request.param, shutil.copytree(OLDER / request.param, tmp_path / request.param)


def test_every_version_that_is_kept_is_tested():
    assert {path.name for path in OLDER.iterdir()} == set(BITS)


def test_an_older_run_evaluates_as_it_did(older):
    version, home = older
    answer = give("evaluate run --data valid --json", home)
    assert json.loads(answer.out)["bits_per_sample"] == pytest.approx(BITS[version], abs=1e-4)


def test_an_older_run_generates_the_very_sounds_that_it_did(older):
    _, home = older
    (home / "index.txt").write_text("valid/a.csv\nvalid/b.csv\n")
    command = "generate run --conditioning-index index.txt --seed 3 --temperature 0.9 --out again"
    answer = give(command, home)
    assert answer.status == 0, answer.err
    for name in ("a.wav", "b.wav"):
        assert (home / "again" / name).read_bytes() == (home / "sounds" / name).read_bytes()


def test_an_older_run_goes_on(older):
    _, home = older
    (home / "spec.json").write_text((home / "run/spec.json").read_text().replace('"../', '"'))
    answer = give("fit spec.json --run run --max-steps 3", home)
    assert answer.status == 0, answer.err
    assert answer.err.startswith("run: continues after step 2\n")
