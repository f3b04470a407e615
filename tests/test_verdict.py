"""The verdict of `check`: from figures alone to sentences, and the most important warning first."""

import dataclasses
import json

import numpy as np
import pytest
from command_line import done, give, write_spec

from keras_samplernn.checking import report as reporting
from keras_samplernn.checking import smaller as trying
from keras_samplernn.checking.report import Report
from keras_samplernn.checking.smaller import Smaller
from keras_samplernn.checking.verdict import Costs, duration, verdict_on
from keras_samplernn.conditions.streams import NONE, ClassesStream
from keras_samplernn.conditions.stretches import longest_seconds, stretches_of
from keras_samplernn.conditions.track import Spans, Track, runs
from keras_samplernn.generation.long_spans import long_spans
from keras_samplernn.generation.sound import Sound
from keras_samplernn.training.estimate import Estimate
from keras_samplernn.training.figures import ClassFigures, CorpusFigures

HOUR = 3600.0
RAIN, DOOR = ClassFigures(400.0, 20, 18.0, 30.0), ClassFigures(200.0, 50, 4.0, 5.0)
SHARES = {"rain": 0.7, "door": 0.3}


def corpus(seconds=600.0, **classes):
    """Return the figures of a corpus at 16 kHz."""
    return CorpusFigures(
        10, round(16000 * seconds), seconds, 7.0, {"class": SHARES}, {"class": classes or {"rain": RAIN, "door": DOOR}}
    )


WELL = Estimate(
    parameters=1000,
    batch_size=32,
    seq_len=512,
    steps_per_epoch=589,
    seconds_per_step=0.1,
    corpora={"train": corpus()},
    sample_rate=16000,
    weight_copies=4,
    frame_sizes=[16, 4, 1],
    sample_window=16,
    epochs=50,
    cores=2,
    peak_memory_bytes=10**9,
    machine_bytes=8 * 10**9,
    container_bytes=None,
)
SLOW = {"seconds_per_step": 6.6}  # 54 hours


def verdict(costs=None, smaller=None, **changes):
    return verdict_on(dataclasses.replace(WELL, **changes), costs or Costs(), smaller)


def test_a_spec_without_faults_has_one_line_with_the_time_in_all():
    assert verdict() == ["all is well: 49 min in all, for 50 epochs without validation"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"seconds_per_step": 6.6},
            "54 h in all, for 50 epochs without validation; 3 epochs of that would take 3.2 h",
        ),
        (
            {"batch_size": 4000, "steps_per_epoch": 5},
            "each of the 4,000 rows has 0.15 s of sound and an epoch has 5 updates; training.batch_size = 512 gives"
            " rows of 1.17 s and about 37 updates an epoch",
        ),
        (
            {"batch_size": 4, "seq_len": 32, "corpora": {"train": corpus(2.0)}},
            "each of the 4 rows has 0.50 s of sound; training.batch_size = 2 gives rows of 1.00 s and about 500"
            " updates an epoch",
        ),
        (
            {"batch_size": 2, "corpora": {"train": corpus(0.5)}},
            "each of the 2 rows has 0.25 s of sound; add sounds",
        ),
        (
            {"corpora": {"train": corpus(178.0)}},
            "3 min of training sound is too little: the model learns it by heart, and validation soon rises; add"
            " sounds, ten minutes or more if you can (where it was measured, four minutes instead of half a minute were"
            " worth 0.3 bits: docs/sound.md)",
        ),
        (
            {"seq_len": 16},
            "training.seq_len = 16 is one frame of the slowest tier, through which no gradient flows in time; try 128",
        ),
        (
            {"peak_memory_bytes": 7 * 10**9},
            "memory: these steps took 88% of what there is, and validation and sounds come on top; lower"
            " training.batch_size, or set training.remat_samples",
        ),
        (
            {"corpora": {"train": corpus(rain=RAIN, door=ClassFigures(0.0, 0, 0.0, 0.0))}},
            "never heard in training, so that nothing can be asked of it: door",
        ),
        (
            {"corpora": {"train": corpus(rain=RAIN, door=ClassFigures(0.5, 1, 0.5, 0.5))}},
            "hardly heard in training: door (0.50 s)",
        ),
        (
            {"corpora": {"train": corpus(), "valid": corpus(rain=RAIN, door=ClassFigures(0.0, 0, 0.0, 0.0))}},
            "not in the validation sounds, so that nothing tells how well it is learned: door; let data.valid have a"
            " sound of each class",
        ),
        (
            {"corpora": {"train": corpus(), "valid": corpus(rain=RAIN, door=ClassFigures(20.0, 1, 10.1, 10.1))}},
            "valid has spans of more than 2 times the longest in training, which come out as noise: door (10.10 s, and"
            " 5.00 s in training)",
        ),
    ],
)
def test_each_fault_has_a_sentence(changes, sentence):
    assert verdict(**changes)[-1] == sentence


@pytest.mark.parametrize(
    "changes",
    [
        {"seconds_per_step": 0.48},  # 3.9 hours
        {"batch_size": 600},
        {"corpora": {"train": corpus(180.0)}},
        {"steps_per_epoch": 10},
        {"seq_len": 32},
        {"peak_memory_bytes": 6 * 10**9},
        {"corpora": {"train": corpus(), "valid": corpus(rain=RAIN, door=ClassFigures(20.0, 1, 10.0, 10.0))}},
    ],
)
def test_what_is_just_within_the_thresholds_is_well(changes):
    (line,) = verdict(**changes)
    assert line.startswith("all is well: ")


def test_what_would_take_less_is_what_was_measured():
    smaller = Smaller({"dim": 256, "batch_size": 32}, 2 * HOUR)
    assert verdict(smaller=smaller, **SLOW) == [
        "54 h in all, for 50 epochs without validation; dim 256 and batch_size 32 would take 2 h (measured)"
    ]
    slower = Smaller({"batch_size": 32}, 60 * HOUR)
    assert "measured" not in verdict(smaller=slower, **SLOW)[0]
    long = Smaller({"dim": 256}, 10 * HOUR)
    assert verdict(smaller=long, **SLOW)[0].endswith(
        "dim 256 would take 10 h (measured); 20 epochs of that would take 4 h"
    )


def test_what_saves_time_is_said_where_training_is_long_alone():
    costs = Costs(own_continuations=3, remat=True)
    assert [line.partition(";")[0] for line in verdict(costs, **SLOW)[1:]] == [
        "to save time: training.own_continuations = 3 runs the model 4 times in each step",
        "to save time: training.remat_samples computes activations twice, and less than half of the memory is in use",
    ]
    assert len(verdict(costs)) == 1
    assert len(verdict(costs, **SLOW, peak_memory_bytes=5 * 10**9)) == 2


def test_the_most_important_warning_comes_first_of_the_last_lines():
    lines = verdict(
        Costs(own_continuations=3),
        **SLOW,
        peak_memory_bytes=7 * 10**9,
        batch_size=4000,
        corpora={"train": corpus(rain=RAIN, door=ClassFigures(0.0, 0, 0.0, 0.0))},
    )
    beginnings = ("54 h in all", "to save time", "memory: ", "each of the 4,000 rows", "never heard in training")
    assert len(lines) == len(beginnings)
    assert all(line.startswith(beginning) for line, beginning in zip(lines, beginnings, strict=True))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (40, "40 s"),
        (60, "1 min"),
        (90, "1.5 min"),
        (720, "12 min"),
        (7200, "2 h"),
        (9000, "2.5 h"),
        (54 * HOUR, "54 h"),
    ],
)
def test_durations_are_said_as_people_say_them(seconds, text):
    assert duration(seconds) == text


def report(**changes):
    estimate = dataclasses.replace(WELL, **changes)
    return Report(**vars(estimate), costs=Costs(), smaller=None)


def test_a_report_has_the_milliseconds_that_the_model_reaches():
    lines = str(report()).splitlines()
    assert "reach: frames of 1, 0.25 ms; the last tier reads 1 ms; gradients flow through 32 ms" in lines
    assert "rows: 18.75 s of sound in each of the 32, an epoch" in lines
    assert lines[-2].endswith("1.00 GB at most in these steps, of the 8.0 GB of this machine")
    assert "the 2.0 GB of this container" in str(report(container_bytes=2 * 10**9))


def test_a_report_as_json_has_every_figure_and_the_verdict():
    figures = json.loads(json.dumps(report().to_json(), allow_nan=False))
    assert figures["row_seconds"] == 18.75
    assert figures["frame_milliseconds"] == [1.0, 0.25, 0.0625]
    assert figures["gradient_milliseconds"] == 32.0
    assert figures["corpora"]["train"]["classes"]["class"]["door"]["longest_seconds"] == 5.0
    assert figures["verdict"] == report().verdict


def test_of_many_classes_the_first_are_printed(monkeypatch):
    monkeypatch.setattr(reporting, "MOST_CLASSES", 1)
    lines = str(report()).splitlines()
    assert lines[1:3] == [
        "train: class rain: 400.0 s (70.0%) in 20 spans of 18.00 s (median), 30.00 s at most",
        "train: class: and 1 more classes; --json has them all",
    ]


PLAIN = ClassesStream("class", ("a", "b"), True)
AWARE = dataclasses.replace(PLAIN, position=True)


def track(starts, values, targets=None, samples=100):
    values = np.array(values, np.int32)
    spans = Spans(np.array(starts), values, values if targets is None else np.array(targets, np.int32))
    return Track(samples, {"class": spans})


@pytest.mark.parametrize(
    ("stream", "tracks", "lengths"),
    [
        (PLAIN, [track([0, 30, 60], [0, 0, 1])], [[60], [40]]),
        (AWARE, [track([0, 30, 60], [0, 0, 1])], [[30, 30], [40]]),
        (PLAIN, [track([0, 30], [NONE, 1])], [[], [70]]),
        (PLAIN, [track([0, 40, 60], [0, 0, 1], [0, 1, 1])], [[50], [50]]),
        (PLAIN, [track([0], [1]), track([0], [1], samples=7)], [[], [100, 7]]),
        (PLAIN, [], [[], []]),
        (PLAIN, [Track(0, {"class": runs(np.zeros(0, np.int32))})], [[], []]),
    ],
)
def test_stretches_are_what_the_model_hears_as_one(stream, tracks, lengths):
    assert [each.tolist() for each in stretches_of(stream, tracks)] == lengths


def test_the_longest_stretch_of_each_class_that_occurs():
    assert longest_seconds(PLAIN, [track([0, 30], [NONE, 1]), track([0], [1], samples=50)], 100) == {"b": 0.7}


@dataclasses.dataclass
class Asked:
    track: Track


def asked(stem, samples):
    return Sound(stem, stem, samples, 1.0, Asked(track([0], [0], samples=samples)))


def test_a_span_of_more_than_twice_the_longest_in_training_is_told():
    sounds = [asked("x", 200), asked("y", 201), asked("z", 800)]
    assert long_spans(sounds, (PLAIN,), 100, {"class": {"a": 1.0, "b": 1.0}}) == [
        'z.wav (and 1 more sounds): asks for 8.00 s of "a" at a stretch, 8.0 times the longest in training (1.00 s),'
        " and may break up into noise; ask for shorter spans, or train on longer ones"
    ]
    assert not long_spans(sounds, (PLAIN,), 100, {})


def test_generate_tells_a_span_that_training_never_had_so_long(home):
    (home / "long.csv").write_text("0\n" * 300)
    heard = json.loads((home / "run/longest_spans.json").read_text())
    assert heard == {"class": {"0": 0.0125, "1": 0.0125, "2": 0.0125}}
    listed = give("generate run --conditions long.csv --out out --list", home)
    assert listed.err.startswith('long.wav: asks for 0.07 s of "0" at a stretch, 6.0 times the longest in training')
    (home / "run/longest_spans.json").unlink()
    assert "at a stretch" not in give("generate run --conditions long.csv --out out --list", home).err


def test_check_prints_one_object_of_figures_and_the_verdict(home, monkeypatch):
    monkeypatch.setattr(reporting, "LONG_SECONDS", 0.0)
    monkeypatch.setattr(trying, "DIM", 4)
    monkeypatch.setattr(trying, "BATCH_SIZE", 1)
    (line,) = done("check spec.json --json", home)
    figures = json.loads(line)
    assert figures["smaller"]["changes"] == {"dim": 4, "batch_size": 1}
    assert figures["smaller"]["seconds_in_all"] > 0
    assert figures["verdict"]


def test_a_spec_that_is_small_has_no_smaller_one(home):
    write_spec(home, tiers=[{"type": "frame_rnn", "frame_size": 4, "dim": 256}, {"type": "sample_mlp", "dim": 256}])
    from keras_samplernn.model.registry import load_types
    from keras_samplernn.spec import load_spec

    assert trying.try_smaller(load_spec(home / "spec.json", load_types()), None) is None
