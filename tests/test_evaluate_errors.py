"""`evaluate` says in one line what it cannot score."""

import pytest
from spoiling import nothing, refused, remove

QUESTIONS = {
    "nothing held out": (
        nothing(),
        "evaluate free",
        "free: its spec names neither test nor validation files; give --data",
    ),
    "sounds without csv to score": (
        remove("valid/a.csv", "valid/b.csv"),
        "evaluate run --data valid --json",
        (
            "valid: holds 2 sounds and no condition file, but the spec has conditioning; put a file such as a csv of "
            "one class per sample, or a label track, beside each sound, or take `conditioning` out of the spec"
        ),
    ),
    "no folder to score": (
        nothing(),
        "evaluate run --data corpus",
        "corpus: does not exist; name the folder that holds the corpus",
    ),
    "a run without checkpoint to score": (
        remove("run/checkpoints"),
        "evaluate run",
        "run/checkpoints: holds no checkpoint yet; train with `fit` first",
    ),
    "a run to score that is none": (
        nothing(),
        "evaluate valid",
        "valid: is not a run directory, it holds no spec.json; give a folder that `fit` made",
    ),
}


@pytest.mark.parametrize("spoil, command, lines", QUESTIONS.values(), ids=QUESTIONS)
def test_what_cannot_be_scored_is_told_in_one_line(home, spoil, command, lines):
    spoil(home)
    refused(command, home, lines)
