"""The spec: what is accepted, and the whole line that each mistake is answered with."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, Field, PositiveInt

from keras_samplernn.conditions.streams import streams_of
from keras_samplernn.errors import UserError
from keras_samplernn.model.registry import load_types
from keras_samplernn.plugins.coarse_fine import CoarseFine
from keras_samplernn.plugins.softmax import Softmax
from keras_samplernn.spec import Types, differences, load_spec, parse_spec, spec_reference, spec_schema

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
EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.json"))


class FrameRNN:
    """Stacked RNN over frames.

    Args:
        frame_size: samples per step.
        dim: width of the state: its
            features.
    """

    def __init__(
        self,
        frame_size: PositiveInt,
        dim: PositiveInt = 1024,
        rnn_type: Literal["GRU", "LSTM"] = "GRU",
        n_rnn: Annotated[int, Field(ge=1, le=5)] = 1,
        skip_conn: bool = False,
        learn_h0: bool = True,
        weight_norm: bool = True,
        dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0,
        *,
        name: str | None = None,
        **kwargs,
    ):
        pass


class SampleMLP:
    frame_size = 1

    def __init__(
        self,
        dim: PositiveInt = 1024,
        emb_size: Annotated[int, Field(ge=0)] = 256,
        window: PositiveInt | None = None,
        weight_norm: bool = True,
        **kwargs,
    ):
        pass


def _even(value: int) -> int:
    if value % 2:
        raise ValueError("a kernel has an even width")
    return value


class Strange:
    """A stranger's tier, with whatever hints pydantic understands."""

    frame_size = 4

    def __init__(
        self,
        taps: tuple[int, ...] = (1, 2),
        kernel: Annotated[int, AfterValidator(_even), Field(description="Width of the kernel.")] = 2,
        step: Annotated[int, Field(multiple_of=8)] = 8,
        anything=None,
        options: dict[str, int] | None = None,
        **kwargs,
    ):
        pass


class Sizeless:
    def __init__(self, dim: int = 1):
        pass


HEADS = {"softmax": Softmax, "coarse_fine": CoarseFine}
TYPES = Types({"frame_rnn": FrameRNN, "sample_mlp": SampleMLP}, HEADS)
MORE = Types(TYPES.tiers | {"strange": Strange, "sizeless": Sizeless}, HEADS)


def parse(spec: Any, types=TYPES):
    text = spec if isinstance(spec, str) else json.dumps({"data": {"train": "corpus"}} | spec)
    return parse_spec(text, "spec.json", types, "/home/ana")


def lines(spec: Any, types=TYPES) -> list[str]:
    with pytest.raises(UserError) as caught:
        parse(spec, types)
    for line in caught.value.lines:
        assert line.startswith("spec.json: ") and len(line.splitlines()) == 1 and line.encode()
    return [line.removeprefix("spec.json: ") for line in caught.value.lines]


def frames(*sizes, **fields):
    stack = [{"type": "frame_rnn", "frame_size": size} for size in sizes]
    return {"tiers": [*stack, {"type": "sample_mlp"}], **fields}


FIELDS = [
    ({"data": {}}, "data.train is missing; give a path"),
    ('{"name": "a"}', 'data is missing; give an object with "train"'),
    ({"data": "corpus"}, 'data = "corpus" must be an object with "train"'),
    ({"data": {"train": 3}}, "data.train = 3 must be a path"),
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
        {"head": "softmax"},
        'head = "softmax" must be an object with "type"; installed: coarse_fine, softmax',
    ),
    (
        {"head": {"type": "sotfmax"}},
        'head.type = "sotfmax" is not installed; did you mean "softmax"? Installed: coarse_fine, softmax',
    ),
    (
        {"head": {"type": "softmax", "hidden": 3}},
        "head.hidden is not a field of softmax; it has none",
    ),
    (
        {"audio": {"q_levels": 65536}, "head": {"type": "coarse_fine", "hidden": 0}},
        "head.hidden = 0 must be a whole number above 0",
    ),
    ({"hidden": 3}, 'hidden is not a field of the spec; did you mean "head.hidden"?'),
    (
        {"head": {"type": "coarse_fine"}},
        'audio.q_levels = 256 does not fit head.type = "coarse_fine", which takes 65536 levels; set audio.q_levels to'
        " 65536, or choose another head",
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
    ({"frame_size": 3}, 'frame_size is not a field of the spec; did you mean "tiers[0].frame_size"?'),
    (
        {"conditioning": {"classes": 2, "x y\n": 1}},
        'conditioning["x y\\n"] is not a field of conditioning; its fields are classes, position, neighbours, gaps, '
        "from, streams, unlabelled, condition_dropout, lookahead_dropout",
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

STACKS = [
    (
        frames(16, 6),
        "tiers[1].frame_size = 6 does not divide tiers[0].frame_size = 16; try 2, 4 or 8",
    ),
    (frames(16, 6, 2), "tiers[1].frame_size = 6 does not divide tiers[0].frame_size = 16; try 4 or 8"),
    (
        frames(7, 2, training={"seq_len": 700}),
        "tiers[1].frame_size = 2 does not divide tiers[0].frame_size = 7; "
        "make tiers[0].frame_size a multiple of it, such as 8",
    ),
    (frames(8, 16), "tiers[1].frame_size = 16 is not smaller than tiers[0].frame_size = 8; try 2 or 4"),
    (frames(8, 8), "tiers[1].frame_size = 8 is not smaller than tiers[0].frame_size = 8; try 2 or 4"),
    (
        frames(5040, 37, training={"seq_len": 5040}),
        "tiers[1].frame_size = 37 does not divide tiers[0].frame_size = 5040; try 30, 35, 36, 40, 42 or 45",
    ),
    (
        {"tiers": [{"type": "frame_rnn", "frame_size": 8}, {"type": "frame_rnn", "frame_size": 2}]},
        "tiers[1].frame_size = 2 is the last tier's, which predicts single samples and must be 1; "
        "end the list with a tier of frame_size 1, such as sample_mlp",
    ),
    (
        {"tiers": [{"type": "sample_mlp"}]},
        'tiers = [{"type": "sample_mlp"}] must be a list of 2 to 16 tiers, slowest first',
    ),
    (
        {"tiers": [{"type": "frame_rnn", "frame_size": 8}, {"type": "sample_mlp"}, {"type": "sample_mlp"}]},
        'tiers[1].type = "sample_mlp" predicts single samples; it can only be the last tier',
    ),
    (
        frames(*[8] * 16),
        'tiers = [{"type": "frame_rnn", "frame_size": 8}, {"type": "frame_rn… must be a list of 2 to 16 tiers, '
        "slowest first",
    ),
    ({"tiers": 4}, "tiers = 4 must be a list of 2 to 16 tiers, slowest first"),
    (
        {"tiers": [{"type": "frame_rn", "frame_size": 4}, {"type": "sample_mlp"}]},
        'tiers[0].type = "frame_rn" is not installed; did you mean "frame_rnn"? Installed: frame_rnn, sample_mlp',
    ),
    (
        {"tiers": [{"type": "transformer"}, {"type": "sample_mlp"}], "tier_defaults": {"heads": 4}},
        'tiers[0].type = "transformer" is not installed. Installed: frame_rnn, sample_mlp',
    ),
    (
        {"tiers": [{"frame_size": 4}, {"type": "sample_mlp"}]},
        'tiers[0] = {"frame_size": 4} must be an object with "type"; installed: frame_rnn, sample_mlp',
    ),
    (
        {"tiers": ["frame_rnn", {"type": "sample_mlp"}]},
        'tiers[0] = "frame_rnn" must be an object with "type"; installed: frame_rnn, sample_mlp',
    ),
    (
        {"tiers": [{"type": "frame_rnn"}, {"type": "sample_mlp"}]},
        "tiers[0].frame_size is missing; give a whole number above 0",
    ),
    (
        {"tiers": [{"type": "frame_rnn", "frame_size": 8, "dims": 4}, {"type": "sample_mlp"}]},
        'tiers[0].dims is not a field of frame_rnn; did you mean "dim"?',
    ),
    (
        {"tiers": [{"type": "frame_rnn", "frame_size": 8, "name": "top"}, {"type": "sample_mlp"}]},
        "tiers[0].name is not a field of frame_rnn; its fields are frame_size, dim, rnn_type, n_rnn, skip_conn, "
        "learn_h0, weight_norm, dropout",
    ),
    (
        {"tiers": [{"type": "frame_rnn", "frame_size": 8, "n_rnn": 6}, {"type": "sample_mlp"}]},
        "tiers[0].n_rnn = 6 must be a whole number from 1 to 5",
    ),
    (
        {"tiers": [{"type": "frame_rnn", "frame_size": 8, "skip_conn": "True"}, {"type": "sample_mlp"}]},
        'tiers[0].skip_conn = "True" must be true or false',
    ),
    ({"tier_defaults": {"dmi": 3}}, 'tier_defaults.dmi is a field of none of the tiers; did you mean "dim"?'),
    ({"tier_defaults": {"dropout": 1}}, "tier_defaults.dropout = 1 must be a number from 0 to below 1"),
    ({"tier_defaults": [3]}, "tier_defaults = [3] must be an object"),
]

RELATIONS = [
    (
        frames(16, 2, training={"seq_len": 500}),
        "training.seq_len = 500 is not a multiple of tiers[0].frame_size = 16; try 496 or 512",
    ),
    (
        frames(16, 2, training={"seq_len": 8}),
        "training.seq_len = 8 is not a multiple of tiers[0].frame_size = 16; try 16",
    ),
    (
        frames(16, 2, training={"seq_len": 4096, "remat_samples": 1000}),
        "training.remat_samples = 1000 must be a multiple of tiers[0].frame_size = 16 that divides training.seq_len = "
        "4096 into at least two pieces; try 512 or 1024",
    ),
    (
        frames(16, 2, training={"seq_len": 48, "remat_samples": 48}),
        "training.remat_samples = 48 must be a multiple of tiers[0].frame_size = 16 that divides training.seq_len = "
        "48 into at least two pieces; try 16",
    ),
    (
        frames(16, 2, training={"seq_len": 16, "remat_samples": 8}),
        "training.remat_samples = 8 must be a multiple of tiers[0].frame_size = 16 that divides training.seq_len = "
        "16 into at least two pieces; remove it",
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
        {"training": {"decay_steps": 9}},
        'training.decay_steps = 9 has no effect with training.schedule = "constant"; choose "cosine" or '
        '"exponential", or remove it',
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
]


@pytest.mark.parametrize(("spec", "line"), [*FIELDS, *STACKS, *RELATIONS])
def test_a_mistake_is_answered_with_its_place_the_rule_and_a_remedy(spec, line):
    assert lines(spec) == [line]


STRANGERS = [
    ({"taps": [1, "2"]}, 'tiers[1].taps[1] = "2" must be a whole number'),
    ({"taps": 3}, "tiers[1].taps = 3 must be a list of values, each a whole number"),
    ({"kernel": 3}, "tiers[1].kernel = 3: a kernel has an even width"),
    ({"step": 9}, "tiers[1].step = 9 must be a whole number that is a multiple of 8"),
    ({"options": 3}, "tiers[1].options = 3 must be an object or null"),
    ({"options": {"a": "b"}}, 'tiers[1].options.a = "b": it must be a valid integer'),
]


@pytest.mark.parametrize(("fields", "line"), STRANGERS)
def test_the_hints_of_a_strangers_constructor_are_its_schema(fields, line):
    spec = frames(8)
    spec["tiers"].insert(1, {"type": "strange"} | fields)
    assert lines(spec, MORE) == [line]


def test_a_strangers_arguments_arrive_as_its_hints_say():
    spec = frames(8)
    spec["tiers"].insert(1, {"type": "strange", "taps": [3], "anything": {"a": [1]}})
    parsed = parse(spec, MORE)
    assert parsed.tiers[1].config["taps"] == (3,)
    assert parsed.tiers[1].config["anything"] == {"a": [1]}
    assert parse_spec(parsed.to_json(), "spec.json", MORE, "/") == parsed


def test_a_tier_without_a_frame_size_is_refused_by_its_type():
    spec = frames(8)
    spec["tiers"][0] = {"type": "sizeless"}
    assert lines(spec, MORE) == ['tiers[0].type = "sizeless" declares no frame_size; every tier must']


NOT_JSON = [
    ("", "spec.json:1:1: the file is empty; a spec is one JSON object, in braces { }"),
    ('{"name": "a",\n}', "spec.json:2:1: there is a comma before a closing bracket; remove it"),
    ('{"tiers": [1,\n]}', "spec.json:2:1: there is a comma before a closing bracket; remove it"),
    ("{'name': 1}", "spec.json:1:2: strings and keys need double quotes, not single ones"),
    ('{\n // a\n"name": 1}', "spec.json:2:2: JSON has no comments; remove it"),
    ('{"name": "a", # mine\n"b": 1}', "spec.json:1:15: JSON has no comments; remove it"),
    ('{"name": "a" /* mine */}', "spec.json:1:14: JSON has no comments; remove it"),
    ('{"a": 1 // mine\n}', "spec.json:1:9: JSON has no comments; remove it"),
    ("{\u201cname\u201d: 1}", 'spec.json:1:2: typographic quotes; strings and keys need straight ones: "'),
    ('{"name": \u201ca\u201d}', 'spec.json:1:10: typographic quotes; strings and keys need straight ones: "'),
    ('{"name": \u201ea\u201c}', 'spec.json:1:10: typographic quotes; strings and keys need straight ones: "'),
    ('{"name": \u00aba\u00bb}', 'spec.json:1:10: typographic quotes; strings and keys need straight ones: "'),
    ("{\u2033name\u2033: 1}", 'spec.json:1:2: typographic quotes; strings and keys need straight ones: "'),
    ("{`name`: 1}", 'spec.json:1:2: typographic quotes; strings and keys need straight ones: "'),
    ("{\u201aname\u2018: 1}", 'spec.json:1:2: typographic quotes; strings and keys need straight ones: "'),
    (
        '{"name": "a\u201d,\n"b": 1}',
        'spec.json:1:14: a string in "..." holds \u201d: if that is to close it, write a straight one: "',
    ),
    (
        '{"name": "a\u201d, "b": 1}',
        'spec.json:1:16: a string in "..." holds \u201d: if that is to close it, write a straight one: "',
    ),
    (
        '{"name\u201d: 1}',
        'spec.json:1:2: a string in "..." holds \u201d: if that is to close it, write a straight one: "',
    ),
    (
        '{"name": "l\u2019an\\c"}',
        "spec.json:1:15: a backslash is followed by a letter that it cannot escape; write \\\\ for a backslash",
    ),
    ('{"name": "l\u2019an" "b": 1}', "spec.json:1:17: a comma is missing before this, or a bracket } or ]"),
    ('{"a": "b\tc"}', "spec.json:1:9: a string holds a tab; write \\t, or a blank"),
    ('{"a": "b\x0bc"}', "spec.json:1:9: a string holds the control character U+000B; remove it"),
    (
        '{\n\u00a0"a": 1}',
        "spec.json:2:1: U+00A0 (no-break space) is not a blank in JSON; write a plain one, or remove it",
    ),
    (
        '{"a":\u200b1}',
        "spec.json:1:6: U+200B (zero width space) is not a blank in JSON; write a plain one, or remove it",
    ),
    ('{"a": 1\uff0c "b": 2}', "spec.json:1:8: U+FF0C (fullwidth comma) is not read in JSON; write ,"),
    ('{"a"\uff1a 1}', "spec.json:1:5: U+FF1A (fullwidth colon) is not read in JSON; write :"),
    ("{\\rtf1\\ansi {}}", "spec.json:1:2: this is the RTF of a word processor; save it as plain text"),
    ('{"a": TRUE}', "spec.json:1:7: TRUE is written true in JSON"),
    ('{"tiers": [1, 2,]}', "spec.json:1:17: there is a comma before a closing bracket; remove it"),
    ('{"tiers": [{"a": 1,}]}', "spec.json:1:20: there is a comma before a closing bracket; remove it"),
    ('{"a": True}', "spec.json:1:7: True is written true in JSON"),
    ('{"a": 1 "b": 2}', "spec.json:1:9: a comma is missing before this, or a bracket } or ]"),
    ('{"a" 1}', "spec.json:1:6: a colon is missing between a key and its value"),
    ("{a: 1}", "spec.json:1:2: a key in double quotes is expected here"),
    (
        '{"a": mu-law}',
        "spec.json:1:7: a value is expected here: a string in double quotes, a number, true, false, null, "
        "an object or a list",
    ),
    ('{"a": {"b": 1}', "spec.json:1:15: the file ends before the spec does; a bracket } or ] is missing"),
    ('{"a": "b}', "spec.json:1:7: a string is not closed; it ends with a double quote"),
    (
        '{"a": "b\n"}',
        "spec.json:1:9: a string runs over the end of its line; close its double quotes or write \\n",
    ),
    (
        '{"a": "C:\\corpus"}',
        "spec.json:1:10: a backslash is followed by a letter that it cannot escape; write \\\\ for a backslash",
    ),
    ("{} {}", "spec.json:1:4: there is text after the end of the spec; a file holds one object"),
    ("[1]", "spec.json: a spec is one JSON object, in braces { }"),
    ("[" * 100_000, "spec.json: objects are nested too deeply; a spec needs at most 16"),
    ('{"a":' * 20 + "1" + "}" * 20, "spec.json: objects are nested too deeply; a spec needs at most 16"),
    (
        json.dumps(frames(2**63)),
        "spec.json: tiers[0].frame_size is a whole number beyond 64 bits, which no field takes",
    ),
    ('{"a": 1' + "0" * 5000 + "}", "spec.json: holds a whole number with thousands of digits"),
    (
        '{"data": {"train": "a\\u0000"}}',
        "spec.json: data.train holds \\u0000 or half a surrogate pair, which no text may hold",
    ),
    ('{"\\ud800": 1}', 'spec.json: ["\\ud800"] holds \\u0000 or half a surrogate pair, which no text may hold'),
]


@pytest.mark.parametrize(("text", "line"), NOT_JSON, ids=[line[10:50] for _, line in NOT_JSON])
def test_text_that_is_not_json_is_answered_with_line_and_column(text, line):
    with pytest.raises(UserError) as caught:
        parse(text)
    assert caught.value.lines == (line,)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_not_finite_are_refused(number):
    text = f'{{"data": {{"train": "a"}}, "training": {{"learning_rate": {number}}}}}'
    assert lines(text) == ["training.learning_rate is not a finite number; NaN, Infinity and overflows are refused"]


def test_a_repeated_key_is_refused_with_its_path():
    text = '{"data": {"train": "a"}, "tiers": [{"type": "frame_rnn", "frame_size": 8, "dim": 8, "dim": 9},'
    text += '{"type": "sample_mlp"}], "name": "a", "name": "a"}'
    assert lines(text) == [
        "name is given more than once; keep one of them",
        "tiers[0].dim is given more than once; keep one of them",
    ]


def test_all_problems_are_reported_at_once():
    spec = frames(16, 6, training={"seq_len": 500, "epochs": 0, "seed": 1, "patience": 1}, audoi={})
    spec["tiers"][0]["rnn_type"] = "gru"
    spec["data"] = {}
    text = json.dumps(spec).replace('"seed": 1', '"seed": NaN')
    assert lines(text) == [
        "training.seed is not a finite number; NaN, Infinity and overflows are refused",
        "data.train is missing; give a path",
        "training.epochs = 0 must be a whole number from 1 to 1000000",
        'audoi is not a field of the spec; did you mean "audio"?',
        'tiers[0].rnn_type = "gru" must be "GRU" or "LSTM"',
        "tiers[1].frame_size = 6 does not divide tiers[0].frame_size = 16; try 2, 4 or 8",
        "training.seq_len = 500 is not a multiple of tiers[0].frame_size = 16; try 496 or 512",
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


def test_a_corpus_is_all_a_spec_must_name():
    spec = parse({})
    assert [(tier.type, tier.frame_size) for tier in spec.tiers] == [
        ("frame_rnn", 8),
        ("frame_rnn", 2),
        ("sample_mlp", 1),
    ]
    assert streams_of(spec) == ()
    assert (spec.audio.q_type, spec.training.seq_len, spec.data.valid) == ("mu-law", 512, None)


def test_whole_numbers_are_numbers_and_editors_may_name_the_schema():
    spec = parse({"$schema": "spec.schema.json", "training": {"learning_rate": 1, "clip_value": None}})
    assert (spec.training.learning_rate, spec.training.clip_value) == (1.0, None)


def test_paths_are_relative_to_the_spec(monkeypatch):
    monkeypatch.setenv("HOME", "/home/bo")
    data = parse({"data": {"train": "../corpus", "valid": "~/held", "test": "/mnt/test"}}).data
    assert (data.train, data.valid, data.test) == tuple(map(Path, ("/home/corpus", "/home/bo/held", "/mnt/test")))


def test_tier_defaults_reach_every_tier_that_has_the_field_and_yield_to_its_own():
    spec = parse(frames(8, 2, tier_defaults={"dim": 32, "rnn_type": "LSTM", "emb_size": 4}))
    own = parse(
        frames(8, 2, tier_defaults={"dim": 32})
        | {"tiers": [{"type": "frame_rnn", "frame_size": 8, "dim": 5}, {"type": "sample_mlp"}]}
    )
    assert [tier.config["dim"] for tier in spec.tiers] == [32, 32, 32]
    assert [tier.config.get("rnn_type") for tier in spec.tiers] == ["LSTM", "LSTM", None]
    assert [tier.config["dim"] for tier in own.tiers] == [5, 32]
    assert spec.tiers[2].config == {"dim": 32, "emb_size": 4, "window": None, "weight_norm": True}


def test_class_names_stand_for_their_numbers():
    (named,) = streams_of(parse({"conditioning": {"classes": ["a", "é b"]}}))
    assert (named.classes, named.named) == (("a", "é b"), True)
    (counted,) = streams_of(parse({"conditioning": {"classes": 3}}))
    assert (counted.classes, counted.named) == (("0", "1", "2"), False)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_loads_and_survives_the_round_trip(path):
    spec = load_spec(path, TYPES)
    assert spec.name == path.stem
    assert spec.data.train == path.parent / "corpus" / "train"
    assert (spec.conditioning is not None) == path.stem.endswith("conditional")
    assert parse_spec(spec.to_json(), "spec.json", TYPES, "/elsewhere") == spec
    assert differences(spec, spec) == []


def test_every_example_loads_with_the_tiers_that_are_installed():
    types = load_types()
    assert [load_spec(path, types).name for path in EXAMPLES] == [path.stem for path in EXAMPLES]


def test_the_examples_are_the_published_models():
    assert [path.stem for path in EXAMPLES] == [
        "four_tier",
        "four_tier_conditional",
        "three_tier",
        "three_tier_conditional",
        "two_tier",
    ]
    sizes = {path.stem: [tier.frame_size for tier in load_spec(path, TYPES).tiers] for path in EXAMPLES}
    assert sizes["two_tier"] == [16, 1]
    assert sizes["three_tier"] == sizes["three_tier_conditional"] == [8, 2, 1]
    assert sizes["four_tier"] == sizes["four_tier_conditional"] == [16, 8, 2, 1]


FILES = [
    (None, "cannot be read (No such file or directory); give the path of a spec"),
    (b"{" + b" " * 1_000_000, "is larger than 1 MB; a spec has a few kB"),
    (b'{\n"name": "\xe9"}', "is not UTF-8 text; save it as UTF-8"),
    ("{}".encode("utf-16"), "is UTF-16 text, or no text; save it as UTF-8"),
    ("{}".encode("utf-16-le"), "is UTF-16 text, or no text; save it as UTF-8"),
    ("{}".encode("utf-16-be"), "is UTF-16 text, or no text; save it as UTF-8"),
    ("{}".encode("utf-32"), "is UTF-16 text, or no text; save it as UTF-8"),
]


@pytest.mark.parametrize(
    ("content", "message"), FILES, ids=["missing", "large", "latin-1", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_a_file_that_cannot_be_a_spec_is_refused_by_name(tmp_path, content, message):
    path = tmp_path / "spec.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        load_spec(path, TYPES)
    place = f"{path}:2" if message.startswith("is not UTF-8") else str(path)
    assert caught.value.lines == (f"{place}: {message}",)


def test_a_byte_order_mark_is_accepted(tmp_path):
    path = tmp_path / "spec.json"
    path.write_bytes(b'\xef\xbb\xbf{"data": {"train": "a"}}')
    assert load_spec(path, TYPES).data.train == tmp_path / "a"


CHANGES = [
    ({"training": {"seq_len": 256}}, ["training.seq_len: 512 -> 256"]),
    ({"audio": {"q_type": "linear"}, "name": "b"}, ['name: "samplernn" -> "b"', 'audio.q_type: "mu-law" -> "linear"']),
    ({"conditioning": {"classes": 2}}, ['conditioning: null -> {"classes": 2}']),
    ({"tier_defaults": {"n_rnn": 2}}, ["tiers[0].n_rnn: 1 -> 2", "tiers[1].n_rnn: 1 -> 2"]),
    ({"data": {"train": "corpus", "valid": 0.1}}, ["data.valid: null -> 0.1"]),
    ({"data": {"train": "other", "valid": "b", "test": "c"}}, []),
    ({"monitoring": {"every_epochs": 0}}, []),
    (
        {"audio": {"q_levels": 65536}, "head": {"type": "coarse_fine"}},
        [
            "audio.q_levels: 256 -> 65536",
            "audio.mu: null -> 255",
            'head.type: "softmax" -> "coarse_fine"',
            "head.hidden: absent -> 128",
        ],
    ),
    (
        {
            "data": {"train": "corpus", "valid": "v"},
            "training": {"epochs": 9, "patience": 2, "checkpoint_minutes": 1, "keep_checkpoints": 9},
        },
        [],
    ),
]


@pytest.mark.parametrize(("change", "expected"), CHANGES)
def test_differences_name_what_a_run_may_not_change(change, expected):
    assert differences(parse({}), parse(change)) == expected


def test_tiers_that_differ_in_kind_or_number_are_compared_one_by_one():
    found = differences(parse(frames(8, 2)), parse(frames(8)))
    assert found[:2] == ['tiers[1].type: "frame_rnn" -> "sample_mlp"', "tiers[1].frame_size: 2 -> absent"]
    assert found[-1].startswith('tiers[2]: {"type": "sample_mlp"') and found[-1].endswith("-> absent")


@pytest.mark.parametrize(
    ("audio", "head", "mu"),
    [
        ({}, None, None),
        ({"q_levels": 65536}, "softmax", None),
        ({"q_levels": 65536}, "coarse_fine", 255),
        ({"q_levels": 65536, "mu": 1000}, "coarse_fine", 1000),
        ({"q_levels": 65536, "q_type": "a-law"}, "coarse_fine", None),
    ],
)
def test_the_head_says_how_mu_law_is_curved_unless_the_spec_does(audio, head, mu):
    spec = parse({"audio": audio} | ({"head": {"type": head}} if head else {}))
    assert spec.audio.mu == mu and spec.head.type == (head or "softmax")
    assert parse_spec(spec.to_json(), "spec.json", TYPES, "/") == spec


def test_the_schema_has_a_branch_for_each_tier_and_a_sentence_for_each_field():
    schema = spec_schema(MORE)
    branches = {
        branch["properties"]["type"]["const"]: branch for branch in schema["properties"]["tiers"]["items"]["oneOf"]
    }
    assert list(branches) == sorted(MORE.tiers)
    frame_rnn = branches["frame_rnn"]
    assert frame_rnn["required"] == ["type"] and frame_rnn["additionalProperties"] is False
    assert frame_rnn["description"] == "Stacked RNN over frames."
    assert frame_rnn["properties"]["dim"]["description"] == "Width of the state: its features."
    assert branches["strange"]["properties"]["kernel"]["description"] == "Width of the kernel."
    assert schema["properties"]["tier_defaults"]["properties"].keys() >= {"dim", "emb_size", "taps"}
    assert schema["required"] == ["data"]
    for name in ("Audio", "Data", "Conditioning", "Stream", "NumberRange", "Training", "Augmentation", "Monitoring"):
        for key, field in schema["$defs"][name]["properties"].items():
            assert field["description"].endswith("."), f"{name}.{key}"


def test_the_reference_has_a_row_for_every_field():
    reference = spec_reference(TYPES)
    assert (
        "| `q_levels` | a whole number from 2 to 65536 | `256` | Number of codes a sample can have. |"
        in reference.splitlines()
    )
    assert '### `"type": "frame_rnn"`\n\nStacked RNN over frames.\n' in reference
    assert "| `n_rnn` | a whole number from 1 to 5 | `1` |" in reference
    assert "### `conditioning.streams.NAME`\n\nA condition stream, of classes or of numbers.\n" in reference
    for key in (*spec_schema(TYPES)["properties"], "classes", "low", "seq_len", "every_epochs", "train", "window"):
        assert key == "$schema" or f"| `{key}` |" in reference
