"""A sound has exactly as many frames as its condition file has rows."""

import random

import pytest
import soundfile
from command_line import give, write_conditions, write_spec
from untrained import write_run

FRAME = 8


@pytest.fixture(scope="module")
def home(corpus_cache, tmp_path_factory):
    home = tmp_path_factory.mktemp("lengths")
    write_spec(home)
    write_run(home / "run", home / "spec.json")
    return home


def test_as_many_frames_as_rows(home, rounds, tally):
    count = rounds(40, 500)
    lengths = {*range(2 * FRAME + 2), 2047, 2048, 2049}
    source = random.Random(1)
    while len(lengths) < count:
        lengths.add(source.randrange(5000))
    for samples in lengths:
        write_conditions(home / f"n{samples}.csv", samples)
    (home / "index.txt").write_text("".join(f"n{samples}.csv\n" for samples in lengths))
    answer = give("generate run --conditioning-index index.txt --out sounds", home)
    assert answer.status == 0, answer.err
    made = {path.name: soundfile.info(path).frames for path in (home / "sounds").glob("*.wav")}
    assert made == {f"n{samples}.wav": samples for samples in lengths}
    tally("exact length", "lengths, 0, 1 and no multiples of the frame among them", len(lengths))
