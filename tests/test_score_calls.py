"""Conditions in Python: dictionaries of streams, controls, and what is refused."""

import numpy as np
import pytest
from condition_files import write
from score_home import RATE

from keras_samplernn import Control, UserError, load_run


@pytest.fixture(scope="module")
def run(score_home):
    return load_run(score_home / "both")


@pytest.fixture(scope="module")
def one(score_home):
    return load_run(score_home / "one")


PITCHES = ["c4"] * 20 + ["g4"] * 40
SAME = {
    "names": {"pitch": PITCHES, "loudness": -20},
    "numbers": {"loudness": -20.0, "pitch": [0] * 20 + [2] * 40},
    "arrays": {"pitch": np.repeat([0, 2], [20, 40]), "loudness": np.full(60, -20)},
    "an array of names": {"pitch": np.array(PITCHES), "loudness": [-20] * 60},
}
NOTHING = {
    "nothing": {},
    "None": {"pitch": None, "loudness": None},
    "none and NaN": {"pitch": "none", "loudness": np.nan},
    "lists of None": {"pitch": [None] * 60, "loudness": [None] * 60},
}


def test_a_dictionary_of_streams_may_hold_names_numbers_arrays_and_single_values(run, tmp_path):
    file = write(tmp_path / "s.csv", "start,stop,pitch,loudness\n0.0,0.02,c4,-20\n0.02,0.06,g4,-20\n")
    expected = run.generate(file, name="x")
    for kind, conditions in SAME.items():
        np.testing.assert_array_equal(run.generate(conditions, name="x"), expected, err_msg=kind)
        whole = np.concatenate([*run.stream(conditions, name="x", block_samples=16)])
        np.testing.assert_array_equal(whole, expected, err_msg=kind)
    for kind, conditions in NOTHING.items():
        length = {} if kind.startswith("lists") else {"seconds": 0.06}
        nothing = run.generate(conditions, name="x", **length)
        np.testing.assert_array_equal(nothing, run.generate({}, name="x", seconds=0.06), err_msg=kind)
        assert (nothing != expected).any()


def test_none_may_stand_between_values(run):
    rows = {"pitch": ["c4", None, "g4"] * 20, "loudness": [-20, None, -3.5] * 20}
    same = {"pitch": ["c4", "none", "g4"] * 20, "loudness": [-20, np.nan, -3.5] * 20}
    np.testing.assert_array_equal(run.generate(rows), run.generate(same))
    assert (run.generate(rows) != run.generate({"pitch": ["c4"] * 60})).any()


def test_a_stream_takes_dictionaries_and_controls(run):
    controls = [{"pitch": "c4"}, Control({"pitch": ["e4"] * 30, "loudness": -1}, 0.5), {"loudness": [-3.0] * 5}]
    blocks = [*run.stream(iter(controls), block_samples=20)]
    assert sum(map(len, blocks)) == 20 + 30 + 5
    single = np.concatenate([*run.stream({"pitch": "c4", "loudness": -3}, seconds=0.05, block_samples=20)])
    np.testing.assert_array_equal(single, run.generate({"pitch": "c4", "loudness": -3}, seconds=0.05))
    hotter = np.concatenate([*run.stream(Control({"pitch": "c4", "loudness": -3}, 2.0), seconds=0.05)])
    assert len(hotter) == 50 and (hotter != single).any()


def test_a_sound_is_scored_under_a_dictionary(run):
    wave = 0.3 * np.sin(np.arange(30, dtype="float32"))
    bits = run.score(wave, {"pitch": "c4", "loudness": -3})
    np.testing.assert_array_equal(bits, run.score(wave, {"pitch": [0] * 30, "loudness": np.full(30, -3.0)}))
    assert bits.shape == (30,) and (bits != run.score(wave, {"pitch": "g4"})).any()


def wave(samples=30):
    return np.zeros(samples, "float32")


BOTH = "the run has the streams pitch, loudness; give a dictionary of values by these names"
CALLS = {
    "an unknown stream": (
        lambda run: run.generate({"pich": 1}, seconds=1),
        'conditions: "pich" is not a stream; streams are pitch, loudness; did you mean "pitch"?',
    ),
    "a stream that is not named by text": (
        lambda run: run.generate({1: 1}, seconds=1),
        "conditions: 1 is not a stream; streams are pitch, loudness",
    ),
    "streams of different lengths": (
        lambda run: run.generate({"pitch": [0, 1], "loudness": [1.0, 2.0, 3.0]}),
        "conditions: have different lengths: pitch 2, loudness 3; give a value for each sample, or one for all",
    ),
    "an unknown class": (
        lambda run: run.generate({"pitch": "c5"}, seconds=1),
        'conditions["pitch"]: "c5" is not a class; classes are c4, e4, g4',
    ),
    "a class out of range": (
        lambda run: run.generate({"pitch": [0, 3]}),
        'conditions["pitch"][1]: 3 is not a class; classes are c4, e4, g4',
    ),
    "lists of different lengths": (
        lambda run: run.generate({"pitch": [None, "c4", [1]]}),
        'conditions["pitch"]: has more than one dimension; give one class for each sample',
    ),
    "what is neither a class nor None": (
        lambda run: run.generate({"pitch": [None, {}]}),
        'conditions["pitch"][1]: {} is not a class; classes are c4, e4, g4',
    ),
    "an unknown class beside None": (
        lambda run: run.generate({"pitch": [None, "c4", "c5"]}),
        'conditions["pitch"][2]: "c5" is not a class; classes are c4, e4, g4',
    ),
    "a name as a number": (
        lambda run: run.generate({"loudness": "x"}, seconds=1),
        'conditions["loudness"]: "x" is not a number',
    ),
    "an infinite number": (
        lambda run: run.generate({"loudness": [1, np.inf]}),
        'conditions["loudness"][1]: inf is not a number',
    ),
    "a table": (
        lambda run: run.generate({"pitch": [[0]]}),
        'conditions["pitch"]: has more than one dimension; give one class for each sample',
    ),
    "no length": (
        lambda run: run.generate({"pitch": 0}),
        "conditions: has no length; give seconds, or a value for each sample",
    ),
    "two lengths": (
        lambda run: run.generate({"pitch": [0, 1]}, seconds=1),
        "conditions: has values for each sample, and seconds are given; give one of the two",
    ),
    "a value without its stream": (lambda run: run.generate(0, seconds=1), f"conditions: {BOTH}"),
    "a name without its stream": (
        lambda run: run.generate("c4", seconds=1),
        'conditions: "c4" is no file of conditions, and the run has the streams pitch, loudness; give a dictionary of'
        " values",
    ),
    "guidance that is no strength": (
        lambda run: run.generate({}, seconds=1, guidance=-1),
        "guidance = -1: is not a finite number of at least 0",
    ),
    "guidance by an unknown stream": (
        lambda run: run.generate({}, seconds=1, guidance=2, guidance_stream="pich"),
        'guidance_stream: "pich" is not a stream; streams are pitch, loudness; did you mean "pitch"?',
    ),
    "a control without its stream": (
        lambda run: [*run.stream([{"pitch": "c4"}, 0])],
        f"control 1: {BOTH}",
    ),
    "a control of an unknown stream": (
        lambda run: [*run.stream([{"pitch": "c4"}, {"ptch": 0}])],
        'control 1: "ptch" is not a stream; streams are pitch, loudness; did you mean "pitch"?',
    ),
    "a control of different lengths": (
        lambda run: [*run.stream([{"pitch": [0], "loudness": [1.0, 2.0]}])],
        "control 0: its streams have different lengths; give as many values for each",
    ),
    "a control of an unknown class": (
        lambda run: [*run.stream([Control({"pitch": "c5"})])],
        'control 0["pitch"]: "c5" is not a class; classes are c4, e4, g4',
    ),
    "what is no control": (
        lambda run: run.stream(0, seconds=1),
        "controls: 0 is neither a control nor an iterable of controls",
    ),
    "too few conditions of a wave": (
        lambda run: run.score(wave(), {"pitch": ["c4"] * 29}),
        f"wave: 29 conditions for a sound of 30 samples at {RATE} Hz; give one for each sample",
    ),
    "an unknown stream of a wave": (
        lambda run: run.score(wave(), {"ptch": 0}),
        'conditions of wave: "ptch" is not a stream; streams are pitch, loudness; did you mean "pitch"?',
    ),
}


@pytest.mark.parametrize("kind", CALLS)
def test_conditions_that_are_wrong_are_refused_in_python(run, kind):
    call, line = CALLS[kind]
    with pytest.raises(UserError) as raised:
        call(run)
    assert raised.value.lines == (line,)


def test_a_name_that_is_no_class_is_no_file_either(one):
    np.testing.assert_array_equal(one.generate({"class": "e4"}, seconds=0.02), one.generate("e4", seconds=0.02))
    with pytest.raises(UserError) as raised:
        one.generate("c44", seconds=1)
    assert raised.value.lines == (
        'conditions: "c44" is no file of conditions, and not a class; classes are c4, e4, g4; did you mean "c4"?',
    )
