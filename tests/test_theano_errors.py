"""A checkpoint that is none of the original's, or of which we have no model, is refused in one line that says why."""

import os
import re

import numpy as np
import pytest
from command_line import give
from theano_oracle import random_arrays
from theano_pickles import checkpoint, words

from keras_samplernn.errors import UserError
from keras_samplernn.theano import results
from keras_samplernn.theano.reading import read_original
from keras_samplernn.theano.recognition import read_architecture
from keras_samplernn.theano.told import settle

TWO, THREE = {"FrameLevel": 4}, {"BigFrameLevel": 8, "FrameLevel": 2}
REMEDY = "give a checkpoint as the original program writes it, params_*.pkl, or its results folder"


def without(*names):
    return lambda arrays: [arrays.pop(name) for name in names]


def given(**shapes):
    """Give arrays other shapes; `__` in a name stands for a dot."""
    return lambda arrays: arrays.update(
        {name.replace("__", "."): np.ones(shape, "f4") for name, shape in shapes.items()}
    )


def only(prefix):
    return lambda arrays: [arrays.pop(name) for name in list(arrays) if not name.startswith(prefix)]


# Tiers, options, what is changed of the arrays, and the message.
WRONG = {
    "no frame tier": (
        THREE,
        {},
        only("SampleLevel"),
        "has no frame tier or no sample tier, but SampleLevel.Embedding, SampleLevel.L1_PrevSamples.W0,"
        " SampleLevel.L1_PrevSamples.g0, SampleLevel.L2.W0 and 8 more",
    ),
    "no sample tier": (
        TWO,
        {},
        without("SampleLevel.Output.W0"),
        "has no frame tier or no sample tier, but Fra",
    ),
    "a missing bias": (THREE, {}, without("SampleLevel.L3.b"), "lacks SampleLevel.L3.b"),
    "a missing matrix": (TWO, {}, without("SampleLevel.L2.W0"), "lacks SampleLevel.L2.W0"),
    "a missing scale": (THREE, {}, without("FrameLevel.Output.g0"), "lacks FrameLevel.Output.g0"),
    "a missing layer": (
        TWO,
        {"n_rnn": 2},
        without("FrameLevel.GRU2.Step.Input.W0", "FrameLevel.GRU2.Step.Input.g0"),
        "lacks FrameLevel.GRU2.Step.Input.W0, FrameLevel.GRU2.Step.Input.g0",
    ),
    "a layer too many": (
        TWO,
        {"n_rnn": 2},
        given(FrameLevel__h0=(1, 12)),
        "has FrameLevel.GRU2.Step.Input.W0, FrameLevel.GRU2.Step.Input.b, FrameLevel.GRU2.Step.Input.g0,"
        " FrameLevel.GRU2.Step.Recurrent_Candidate.W0 and 3 more, which the original has not; it may be of a fork",
    ),
    "an array of a fork": (
        THREE,
        {},
        given(FrameLevel__Speaker=(4, 12)),
        "has FrameLevel.Speaker, which the original has not; it may be of a fork",
    ),
    "another shape": (
        THREE,
        {},
        given(SampleLevel__L3__W0=(12, 13)),
        "SampleLevel.L3.W0 has the shape (12, 13), where the other arrays ask for (12, 12)",
    ),
    "a vector in the place of a matrix": (
        THREE,
        {},
        given(SampleLevel__L2__W0=(144,)),
        "SampleLevel.L2.W0 has the shape (144,), and is a matrix in the original",
    ),
    "a transposed matrix": (
        TWO,
        {},
        given(SampleLevel__L1_PrevSamples__W0=(12, 20)),
        "SampleLevel.L1_PrevSamples.W0 has the shape (12, 20), where the other arrays ask for (20, 12)",
    ),
    "IndependentPreds of another shape": (
        THREE,
        {},
        given(BigFrameLevel__IndependentPreds__b=(7,)),
        "BigFrameLevel.IndependentPreds.b has the shape (7,), where the other arrays ask for (128,)",
    ),
    "contexts of no width": (
        TWO,
        {},
        given(FrameLevel__Output__W0=(12, 47)),
        "FrameLevel.Output.W0 does not give contexts of the width 12 of the tier below",
    ),
    "GRU and LSTM": (
        TWO,
        {},
        given(FrameLevel__LSTM1__Step__Input__W0=(4, 48)),
        "FrameLevel has both GRU and LSTM",
    ),
    "six layers": (
        TWO,
        {},
        given(FrameLevel__h0=(6, 12)),
        "FrameLevel.h0 is of 6 layers, and the original has at",
    ),
    "half a state": (
        {"BigFrameLevel": 8, "FrameLevel": 2},
        {"rnn_type": "LSTM"},
        given(FrameLevel__h0=(1, 1)),
        "FrameLevel.h0 is too narrow for a state of LSTM",
    ),
    "two tops": (
        THREE,
        {},
        without("FrameLevel.InputExpand.W0"),
        "has 2 frame tiers without InputExpand, and a top tier alone has none: BigFrameLevel, FrameLevel",
    ),
    "conditions beside the frame": (
        THREE,
        {},
        given(FrameLevel__InputExpand__W0=(12, 12)),
        "FrameLevel reads 12 numbers a step and its frames have 2 samples; the other 10 are of conditions, as in"
        " conditional forks, and no name tells how they are coded, so it cannot be imported",
    ),
    "conditions beside the top frame": (
        TWO,
        {},
        given(FrameLevel__GRU1__Step__Input__W0=(14, 36)),
        "FrameLevel reads 14 numbers a step and its frames have 4 samples; the other 10 are of conditions",
    ),
    "equal frame sizes": (
        {"BigFrameLevel": 4, "FrameLevel": 4},
        {},
        None,
        "has tiers of 4, 4, 1 samples a step, and here frame sizes must differ",
    ),
    "frames of one sample": (
        {"FrameLevel": 1},
        {},
        None,
        "has tiers of 1, 1 samples a step, and here frame sizes",
    ),
    "a frame wider than the tier": (
        {"FrameLevel": 13},
        {},
        None,
        "FrameLevel reads frames of 13 samples with a dim of 12, and here they go through an input Linear of that"
        " width, which must not be narrower than the frame",
    ),
    "a column of zeros under weight norm": (
        TWO,
        {},
        lambda arrays: arrays["SampleLevel.L3.W0"][:, 2].fill(1e-30),
        "SampleLevel.L3.W0 has a column whose norm is 0 or not finite in float32",
    ),
    "one level": (TWO, {"q_levels": 1}, None, "has 1 levels, and here there are 2 to 65536"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_we_have_no_model_of_is_refused(name, tmp_path):
    tiers, options, change, message = WRONG[name]
    arrays = random_arrays(tiers, **options)
    if change is not None:
        change(arrays)
    (tmp_path / "x.pkl").write_bytes(checkpoint(arrays))
    with pytest.raises(UserError) as refused:
        read_original(tmp_path / "x.pkl", lambda line: None)
    (line,) = refused.value.lines
    assert line.startswith(f"{tmp_path}/x.pkl: {message}")
    assert line.endswith(f"; {REMEDY}")


# The words of the command line, the options, and the message; `F` stands for the folder.
ARGUMENTS = {
    "another dim": ("--dim 1024", {}, "has --dim 1024, and the checkpoint has 12, so it is of another model"),
    "another layer": (
        "--rnn_type LSTM",
        {},
        "has --rnn_type LSTM, and the checkpoint has GRU, so it is of",
    ),
    "other skips": ("--skip_conn T", {}, "has --skip_conn T, and the checkpoint has False, so it is of another model"),
    "no truth": ("--weight_norm yes", {}, "has --weight_norm yes, and the checkpoint has True, so it is of another"),
    "another top": (
        "--big_frame_size 16",
        {},
        "has --big_frame_size 16, and the checkpoint has 8, so it is of",
    ),
    "no count": ("--batch_size many", {}, "--batch_size many is no count; move it away, and give --batch-size"),
    "no frames": ("--n_frames 0", {}, "--n_frames 0 is no count; move it away, and give --seq-len"),
    "no quantizer": ("--q_type log", {}, "--q_type log is none of linear, mu-law, a-law; give --q-type"),
    "windows": ("--seq_len 20", {}, "20 samples are not a multiple of the top frame size 8; give --seq-len 16"),
    "windows of the option": (
        "",
        {"seq_len": 5},
        "--seq-len: 5 samples are not a multiple of the top frame size 8;",
    ),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_command_line_of_another_model_is_refused(name, tmp_path):
    line, options, message = ARGUMENTS[name]
    (tmp_path / "x.pkl").write_bytes(checkpoint(random_arrays(THREE)))
    (tmp_path / "x.args.pkl").write_bytes(words("x.py", *line.split()))
    with pytest.raises(UserError, match=re.escape(message)) as refused:
        settle(read_original(tmp_path / "x.pkl", lambda line: None), lambda line: None, **options)
    (text,) = refused.value.lines
    assert text.startswith("--seq-len: " if options else f"{tmp_path}/x.args.pkl: ")


# Files in the folder, what is given of it, and the message after the path.
PLACES = {
    "nothing": ([], "x.pkl", f"does not exist; {REMEDY}"),
    "an empty folder": ([], "", f"holds no checkpoint, neither itself nor in params; {REMEDY}"),
    "a log alone": (["train_log.pkl", "args.pkl"], "", f"holds no checkpoint, neither itself nor in params; {REMEDY}"),
    "names without a loss": (
        ["params/a.pkl", "params/b.pkl"],
        "",
        "holds 2 files, a.pkl, b.pkl, whose names tell no loss; give one of them",
    ),
}


@pytest.mark.parametrize("name", PLACES)
def test_where_it_is_not_clear_which_checkpoint_is_meant_it_is_said(name, tmp_path):
    files, source, message = PLACES[name]
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(b"x")
    with pytest.raises(UserError) as refused:
        read_original(tmp_path / source, lambda line: None)
    assert refused.value.lines == (f"{tmp_path / source}: {message}",)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.pkl")
    with pytest.raises(UserError, match=r"x\.pkl: is not a file; give a checkpoint"):
        read_original(tmp_path / "x.pkl", lambda line: None)


def test_a_file_larger_than_memory_allows_is_not_read(tmp_path, monkeypatch):
    (tmp_path / "x.pkl").write_bytes(checkpoint(random_arrays(TWO)))
    monkeypatch.setattr(results, "machine_bytes", lambda: 1000)
    with pytest.raises(UserError, match="import it on a machine with three times its size"):
        read_original(tmp_path / "x.pkl", lambda line: None)


def test_whatever_the_names_and_shapes_are_the_answer_is_a_model_or_one_line():
    random, refused = np.random.default_rng(0), 0
    for trial in range(400):
        shapes = {name: each.shape for name, each in random_arrays(THREE, n_rnn=2, skip_conn=trial % 2 == 0).items()}
        for _ in range(random.integers(1, 4)):
            names = list(shapes)
            name, other = random.choice(names, 2)
            kind = random.integers(4)
            if kind == 0:
                del shapes[name]
            elif kind == 1:
                shapes[name] = shapes[other]
            elif kind == 2:
                shapes[name] = tuple(int(each) for each in random.integers(1, 40, random.integers(1, 3)))
            else:
                shapes[name[: random.integers(len(name))] + other[random.integers(len(other)) :]] = shapes.pop(name)
        try:
            found = read_architecture(shapes, "x.pkl", REMEDY)
        except UserError as error:
            refused += 1
            assert len(error.lines) == 1
        else:
            assert found.shapes().items() <= shapes.items()
    assert refused > 300


def test_the_command_says_what_is_wrong_and_makes_nothing(tmp_path):
    (tmp_path / "x.pkl").write_bytes(b"cos\nsystem\n(S'touch here'\ntR.")
    answer = give("import-theano x.pkl --run runs/a", tmp_path)
    assert (answer.status, answer.out) == (1, "")
    assert answer.err == (
        "x.pkl: asks for os.system, where only NumPy's arrays are taken (at byte 0); nothing of it was run; give a"
        " checkpoint as the original program writes it, params_*.pkl, or its results folder\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["x.pkl"]
