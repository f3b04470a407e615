"""A spec file that is wrong is refused with one line for each problem, before anything is begun."""

import pytest
from command_line import write_corpora, write_spec
from spoiling import folder, frames, refused, refuses, remove, spec, text, together

from keras_samplernn.model.registry import load_types
from keras_samplernn.spec import load_spec

SPECS = {
    "a frame size that does not divide": (
        spec(tiers=frames(16, 6)),
        "spec.json: tiers.1.frame_size = 6 does not divide tiers.0.frame_size = 16; try 2, 4 or 8",
    ),
    "a sequence that no frame fills": (
        spec(training={"seq_len": 18}),
        "spec.json: training.seq_len = 18 is not a multiple of tiers.0.frame_size = 4; try 16 or 20",
    ),
    "a tier that is not installed": (
        spec(tiers=[{"type": "frame_rn", "frame_size": 4}, {"type": "sample_mlp"}]),
        'spec.json: tiers.0.type = "frame_rn" is not installed; did you mean "frame_rnn"?'
        " Installed: frame_rnn, frame_ssm, sample_mlp",
    ),
    "all mistakes at once": (
        text(
            "spec.json",
            '{"name": "my run", "nmae": "x", "audio": {"sample_rate": "16000", "q_type": "mulaw", "q_levels": 1},'
            ' "data": {"train": "train", "valid": 1.5}, "data": {"trian": "train", "valid": 1.5},'
            ' "tiers": [{"type": "frame_rnn", "frame_size": 4, "drpout": 0.1, "n_rnn": 9},'
            ' {"type": "nothing"}], "training": {"seq_len": 16.5, "seed": NaN, "epochs": true}}',
        ),
        [
            "spec.json: data is given more than once; keep one of them",
            "spec.json: training.seed is not a finite number; NaN, Infinity and overflows are refused",
            (
                'spec.json: name = "my run" must be 1 to 100 letters, digits, dots, dashes or underscores, the '
                "first a letter or digit"
            ),
            'spec.json: audio.sample_rate = "16000" must be a whole number from 1000 to 384000',
            'spec.json: audio.q_type = "mulaw" must be "linear", "mu-law" or "a-law"; did you mean "mu-law"?',
            "spec.json: audio.q_levels = 1 must be a whole number from 2 to 65536",
            "spec.json: data.train is missing; give a path or a list of 1 to 1000 values, each a path",
            "spec.json: data.valid = 1.5 must be a path, a number above 0 and below 1 or null",
            'spec.json: data.trian is not a field of data; did you mean "train"?',
            "spec.json: training.seq_len = 16.5 must be a whole number from 1 to 1048576",
            "spec.json: training.epochs = true must be a whole number from 1 to 1000000",
            'spec.json: nmae is not a field of the spec; did you mean "name"?',
            "spec.json: tiers.0.n_rnn = 9 must be a whole number from 1 to 5",
            'spec.json: tiers.0.drpout is not a field of frame_rnn; did you mean "dropout"?',
            'spec.json: tiers.1.type = "nothing" is not installed. Installed: frame_rnn, frame_ssm, sample_mlp',
        ],
    ),
    "no file": (
        remove("spec.json"),
        "spec.json: cannot be read (No such file or directory); give the path of a spec",
    ),
    "a folder": (
        together(remove("spec.json"), folder("spec.json")),
        "spec.json: is a folder; give the path of the spec itself, a file",
    ),
    "an empty file": (
        text("spec.json", ""),
        "spec.json:1:1: the file is empty; a spec is one JSON object, in braces { }",
    ),
    "broken JSON": (
        text("spec.json", '{"data": {"train": "train",}\n'),
        "spec.json:1:28: there is a comma before a closing bracket; remove it",
    ),
    "a list": (text("spec.json", "[1, 2]"), "spec.json: a spec is one JSON object, in braces { }"),
    "an empty object": (text("spec.json", "{}"), 'spec.json: data is missing; give an object with "train"'),
    "a folder whose name is no text": (
        spec(data={"valid": "\udcff"}),
        "spec.json: data.valid holds \\u0000 or half a surrogate pair, which no text may hold",
    ),
    "bytes that are no text": (
        text("spec.json", b"{\n\xff}"),
        "spec.json:2: is not UTF-8 text; save it as UTF-8",
    ),
}


@pytest.fixture
def home(tmp_path):
    """A spec and its corpora."""
    write_corpora(tmp_path)
    write_spec(tmp_path)
    return tmp_path


@pytest.mark.parametrize("spoil, lines", SPECS.values(), ids=SPECS)
def test_a_spec_that_is_wrong_is_refused_with_all_its_problems(home, spoil, lines):
    spoil(home)
    with refuses(home, lines):
        load_spec("spec.json", load_types())


@pytest.mark.parametrize("command", ["fit spec.json --run new", "check spec.json"])
@pytest.mark.parametrize("name", ["no file", "all mistakes at once"])
def test_commands_tell_it_line_by_line(home, command, name):
    spoil, lines = SPECS[name]
    spoil(home)
    refused(command, home, lines)
