"""TextGrids: what is read, and what is refused."""

import pytest
from reader_cases import LOUD, NO_TIME, OPEN, check_accepted, check_refused, grid

from keras_samplernn.conditions.streams import NONE

SAVE = "in Praat: Save as text file"

ACCEPTED = {
    "the only tier, whatever its name": (
        *("a.TextGrid", grid(["notes", (0, 0.4, " c4 "), (0.4, 0.9, "")]), (OPEN,), 900),
        {"pitch": ([0, 400], [0, NONE])},
    ),
    "tiers beside those of streams, with quotes": (
        *(
            "a.TextGrid",
            grid(["words", (0, 0.4, 'he said "c4"!')], ["pitch", (0, 0.4, "c4")], ["end.", (0.6, "")]),
            (OPEN,),
            600,
        ),
        {"pitch": ([0, 400], [0, NONE])},
    ),
    "comments in a TextGrid": (
        *("a.TextGrid", grid(["pitch", (0, 0.4, "c4")]).replace("<exists>", "! 3 tiers\n<exists>"), (OPEN,), 900),
        {"pitch": ([0, 400], [0, NONE])},
    ),
}
REFUSED = [
    (
        *("a.TextGrid", grid(["pitch", (0, 0.4, "c4"), (0.4, 0.5, "c5")]), (OPEN,)),
        'a.TextGrid:18: pitch: "c5" is not a class; classes are c4, e4, open o',
    ),
    (
        *("a.TextGrid", grid(["pitch", (0, 0.4, 'a "c4"')]), (OPEN,)),
        'a.TextGrid:15: pitch: "a "c4"" is not a class; classes are c4, e4, open o',
    ),
    (
        *("a.TextGrid", grid(["x", (0, 0.4, "c4")]), (OPEN, LOUD)),
        'a.TextGrid: no interval tier is named as a stream, pitch, loudness; its tiers are "x"',
    ),
    (
        *("a.TextGrid", grid(["ptch", (0, 0.4, "c4")], ["loudness", (0, 0.4, "-3")]), (OPEN, LOUD)),
        'a.TextGrid: no interval tier is named "pitch"; did you mean "ptch"?',
    ),
    (
        *("a.TextGrid", grid(["pitch", (0, 0.4, "c4")], ["pitch", (0, 0.4, "c4")]), (OPEN,)),
        'a.TextGrid: 2 tiers are named "pitch"; remove or rename all but one',
    ),
    (
        *("a.TextGrid", grid(["pitch", (0, 0.4, "c4")])[:-5], (OPEN,)),
        "a.TextGrid: ends early, at line 14; save it again as a text file",
    ),
    (
        *("a.TextGrid", grid(["pitch", (0, 0.4, "c4")], begin=0.2), (OPEN,)),
        "a.TextGrid: begins at 0.2 s; in Praat: Modify, Shift times to, start time 0",
    ),
    ("a.TextGrid", "ooBinaryFile\x08TextGrid", (OPEN,), f"a.TextGrid: is not a TextGrid saved as text; {SAVE}"),
    (
        *("a.TextGrid", grid(["pitch"]).replace("IntervalTier", "FooTier"), (OPEN,)),
        f'a.TextGrid:9: "FooTier" is not a kind of tier; {SAVE}',
    ),
    (
        *("a.TextGrid", grid(["pitch", (0.4, 0.2, "c4")]), (OPEN,)),
        "a.TextGrid:15: ends before it begins; give it an end after its begin",
    ),
    (
        "a.TextGrid",
        grid(["pitch", ("c4", 0, "c4")]).replace("c4\n0", '"c4"\n0', 1),
        (OPEN,),
        f'a.TextGrid:15: "c4" {NO_TIME}',
    ),
]


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_people_write_is_read(tmp_path, case):
    check_accepted(tmp_path, *ACCEPTED[case])


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[0]}-{case[3][:60]}")
def test_what_is_wrong_is_told_in_one_line(tmp_path, case):
    check_refused(tmp_path, *case)
