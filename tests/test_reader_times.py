"""Tables of points and of spans: what is read, and what is refused."""

import pytest
from condition_files import write
from reader_cases import ARROW, COMMA, LOUD, NO_FADE, NO_TIME, OPEN, OTHER, REST, check_accepted, check_refused, read

from keras_samplernn.conditions.streams import NONE
from keras_samplernn.conditions.track import sample_at

ACCEPTED = {
    "numbers move from point to point": (
        *("a.csv", "seconds,loudness\n0.1,-60\n0.2,-20\n0.3,none\n0.4,0\n0.5,0\n", (LOUD,), 500),
        {"loudness": ([0, 100, 200, 300, 400], ["none", -60, -20, "none", 0], ["none", -20, -20, "none", 0])},
    ),
    "two points at one time are a step": (
        *("a.csv", "seconds,loudness\n0,-60\n0.1,-20\n0.1,-30\n0.2,-40\n", (LOUD,), 200),
        {"loudness": ([0, 100], [-60, -30], [-20, -40])},
    ),
    "a step back to a value": (
        *("a.csv", "seconds,loudness\n0,-60\n0.1,-20\n0.1,-60\n0.2,-60\n", (LOUD,), 200),
        {"loudness": ([0, 100], [-60, -60], [-20, -60])},
    ),
    "none beside a number": (
        *("a.csv", "start,stop,loudness\n0.0,1.0,-3\n0.5,2.0,none\n", (LOUD,), 2000),
        {"loudness": ([0, 1000], [-3, "none"])},
    ),
    "points of gaps": (
        *("a.csv", "seconds;class\n0.1;a\n0.2;\n0.3;none\n0.4;none\n", (REST,), 400),
        {"class": ([0, 100, 200, 300], [0, 1, 0, NONE])},
    ),
    "spans in any order, with a pause at the end": (
        *("a.csv", "start,stop,pitch\n0.5,1.0,e4\n0.0,0.5,c4\n\n1.0,1.5,\n", (OPEN,), 1500),
        {"pitch": ([0, 500, 1000], [0, 1, NONE])},
    ),
    "spans of numbers that ramp": (
        *("a.csv", "start,stop,loudness\n0.0,0.5,-60>-6.5\n0.5,1,-6.5\n", (LOUD,), 1000),
        {"loudness": ([0, 500], [-60, -6.5], [-6.5, -6.5])},
    ),
    "spans that count samples": ("a.csv", "start,stop,pitch\n3,7,c4\n", (OPEN,), 7, {"pitch": ([0, 3], [NONE, 0])}),
    "one point makes all times seconds": (
        *("a.csv", "start,stop,pitch\n3,7.,c4\n", (OPEN,), 7000),
        {"pitch": ([0, 3000], [NONE, 0])},
    ),
    "a class that is named a>b": (
        *("a.csv", "start,stop,class\n0,1,a>b\n1,2,a>end\n2,3,a>b>b\n", (ARROW,), 3),
        {"class": ([0, 1, 2], [0, 1, 0], [0, 3, 2])},
    ),
    "the nearest sample, halves up": (
        *("a.csv", "start,stop,pitch\n0.0004999999999999999999999999999999,0.0015,c4\n0.0025,3.5e-3,e4\n", (OPEN,), 4),
        {"pitch": ([0, 2, 3], [0, NONE, 1])},
    ),
}
REFUSED = [
    ("a.csv", "seconds,pitch\nx,c4\n", (OPEN,), f'a.csv:2: "x" {NO_TIME}'),
    ("a.csv", "seconds;pitch\n0,5;c4\n", (OPEN,), 'a.csv:2: "0,5" has a decimal comma; write 0.5'),
    ("a.csv", "seconds,pitch\n0,c4\n\n1,c4\n", (OPEN,), "a.csv:3: blank line inside the file; remove it"),
    (
        *("a.csv", "seconds,pitch\n-1,c4\n", (OPEN,)),
        "a.csv:2: -1 s is before the sound begins; times begin at 0",
    ),
    (
        *("a.csv", "seconds,pitch\n1e9,c4\n", (OPEN,)),
        "a.csv:2: 1e9 s is longer than any sound; write times in seconds",
    ),
    (
        *("a.csv", "seconds,pitch\n0.5,c4\n0.2,e4\n", (OPEN,)),
        "a.csv:3: is earlier than the point before it; sort the points by time",
    ),
    (
        *("a.csv", "seconds,pitch\n0,c4\n", (OPEN,)),
        "a.csv:2: ends the score at 0 s; add a point where the score ends",
    ),
    (
        *("a.csv", "seconds,loudness\n0,-60\n1.1,0\n", (LOUD,)),
        f"a.csv:3: lasts until 1.100 s, but the sound ends at 1.000 s; {OTHER}",
        1000,
    ),
    (
        *("a.csv", "start,stop,pitch\n0.0,1,c4\n1,0.5,e4\n", (OPEN,)),
        "a.csv:3: starts at 1 and stops at 0.5; a span stops after its start",
    ),
    (
        *("a.csv", "start,stop,pitch\n1.0,1.0,c4\n", (OPEN,)),
        "a.csv:2: starts at 1.0 and stops at 1.0; a span stops after its start",
    ),
    ("a.csv", "start,stop,pitch\n1.0,x,c4\n", (OPEN,), f'a.csv:2: "x" {NO_TIME}'),
    (
        *("a.csv", "start,stop,loudness\n0.0,1,-3>none\n", (LOUD,)),
        'a.csv:2: loudness: "-3>none" moves between a number and none; write a number on each side',
    ),
    (
        *("a.csv", "start,stop,loudness\n0.0,1,-3>x\n", (LOUD,)),
        'a.csv:2: loudness: "x" is not a number; write a decimal number in dB, or none',
    ),
    ("a.csv", "start,stop,pitch\n0.0,1.0,c4\n0.2,0.5,e4\n", (OPEN,), f'a.csv:3: "e4" overlaps "c4" {NO_FADE}'),
    (
        *("a.csv", "start,stop,pitch\n0.0,1.0,c4\n0.5,1.5,e4\n0.8,2.0,c4\n", (OPEN,)),
        f'a.csv:4: "c4" overlaps "e4" {NO_FADE}',
    ),
    ("a.csv", "start,stop,pitch\n0,5,1,c4\n", (OPEN,), f"a.csv:2: has 4 columns, and the header 3{COMMA}"),
    (
        *("a.csv", "start,stop,pitch\n0,1,c4\n1,2,e4\n", (OPEN,)),
        "a.csv: all times are whole, so they count samples, and the last is 2 of 2000; if they are seconds, write one"
        " with a point, as 2.0",
        2000,
    ),
]


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_people_write_is_read(tmp_path, case):
    check_accepted(tmp_path, *ACCEPTED[case])


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[0]}-{case[3][:60]}")
def test_what_is_wrong_is_told_in_one_line(tmp_path, case):
    check_refused(tmp_path, *case)


def test_whole_times_that_are_no_seconds_of_the_sound_count_samples(tmp_path):
    path = write(tmp_path / "a.csv", "start,stop,pitch\n0,500,c4\n")
    assert read(path, (OPEN,), 100_000) == (100_000, {"pitch": ([0, 500], [0, NONE], [0, NONE])})


def test_a_ramp_that_is_cut_off_ends_where_it_would_be_there(tmp_path):
    for content in ("start,stop,loudness\n0.0,1.05,-21>0\n", "seconds,loudness\n0,-21\n1.05,0\n"):
        _, spans = read(write(tmp_path / "a.csv", content), (LOUD,), 1000)
        assert spans["loudness"] == ([0], [-21], [pytest.approx(-1)])


def test_times_are_rounded_to_the_nearest_sample_whatever_their_digits():
    assert [sample_at(time, 1000) for time in ("0.0005", "0.00049999", "1e-3", "12.3456")] == [1, 0, 1, 12346]
    assert sample_at("0.4" + 50 * "9", 1) == 0
