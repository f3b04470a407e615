"""Tables with a row for each sample: what is read, what is refused, and that it is quick."""

import time

import numpy as np
import pytest
from condition_files import every_sample, write
from hypothesis import given, settings
from hypothesis import strategies as st
from reader_cases import (
    BLANK,
    COMMA,
    COUNT,
    FLUTE,
    KIND,
    LOUD,
    OPEN,
    RATE,
    SCORED,
    check_accepted,
    check_refused,
    fuzzed,
    read,
)
from score_formats import Note, point_csv, row_csv

from keras_samplernn.conditions.readers import table
from keras_samplernn.conditions.readers.reading import read_track
from keras_samplernn.conditions.streams import NONE, ClassesStream
from keras_samplernn.errors import UserError

ACCEPTED = {
    "a lone header names the only stream": ("a.csv", "class\n1\n2\n", (COUNT,), 2, {"class": ([0, 1], [1, 2])}),
    "a lone header names one of several": (
        *("a.csv", "loudness\n-1\n-2\n", (OPEN, LOUD), 2),
        {"pitch": ([0], [NONE]), "loudness": ([0, 1], [-1, -2])},
    ),
    "a class that is named as the stream": (
        *("a.csv", "class\nx\n", (ClassesStream("class", ("class", "x"), True),), 2),
        {"class": ([0, 1], [0, 1])},
    ),
    "rows of a lone stream of numbers": ("a.csv", "1\r\n2.5e0\r\n", (LOUD,), 2, {"loudness": ([0, 1], [1, 2.5])}),
    "empty cells, none and nan": (
        *("a.csv", "pitch,loudness\n,nan\nnone, -1 \n c4 ,none\n", (OPEN, LOUD), 3),
        {"pitch": ([0, 2], [NONE, 0]), "loudness": ([0, 1, 2], ["none", -1, "none"])},
    ),
    "empty cells of one column": ("a.csv", 'pitch\n""\nnone\nc4\n', (OPEN,), 3, {"pitch": ([0, 2], [NONE, 0])}),
    "empty cells at the end of tabs": (
        *("a.csv", "pitch\tloudness\r\nc4\t\r\n\t\r\n", (OPEN, LOUD), 2),
        {"pitch": ([0, 1], [0, NONE]), "loudness": ([0], ["none"])},
    ),
    "quotes around cells": (
        *("a.csv", '"pitch";"kind"\n"open o";"a;b"\nc4;wood\n', (OPEN, KIND), 2),
        {"pitch": ([0, 1], [2, 0]), "kind": ([0, 1], [2, 0])},
    ),
    "UTF-16 with a header": (
        *("a.csv", "pitch\tloudness\nopen o\t-1\n".encode("utf-16"), (OPEN, LOUD), 1),
        {"pitch": ([0], [2]), "loudness": ([0], [-1])},
    ),
    "names in another form of Unicode": (
        *("a.csv", "class\nflu\u0302te\noboe\n", (FLUTE,), 2),
        {"class": ([0, 1], [0, 1])},
    ),
    "an empty file": ("a.csv", "", (OPEN, LOUD), 0, {"pitch": ([], []), "loudness": ([], [])}),
    "a header alone": ("a.csv", "pitch,loudness\n", (OPEN, LOUD), 0, {"pitch": ([], []), "loudness": ([], [])}),
}
REFUSED = [
    *(
        ("a.csv", content, streams, f"a.csv:1: {message}")
        for content, streams, message in [
            (
                *("c4\nc4\n", (OPEN, LOUD)),
                '"c4" is not a header, and there are 2 streams; add a first line that names the columns, any of pitch, '
                "loudness",
            ),
            (
                *("0,-3\n1,-3\n", (OPEN, LOUD)),
                '"0,-3" is not a header, and there are 2 streams; add a first line that names the columns, any of'
                " pitch, loudness",
            ),
            (
                *("ptch,loudness\n", (OPEN, LOUD)),
                '"ptch" is not a stream; streams are pitch, loudness; did you mean "pitch"?',
            ),
            ("Pitch\n", (OPEN, LOUD), '"Pitch" is not a stream; streams are pitch, loudness; did you mean "pitch"?'),
            ("pitch,pitch\n", (OPEN, LOUD), '"pitch" names two columns; give each stream one'),
            (",pitch\n0,c4\n", (OPEN, LOUD), "a column has no name: an index? remove it (pandas: index=False)"),
            ("time,pitch\n", (OPEN,), '"time" is not a stream; streams are pitch; did you mean "seconds"?'),
            ("start,end,pitch\n", (OPEN,), '"end" is not a stream; streams are pitch; did you mean "stop"?'),
            (
                *("pitch,seconds\n", (OPEN,)),
                '"seconds" is a time; the first columns are seconds, or start,stop, or there are no times',
            ),
            ("start,stop\n0,1\n", (OPEN,), "names no stream; add a column for one of pitch"),
            ("1;2\n", (LOUD,), "has 2 columns; write one number per line, or a header that names the columns"),
            ("-1,5\n", (LOUD,), '"-1,5" has a decimal comma; write -1.5'),
            ("x\n", (LOUD,), 'loudness: "x" is not a number; write a decimal number in dB, or none'),
        ]
    ),
    ("a.csv", "pitch\nc4\n\ne4\n", (OPEN,), f"a.csv:3: {BLANK}"),
    ("a.csv", "pitch\nc4\n  \ne4\n", (OPEN,), f"a.csv:3: {BLANK}"),
    ("a.csv", "1\n \n2\n", (LOUD,), f"a.csv:2: {BLANK}"),
    ("a.csv", "pitch,loudness\nc4,1\n\nc4,2\n", (OPEN, LOUD), f"a.csv:3: {BLANK}"),
    (
        *("a.csv", "pitch\nopn o\n", (OPEN,)),
        'a.csv:2: pitch: "opn o" is not a class; classes are c4, e4, open o; did you mean "open o"?',
    ),
    ("a.csv", "pitch\n7\n", (OPEN,), "a.csv:2: pitch: class 7 is out of range; classes are c4, e4, open o"),
    ("a.csv", "pitch\n-2\n", (OPEN,), "a.csv:2: pitch: -2 is negative; classes are c4, e4, open o"),
    (
        *("a.csv", "class,pitch\n1.5,c4\n", (COUNT, OPEN)),
        "a.csv:2: class: 1.5 is a fraction; a class is a whole number, 0 to 2",
    ),
    (
        *("a.csv", "pitch,loudness\nc4,-1\nc4\n", (OPEN, LOUD)),
        "a.csv:3: has 1 column, and the header 2; give each line a value, or nothing, between the delimiters",
    ),
    (
        *("a.csv", "pitch,loudness\nc4,-1,5\n", (OPEN, LOUD)),
        f"a.csv:2: has 3 columns, and the header 2{COMMA}",
    ),
    (
        *("a.csv", "pitch;loudness\nc4;-1,5\n", (OPEN, LOUD)),
        'a.csv:2: loudness: "-1,5" has a decimal comma; write -1.5',
    ),
    *(
        (
            *("a.csv", f"loudness\n-1\n{value}\n", (LOUD,)),
            f'a.csv:3: loudness: "{value}" is not a number; write a decimal number in dB, or none',
        )
        for value in ("loud", "inf", "-Infinity", "1_0", "0x1", "\u0663", "1e")
    ),
    (
        *("a.csv", "loudness\nTRUE\n", (LOUD,)),
        'a.csv:2: loudness: "TRUE" is not a number; write a decimal number in dB, or none',
    ),
    (
        *("a.csv", "loudness\n1e999\n", (LOUD,)),
        "a.csv:2: loudness: 1e999 is not finite; write a decimal number in dB, or none",
    ),
    ("a.csv", b"pitch\nc4\n\xff\n", (OPEN,), "a.csv:3: is not UTF-8 text; save it as UTF-8"),
    (
        *("a.csv", "pitch\n" + 3 * "c4\n", (OPEN,)),
        "a.csv: 3 conditions for a sound of 2 samples, 1 too many; give one line for each sample of the audio file",
        2,
    ),
]


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_people_write_is_read(tmp_path, case):
    check_accepted(tmp_path, *ACCEPTED[case])


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[0]}-{case[3][:60]}")
def test_what_is_wrong_is_told_in_one_line(tmp_path, case):
    check_refused(tmp_path, *case)


@pytest.mark.parametrize("write_score", [row_csv, point_csv])
def test_rows_and_points_of_one_class_are_one_span(tmp_path, write_score):
    notes = [Note(0, 100, "c4", 9), Note(100, 300, "c4", 9)]
    _, spans = read(write_score(tmp_path / "a.csv", notes, 300), SCORED)
    assert (spans["pitch"][0], spans["velocity"][0]) == ([0], [0])


ODD = ["c4", "1", "x", "", "none", '""', "'c4'", "-1", "2.5", "nan", "1e999", "inf", "TRUE", "a;b", " ", '"', "e4,-1"]

CELLS = {
    "pitch": ["c4", " e4", "open o", "1", "", "none", '"c4"', "2.0 "],
    "loudness": ["-1", "2.5", "", "none", "nan", '"-3"', " -6.25 ", "+.5e1"],
    "seconds": ["1", "1.5", " 1.75", '"2"'],
}


def tables(header):
    """Lines of cells that mostly fit their columns."""
    cells = [st.one_of(*[st.sampled_from(CELLS[name])] * 6, st.sampled_from(ODD)) for name in header.split(",")]
    return st.lists(st.tuples(*cells).map(",".join), max_size=4)


@pytest.mark.parametrize("header", ["pitch,loudness", "seconds,pitch", "loudness", "pitch"])
def test_the_quick_way_through_a_table_reads_what_the_careful_one_reads(tmp_path, monkeypatch, header):
    def seen(path):
        try:
            return read(path, (OPEN, LOUD))
        except UserError as error:
            return error.lines

    quick = table._BlockReader.read_quickly
    taken = []

    @settings(fuzzed, max_examples=400)
    @given(tables(header), st.sampled_from(["\n", "\r\n"]))
    def check(rows, newline):
        path = write(tmp_path / "a.csv", newline.join([header, *rows]))
        monkeypatch.setattr(table._BlockReader, "read_quickly", lambda *block: taken.append(quick(*block)) or taken[-1])
        first = seen(path)
        monkeypatch.setattr(table._BlockReader, "read_quickly", lambda *_: None)
        assert first == seen(path)

    check()
    assert sum(columns is not None for columns in taken) > 50


@pytest.mark.parametrize("line", ["c4,-3.25\n", '"c4","-3.25"\n'])
def test_a_million_rows_of_two_streams_take_less_than_two_seconds_of_the_processor(tmp_path, line):
    import pandas  # noqa: F401 -- not what is measured

    path = write(tmp_path / "a.csv", "pitch,loudness\n" + 500_000 * (line + "e4,-60\n"))
    start = time.process_time()
    track = read_track(path, (OPEN, LOUD), 16_000, 1_000_000)
    assert time.process_time() - start < 2
    assert every_sample(track, "pitch").sum() == 500_000
    assert len(track.spans["loudness"].starts) == 1_000_000


def test_the_quick_way_through_a_table_reads_numbers_to_the_last_bit(tmp_path):
    rng = np.random.default_rng(0)
    texts = [repr(number) for number in (rng.normal(size=3000) * 10.0 ** rng.integers(-20, 20, 3000)).tolist()]
    header = table.Header(",", (), (LOUD,))
    (numbers,) = table._BlockReader(tmp_path, header).read_quickly("\n".join(texts).encode())
    assert numbers.tolist() == list(map(float, texts))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_table_of_many_blocks_is_read_quickly(tmp_path, monkeypatch, newline):
    monkeypatch.setattr(table, "_BLOCK_BYTES", 100)
    monkeypatch.delattr(table._BlockReader, "read_carefully")
    path = write(tmp_path / "a.csv", newline.join(["pitch,loudness", *(f"c4,{number}" for number in range(100))]))
    assert read(path, (OPEN, LOUD))[1]["loudness"][1] == list(range(100))


def test_a_fault_deep_in_a_table_has_its_line(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "_BLOCK_BYTES", 100)
    lines = [f"c4,{number / 8}" for number in range(1000)]
    path = write(tmp_path / "a.csv", "\n".join(["pitch,loudness", *lines]))
    samples, spans = read(path, (OPEN, LOUD))
    assert (samples, spans["pitch"][0]) == (1000, [0])
    assert spans["loudness"][:2] == (list(range(1000)), [number / 8 for number in range(1000)])
    lines[876] = "c4,x"
    with pytest.raises(UserError, match=r'a.csv:878: loudness: "x" is not a number'):
        read_track(write(path, "\n".join(["pitch,loudness", *lines])), (OPEN, LOUD), RATE)
