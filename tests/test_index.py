"""The index of a generation is read, or refused in few lines that say what is wrong."""

import os
import unicodedata

import pytest

from keras_samplernn.data.index import read_index
from keras_samplernn.errors import UserError, condensed


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(index, class_names=()):
    """Return the files of an index; UserError with all its problems."""
    problems = []
    found = read_index(index, class_names, problems)
    if problems:
        raise UserError(*problems)
    return found


def refusal(*arguments):
    with pytest.raises(UserError) as raised:
        read(*arguments)
    return list(raised.value.lines)


def test_an_index_lists_files_relative_to_its_folder(tmp_path):
    (tmp_path / "sub").mkdir()
    files = [write(tmp_path / "a.csv", ""), write(tmp_path / "sub" / "b.csv", ""), write(tmp_path / "c d.csv", "")]
    index = write(tmp_path / "index.csv", f"\ufeffa.csv\r\n\r\nsub/b.csv\n{files[2]}")
    assert read(index) == files


def test_all_problems_of_an_index_are_raised_together(tmp_path):
    (tmp_path / "sub").mkdir()
    write(tmp_path / "vowels.csv", "")
    write(tmp_path / "sub" / "vowels.csv", "")
    index = write(tmp_path / "index.csv", f"vowel.csv\nvowels.csv\nnone/x.csv\nsub/vowels.csv\n{'y' * 5000}\n")
    with pytest.raises(UserError) as raised:
        read(index)
    assert raised.value.lines == (
        f'{index}:1: "vowel.csv" is not a file; did you mean "vowels.csv"?',
        f'{index}:3: "none/x.csv" is not a file; relative paths are relative to the index',
        f'{index}:4: "sub/vowels.csv" has the stem of line 2, both would be written to "vowels.wav"; rename one',
        f'{index}:5: "{"y" * 40}..." is not a file; relative paths are relative to the index',
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("\n\n", "index.csv: is empty; list one condition file per line"),
        (b"a.csv\nt\xfcr.csv\n", "index.csv:2: is not UTF-8 text; save the index as UTF-8"),
        (b"RIFF\xff\xfe\x00", "index.csv: is not text, or UTF-16 without a byte order mark; save it as UTF-8"),
    ],
)
def test_an_index_without_entries_or_text_is_refused(tmp_path, content, message):
    with pytest.raises(UserError) as raised:
        read(write(tmp_path / "index.csv", content))
    assert raised.value.lines == (f"{tmp_path}/{message}",)


def test_a_file_without_an_end_is_refused(monkeypatch):
    monkeypatch.setattr("keras_samplernn.text.machine_bytes", lambda: 800_000_000)
    with pytest.raises(UserError, match=r"/dev/zero: has more than 0.1 GB, too much for this machine; cut it"):
        read("/dev/zero")


def given_by(index):
    return f"give it by --conditions {index}; an index is a text file with the path of one condition file per line"


def name_files(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    return write(folder / "index.txt", "\n".join(names))


COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "Tür") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(
    ("first", "second"),
    [("rain", "Rain"), (COMPOSED, DECOMPOSED), (COMPOSED, DECOMPOSED.upper()), ("straße", "STRASSE")],
)
def test_stems_that_some_file_systems_take_for_one_are_refused(tmp_path, first, second):
    index = name_files(tmp_path, f"a/{first}.csv", f"b/{second}.csv")
    assert refusal(index) == [
        f'{index}:2: "b/{second}.csv" and line 1, "{first}", differ only in case or Unicode form; some file systems'
        " would keep only one of the two sounds; rename one"
    ]


@pytest.mark.parametrize(
    ("content", "names", "count", "lines"),
    [
        ("0\n1\n2.0\n" * 50_000, (), "150,000", "150,000"),
        ("rain\ndoor\n7\n" * 3, ("rain", "door", "7"), "9", "9"),
        ("class\n" + "0\n" * 9, (), "9", "10"),
        ("0", (), "1", "1"),
        ('"0"\n"1"\n', (), "2", "2"),
        ("0;\n" * 50_000, (), "50,000", "50,000"),
        ("0,0,1,2,1\n", (), "1", "1"),
        ("0.0\t0.5\train\n0.5\t1.0\tdoor\n", ("rain", "door"), "2", "2"),
        ("fl\u00fbte\nflu\u0302te\n", ("fl\u00fbte",), "2", "2"),
    ],
)
def test_a_condition_file_in_place_of_the_index_is_one_line(tmp_path, content, names, count, lines):
    index = write(tmp_path / "a.csv", content)
    assert refusal(index, names) == [
        f"{index}: looks like a condition file, {count} of its {lines} lines are classes; {given_by(index)}"
    ]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (
            "a.txt",
            "0.0\t0.5\train\n0.5\t1\ta>b\n\\\t1\t2\n",
            "like a label track, 3 of its 3 lines begin with two times",
        ),
        (
            "a.csv",
            "rain\n" * 9 + "door\n" * 9,
            "like a condition file, 2 of its 18 lines are different and none is a file",
        ),
        (
            "a.csv",
            "seconds,class\n0,rain\n" * 4,
            "like a condition file, 2 of its 8 lines are different and none is a file",
        ),
    ],
)
def test_conditions_of_unknown_classes_in_place_of_the_index_are_one_line(tmp_path, name, content, reason):
    index = write(tmp_path / name, content)
    assert refusal(index) == [f"{index}: looks {reason}; {given_by(index)}"]


@pytest.mark.parametrize("name", ["a.TextGrid", "a.mid", "a.npy"])
def test_a_condition_file_that_is_not_plain_text_in_place_of_the_index_is_one_line(tmp_path, name):
    index = write(tmp_path / name, b"\x93NUMPY")
    assert refusal(index) == [f"{index}: is a condition file of the format {index.suffix}; {given_by(index)}"]


def test_a_file_that_is_listed_many_times_is_still_a_file(tmp_path):
    index = name_files(tmp_path, "a.csv")
    write(index, "a.csv\n" * 8)
    assert len(refusal(index)) == 7


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("sub", "is a folder; list the condition files in it"),
        ("dead.csv", "is a link that leads nowhere; mend or remove it"),
        ("sub\\a.csv", "is not a file; write / between folders"),
        ("a.csv,b.csv", "holds 2 paths; write one on each line"),
        ("a.csv b.csv", "holds 2 paths; write one on each line"),
        ('["a.csv", "b.csv"]', "holds 2 paths; write one on each line"),
        ("a.csv;", "holds more than a path; write the path alone on each line"),
        ("1,a.csv", "holds more than a path; write the path alone on each line"),
        ("1 a.csv", "holds more than a path; write the path alone on each line"),
        ("my a.csv", 'is not a file; did you mean "a.csv"?'),
        ("1\ta.csv", "holds more than a path; write the path alone on each line"),
        ("1\tnone.csv", "holds more than a path; write the path alone on each line"),
        ("a.csv\x1b", "holds a control character; rename the file"),
    ],
)
def test_the_true_reason_is_told_for_a_line_that_is_not_a_file(tmp_path, entry, reason):
    name_files(tmp_path, "sub/c.csv", "a.csv", "b.csv")
    (tmp_path / "dead.csv").symlink_to("nowhere.csv")
    index = write(tmp_path / "index.txt", f"{entry}\nsub/c.csv\n")
    shown = entry.replace("\t", "?").replace("\x1b", "?")
    assert refusal(index) == [f'{index}:1: "{shown}" {reason}']


def test_quotes_around_a_path_are_taken_off_unless_they_are_in_its_name(tmp_path):
    name_files(tmp_path, "a.csv", "'b.csv'")
    index = write(tmp_path / "index.txt", "\"a.csv\"\n'b.csv'\n")
    assert [path.name for path in read(index)] == ["a.csv", "'b.csv'"]


def test_files_that_are_right_are_returned_beside_the_problems_of_others(tmp_path):
    index = name_files(tmp_path, "a.csv", "b.csv")
    write(index, "a.csv\nnone\nb.csv\n")
    problems = []
    assert [path.name for path in read_index(index, (), problems)] == ["a.csv", "b.csv"]
    assert len(problems) == 1


def test_a_condition_file_that_is_named_after_its_sound_has_the_stem_of_the_sound(tmp_path):
    index = name_files(tmp_path, "c.csv", "c.wav.csv")
    assert refusal(index) == [
        f'{index}:2: "c.wav.csv" has the stem of line 1, both would be written to "c.wav"; rename one'
    ]


def test_files_that_are_named_like_classes_may_be_listed(tmp_path):
    index = name_files(tmp_path, "0", "1", "rain")
    assert [path.name for path in read(index, ("rain", "door"))] == ["0", "1", "rain"]
    (line,) = refusal(write(index, "0\n1\nrain\ndoor\n"), ("rain", "door"))
    assert line.startswith(f'{index}:4: "door" is not a file; ')


def test_all_problems_are_raised_and_a_reader_sees_each_kind_once(tmp_path):
    names = [f"{folder}/{number}.csv" for folder in "ab" for number in range(12)]
    name_files(tmp_path, *names)
    missing = [f"a/none_{number}.csv" for number in range(1011)]
    control = ["\0.csv"] * 11
    lines = refusal(write(tmp_path / "index.txt", os.linesep.join([*missing, *control, *names])))
    assert len(lines) == 1011 + 11 + 12
    seen = condensed(lines)
    assert [line.rpartition(" (and ")[2].partition(" more")[0] for line in seen if " (and " in line] == [
        *("9", "1,000", "10", "11"),
    ]
    assert len(seen) == 4
