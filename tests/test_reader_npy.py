"""Arrays: what is read, and what is refused."""

import numpy as np
import pytest
from condition_files import every_sample
from reader_cases import COUNT, LOUD, OPEN, POINTS, RATE, array, check_accepted, check_refused
from score_formats import npy

from keras_samplernn.conditions.readers.reading import read_track
from keras_samplernn.conditions.streams import NONE
from keras_samplernn.errors import UserError

ACCEPTED = {
    "an array of whole numbers": (
        "a.npy",
        array([0, 1, -1, 2], ">i8"),
        (OPEN,),
        4,
        {"pitch": ([0, 1, 2, 3], [0, 1, NONE, 2])},
    ),
    "an array of one column": ("a.npy", array([[0], [1]], "u1"), (OPEN,), 2, {"pitch": ([0, 1], [0, 1])}),
    "an array of floats": ("a.npy", array([0, 1, np.nan]), (OPEN,), 3, {"pitch": ([0, 1, 2], [0, 1, NONE])}),
    "an array without rows": (
        "a.npy",
        array(np.zeros((0, 2))),
        (OPEN, LOUD),
        0,
        {"pitch": ([], []), "loudness": ([], [])},
    ),
    "fields of some streams": (
        *("a.npy", array([(-3,)], [("loudness", "i2")]), (OPEN, LOUD), 1),
        {"pitch": ([0], [NONE]), "loudness": ([0], [-3])},
    ),
    "points of float32, as they are written": (
        *("a.npy", array([(0.0035, 0), (0.3, 1), (0.7, 1)], POINTS), (OPEN,), 700),
        {"pitch": ([0, 4, 300], [NONE, 0, 1])},
    ),
}
REFUSED = [
    (
        *("a.npy", array([0, 1, 3]), (OPEN,)),
        "a.npy[2]: pitch: class 3 is out of range; classes are c4, e4, open o, and -1 is none",
    ),
    (
        *("a.npy", array([0, 1, -2]), (OPEN,)),
        "a.npy[2]: pitch: class -2 is out of range; classes are c4, e4, open o, and -1 is none",
    ),
    (
        *("a.npy", array([0, 1.5]), (COUNT,)),
        "a.npy[1]: class: 1.5 is a fraction; a class is a whole number, 0 to 2",
    ),
    ("a.npy", array([0, np.inf]), (LOUD,), "a.npy[1]: loudness: inf is not finite; give a number, or NaN for none"),
    (
        *("a.npy", array([0, 1]), (OPEN, LOUD)),
        "a.npy: has the shape (2,); give (n, 2), a row for each sample of pitch, loudness",
    ),
    (
        *("a.npy", array(0), (OPEN,)),
        "a.npy: has the shape (); give (n,) or (n, 1), a row for each sample of pitch",
    ),
    ("a.npy", array(["c4"]), (OPEN,), "a.npy: is an array of <U2; give whole numbers or floats"),
    ("a.npy", b"", (OPEN,), "a.npy: is not a .npy file; write it with numpy.save"),
    (
        *("a.npy", array([0.0, 1.0])[:-1], (OPEN,)),
        "a.npy: is damaged or not an array (mmap length is greater than file size); write it with numpy.save",
    ),
    (
        *("a.npy", array([None]), (OPEN,)),
        "a.npy: is damaged or not an array (Array can't be memory-mapped: Python objects in dtype.); write it with"
        " numpy.save",
    ),
    (
        *("a.npy", array([(0, 0)], [("seconds", "f4"), ("ptch", "i2")]), (OPEN, LOUD)),
        'a.npy: field: "ptch" is not a stream; streams are pitch, loudness; did you mean "pitch"?',
    ),
    (
        *("a.npy", array([(0,)], [("seconds", "f4")]), (OPEN,)),
        "a.npy: has no field of a stream; give (n,) rows with fields of pitch",
    ),
    (
        *("a.npy", array([(0, 0), (-0.5, 0)], POINTS), (OPEN,)),
        "a.npy[1]: -0.5 s is before the sound begins; times begin at 0",
    ),
    (
        *("a.npy", array([0, 1]), (OPEN,)),
        "a.npy: 2 conditions for a sound of 3 samples (joined), 1 too few; give one row for each sample of the audio"
        " file",
        3,
    ),
]


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_people_write_is_read(tmp_path, case):
    check_accepted(tmp_path, *ACCEPTED[case])


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[0]}-{case[3][:60]}")
def test_what_is_wrong_is_told_in_one_line(tmp_path, case):
    check_refused(tmp_path, *case)


def test_arrays_are_read_in_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("keras_samplernn.conditions.readers.npy._BLOCK_ROWS", 7)
    rng = np.random.default_rng(0)
    values = np.repeat(rng.integers(-1, 3, 30), rng.integers(1, 9, 30))
    path = npy(tmp_path / "a.npy", values)
    np.testing.assert_array_equal(every_sample(read_track(path, (OPEN,), RATE), "pitch"), values)
    values[101] = 5
    with pytest.raises(UserError, match=r"a.npy\[101\]: pitch: class 5 is out of range"):
        read_track(npy(path, values), (OPEN,), RATE)
