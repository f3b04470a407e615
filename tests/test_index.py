"""The index of a generation is read, or refused in few lines that say what is wrong."""

import os
import unicodedata

import pytest

from keras_samplernn.data.index import read_index
from keras_samplernn.errors import UserError, condensed


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(*arguments):
    with pytest.raises(UserError) as raised:
        read_index(*arguments)
    return list(raised.value.lines)


def test_an_index_lists_files_relative_to_its_folder(tmp_path):
    (tmp_path / "sub").mkdir()
    files = [write(tmp_path / "a.csv", ""), write(tmp_path / "sub" / "b.csv", ""), write(tmp_path / "c d.csv", "")]
    index = write(tmp_path / "index.csv", f"\ufeffa.csv\r\n\r\nsub/b.csv\n{files[2]}")
    assert read_index(index) == files


def test_all_problems_of_an_index_are_raised_together(tmp_path):
    (tmp_path / "sub").mkdir()
    write(tmp_path / "vowels.csv", "")
    write(tmp_path / "sub" / "vowels.csv", "")
    index = write(tmp_path / "index.csv", f"vowel.csv\nvowels.csv\nnone/x.csv\nsub/vowels.csv\n{'y' * 5000}\n")
    with pytest.raises(UserError) as raised:
        read_index(index)
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
        (b"RIFF\xff\xfe\x00", "index.csv: is not text, or UTF-16 without a byte order mark; save it as UTF-8"),
    ],
)
def test_an_index_without_entries_or_text_is_refused(tmp_path, content, message):
    with pytest.raises(UserError) as raised:
        read_index(write(tmp_path / "index.csv", content))
    assert raised.value.lines == (f"{tmp_path}/{message}",)


def test_a_file_without_an_end_is_refused(monkeypatch):
    monkeypatch.setattr("keras_samplernn.text.machine_bytes", lambda: 800_000_000)
    with pytest.raises(UserError, match=r"/dev/zero: has more than 0.1 GB, too much for this machine; cut it"):
        read_index("/dev/zero")


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
    ],
)
def test_a_condition_file_in_place_of_the_index_is_one_line(tmp_path, content, names, count, lines):
    index = write(tmp_path / "a.csv", content)
    assert refusal(index, names) == [
        f"{index}: looks like a condition file, {count} of its {lines} lines are classes; an index is a text file with"
        " the path of one condition file per line: list this file in one"
    ]


def test_files_that_are_named_like_classes_may_be_listed(tmp_path):
    index = name_files(tmp_path, "0", "1", "rain")
    assert [path.name for path in read_index(index, ("rain", "door"))] == ["0", "1", "rain"]
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
