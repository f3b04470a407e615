"""The clips of a run: few windows in which every class is heard, or the scores that a user names."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from command_line import RATE, give, write_conditions, write_corpora, write_spec
from corpora import corpus_of

from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.streams import ClassesStream, NumberStream
from keras_samplernn.conditions.track import Spans, Track, runs
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.errors import UserError
from keras_samplernn.model.registry import load_types
from keras_samplernn.monitoring import windows as windows_module
from keras_samplernn.monitoring.clips import choose_clips
from keras_samplernn.monitoring.windows import Window, choose_windows
from keras_samplernn.run_folder import open_run
from keras_samplernn.spec import load_spec

LETTERS = "abcdefgh"
STREAM = ClassesStream("class", tuple(LETTERS))


def sounds_of(*texts, streams=(STREAM,)):
    """Return sounds in which each letter is a sample of its class; a dot is one of none. `/` parts the streams."""
    sounds = []
    for text in texts:
        rows = text.split("/")
        values = [np.array([LETTERS.find(letter) for letter in row], np.int32) for row in rows]
        spans = {stream.name: runs(each) for stream, each in zip(streams, values, strict=True)}
        columns = Columns(Track(len(rows[0]), spans), streams, 8000)
        sounds.append(SimpleNamespace(samples=len(rows[0]), columns=columns))
    return sounds


@pytest.mark.parametrize(
    ("texts", "count", "windows", "unheard"),
    [
        # Not what each file begins with, but what has the most classes, and then what is missing.
        (["aaaaaaaabbbb", "aacc", "aaaaaddee"], 2, [(2, 0, 8), (0, 8, 4)], "c"),
        (["aaaaaaaabbbb", "aacc", "aaaaaddee"], 3, [(2, 0, 8), (0, 8, 4), (1, 0, 4)], ""),
        # Less than half a window is left from the last span on: it begins earlier.
        (["aaaaaaaaaaaaabb"], 1, [(0, 7, 8)], ""),
        # What is said of nothing is no class.
        (["....ab..", "........"], 1, [(0, 0, 8)], ""),
        # All are heard: the choice begins anew, with what shares no sample.
        (["abcdefgh" * 2, "ab"], 3, [(0, 0, 8), (0, 8, 8), (1, 0, 2)], ""),
        (["a" * 30], 4, [(0, 0, 8), (0, 8, 8), (0, 16, 8), (0, 24, 6)], ""),
        (["ab", "ba", "b"], 2, [(0, 0, 2), (1, 0, 2)], ""),
        (["abcd"], 3, [(0, 0, 4)], ""),
    ],
)
def test_few_windows_hear_every_class(texts, count, windows, unheard):
    choice = choose_windows(sounds_of(*texts), (STREAM,), count, longest=8, enough=1)
    assert ([tuple(window) for window in choice.windows], "".join(choice.unheard)) == (windows, unheard)
    heard = {letter for sound, first, samples in windows for letter in texts[sound][first : first + samples]}
    assert heard - {"."} == {*"".join(texts)} - {".", *unheard}


def test_a_class_is_heard_where_it_lasts_long_enough_or_as_long_as_it_ever_does():
    sounds = sounds_of("aaaaaaab", "aaaabbbb", "aaaaaaac")
    assert [*choose_windows(sounds, (STREAM,), 2, longest=8, enough=3).windows] == [(1, 0, 8), (2, 0, 8)]


def test_classes_of_the_first_stream_come_first_and_those_of_others_decide_between_windows():
    streams = STREAM, ClassesStream("voice", tuple(LETTERS))
    sounds = sounds_of("aaaa/abcd", "abab/aaaa", "baba/efef", streams=streams)
    choice = choose_windows(sounds, streams, 2, longest=4, enough=1)
    assert [window.sound for window in choice.windows] == [2, 0]
    assert choose_windows(sounds, streams[::-1], 1, longest=4, enough=1).windows[0].sound == 0


def test_a_cross_fade_is_heard_as_both_of_its_classes():
    spans = Spans(np.array([0, 4]), np.array([0, 0], np.int32), np.array([0, 1], np.int32))
    columns = Columns(Track(12, {"class": spans}), (STREAM,), 8000)
    sounds = [SimpleNamespace(samples=12, columns=columns)]
    assert choose_windows(sounds, (STREAM,), 1, longest=12, enough=2) == ([Window(0, 0, 12)], [], 1)
    assert choose_windows(sounds, (STREAM,), 1, longest=6, enough=2) == ([Window(0, 0, 6)], ["b"], 2)


def test_without_classes_windows_are_spread_and_do_not_begin_with_the_sounds():
    sounds = [SimpleNamespace(samples=samples, columns=None) for samples in (100, 10, 100, 8)]
    spread = lambda count: [tuple(each) for each in choose_windows(sounds, (), count, 10, 1).windows]  # noqa: E731
    assert spread(2) == [(1, 0, 10), (3, 0, 8)]
    assert spread(4) == [(0, 45, 10), (1, 0, 10), (2, 45, 10), (3, 0, 8)]
    assert spread(6) == [(0, 26, 10), (0, 62, 10), (1, 0, 10), (2, 26, 10), (2, 62, 10), (3, 0, 8)]
    assert len(spread(100)) == 22
    unlabelled = sounds_of("....")
    assert choose_windows(unlabelled, (STREAM,), 2, 4, 1) == ([(0, 0, 4)], [], 0)


def test_a_rare_class_is_found_among_very_many_spans(monkeypatch):
    monkeypatch.setattr(windows_module, "MOST_WINDOWS", 40)
    sounds = sounds_of(*["abcdefg" * 30] * 20, "ab" * 40 + "h" + "ab" * 40)
    choice = choose_windows(sounds, (STREAM,), 2, longest=7, enough=1)
    assert (choice.unheard, choice.needed) == ([], 2)
    assert {window.sound for window in choice.windows} == {20, choice.windows[0].sound}


def spec_of(folder, monitoring, **sections):
    write_spec(folder, monitoring={"every_epochs": None, **monitoring}, **sections)
    return load_spec(folder / "spec.json", load_types())


def chosen(spec, valid, train=None):
    told = []
    return choose_clips(spec, valid, train, told.append), told


@pytest.fixture
def corpus():
    """Three held-out sounds, whose classes last half a second; the last one has the third class."""
    lengths = [3000, 100, 5000]
    codes = np.random.default_rng(0).integers(0, 16, sum(lengths)).astype(np.uint8)
    conditions = np.zeros(sum(lengths), np.uint8)
    conditions[1500:3000] = 1
    conditions[5000:] = 2
    return corpus_of(lengths, codes, conditions, 3)


def test_clips_have_the_real_sound_and_name_their_classes(tmp_path, corpus):
    spec = spec_of(tmp_path, {"sounds": 2, "seconds": 0.7})
    clips, told = chosen(spec, corpus)
    assert [(clip.title, clip.first, clip.samples) for clip in clips] == [
        ("valid_00 (0, 1)", 0, 2800),
        ("valid_01 (2)", 1900, 2800),
    ]
    assert told == []
    first, second = clips
    np.testing.assert_array_equal(second.real, Quantizer.of(spec.audio).decode(corpus.codes[5000:7800]))
    assert first.track.samples == 2800 and first.track.spans["class"].starts.tolist() == [0, 1500]
    taken = second.sound(0.5).take(100)
    np.testing.assert_array_equal(taken.conditions.classes[:, 0], 2)


def test_what_is_not_made_and_not_heard_is_told(tmp_path, corpus):
    _, told = chosen(spec_of(tmp_path, {"sounds": 1, "seconds": 0.7}), corpus)
    assert told == [
        "monitoring: the sounds that are made to listen to in training, 1 clip of 0.7 s, have no 2; what is learned is"
        " the same; to hear one of each, set monitoring.sounds to 2"
    ]
    clips, told = chosen(spec_of(tmp_path, {"sounds": 9, "seconds": 1}), corpus)
    (line,) = told
    assert line == (f"monitoring.sounds = 9: {len(clips)} are made, since the valid files have no more clips")
    assert len(clips) < 9


def test_without_validation_files_training_files_stand_in_and_are_called_so(tmp_path, corpus):
    clips, told = chosen(spec_of(tmp_path, {"sounds": 1, "seconds": 3}, data={"valid": None}), None, corpus)
    assert [clip.name for clip in clips] == ["train_00"]
    assert told[0] == "monitoring: there are no validation files, so the clips train_00, ... are of training files"


def test_scores_that_the_user_names_are_made_instead(tmp_path):
    (tmp_path / "asked").mkdir()
    for name, samples in (("slow", 3000), ("short", 60)):
        write_conditions(tmp_path / f"asked/{name}.csv", samples)
    (tmp_path / "asked/index.txt").write_text("slow.csv\nshort.csv\n")
    spec = spec_of(tmp_path, {"index": "asked/index.txt", "sounds": 1, "seconds": 0.5})
    assert spec.monitoring.index == tmp_path / "asked/index.txt"
    clips, told = chosen(spec, None)
    assert [(clip.title, clip.samples, clip.real) for clip in clips] == [
        ("slow (0, 1, 2)", 2000, None),
        ("short (0, 1)", 60, None),
    ]
    assert told == ["monitoring.seconds = 0.5: longer scores are cut to it: slow"]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (None, "monitoring.index: HOME/index.txt: No such file or directory"),
        ("\n", "monitoring.index: HOME/index.txt: is empty; list one condition file per line"),
        ("slw.csv\n", 'monitoring.index: HOME/index.txt:1: "slw.csv" is not a file; did you mean "slow.csv"?'),
        ("slow.csv\n", "monitoring.index: HOME/slow.csv:1: "),
    ],
)
def test_an_index_that_cannot_be_read_is_told_with_its_place(tmp_path, content, error):
    (tmp_path / "slow.csv").write_text("7\n8\n")
    if content is not None:
        (tmp_path / "index.txt").write_text(content)
    with pytest.raises(UserError) as raised:
        chosen(spec_of(tmp_path, {"index": "index.txt"}), None)
    assert raised.value.lines[0].startswith(error.replace("HOME", str(tmp_path)))


def test_a_missing_index_refuses_the_training_alone(tmp_path):
    """A run that is copied to another machine is loaded and generates without it; nothing is written before."""
    write_corpora(tmp_path)
    spec = spec_of(tmp_path, {"index": "gone.txt"})
    answer = give("fit spec.json --run run", tmp_path)
    assert answer.status == 1
    assert answer.err.splitlines()[-1].startswith(f"monitoring.index: {tmp_path / 'gone.txt'}: ")
    assert not (tmp_path / "run").exists()
    (tmp_path / "run").mkdir()
    (tmp_path / "run/spec.json").write_text(spec.to_json())
    assert open_run(tmp_path / "run").spec == spec
    assert json.loads(spec.to_json())["monitoring"]["index"] == str(tmp_path / "gone.txt")


def test_the_window_of_a_track_is_what_the_track_says_there():
    streams = STREAM, NumberStream("level", 0.0, 10.0)
    fade = Spans(np.array([0, 10, 20]), np.array([0, 0, 1], np.int32), np.array([0, 1, 1], np.int32))
    ramp = Spans(np.array([0, 16]), np.array([0, 8], np.float32), np.array([8, 2], np.float32))
    track = Track(30, {"class": fade, "level": ramp})
    whole, window = (
        Columns(track, streams, RATE).piece(10, 18),
        Columns(track.window(10, 18), streams, RATE).piece(0, 8),
    )
    np.testing.assert_array_equal(window.classes, whole.classes)
    np.testing.assert_allclose(window.numbers, whole.numbers, atol=1e-6)
    inside = track.window(12, 25)
    assert inside.samples == 13
    assert inside.spans["class"].starts.tolist() == [0, 8]
    np.testing.assert_allclose(inside.spans["level"].values, [6, 8])
