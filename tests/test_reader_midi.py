"""MIDI files: what is read, and what is refused."""

import sys
from fractions import Fraction
from itertools import pairwise

import pytest
from condition_files import said_of, write
from hypothesis import given
from hypothesis import strategies as st
from reader_cases import (
    COUNT,
    KIND,
    LOUD,
    MIDI_COUNT,
    NAMES,
    NO_FADE,
    OPEN,
    OTHER,
    PITCH,
    RATE,
    SCORED,
    check_accepted,
    check_refused,
    fuzzed,
    laid,
    notes_of,
    read,
)
from score_formats import Note, midi

from keras_samplernn.conditions.readers.reading import read_track
from keras_samplernn.conditions.streams import NONE, ClassesStream
from keras_samplernn.conditions.track import Item
from keras_samplernn.errors import UserError

ACCEPTED = {
    "notes by their numbers": (
        *("a.mid", notes_of((1500, 2000, 61)), (MIDI_COUNT,), 2000),
        {"note": ([0, 1500], [NONE, 61])},
    ),
    "notes with flats": (
        *("a.mid", notes_of((1500, 2000, 61)), (ClassesStream("x", ("rest", "Db4"), True),), 2000),
        {"x": ([0, 1500], [NONE, 1])},
    ),
    "a note that begins again before it ends": (
        *("a.mid", notes_of((0, 1000, 60), (1000, 2000, 60)), (OPEN,), 2000),
        {"pitch": ([0, 1000], [0, 0])},
    ),
    "SMPTE frames": (
        *("a.mid", notes_of((0, 1000, 60), ticks=-25 * 256 + 40), (OPEN,), 2000),
        {"pitch": ([0, 1000], [0, NONE])},
    ),
}
REFUSED = [
    (
        *("a.mid", notes_of((1500, 2000, 61)), (OPEN,)),
        "a.mid: at 1.500 s: note 61, c#4, is not a class of pitch; classes are c4, e4, open o",
    ),
    (
        *("a.mid", notes_of((1500, 2000, 61)), (ClassesStream("x", ("rain",), True),)),
        "a.mid: no class of x is a note; name its classes by notes, as c4, c#4 or db4, or give it 128 classes",
    ),
    (
        *("a.mid", notes_of((0, 500, 60), (0, 600, 64)), (OPEN,)),
        "a.mid: at 0.000 s: c4 and e4 begin together; a stream has one note at a time: remove one, or give each voice a"
        " stream and a file of another format",
    ),
    ("a.mid", notes_of((0, 500, 60), (50, 400, 64)), (OPEN,), f'a.mid: at 0.050 s: "e4" overlaps "c4" {NO_FADE}'),
    (
        *("a.mid", notes_of(), (LOUD,)),
        "a.mid: no stream takes notes; name a stream of classes pitch, or one of numbers velocity",
    ),
    (
        *("a.mid", notes_of(), (KIND, COUNT)),
        "a.mid: several streams of classes could take its notes, kind, class; name one of them pitch",
    ),
    (
        *("a.mid", notes_of(kind=2), (OPEN,)),
        "a.mid: is of type 2, its tracks are independent pieces; save it as type 0 or 1",
    ),
    ("a.mid", notes_of(ticks=0), (OPEN,), "a.mid: has 0 ticks a beat; export it again"),
    ("a.mid", notes_of()[:-1], (OPEN,), "a.mid: is damaged or not a MIDI file; export it again"),
    (
        *("a.mid", b"RIFFxxxx", (OPEN,)),
        "a.mid: is damaged or not a MIDI file (MThd not found. Probably not a MIDI file); export it again",
    ),
    (
        *("a.mid", notes_of((0, 1500, 60)), (OPEN,)),
        f"a.mid: at 0.000 s: lasts until 1.500 s, but the sound ends at 1.000 s; {OTHER}",
        1000,
    ),
]


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_people_write_is_read(tmp_path, case):
    check_accepted(tmp_path, *ACCEPTED[case])


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[0]}-{case[3][:60]}")
def test_what_is_wrong_is_told_in_one_line(tmp_path, case):
    check_refused(tmp_path, *case)


def test_notes_that_overlap_cross_fade_with_their_velocities(tmp_path):
    notes = [Note(0, 500, "c4", 20), Note(400, 900, "e4", 120)]
    samples, spans = read(midi(tmp_path / "a.mid", notes, 900), SCORED)
    assert samples == 900
    assert spans["pitch"] == ([0, 400, 500], [0, 0, 1], [0, 1, 1])
    assert spans["velocity"] == ([0, 400, 500], [20, 20, 120], [20, 120, 120])


@fuzzed
@given(
    st.sampled_from([96, 480, 960, 1, 32767]),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 1_500_000)), max_size=5),
    st.lists(st.integers(0, 4000), min_size=2, max_size=8, unique=True),
    st.sampled_from([8000, 16_000, 44_100]),
)
def test_the_tempo_map_of_midi_is_exact_to_the_sample(tmp_path_factory, ticks_per_beat, tempos, ticks, rate):
    tempos.sort(key=lambda tempo: tempo[0])
    ticks.sort()
    notes = [Note(start, stop, NAMES[number % 3], 9) for number, (start, stop) in enumerate(pairwise(ticks))]
    path = midi(tmp_path_factory.mktemp("midi") / "a.mid", notes, ticks[-1], ticks_per_beat, tempos)

    def sample(tick):
        """Sum the length of each tick, one by one."""
        passed, tempo, changes = Fraction(0), 500_000, list(tempos)
        for at in range(tick):
            while changes and changes[0][0] <= at:
                tempo = changes.pop(0)[1]
            passed += Fraction(tempo, ticks_per_beat * 1_000_000)
        return int(passed * rate + Fraction(1, 2))

    track = read_track(path, (PITCH,), rate)
    items = [Item(sample(note.start), sample(note.stop), NAMES.index(note.pitch)) for note in notes]
    assert said_of(track) == laid((PITCH,), {"pitch": items}, sample(max(ticks[-1], *(tick for tick, _ in tempos), 0)))


def test_a_missing_mido_is_told_with_the_extra_that_brings_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mido", None)
    with pytest.raises(UserError) as raised:
        read_track(write(tmp_path / "a.mid", notes_of_nothing()), (OPEN,), RATE)
    assert raised.value.lines == (f"{tmp_path}/a.mid: MIDI files need mido; pip install 'keras-samplernn[midi]'",)


def notes_of_nothing():
    return b"MThd"
