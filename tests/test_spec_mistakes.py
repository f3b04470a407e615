"""The whole line that each mistake in a spec is answered with."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spec_parsing import frames, lines, parse

from keras_samplernn.errors import UserError

PLACES = [
    *[
        (key,)
        for key in ("name", "audio", "data", "conditioning", "tiers", "tier_defaults", "training", "preset", "other")
    ],
    *[("data", key) for key in ("train", "valid", "test", "segment_seconds", "other")],
    *[("training", key) for key in ("seq_len", "learning_rate", "schedule", "patience", "clip_value")],
    *[("tiers", index) for index in range(3)],
    *[("tiers", 1, key) for key in ("type", "frame_size", "dim", "dropout", "other")],
    *[("tier_defaults", key) for key in ("dim", "frame_size", "other")],
    ("conditioning", "classes"),
]
FIELDS = [
    ({"data": {}}, "data.train is missing; give a path or a list of 1 to 1000 values, each a path"),
    ('{"name": "a"}', 'data is missing; give an object with "train"'),
    ({"data": "corpus"}, 'data = "corpus" must be an object with "train"'),
    ({"data": {"train": 3}}, "data.train = 3 must be a path or a list of 1 to 1000 values, each a path"),
    (
        {"data": {"train": "a", "valid": 1.5}},
        "data.valid = 1.5 must be a path, a number above 0 and below 1 or null",
    ),
    (
        {"data": {"train": "a", "valid": {"float": 1}}},
        'data.valid = {"float": 1} must be a path, a number above 0 and below 1 or null',
    ),
    (
        {"name": "my run"},
        'name = "my run" must be 1 to 100 letters, digits, dots, dashes or underscores, the first a letter or digit',
    ),
    ({"audio": None}, "audio = null must be an object"),
    ({"audio": {"sample_rate": 500}}, "audio.sample_rate = 500 must be a whole number from 1000 to 384000"),
    (
        {"audio": {"sample_rate": "16000"}},
        'audio.sample_rate = "16000" must be a whole number from 1000 to 384000',
    ),
    (
        {"audio": {"q_type": "linear", "mu": 255}},
        'audio.mu = 255 has no effect with audio.q_type = "linear"; remove it',
    ),
    ({"audio": {"mu": 0}}, "audio.mu = 0 must be a whole number from 1 to below 65536 or null"),
    ({"audio": {"q_levels": True}}, "audio.q_levels = true must be a whole number from 2 to 65536"),
    (
        {"audio": {"q_type": "mulaw"}},
        'audio.q_type = "mulaw" must be "linear", "mu-law" or "a-law"; did you mean "mu-law"?',
    ),
    (
        {"training": {"epochs": 1.5}},
        "training.epochs = 1.5 must be a whole number from 1 to 1000000",
    ),
    ({"training": {"learning_rate": "fast"}}, 'training.learning_rate = "fast" must be a number above 0, up to 10'),
    ({"training": {"patience": 0}}, "training.patience = 0 must be a whole number of at least 1 or null"),
    (
        {"training": {"seqlen": 512}},
        'training.seqlen is not a field of training; did you mean "seq_len"?',
    ),
    ({"trainig": {}}, 'trainig is not a field of the spec; did you mean "training"?'),
    ({"batch_size": 3}, 'batch_size is not a field of the spec; did you mean "training.batch_size"?'),
    ({"dim": 3}, 'dim is not a field of the spec; did you mean "tier_defaults.dim"?'),
    ({"lr": 0.1}, 'lr is not a field of the spec; did you mean "training.learning_rate"?'),
    ({"training": {"batch": 3}}, 'training.batch is not a field of training; did you mean "batch_size"?'),
    (
        {"training": {"hidden_size": 3}},
        'training.hidden_size is not a field of training; did you mean "tier_defaults.dim"?',
    ),
    ({"batchsize": 3}, 'batchsize is not a field of the spec; did you mean "training.batch_size"?'),
    ({"frame_size": 3}, 'frame_size is not a field of the spec; did you mean "tiers.0.frame_size"?'),
    (
        {"conditioning": {"classes": 2, "x y\n": 1}},
        'conditioning["x y\\n"] is not a field of conditioning; its fields are classes, position, neighbours, gaps, '
        "from, streams, unlabelled, condition_dropout, lookahead_dropout",
    ),
    (
        {"conditioning": {"unlabelled": True}},
        'conditioning = {"unlabelled": true}: has neither classes nor streams; give one of the two',
    ),
    (
        {"conditioning": {"classes": 0}},
        "conditioning.classes = 0 must be a whole number from 1 to 4096, "
        "a list of 1 to 4096 values, each text, or null",
    ),
    (
        {"conditioning": {"classes": ["a", 3]}},
        'conditioning.classes = ["a", 3] must be a whole number from 1 to 4096, '
        "a list of 1 to 4096 values, each text, or null",
    ),
    (
        {"conditioning": {"classes": ["a", "b", "a"]}},
        'conditioning.classes = ["a", "b", "a"]: "a" is given 2 times; class names must be distinct',
    ),
    (
        {"conditioning": {"classes": ["a,b"]}},
        'conditioning.classes = ["a,b"]: "a,b" is not a class name; a name is printable text '
        "without commas, quotes and outer blanks",
    ),
    (
        {"conditioning": {"classes": ["a\u2028"]}},
        'conditioning.classes = ["a\\u2028"]: "a\\u2028" is not a class name; a name is printable text '
        "without commas, quotes and outer blanks",
    ),
    (
        {"conditioning": {"classes": ["1.0"]}},
        'conditioning.classes = ["1.0"]: "1.0" reads as a class number; choose a name that is not a number',
    ),
    (
        {"conditioning": {"classes": ["0e1"]}},
        'conditioning.classes = ["0e1"]: "0e1" reads as a class number; choose a name that is not a number',
    ),
]
RELATIONS = [
    (
        frames(16, 2, training={"seq_len": 500}),
        "training.seq_len = 500 is not a multiple of tiers.0.frame_size = 16; try 496 or 512",
    ),
    (
        frames(16, 2, training={"seq_len": 8}),
        "training.seq_len = 8 is not a multiple of tiers.0.frame_size = 16; try 16",
    ),
    (
        frames(16, 2, training={"seq_len": 4096, "remat_samples": 1000}),
        "training.remat_samples = 1000 must be a multiple of tiers.0.frame_size = 16 that divides training.seq_len = "
        "4096 into at least two chunks; try 512 or 1024",
    ),
    (
        frames(16, 2, training={"seq_len": 48, "remat_samples": 48}),
        "training.remat_samples = 48 must be a multiple of tiers.0.frame_size = 16 that divides training.seq_len = "
        "48 into at least two chunks; try 16",
    ),
    (
        frames(16, 2, training={"seq_len": 16, "remat_samples": 8}),
        "training.remat_samples = 8 must be a multiple of tiers.0.frame_size = 16 that divides training.seq_len = "
        "16 into at least two chunks; remove it",
    ),
    (
        frames(4, 2, training={"seq_len": 8, "own_continuations": 9}),
        "training.own_continuations = 9 is longer than a window, training.seq_len = 8; give at most that",
    ),
    (
        frames(16, 2, training={"seq_len": 64, "remat_samples": 32, "own_continuations": 2}),
        "training.own_continuations = 2 runs over whole windows, and training.remat_samples = 32 over chunks; remove "
        "one of them",
    ),
    (
        {"training": {"patience": 3}},
        "training.patience = 3 needs data.valid, whose loss it watches; give a folder or a fraction such as 0.1",
    ),
    (
        {"monitoring": {"listen_epochs": 2}},
        "monitoring.listen_epochs = 2 needs a stream of classes in conditioning, which a listener tells apart; remove"
        " it",
    ),
    (
        {"monitoring": {"listen_epochs": 1}, "conditioning": {"streams": {"loud": {"number": {"low": 0, "high": 1}}}}},
        "monitoring.listen_epochs = 1 needs a stream of classes in conditioning, which a listener tells apart; remove"
        " it",
    ),
    (
        {"monitoring": {"guidance": 3}},
        "monitoring.guidance = 3 needs a stream of classes in conditioning, or conditioning.condition_dropout, to"
        " contrast what is asked for with; remove it",
    ),
    (
        {
            "preset": "paper",
            "monitoring": {"guidance": 2},
            "conditioning": {"streams": {"loud": {"number": {"low": 0, "high": 1}}}},
        },
        "monitoring.guidance = 2 needs a stream of classes in conditioning, or conditioning.condition_dropout, to"
        " contrast what is asked for with; remove it",
    ),
    (
        {"monitoring": {"index": "/asked/index.txt"}},
        'monitoring.index = "/asked/index.txt" lists condition files, and the model has no conditions; remove it',
    ),
    (
        {"monitoring": {"listen_epochs": 1}, "conditioning": {"classes": 2}},
        "monitoring.listen_epochs = 1 needs data.valid, under whose conditions sounds are generated; give a folder or a"
        " fraction such as 0.1",
    ),
    (
        {
            "training": {"augmentation": {"gain_db": 6}},
            "conditioning": {"streams": {"loudness": {"number": {"low": -60, "high": 0}}}},
        },
        "training.augmentation.gain_db = 6 changes the loudness of sounds, and conditioning.streams.loudness would"
        " still say the old one; remove one of the two",
    ),
    (
        {"data": {"train": "train", "balance": 0.5}},
        "data.balance = 0.5 needs a stream of classes in conditioning, whose shares it evens out; remove it",
    ),
    (
        {"data": {"train": "train", "valid": "valid", "hold_out": ["a.wav"]}},
        "data.hold_out has no effect unless data.valid is a fraction of the training files, such as 0.1; give one, or"
        " remove it",
    ),
    (
        {"data": {"train": "train", "valid": 0.1, "hold_out": ["a.wav"], "keep": ["a.wav"]}},
        'data.keep has "a.wav", as data.hold_out has; remove it from one of the two',
    ),
    (
        {"training": {"augmentation": {"speed": 0.1}}, "conditioning": {"streams": {"pitch": {"classes": 9}}}},
        "training.augmentation.speed = 0.1 changes the pitch of sounds, and conditioning.streams.pitch would still say"
        " the old one; remove one of the two",
    ),
    (
        {"training": {"augmentation": {"gain": 6}}},
        'training.augmentation.gain is not a field of training.augmentation; did you mean "gain_db"?',
    ),
    (
        {"training": {"schedule": "cosine"}},
        'training.decay_steps is missing; training.schedule = "cosine" needs it, the optimizer steps in which '
        "the learning rate falls",
    ),
    (
        {"training": {"schedule": "constant", "decay_steps": 9}},
        'training.decay_steps = 9 has no effect with training.schedule = "constant"; choose "cosine" or '
        '"exponential", or remove it',
    ),
    (
        {"training": {"own_share": 0.5}},
        "training.own_share = 0.5 has no effect with training.own_continuations = 0; give that, from 1 to 16 samples,"
        " or remove it",
    ),
    (
        {"data": {"train": "corpus", "valid": "corpus/x/../valid"}},
        'data.valid = "/home/ana/corpus/valid" shares files with data.train = "/home/ana/corpus", since folders '
        "are read with their subfolders; give folders beside each other",
    ),
    (
        {"data": {"train": "corpus/a", "test": "corpus"}},
        'data.test = "/home/ana/corpus" shares files with data.train = "/home/ana/corpus/a", since folders '
        "are read with their subfolders; give folders beside each other",
    ),
    (
        {"data": {"train": ["corpus/a", "corpus/b/c", "corpus/b"]}},
        'data.train.2 = "/home/ana/corpus/b" shares files with data.train.1 = "/home/ana/corpus/b/c", since folders '
        "are read with their subfolders; give folders beside each other",
    ),
    (
        {"data": {"train": ["corpus/a", "corpus/b"], "valid": "corpus/b"}},
        'data.valid = "/home/ana/corpus/b" shares files with data.train.1 = "/home/ana/corpus/b", since folders '
        "are read with their subfolders; give folders beside each other",
    ),
]


@pytest.mark.parametrize(("spec", "line"), [*FIELDS, *RELATIONS])
def test_a_mistake_is_answered_with_its_place_the_rule_and_a_remedy(spec, line):
    assert lines(spec) == [line]


def test_all_problems_are_reported_at_once():
    spec = frames(16, 6, training={"seq_len": 500, "epochs": 0, "seed": 1, "patience": 1}, audoi={})
    spec["tiers"][0]["rnn_type"] = "gru"
    spec["data"] = {}
    text = json.dumps(spec).replace('"seed": 1', '"seed": NaN')
    assert lines(text) == [
        "training.seed is not a finite number; NaN, Infinity and overflows are refused",
        "data.train is missing; give a path or a list of 1 to 1000 values, each a path",
        "training.epochs = 0 must be a whole number from 1 to 1000000",
        'audoi is not a field of the spec; did you mean "audio"?',
        'tiers.0.rnn_type = "gru" must be "GRU" or "LSTM"',
        "tiers.1.frame_size = 6 does not divide tiers.0.frame_size = 16; try 2, 4 or 8",
        "training.seq_len = 500 is not a multiple of tiers.0.frame_size = 16; try 496 or 512",
        "training.patience = 1 needs data.valid, whose loss it watches; give a folder or a fraction such as 0.1",
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(place=st.sampled_from(PLACES), value=json_values)
def test_whatever_stands_in_a_spec_the_answer_is_a_spec_or_plain_lines(place, value):
    spec = frames(
        8, 2, data={"train": "a"}, audio={}, conditioning={"classes": 2}, training={}, monitoring={}, tier_defaults={}
    )
    *outer, key = place
    target = spec
    for step in outer:
        target = target[step]
    target[key] = value
    try:
        parsed = parse(spec)
    except UserError as error:
        assert all(len(line.splitlines()) == 1 and line.encode() for line in error.lines)
    else:
        assert parse(parsed.to_json()) == parsed
