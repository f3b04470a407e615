"""Every format says the same, exact to the sample; what is wrong is told in one line."""

import io
import sys
import time
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from condition_files import every_sample, said_of, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from score_formats import WRITERS, Note, label_track, midi, npy, point_csv, row_csv, span_csv, textgrid

from keras_samplernn.conditions.readers import table
from keras_samplernn.conditions.readers.reading import SUFFIXES, read_track
from keras_samplernn.conditions.streams import NONE, ClassesStream, NumberStream
from keras_samplernn.conditions.track import Item, Track, lay_spans, sample_at, settled
from keras_samplernn.errors import UserError

RATE = 1000
NAMES = ("c4", "e4", "g4")
PITCH, VELOCITY = ClassesStream("pitch", NAMES, True), NumberStream("velocity", 0, 127)
SCORED = (PITCH, VELOCITY)
LOUD = NumberStream("loudness", -60, 0, "dB")
KIND = ClassesStream("kind", ("wood", "e4", "a;b"), True)
OPEN = ClassesStream("pitch", ("c4", "e4", "open o"), True)
ARROW = ClassesStream("class", ("a>b", "a", "b", "end"), True)
REST = ClassesStream("class", ("rest", "a"), True, gaps=0)
FLUTE = ClassesStream("class", ("fl\u00fbte", "oboe"), True)
COUNT, MIDI_COUNT = ClassesStream.of_count(3), ClassesStream.of_count(128, "note")


def laid(streams, items, samples):
    return said_of(
        Track(samples, {stream.name: lay_spans(stream, items.get(stream.name, ()), samples) for stream in streams})
    )


def laid_notes(notes, end):
    items = {
        "pitch": [Item(note.start, note.stop, NAMES.index(note.pitch)) for note in notes],
        "velocity": [Item(note.start, note.stop, float(note.velocity)) for note in notes],
    }
    return laid(SCORED, items, end)


def read(path, streams, samples=None, rate=RATE, said=""):
    return said_of(read_track(path, streams, rate, samples, said))


MELODY = [Note(0, 250, "c4", 64), Note(250, 500, "e4", 100), Note(600, 1000, "g4", 32), Note(1000, 1100, "c4", 32)]


@pytest.mark.parametrize("name", WRITERS)
def test_the_same_score_in_every_format_is_the_same_track(tmp_path, name):
    WRITERS[name](tmp_path / name, MELODY, 1200)
    for samples in (None, 1200):
        assert read(tmp_path / name, SCORED, samples) == laid_notes(MELODY, 1200)


@pytest.mark.parametrize("name", WRITERS)
def test_spans_have_the_types_of_a_track(tmp_path, name):
    for melody, end in ((MELODY, 1200), ([], 0)):
        WRITERS[name](tmp_path / name, melody, end)
        spans = read_track(tmp_path / name, SCORED, RATE).spans
        assert [type(each) for stream in SCORED for each in spans[stream.name]] == 6 * [np.ndarray]
        assert [each.dtype.name for each in spans["pitch"]] == ["int64", "int32", "int32"]
        assert [each.dtype.name for each in spans["velocity"]] == ["int64", "float32", "float32"]


def test_every_suffix_is_tried_by_the_same_score():
    assert {"." + name.rpartition(".")[2].lower() for name in WRITERS} == set(SUFFIXES)


@st.composite
def melodies(draw):
    """Notes one after the other, with or without gaps; neighbours that touch differ, as rows cannot tell equal ones."""
    at, notes, before = 0, [], None
    for _ in range(draw(st.integers(0, 6))):
        gap = draw(st.sampled_from([0, 0, 1, 7, 120]))
        pitch = draw(st.sampled_from([name for name in NAMES if gap or name != before]))
        length = draw(st.sampled_from([1, 2, 3, 99, 250]))
        notes.append(Note(at + gap, at + gap + length, pitch, draw(st.integers(1, 127))))
        at, before = notes[-1].stop, pitch
    return notes, at + draw(st.sampled_from([0, 1, 50]))


fuzzed = settings(
    max_examples=60, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.parametrize("name", WRITERS)
def test_any_score_reads_back_exactly(tmp_path, name):
    @fuzzed
    @given(melodies())
    def check(melody):
        notes, end = melody
        WRITERS[name](tmp_path / name, notes, end)
        assert read(tmp_path / name, SCORED) == laid_notes(notes, end)

    check()


@pytest.mark.parametrize("write_score", [span_csv, label_track, textgrid, midi])
def test_two_equal_notes_in_a_row_stay_two_notes(tmp_path, write_score):
    notes = [Note(0, 100, "c4", 9), Note(100, 300, "c4", 9)]
    name = {span_csv: "a.csv", label_track: "a.txt", textgrid: "a.TextGrid", midi: "a.mid"}[write_score]
    _, spans = read(write_score(tmp_path / name, notes, 300), SCORED)
    assert spans["pitch"][0] == [0, 100]
    assert spans["velocity"][0] == [0]


@pytest.mark.parametrize("write_score", [row_csv, point_csv])
def test_rows_and_points_of_one_class_are_one_span(tmp_path, write_score):
    notes = [Note(0, 100, "c4", 9), Note(100, 300, "c4", 9)]
    _, spans = read(write_score(tmp_path / "a.csv", notes, 300), SCORED)
    assert (spans["pitch"][0], spans["velocity"][0]) == ([0], [0])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "start,stop,pitch\n0.0,0.5,c4\n0.4,0.9,e4\n"),
        ("a.csv", "start,stop,pitch\n0,500,c4\n400,900,e4\n"),
        ("a.csv", "start,stop,pitch\n0.0,0.4,c4\n0.4,0.5,c4>e4\n0.5,0.9,e4\n"),
        ("a.csv", "start\tstop\tpitch\n0.5\t0.9\te4\n0.4\t0.5\tc4 > e4\n0.0\t0.4\tc4\n"),
        ("a.csv", "start;stop;velocity;pitch\n0.0;0.4;;c4\n0.4;0.5;none;0>1\n0.5;0.9;;e4\n"),
        ("a.txt", "0.0\t0.5\tc4\n0.4\t0.9\te4\n"),
        ("a.txt", "0,0\t0,4\tc4\n0,4\t0,5\tpitch=c4>e4\n0,5\t0,9\te4\n"),
        ("a.TextGrid", ["pitch", (0, 0.4, "c4"), (0.4, 0.5, "c4>e4"), (0.5, 0.9, "e4")]),
    ],
)
def test_classes_cross_fade_where_they_overlap_or_a_file_says_so(tmp_path, name, content):
    path = write(tmp_path / name, grid(content) if isinstance(content, list) else content)
    assert read(path, SCORED)[1]["pitch"] == ([0, 400, 500], [0, 0, 1], [0, 1, 1])


def test_notes_that_overlap_cross_fade_with_their_velocities(tmp_path):
    notes = [Note(0, 500, "c4", 20), Note(400, 900, "e4", 120)]
    samples, spans = read(midi(tmp_path / "a.mid", notes, 900), SCORED)
    assert samples == 900
    assert spans["pitch"] == ([0, 400, 500], [0, 0, 1], [0, 1, 1])
    assert spans["velocity"] == ([0, 400, 500], [20, 20, 120], [20, 120, 120])


def grid(*tiers, end=0.9, begin=0):
    """Return a short TextGrid: each tier is a name and intervals, or points if its name ends with a dot."""
    text = f'File type = "ooTextFile"\nObject class = "TextGrid"\n\n{begin}\n{end}\n<exists>\n{len(tiers)}\n'
    for name, *marks in tiers:
        kind = "TextTier" if name.endswith(".") else "IntervalTier"
        text += f'"{kind}"\n"{name.rstrip(".")}"\n{begin}\n{end}\n{len(marks)}\n'
        for *times, label in marks:
            doubled = label.replace('"', '""')
            text += "".join(f"{each}\n" for each in times) + f'"{doubled}"\n'
    return text


def array(values, dtype=None):
    content = io.BytesIO()
    np.save(content, np.array(values, dtype))
    return content.getvalue()


def notes_of(*notes, end=2000, ticks=500, kind=1):
    """Return a MIDI file of (start, stop, number) notes, in ticks."""
    import mido

    events = [(start, mido.Message("note_on", note=number)) for start, _, number in notes]
    events += [(stop, mido.Message("note_off", note=number)) for _, stop, number in notes]
    file, content, last = mido.MidiFile(type=kind, ticks_per_beat=ticks), io.BytesIO(), 0
    track = mido.MidiTrack()
    for tick, message in [*sorted(events, key=lambda event: event[0]), (end, mido.MetaMessage("end_of_track"))]:
        track.append(message.copy(time=tick - last))
        last = tick
    file.tracks.append(track)
    file.save(file=content)
    return content.getvalue()


POINTS = [("seconds", "f4"), ("pitch", "i2")]
# (file, content, streams, length of the sound or None, samples, spans of each stream: starts, values, targets)
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
        *("a.csv", "class,\u0020class2\n".replace(", class2", "") + "flu\u0302te\noboe\n", (FLUTE,), 2),
        {"class": ([0, 1], [0, 1])},
    ),
    "an empty file": ("a.csv", "", (OPEN, LOUD), 0, {"pitch": ([], []), "loudness": ([], [])}),
    "a header alone": ("a.csv", "pitch,loudness\n", (OPEN, LOUD), 0, {"pitch": ([], []), "loudness": ([], [])}),
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


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_people_write_is_read(tmp_path, case):
    name, content, streams, samples, spans = ACCEPTED[case]
    seen = read(write(tmp_path / name, content), streams)
    assert seen == (samples, {stream: (*each, each[-1])[:3] for stream, each in spans.items()})


BLANK = "blank line inside the file; every condition after it would shift by one sample"
NO_TIME = "is not a time; write seconds, as 1.25"
NO_FADE = "and no cross-fade fits; let each begin and end after the one before, and at most two sound at once"
SAVE = "in Praat: Save as text file"
OTHER = "end it there, or is it the file of another sound?"
COMMA = '; a decimal comma? write a point, or ";" between the columns'
# (file, content, streams, message behind the folder), and the length of the sound if it has one
REFUSED = [
    ("a.foo", "", (OPEN,), f'a.foo: ".foo" is not a format of conditions; formats are {", ".join(SUFFIXES)}'),
    # headers
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
    # rows with a header
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
    # points
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
    # spans
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
    # label tracks
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
    # TextGrids
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
    # MIDI
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
    # arrays
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


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[0]}-{case[3][:60]}")
def test_what_is_wrong_is_told_in_one_line(tmp_path, case):
    name, content, streams, message, *samples = case
    path = write(tmp_path / name, content)
    with pytest.raises(UserError) as raised:
        read_track(path, streams, RATE, *samples, said="joined" if "joined" in message else "")
    assert raised.value.lines == (f"{tmp_path}/{message}",)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_is_missing_or_a_folder_is_told(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    with pytest.raises(UserError, match=rf"^{path}: No such file or directory; give the path of a readable \S+ file$"):
        read_track(path, (OPEN,), RATE)
    path.mkdir()
    with pytest.raises(UserError, match=rf"^{path}: Is a directory; give the path of a readable \S+ file$"):
        read_track(path, (OPEN,), RATE)


@pytest.mark.parametrize("suffix", [".txt", ".textgrid", ".mid", ".npy", ".csv"])
def test_any_bytes_are_read_or_refused_as_the_users_error(tmp_path, suffix):
    begins = [
        b"",
        *(b"\x93NUMPY", array([0, 1])[:60], array([(0, 0)], POINTS)[:-3]),
        *(notes_of((0, 500, 60)), b"MThd\0\0\0\6\0\1\0\1\1\xf4MTrk\0\0\0\x10"),
        *(grid(["pitch", (0, 0.4, "c4")]).encode(), grid(["pitch", (0, 0.4, "c4")]).encode("utf-16")),
        *(b"0\t1\tc4\n", b"seconds,pitch\n0,c4\n", b"start,stop,pitch\n0,1,c4\n", b"pitch,loudness\n"),
    ]

    @fuzzed
    @given(st.sampled_from(begins), st.binary(max_size=40), st.integers(0, 200))
    def check(begin, content, cut):
        path = write(tmp_path / f"a{suffix}", begin[: len(begin) - cut if cut < 100 else None] + content)
        try:
            read_track(path, (OPEN, LOUD), RATE)
        except UserError as error:
            assert len(error.lines) == 1
            assert len(error.lines[0]) < 400 and "\n" not in error.lines[0]

    check()


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


def test_an_hour_of_labels_is_read_exactly(tmp_path):
    lines = [f"{at / 10:.6f}\t{(at + 1) / 10:.6f}\t{NAMES[at % 3]}\n" for at in range(36_000)]
    path = write(tmp_path / "a.txt", "".join(lines))
    track = read_track(path, (PITCH,), 44_100)
    assert (track.samples, len(track.spans["pitch"].starts)) == (158_760_000, 36_000)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "0\t1.099\tc4\n"),
        ("a.csv", "start,stop,pitch\n0.0,1.099,c4\n"),
        ("a.csv", "start,stop,pitch\n0,1099,c4\n"),
        ("a.csv", "seconds,pitch\n0,c4\n1.099,c4\n"),
        ("a.TextGrid", grid(["pitch", (0, 1.099, "c4")], end=1.099)),
        ("a.mid", notes_of((0, 1099, 60))),
    ],
)
def test_a_little_past_the_end_of_a_sound_is_cut_off(tmp_path, name, content):
    assert read(write(tmp_path / name, content), (OPEN,), 1000) == (1000, {"pitch": ([0], [0], [0])})


def test_whole_times_that_are_no_seconds_of_the_sound_count_samples(tmp_path):
    path = write(tmp_path / "a.csv", "start,stop,pitch\n0,500,c4\n")
    assert read(path, (OPEN,), 100_000) == (100_000, {"pitch": ([0, 500], [0, NONE], [0, NONE])})


def test_what_ends_before_a_sound_leaves_a_gap(tmp_path):
    path = write(tmp_path / "a.txt", "0\t0.5\tc4\n0.6\t0.6\tend\n")
    assert read(path, (OPEN,), 1000) == (1000, {"pitch": ([0, 500], [0, NONE], [0, NONE])})
    path = write(tmp_path / "a.csv", "seconds,loudness\n0,-60\n0.5,0\n")
    assert read(path, (LOUD,), 1000) == (1000, {"loudness": ([0, 500], [-60, 0], [0, 0])})


def test_a_ramp_that_is_cut_off_ends_where_it_would_be_there(tmp_path):
    for content in ("start,stop,loudness\n0.0,1.05,-21>0\n", "seconds,loudness\n0,-21\n1.05,0\n"):
        _, spans = read(write(tmp_path / "a.csv", content), (LOUD,), 1000)
        assert spans["loudness"] == ([0], [-21], [pytest.approx(-1)])


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


def test_times_are_rounded_to_the_nearest_sample_whatever_their_digits():
    assert [sample_at(time, 1000) for time in ("0.0005", "0.00049999", "1e-3", "12.3456")] == [1, 0, 1, 12346]
    assert sample_at("0.4" + 50 * "9", 1) == 0


# What lay_spans is held to where readers rely on it.
@pytest.mark.parametrize(
    ("items", "spans"),
    [
        ([(0, 10, 0), (8, 20, 1), (10, 30, 2)], ([0, 8, 10, 20], [0, 0, 1, 2], [0, 1, 2, 2])),
        ([(0, 10, 0), (10, 20, NONE)], ([0, 10], [0, NONE], [0, NONE])),
        ([(0, 10, 0), (12, 15, NONE), (15, 20, NONE)], ([0, 10], [0, NONE], [0, NONE])),
        ([(0, 10, 0), (10, 20, 0)], ([0, 10, 20], [0, 0, NONE], [0, 0, NONE])),
        ([(0, 10, 0), (30, 40, 1)], ([0, 10], [0, NONE], [0, NONE])),
    ],
)
def test_spans_are_laid_end_to_end(items, spans):
    assert laid((PITCH,), {"pitch": [Item(*item) for item in items]}, 30) == (30, {"pitch": spans})


def test_arrays_are_read_in_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("keras_samplernn.conditions.readers.npy._BLOCK_ROWS", 7)
    rng = np.random.default_rng(0)
    values = np.repeat(rng.integers(-1, 3, 30), rng.integers(1, 9, 30))
    path = npy(tmp_path / "a.npy", values)
    np.testing.assert_array_equal(every_sample(read_track(path, (OPEN,), RATE), "pitch"), values)
    values[101] = 5
    with pytest.raises(UserError, match=r"a.npy\[101\]: pitch: class 5 is out of range"):
        read_track(npy(path, values), (OPEN,), RATE)


def test_a_cross_fade_of_one_sample_settles_on_its_second_class():
    spans = lay_spans(PITCH, [Item(0, 5, 0), Item(5, 6, 0, 1), Item(6, 9, 1), Item(9, 10, 2, 0)], 10)
    starts, values, _ = settled(spans, 10)
    assert (starts.tolist(), values.tolist()) == ([0, 5, 9], [0, 1, 0])
