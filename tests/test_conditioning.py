import time

import numpy as np
import pytest
from condition_files import read_classes, write

from keras_samplernn.conditions.track import Track, runs
from keras_samplernn.errors import UserError

VOWELS = ("a", "e", "open o")


@pytest.mark.parametrize(
    "content",
    [
        "0\n1\n2\n1\n",
        "0\n1\n2\n1",
        "00\n01\n02\n01\n",
        "00\n1\n002\n01\n",
        "0000000000\n0000000001\n0000000002\n0000000001",
        "0\n1\n2\n1\n\n",
        "0\r\n1\r\n2\r\n1\r\n",
        "0\r1\r2\r1\r",
        "0\r1\r2\r1",
        "0\r1\r\n2\n1",
        "0\r\r\n1\r\r\n2\r\r\n1\r\r\n",
        "0\n\r1\n\r2\n\r1\n\r",
        '"0"\n"1"\n"2"\n"1"\n',
        "'0'\n '1' \n2\n\"1\"\n",
        "0\n1\n2\n1\n".encode("utf-16"),
        b"\xfe\xff" + "0\r\n1\r\n2\r\n1\r\n".encode("utf-16-be"),
        b"\xef\xbb\xbf0\n1\n2\n1\n",
        "0.0\n1.0\n2.0\n1.0\n",
        "0\n1.00\n2e0\n1\n",
        "0.000000000000000000e+00\n1.000000000000000000e+00\n2.0e+00\n1e0\n",
        " 0\n1 \n\t2\n+1\n",
    ],
)
def test_whole_numbers_are_read_however_they_are_written(tmp_path, content):
    conditions = read_classes(write(tmp_path / "a.csv", content), 3, samples=4)
    assert conditions.dtype == np.int32
    np.testing.assert_array_equal(conditions, [0, 1, 2, 1])


def test_names_are_read_where_classes_have_names(tmp_path):
    conditions = read_classes(write(tmp_path / "a.csv", "open o\r\na\ne\n\n"), VOWELS)
    np.testing.assert_array_equal(conditions, [2, 0, 1])


def test_numbers_are_read_among_names_unless_a_name_is_a_number(tmp_path):
    path = write(tmp_path / "a.csv", "2\n1\n")
    np.testing.assert_array_equal(read_classes(path, VOWELS), [2, 1])
    np.testing.assert_array_equal(read_classes(path, ("1", "2")), [1, 0])
    with pytest.raises(UserError, match=r'a.csv:1: "2" is not a class'):
        read_classes(path, ("1", "3"))


def test_a_number_of_many_digits_is_read_whatever_stands_around_it(tmp_path):
    content = 200 * "0" + "\n\x1f" + 200 * "0" + "1\n"
    assert read_classes(write(tmp_path / "a.csv", content), 3).tolist() == [0, 1]


@pytest.mark.parametrize("count", [10, 100, 256, 12345])
def test_each_class_is_the_number_of_its_line(tmp_path, count):
    classes = np.random.default_rng(count).integers(0, count, 2000)
    several_widths = write(tmp_path / "a.csv", "\n".join(map(str, classes)))
    one_width = write(tmp_path / "b.csv", "".join(f"{each:0{len(str(count))}}\n" for each in classes))
    for path in (several_widths, one_width):
        np.testing.assert_array_equal(read_classes(path, count), classes)


def test_lines_that_are_as_long_together_as_if_of_one_width_are_read(tmp_path):
    path = write(tmp_path / "a.csv", "11\n9\n111\n")
    assert read_classes(path, 200).tolist() == [11, 9, 111]


@pytest.mark.parametrize("content", ["1\n\n12\n", "12\n\n3", "11\n1\n\n1\n", "0\n0\n\n00\n0"])
def test_a_blank_line_among_lines_that_are_as_long_together_is_found(tmp_path, content):
    line = content.split("\n").index("") + 1
    with pytest.raises(UserError, match=rf"a.csv:{line}: blank line"):
        read_classes(write(tmp_path / "a.csv", content), 100)


def test_an_empty_file_has_no_conditions(tmp_path):
    assert read_classes(write(tmp_path / "a.csv", ""), 3, samples=0).shape == (0,)


BLANK = "blank line inside the file; every condition after it would shift by one sample"


@pytest.mark.parametrize(
    ("content", "classes", "message"),
    [
        ("0\n1\n\n2\n", 3, f"a.csv:3: {BLANK}"),
        ("\n0\n1\n", 3, f"a.csv:1: {BLANK}"),
        ("0\r\n\r\n1\r\n", 3, f"a.csv:2: {BLANK}"),
        ("0\r\r1\r", 3, f"a.csv:2: {BLANK}"),
        ("\n1 2", 3, f"a.csv:1: {BLANK}"),  # as many numbers as lines
        ("0\n \n1\n", 3, f"a.csv:2: {BLANK}"),
        (
            "vowel\n0\n",
            3,
            'a.csv:1: "vowel" is not a class, but the other lines are: a header? remove it',
        ),
        ("0\none\n", 3, 'a.csv:2: "one" is not a class; write one whole number per line, 0 to 2'),
        ("vowel\none\n", 3, 'a.csv:1: "vowel" is not a class; write one whole number per line, 0 to 2'),
        ("0\n0x1\n", 3, 'a.csv:2: "0x1" is not a class; write one whole number per line, 0 to 2'),
        ("0\n1_0\n", 30, 'a.csv:2: "1_0" is not a class; write one whole number per line, 0 to 29'),
        ("0\n1.5\n", 3, "a.csv:2: 1.5 is a fraction; a class is a whole number, 0 to 2"),
        ("0\n-1\n", 3, "a.csv:2: -1 is negative; classes are 0 to 2"),
        ("0\n3\n", 3, "a.csv:2: class 3 is out of range; classes are 0 to 2"),
        ("0\n99999999999999999999\n", 3, "a.csv:2: class 99999999999999999999 is out of range; classes are 0 to 2"),
        ("\t" + 50 * "9", 3, f"a.csv:1: class {40 * '9'}... is out of range; classes are 0 to 2"),
        (b"0\n\xff\xfe\n", 3, "a.csv:2: is not UTF-8 text; save it as UTF-8, one class per line"),
        ("a\nopne o\n", VOWELS, 'a.csv:2: "opne o" is not a class; classes are a, e, open o; did you mean "open o"?'),
        ("a\n7\n", VOWELS, "a.csv:2: class 7 is out of range; classes are a, e, open o"),
    ],
)
def test_the_first_faulty_line_is_named(tmp_path, content, classes, message):
    path = write(tmp_path / "a.csv", content)
    with pytest.raises(UserError) as raised:
        read_classes(path, classes)
    assert raised.value.lines == (f"{tmp_path}/{message}",)


@pytest.mark.parametrize(
    ("lines", "samples", "reason"),
    [
        (3, 4, "1 too few"),
        (9, 4, "5 too many"),
        (5, 4, "1 too many: is the first line a header? (pandas writes one, unless it is given header=False)"),
        (44_100, 16_000, "as many as for 44100 Hz, but the sound has 16000 Hz: write it for the sound's rate"),
        (11_025, 16_000, "as many as for 11025 Hz, but the sound has 16000 Hz: write it for the sound's rate"),
        (8_003, 16_000, "as many as for 8000 Hz, but the sound has 16000 Hz: write it for the sound's rate"),
        (9_000, 16_000, "7,000 too few"),
        (0, 16_000, "16,000 too few"),
        (16_003, 16_000, "3 too many"),
        (1_600, 800, "as many as for 32000 Hz, but the sound has 16000 Hz: write it for the sound's rate"),
        (551, 800, "as many as for 11025 Hz, but the sound has 16000 Hz: write it for the sound's rate"),
        (554, 800, "246 too few"),
        (802, 800, "2 too many"),
        (1_048_575, 2_000_000, "Excel cuts a file after so many lines: write it with another program"),
        (1_048_576, 2_000_000, "Excel cuts a file after so many lines: write it with another program"),
    ],
)
def test_another_length_than_the_sounds_is_refused_with_both_numbers_and_what_they_suggest(
    tmp_path, lines, samples, reason
):
    path = write(tmp_path / "a.csv", "1\n" * lines)
    with pytest.raises(UserError) as raised:
        read_classes(path, 3, samples, 16_000)
    assert raised.value.lines == (
        f"{path}: {lines} conditions for a sound of {samples} samples, {reason}; give one line for each sample of the"
        " audio file",
    )


def test_what_is_told_of_a_sound_is_told_where_its_length_differs(tmp_path):
    path = write(tmp_path / "a.csv", "1\n")
    with pytest.raises(UserError, match=r"for a sound of 2 samples \(joined\), 1 too few; "):
        read_classes(path, 3, 2, 16_000, "joined")


def test_a_fault_deep_in_a_long_file_has_its_line(tmp_path, monkeypatch):
    monkeypatch.setattr("keras_samplernn.conditions.readers.rows.BLOCK_BYTES", 100)
    lines = ["1"] * 1000
    np.testing.assert_array_equal(read_classes(write(tmp_path / "a.csv", "\n".join(lines)), 3, 1000), 1)
    lines[876] = "x"
    with pytest.raises(UserError, match=r'a.csv:877: "x" is not a class'):
        read_classes(write(tmp_path / "a.csv", "\n".join(lines)), 3)


TRACK = "looks like a line of a label track (begin, end, label); name the file .txt, not .csv"


@pytest.mark.parametrize(
    ("content", "classes", "reason"),
    [
        ("0;\n1;\n", 3, '1: "0;" ends with the delimiter ";"; write the class alone on each line'),
        ("0,\n1,\n", 3, '1: "0," ends with the delimiter ","; write the class alone on each line'),
        ("0,0\n0,0\n", 3, '1: "0,0" has 2 columns, with "," between them; write the class alone on each line'),
        ("0 1\n0 1\n", 3, '1: "0 1" has 2 columns, with a blank between them; write the class alone on each line'),
        ("0\t1\n0\t1\n", 3, '1: "0?1" has 2 columns, with a tab between them; write the class alone on each line'),
        ("0;1;2;0", 3, '1: has one line with 4 values, with ";" between them; write one value per line'),
        ("0,1,2,0\n", 3, '1: has one line with 4 values, with "," between them; write one value per line'),
        ("0 1 2 0\n", 3, "1: has one line with 4 values, with a blank between them; write one value per line"),
        (
            "0.000000\t1.500000\tdoor\n1.500000\t2.0\train\n",
            ("door", "rain"),
            '1: "0.000000?1.500000?door" looks like a line of a label track (begin, end, label); name the'
            " file .txt, not .csv",
        ),
        (
            "0.000000\t0.050000\t0\n0.050000\t0.100000\t1\n",
            3,
            f'1: "0.000000?0.050000?0" {TRACK}',
        ),
        (
            "0,0\t0,05\train\n0,05\t0,1\tdoor\n",
            ("door", "rain"),
            f'1: "0,0?0,05?rain" {TRACK}',
        ),
        (
            "0,0;0,05;0\n0,05;0,1;1\n",
            3,
            f'1: "0,0;0,05;0" {TRACK}',
        ),
        (
            "0.000000\t0.050000\t\n0.050000\t0.100000\t\n",
            3,
            f'1: "0.000000?0.050000" {TRACK}',
        ),
        (
            "0.000000\t0.050000\t0\n",
            3,
            f'1: "0.000000?0.050000?0" {TRACK}',
        ),
        (
            "0\t400\t0\n400\t800\t1\n",
            3,
            f'1: "0?400?0" {TRACK}',
        ),
        (
            "0.0\t0.05\t0\n\\\t200.0\t4000.0\n0.05\t0.1\t1\n",
            3,
            f'1: "0.0?0.05?0" {TRACK}',
        ),
        (
            "1 0 0\n0 1 0\n",
            3,
            '1: "1 0 0" has 3 columns, with a blank between them; write the class alone on each line',
        ),
        (
            "0\t1\t0\n0\t1\t0\n",
            3,
            '1: "0?1?0" has 3 columns, with a tab between them; write the class alone on each line',
        ),
        (
            "0.000\t1.0\n0.125\t1.0\n",
            3,
            '1: "0.000?1.0" has 2 columns, with a tab between them; write the class alone on each line',
        ),
        (
            ",0\n0,2\n1,2\n2,0\n",
            3,
            '1: ",0" has 2 columns, and the first one counts the lines: an index? remove it (pandas: index=False,'
            " header=False)",
        ),
        (
            '"1","a"\n"2","e"\n"3","e"\n',
            VOWELS,
            '1: ""1","a"" has 2 columns, and the first one counts the lines: an index? remove it (pandas: index=False,'
            " header=False)",
        ),
        ("NA\n0\n", 3, '1: "NA" stands for a value that is missing; write a class on every line'),
        ("0x1\n0\n", 3, '1: "0x1" is not a class; write one whole number per line, 0 to 2'),
        ("0\nNA\n", 3, '2: "NA" stands for a value that is missing; write a class on every line'),
        ("0\nnan\n", 3, '2: "nan" stands for a value that is missing; write a class on every line'),
        ("a\n#N/A\n", VOWELS, '2: "#N/A" stands for a value that is missing; write a class on every line'),
        ("0\n?\n", 3, '2: "?" stands for a value that is missing; write a class on every line'),
        ("not a vowel\n", VOWELS, '1: "not a vowel" is not a class; classes are a, e, open o'),
    ],
)
def test_the_true_reason_is_told_for_files_of_other_programs(tmp_path, content, classes, reason):
    path = write(tmp_path / "a.csv", content)
    with pytest.raises(UserError) as raised:
        read_classes(path, classes)
    assert raised.value.lines == (f"{path}:{reason}",)


HEADER = "is not a class, but the other lines are: a header? remove it"
ABOVE = "is not a class, but most lines below hold one: a header? remove it"
COUNTED = "has 2 columns, and the first one counts the lines: an index? remove it (pandas: index=False, header=False)"


@pytest.mark.parametrize(
    ("content", "samples", "lines"),
    [
        ("digit\n" + 20 * "1\n", 20, [f':1: "digit" {HEADER}']),
        ("digit\n" + 20 * "1\n", None, [f':1: "digit" {HEADER}']),
        (
            "digit\n" + 19 * "1\n",
            20,
            [
                ':1: "digit" is not a class, but the other lines are, and there is one line for each sample: write the'
                " first sample's class in its place"
            ],
        ),
        (
            "digit\n" + 15 * "1\n",
            20,
            [
                f':1: "digit" {HEADER}',
                ": 15 conditions below line 1 for a sound of 20 samples, 5 too few; give one line for each sample of"
                " the audio file",
            ],
        ),
        (
            "digit\n" + 21 * "1\n",
            20,
            [
                f':1: "digit" {HEADER}',
                ": 21 conditions below line 1 for a sound of 20 samples, 1 too many; give one line for each sample of"
                " the audio file",
            ],
        ),
        (
            "digit\n" + 1_048_575 * "1\n",
            1_100_000,
            [
                f':1: "digit" {HEADER}',
                ": 1048575 conditions below line 1 for a sound of 1100000 samples, Excel cuts a file after so many"
                " lines: write it with another program; give one line for each sample of the audio file",
            ],
        ),
        (
            "digit\n0\nNA\n" + 18 * "1\n",
            20,
            [
                f':1: "digit" {ABOVE}',
                ':3: "NA" stands for a value that is missing; write a class on every line',
            ],
        ),
        (
            "digit\n0\n3\n" + 18 * "1\n",
            20,
            [f':1: "digit" {HEADER}', ":3: class 3 is out of range; classes are 0 to 2"],
        ),
        ('"x"\n"1" 0\n"2" 0\n"3" 1\n', 3, [f':1: "x" {ABOVE}', f':2: ""1" 0" {COUNTED}']),
        (",digit\n0,2\n1,2\n2,0\n", 3, [f':1: ",digit" {ABOVE}', f':2: "0,2" {COUNTED}']),
        (
            "class;\n0;\n1;\n",
            2,
            [f':1: "class;" {ABOVE}', ':2: "0;" ends with the delimiter ";"; write the class alone on each line'],
        ),
        (
            "digit\n0,1,2,0\n",
            4,
            [
                f':1: "digit" {ABOVE}',
                ':2: has one line with 4 values, with "," between them; write one value per line',
            ],
        ),
        ('"","x"\n"1",0\n"2",0\n"3",1\n', 3, [f':1: ""","x"" {ABOVE}', f':2: ""1",0" {COUNTED}']),
        ('"0\n1\n2\n"', 3, [':1: ""0" is not a class; write one whole number per line, 0 to 2']),
        ("\ufeff\ufeff0\n1\n", 3, [':1: "?0" is not a class; write one whole number per line, 0 to 2']),
        ("sep=;\n0\n1\n", 2, [':1: "sep=;" tells Excel the delimiter; remove this line']),
        (
            "start\tend\tlabel\n0.0\t0.5\t1\n0.5\t1.0\t2\n",
            9,
            [
                f':1: "start?end?label" {ABOVE}',
                ':2: "0.0?0.5?1" looks like a line of a label track (begin, end, label); name the file .txt, not .csv',
            ],
        ),
        (
            "x\nx\n" + 30 * "1\n",
            9,
            [
                ':1: "x" is not a class; write one whole number per line, 0 to 2 (and 1 more wrong line)',
                ": 32 conditions for a sound of 9 samples, 23 too many; give one line for each sample of the audio"
                " file",
            ],
        ),
        ("one\ntwo\n", 9, [':1: "one" is not a class; write one whole number per line, 0 to 2']),
        (b"\xe9\n0\n", 1, [":1: is not UTF-8 text; save it as UTF-8, one class per line"]),
    ],
)
def test_a_header_is_named_together_with_what_else_is_wrong(tmp_path, content, samples, lines):
    path = write(tmp_path / "a.csv", content)
    with pytest.raises(UserError) as raised:
        read_classes(path, 3, samples, 8_000)
    assert raised.value.lines == tuple(f"{path}{line}" for line in lines)


@pytest.mark.parametrize("content", ["0\n1\n".encode("utf-16-le"), b"\xff\xfe0\n1"])
def test_text_that_is_half_utf_16_is_told_so(tmp_path, content):
    with pytest.raises(UserError, match=r"a.csv: is not .*UTF-16.*; save it as UTF-8"):
        read_classes(write(tmp_path / "a.csv", content), 3)


@pytest.mark.parametrize("encoding", ["utf-32-le", "utf-32-be"])
def test_utf_32_is_told_so(tmp_path, encoding):
    with pytest.raises(UserError, match=r"a.csv: is UTF-32 text; save it as UTF-8"):
        read_classes(write(tmp_path / "a.csv", "\ufeff0\n1\n".encode(encoding)), 3)


def test_names_of_classes_are_the_same_in_each_form_of_unicode(tmp_path):
    composed, split = "fl\u00fbte", "flu\u0302te"
    assert read_classes(write(tmp_path / "a.csv", f"{split}\n{composed}\n"), (composed, "oboe")).tolist() == [0, 0]
    assert read_classes(tmp_path / "a.csv", (split, "oboe")).tolist() == [0, 0]


@pytest.mark.parametrize("classes", [10, tuple("abcdefghij")])
def test_a_million_lines_take_less_than_a_second_of_the_processor(tmp_path, classes):
    path = write(tmp_path / "a.csv", "3\n7\n" * 500_000 if classes == 10 else "d\nh\n" * 500_000)
    start = time.process_time()
    conditions = read_classes(path, classes, 1_000_000)
    assert time.process_time() - start < 1
    assert conditions.sum() == 5_000_000


@pytest.mark.parametrize("classes", [3, VOWELS])
@pytest.mark.parametrize("line", [b"x" * 5_000_000, b"1" * 5_000_000])
def test_a_huge_line_is_refused_in_a_short_message(tmp_path, line, classes):
    with pytest.raises(UserError) as raised:
        read_classes(write(tmp_path / "a.csv", line), classes)
    assert len(str(raised.value)) < 300
    assert "a.csv:1: " in str(raised.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none.csv: No such file or directory; give the path"):
        read_classes(tmp_path / "none.csv", 3)


def resampled(conditions, samples):
    spans = Track(len(conditions), {"class": runs(conditions)}).resampled(samples).spans["class"]
    return np.repeat(spans.values, np.diff(np.append(spans.starts, samples)))


def test_conditions_are_resampled_to_the_nearest_in_time():
    conditions = np.array([0, 0, 1, 1, 2, 2], np.int32)
    np.testing.assert_array_equal(resampled(conditions, 3), [0, 1, 2])
    np.testing.assert_array_equal(resampled(conditions, 12), np.repeat(conditions, 2))
    np.testing.assert_array_equal(resampled(conditions, 6), conditions)
    assert resampled(conditions, 0).shape == (0,)
    assert resampled(np.zeros(0, np.int32), 0).shape == (0,)


def test_names_that_are_numbers_in_another_way_are_names(tmp_path):
    path = write(tmp_path / "a.csv", "0e1\n0e1\n")
    assert read_classes(path, ("0e5", "0e1")).tolist() == [1, 1]
