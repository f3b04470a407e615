"""`check --fix`: copies of csv files, mended where what was meant is certain; originals stay."""

import numpy as np
import pytest
import soundfile
from command_line import give, listing, write_spec

from keras_samplernn.conditions.readers.mending import mend_rows
from keras_samplernn.conditions.readers.sound import Sound
from keras_samplernn.conditions.streams import ClassesStream

COUNT, NAMED = ClassesStream.of_count(3), ClassesStream("class", ("Rain", "door"), True)


def mend(text, samples, stream=COUNT, rate=1000):
    mended = mend_rows("a.csv", text.rstrip().encode(), stream, Sound(rate, samples))
    return mended and (mended.text.decode().split(), mended.changes)


@pytest.mark.parametrize(
    ("text", "lines", "change"),
    [
        ("0;\n1;\n2;\n", "012", "took a delimiter off the end of 3 lines"),
        ("0,1,2,", "012", "wrote the 3 values of one line on a line each"),
        ("sep=;\n0\n1\n2\n", "012", 'took off the line "sep=;"'),
        ("label\n0\n1\n2\n", "012", 'took off the header "label"'),
        ("0\n0\n1\n2\n", "012", 'took off the first line, "0", a header that pandas writes'),
        ("0,2\n1,0\n2,1\n", "201", "took off a column that counts the lines"),
        ("0\n\n1\n2\n", "012", "took out 1 blank line"),
        ("1\n1\n2\n2\n", "112", "took off the last 1 line"),
        ("1\n2\n", "122", "repeated the last line 1 time"),
    ],
)
def test_what_is_certain_is_mended_and_said(text, lines, change):
    assert mend(text, 3) == ([*lines], [change])


def test_several_faults_of_one_file_are_mended():
    assert mend(",label\n0,2\n1,0\n2,1\n", 3) == (
        ["2", "0", "1"],
        ["took off a column that counts the lines", 'took off the header "label"'],
    )


def test_letter_case_of_names_is_mended():
    assert mend("rain\nDOOR\nrain\n", 3, NAMED) == (
        ["Rain", "door", "Rain"],
        ['wrote "Rain" for "rain" on 2 lines', 'wrote "door" for "DOOR" on 1 lines'],
    )


def test_rows_at_another_rate_become_rows_of_the_sound():
    rows = ["0"] * 2000 + ["1"] * 2410
    lines, changes = mend("\n".join(rows), 1600, rate=16000)
    assert changes == ["took rows at 16000 Hz from those at 44100 Hz"]
    assert len(lines) == 1600 and lines.index("1") == round(2000 * 1600 / 4410)


@pytest.mark.parametrize(
    ("text", "samples"),
    [
        ("0\nx\n1\n", 3),  # unknown
        ("0\nNA\n1\n", 3),  # missing
        ("0\n9\n1\n", 3),  # out of range
        ("0\n\n1\n", 3),  # which class the blank line had
        ("0\n1\n" * 50, 900),  # of another sound
        ("0\n1\n2\n", 3),  # nothing is wrong
    ],
)
def test_what_is_not_certain_is_left(text, samples):
    assert mend(text, samples) is None


def test_check_writes_copies_that_it_then_takes_in_the_place_of_the_originals(home):
    (home / "train/a.csv").write_text("0;\n" * 300)
    (home / "train/b.csv").write_text("x\n" * 437)
    before = listing(home / "train")
    answer = give("check spec.json --fix", home)
    assert answer.status == 1
    lines = [line.replace(str(home), "HOME") for line in answer.err.splitlines()]
    assert lines[:3] == [
        "HOME/train/a.csv.fixed: written; took a delimiter off the end of 300 lines",
        "HOME/train/b.csv: cannot be mended for certain; mend it as the lines on its problems say",
        "1 copy written; to use one, put it in the place of its original: mv NAME.csv.fixed NAME.csv",
    ]
    after = listing(home / "train")
    assert {path: after[path] for path in before} == before
    assert after.keys() - before.keys() == {"a.csv.fixed"}
    (home / "train/a.csv.fixed").write_text("mine")
    assert "HOME/train/a.csv.fixed: is there already and stays" in give("check spec.json --fix", home).err.replace(
        str(home), "HOME"
    )
    assert (home / "train/a.csv.fixed").read_text() == "mine"


def test_a_mended_copy_is_read(home):
    write_spec(home, data={"valid": None})
    soundfile.write(home / "train/a.wav", np.zeros(300), 4000)
    (home / "train/a.csv").write_text("class\n" + "0\n" * 297)
    give("check spec.json --fix", home)
    (home / "train/a.csv.fixed").rename(home / "train/a.csv")
    assert give("check spec.json", home).status == 0
