"""A user's folder with the tiniest corpora and runs: trained once, and copied by each test that spoils it."""

import shutil
from pathlib import Path

from command_line import SPEC, give, write_corpora, write_spec
from untrained import write_run

FIRST_STEP, LAST_STEP = (f"step-000000000{step}-validated" for step in (1, 2))


def make_tiny_home(home: Path) -> None:
    """Make the folder: corpora `train` and `valid`, `index.txt` of the conditions of `valid`, three specs and runs.

    Each run has one checkpoint, of step 2. `run`, of `spec.json`, is conditional and trained, and its checkpoint of
    step 1 lies beside it in `older`. Nobody has trained `wide`, of other widths, and `free`, which is unconditional,
    without validation and of other widths.
    """
    home.mkdir()
    write_corpora(home)
    (home / "index.txt").write_text("valid/a.csv\nvalid/b.csv\n")
    frame_rnn, sample_mlp = SPEC["tiers"]
    write_spec(home)
    write_spec(home, "wide.json", name="wide", tiers=[tier | {"dim": 16} for tier in SPEC["tiers"]])
    tiers = [frame_rnn | {"dim": 5}, sample_mlp]
    write_spec(home, "free.json", name="free", conditioning=None, data={"valid": None}, tiers=tiers)
    for name in ("wide", "free"):
        write_run(home / name, home / f"{name}.json")
    for steps in (1, 2):
        answer = give(f"fit spec.json --run run --max-steps {steps}", home)
        assert answer.status == 0, answer.err
    (home / "older").mkdir()
    (home / "run/checkpoints" / FIRST_STEP).rename(home / "older" / FIRST_STEP)


def copy_tiny_home(tiny_home: Path, home: Path) -> Path:
    """Copy the folder to where there is none; its runs are of the corpora in the copy."""
    shutil.copytree(tiny_home, home)
    for spec in home.glob("*/spec.json"):
        spec.write_text(spec.read_text().replace(str(tiny_home), str(home)))
    return home
