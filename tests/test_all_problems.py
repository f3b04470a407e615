"""One run names all problems of a spec and its sounds, few lines a kind."""

from command_line import give, write_sound, write_spec

from keras_samplernn.errors import condensed


def told(home, command="check spec.json"):
    answer = give(command, home)
    assert answer.status == 1
    return [line.replace(str(home), "HOME") for line in answer.err.splitlines()]


def test_problems_of_the_spec_come_with_those_of_its_sounds(home):
    write_spec(home, training={"epochs": 0})
    (home / "train/a.csv").write_text("0;\n")
    (home / "valid/b.wav").unlink()
    lines = [
        "spec.json: training.epochs = 0 ",
        'HOME/train/a.csv:1: "0;" ends with the delimiter',
        "HOME/valid/b.csv: has no sound beside it",
    ]
    for command in ("check spec.json", "fit spec.json"):
        assert [line.startswith(start) for line, start in zip(told(home, command), lines, strict=True)] == 3 * [True]


def test_sounds_of_a_spec_that_says_nothing_valid_of_them_are_not_looked_at(home):
    write_spec(home, audio={"sample_rate": 1}, training={"epochs": 0})
    (home / "train/a.csv").write_text("0;\n")
    assert all(line.startswith("spec.json: ") for line in told(home))
    (home / "spec.json").write_text("[[")
    assert all(line.startswith("spec.json:") for line in told(home))


def test_files_without_a_partner_are_read_all_the_same(home):
    (home / "train/a.csv").rename(home / "train/other.csv")
    (home / "train/other.csv").write_text("9\n")
    (home / "train/a.wav").write_bytes(b"no sound")
    assert told(home) == [
        "HOME/train/a.wav: has no a.csv beside it; add the csv or move the sound away",
        "HOME/train/other.csv: has no sound beside it (other.wav); add the sound or move the csv away",
        "HOME/train/a.wav: ends before a RIFF header; it is empty, truncated or not a WAV file: copy it again",
        "HOME/train/other.csv:1: class 9 is out of range; classes are 0 to 2",
    ]


def test_a_folder_that_is_missing_does_not_hide_faults_in_the_others(home):
    write_spec(home, data={"train": ["train", "nowhere"]})
    (home / "train/a.csv").write_text("9\n")
    lines = told(home)
    assert lines[0] == "HOME/nowhere: does not exist; name the folder that holds the corpus"
    assert "HOME/train/a.csv:1: class 9 is out of range; classes are 0 to 2" in lines


def test_faults_of_single_lines_and_the_length_are_told_together(home):
    write_sound(home / "train/a.wav", 300)
    (home / "train/a.csv").write_text("0\n" * 200 + "x\n9\n" + "0\n" * 88)
    assert told(home) == [
        'HOME/train/a.csv:201: "x" is not a class; write one whole number per line, 0 to 2 (and 1 more wrong line)',
        "HOME/train/a.csv: 290 conditions for a sound of 300 samples, 10 too few; give one line for each sample of the"
        " audio file",
    ]


def test_names_with_blanks_and_long_suffixes_do_not_make_kinds():
    lines = [f"a/take {name} b.wav: has no take {name} b.TextGrid beside it; add it" for name in ("x", "yy", "z", "w")]
    assert len(condensed(lines)) == 1
