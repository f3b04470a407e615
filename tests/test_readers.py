"""Every format says the same, exact to the sample, and any file is read or refused in one line."""

import numpy as np
import pytest
from condition_files import write
from hypothesis import given
from hypothesis import strategies as st
from reader_cases import (
    LOUD,
    NAMES,
    OPEN,
    PITCH,
    POINTS,
    RATE,
    SCORED,
    array,
    check_refused,
    fuzzed,
    grid,
    laid,
    laid_notes,
    notes_of,
    read,
)
from score_formats import WRITERS, Note, label_track, midi, span_csv, textgrid

from keras_samplernn.conditions.readers.reading import SUFFIXES, read_track
from keras_samplernn.conditions.streams import NONE
from keras_samplernn.conditions.track import Item, lay_spans, settled
from keras_samplernn.errors import UserError

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


def test_what_ends_before_a_sound_leaves_a_gap(tmp_path):
    path = write(tmp_path / "a.txt", "0\t0.5\tc4\n0.6\t0.6\tend\n")
    assert read(path, (OPEN,), 1000) == (1000, {"pitch": ([0, 500], [0, NONE], [0, NONE])})
    path = write(tmp_path / "a.csv", "seconds,loudness\n0,-60\n0.5,0\n")
    assert read(path, (LOUD,), 1000) == (1000, {"loudness": ([0, 500], [-60, 0], [0, 0])})


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


def test_a_cross_fade_of_one_sample_settles_on_its_second_class():
    spans = lay_spans(PITCH, [Item(0, 5, 0), Item(5, 6, 0, 1), Item(6, 9, 1), Item(9, 10, 2, 0)], 10)
    starts, values, _ = settled(spans, 10)
    assert (starts.tolist(), values.tolist()) == ([0, 5, 9], [0, 1, 0])


def test_a_format_that_is_unknown_is_told_in_one_line(tmp_path):
    told = f'a.foo: ".foo" is not a format of conditions; formats are {", ".join(SUFFIXES)}'
    check_refused(tmp_path, "a.foo", "", (OPEN,), told)
