"""Label tracks: what is read, and what is refused."""

import pytest
from condition_files import write
from reader_cases import (
    ARROW,
    COUNT,
    KIND,
    LOUD,
    NAMES,
    NO_FADE,
    OPEN,
    OTHER,
    PITCH,
    REST,
    check_accepted,
    check_refused,
)

from keras_samplernn.conditions.readers.reading import read_track
from keras_samplernn.conditions.streams import NONE

ACCEPTED = {
    "labels with the numbers of classes": ("a.txt", "0\t1\t2\n", (COUNT,), 1000, {"class": ([0], [2])}),
    "labels of gaps, which are one with what a file says": (
        *("a.txt", "0\t1\ta\n1\t2\trest\n2.5\t2.7\tnone\n3\t3\tend\n", (REST,), 3000),
        {"class": ([0, 1000, 2500, 2700], [1, 0, NONE, 0])},
    ),
    "labels without text, frequencies and blank lines": (
        *("a.txt", "\n0.0\t1.0\tc4\r\n\\\t100.0\t200.0\r\n1.0\t2.0\t\r\n2.0\t2.0\t\n", (OPEN,), 2000),
        {"pitch": ([0, 1000], [0, NONE])},
    ),
    "labels with commas": (
        *("a.txt", "0,000000\t1,500000\tc4\n1,500000\t2\topen o\n", (OPEN,), 2000),
        {"pitch": ([0, 1500], [0, 2])},
    ),
    "a label of several streams": (
        *("a.txt", "0\t1\tpitch=open o; loudness = -3>-5 kind=a;b\n", (OPEN, KIND, LOUD), 1000),
        {"pitch": ([0], [2]), "kind": ([0], [2]), "loudness": ([0], [-3], [-5])},
    ),
    "names that belong to one stream each": (
        *("a.txt", "0\t1\tc4 wood\n1\t2\twood;open o\n", (OPEN, KIND), 2000),
        {"pitch": ([0, 1000], [0, 2]), "kind": ([0, 1000], [0, 0])},
    ),
    "a name beside a number": (
        *("a.txt", "0\t1\topen o loudness=-3\n", (OPEN, LOUD), 1000),
        {"pitch": ([0], [2]), "loudness": ([0], [-3])},
    ),
    "a label of the only stream of numbers": (
        "a.txt",
        "0\t1\t-20>-10\n",
        (LOUD,),
        1000,
        {"loudness": ([0], [-20], [-10])},
    ),
    "a class that fades in": ("a.txt", "0\t1\tnone>e4\n", (OPEN,), 1000, {"pitch": ([0], [NONE], [1])}),
    "an end that is a region": ("a.txt", "0\t1\tc4\n1\t3\tend\n", (OPEN,), 3000, {"pitch": ([0, 1000], [0, NONE])}),
    "an end before the last one": ("a.txt", "0\t1\tc4\n0.5\t0.5\tend\n", (OPEN,), 500, {"pitch": ([0], [0])}),
    "a class that is named end": (
        *("a.txt", "0\t1\tend\n2\t2\tend\n", (ARROW,), 2000),
        {"class": ([0, 1000], [3, NONE])},
    ),
}
REFUSED = [
    (
        "a.txt",
        "0 1 c4\n",
        (OPEN,),
        'a.txt:1: "0 1 c4" is not a label; write begin, end and label with tabs between them',
    ),
    ("a.txt", "0\t1\tc5\n", (OPEN,), 'a.txt:1: "c5" is not a class; classes are c4, e4, open o'),
    ("a.txt", "0\t1\tc4>c5\n", (OPEN,), 'a.txt:1: "c5" is not a class; classes are c4, e4, open o'),
    ("a.txt", "0\t1\te4\n", (OPEN, KIND), 'a.txt:1: "e4" is a class of pitch, kind; write pitch=e4'),
    (
        *("a.txt", "0\t1\twod\n", (OPEN, KIND)),
        'a.txt:1: "wod" is not a class of any stream; write pitch=VALUE; did you mean "wood"?',
    ),
    (
        *("a.txt", "0\t1\tptch=c4\n", (OPEN, KIND)),
        'a.txt:1: "ptch" is not a stream; streams are pitch, kind; did you mean "pitch"?',
    ),
    (
        "a.txt",
        "0\t1\tc4 open o\n",
        (OPEN, LOUD),
        'a.txt:1: "c4 open o" is not a class; classes are c4, e4, open o; did you mean "open o"?',
    ),
    ("a.txt", "0\t1\tc4 e4\n", (OPEN, LOUD), 'a.txt:1: "c4 e4" says pitch twice; a label says each stream once'),
    (
        *("a.txt", "0\t1\tloudness=x\n", (OPEN, LOUD)),
        'a.txt:1: loudness: "x" is not a number; write a decimal number in dB, or none',
    ),
    ("a.txt", "1\t1\tc4\n", (OPEN,), 'a.txt:1: "c4" is a point, at 1 s; make it a region, from its begin to its end'),
    (
        *("a.txt", "1\t0.5\tc4\n", (OPEN,)),
        "a.txt:1: ends before it begins; the first time is the begin, the second the end",
    ),
    (
        *("a.txt", "0,0\t1,5\tc4\n1.5\t2\te4\n", (OPEN,)),
        'a.txt:2: "1.5" has a point, and times before it commas; write points in all',
    ),
    ("a.txt", "0.0\t1,5\tc4\n", (OPEN,), 'a.txt:1: "1,5" has a decimal comma; write 1.5'),
    ("a.txt", b"0\t1\t\xff\n", (OPEN,), "a.txt:1: is not UTF-8 text; save it as UTF-8"),
    ("a.txt", "0\t1\tc4\n0\t1.5\te4\n", (OPEN,), f'a.txt:2: "e4" overlaps "c4" {NO_FADE}'),
    ("a.txt", "0\t1.1\tc4\n", (OPEN,), f"a.txt:1: lasts until 1.100 s, but the sound ends at 1.000 s; {OTHER}", 1000),
    (
        *("a.txt", "0\t0.5\tc4\n1.7\t1.7\tend", (OPEN,)),
        f"a.txt:2: lasts until 1.700 s, but the sound ends at 1.000 s; {OTHER}",
        1000,
    ),
]


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_people_write_is_read(tmp_path, case):
    check_accepted(tmp_path, *ACCEPTED[case])


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[0]}-{case[3][:60]}")
def test_what_is_wrong_is_told_in_one_line(tmp_path, case):
    check_refused(tmp_path, *case)


def test_an_hour_of_labels_is_read_exactly(tmp_path):
    lines = [f"{at / 10:.6f}\t{(at + 1) / 10:.6f}\t{NAMES[at % 3]}\n" for at in range(36_000)]
    path = write(tmp_path / "a.txt", "".join(lines))
    track = read_track(path, (PITCH,), 44_100)
    assert (track.samples, len(track.spans["pitch"].starts)) == (158_760_000, 36_000)
