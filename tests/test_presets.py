"""Presets: they fill in what a spec does not say, and nothing else."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_samplernn.errors import UserError
from keras_samplernn.model.registry import load_types
from keras_samplernn.spec import differences, parse_spec, spec_schema
from keras_samplernn.spec.fields import Training
from keras_samplernn.spec.presets import PRESETS

DATA = {"data": {"train": "train"}}


def parsed(**fields):
    return parse_spec(json.dumps(DATA | fields), "spec.json", load_types(), "/home")


NAMES = ["small", "medium", "large", "paper", "four-tier"]
# Frame sizes, width, width of the conditions' hidden layer, window of the sample tier; windows and their length.
SIZES = {
    "small": ([16, 4, 1], 256, 256, 16, 8, 1024),
    "medium": ([16, 4, 1], 256, 256, 16, 8, 1024),
    "large": ([16, 4, 1], 512, 256, 16, 8, 1024),
    "paper": ([8, 2, 1], 1024, 0, None, 128, 512),
    "four-tier": ([64, 16, 4, 1], 256, 256, 16, 8, 1024),
}
OFF = {"position": False, "neighbours": False, "condition_dropout": None}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("conditioning", [None, {"classes": 3}])
def test_a_preset_is_a_spec_that_says_the_same(name, conditioning):
    spec = parsed(preset=name, conditioning=conditioning)
    said = conditioning and OFF | PRESETS[name].get("conditioning", {}) | conditioning
    assert spec == parsed(**{"preset": "paper", **PRESETS[name]} | {"conditioning": said})
    # A run keeps what it was trained with, whatever a later version has in its presets.
    assert "preset" not in json.loads(spec.to_json())
    assert parse_spec(spec.to_json(), "spec.json", load_types(), "/") == spec


@pytest.mark.parametrize("name", NAMES)
def test_the_sizes_of_a_preset_are_those_of_the_table(name):
    tiers, training = (spec := parsed(preset=name)).tiers, spec.training
    (width,) = {tier.config["dim"] for tier in tiers}
    (hidden,) = {tier.config["condition_dim"] for tier in tiers[:-1]}
    found = ([tier.frame_size for tier in tiers], width, hidden, tiers[-1].config["window"])
    assert (*found, training.batch_size, training.seq_len) == SIZES[name]


def test_presets_differ_from_small_in_nothing_else():
    specs = {name: parsed(preset=name) for name in NAMES}
    changed = {name: differences(specs["small"], spec) for name, spec in specs.items()}
    falls = "training.decay_steps: 2000 -> 4000"
    assert changed["medium"] == [falls]
    assert changed["large"] == [*(f"tiers.{number}.dim: 256 -> 512" for number in range(3)), falls]
    assert {change.partition(".")[0] for change in changed["four-tier"]} == {"tiers"}


def test_the_paper_preset_is_what_a_spec_of_0_1_0_was_by_default():
    spec = parsed(preset="paper", conditioning={"classes": 3})
    assert spec.training == Training()
    assert spec.conditioning.model_dump(exclude_defaults=True) == {"classes": 3}
    frame_rnn = {
        "dim": 1024,
        "rnn_type": "GRU",
        "n_rnn": 1,
        "skip_conn": False,
        "learn_h0": True,
        "weight_norm": True,
        "dropout": 0.0,
        "reset_after": True,
        "conditioned": True,
        "condition_dim": 0,
        "overlap": 0,
    }
    sample_mlp = {"dim": 1024, "emb_size": 256, "window": None, "weight_norm": True, "conditioned": True}
    assert [tier.config for tier in spec.tiers] == [
        {"frame_size": 8} | frame_rnn,
        {"frame_size": 2} | frame_rnn,
        sample_mlp,
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"conditioning": {"classes": 3}},
        {"audio": {"q_levels": 16}, "training": {"schedule": "constant"}},
        {"conditioning": {"streams": {"word": {"classes": 2}, "f0": {"number": {"low": 0, "high": 1}}}}},
        {"tiers": [{"type": "frame_rnn", "frame_size": 8}, {"type": "sample_mlp"}], "tier_defaults": {"overlap": 3}},
    ],
)
def test_a_spec_without_a_preset_is_small(fields):
    assert parsed(**fields) == parsed(preset="small", **fields)


def test_the_schema_shows_the_defaults_that_a_spec_has():
    schema, spec = spec_schema(load_types()), parsed(conditioning={"classes": 3})
    for section in ("audio", "training", "monitoring", "conditioning"):
        shown = schema["$defs"][section.capitalize()]["properties"]
        had = getattr(spec, section).model_dump(mode="json")
        assert {key: shown[key]["default"] for key in had if key not in ("augmentation", "classes")} == {
            key: value for key, value in had.items() if key not in ("augmentation", "classes")
        }
    top = {key: field["default"] for key, field in schema["properties"].items() if key in ("tiers", "tier_defaults")}
    assert parsed(conditioning={"classes": 3}, **top) == spec
    assert schema["properties"]["preset"]["default"] == "small"


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    training=st.fixed_dictionaries(
        {}, optional={"batch_size": st.integers(1, 99), "learning_rate": st.floats(1e-6, 1)}
    ),
    dim=st.none() | st.integers(1, 4096),
)
def test_what_a_spec_says_itself_counts(training, dim):
    spec = parsed(preset="small", training=training, tier_defaults={} if dim is None else {"dim": dim})
    expected = PRESETS["small"]["training"] | training
    assert {key: getattr(spec.training, key) for key in expected} == expected
    assert [tier.config["dim"] for tier in spec.tiers] == [dim or PRESETS["small"]["tier_defaults"]["dim"]] * 3


def test_tiers_of_its_own_replace_those_of_the_preset_as_a_whole():
    tiers = [{"type": "frame_rnn", "frame_size": 8}, {"type": "sample_mlp"}]
    spec = parsed(preset="small", tiers=tiers)
    assert spec.tiers == parsed(tiers=tiers).tiers
    assert spec.training == parsed(preset="small").training


def test_what_it_says_of_classes_is_said_of_each_stream_of_classes():
    streams = {
        "word": {"classes": 3},
        "voice": {"classes": 2, "position": False},
        "f0": {"classes": None, "number": {"low": 0, "high": 1}},
    }
    conditioning = parsed(preset="small", conditioning={"streams": streams}).conditioning
    told = {name: (each.position, each.neighbours) for name, each in conditioning.streams.items()}
    assert told == {"word": (True, True), "voice": (False, True), "f0": (False, False)}
    assert conditioning.condition_dropout == 0.1
    own = parsed(preset="small", conditioning={"classes": 3, "position": False, "condition_dropout": 0}).conditioning
    assert (own.position, own.neighbours, own.condition_dropout) == (False, True, 0)


@pytest.mark.parametrize("schedule", [{"schedule": "constant"}, {"schedule": "cosine", "decay_steps": 900}])
def test_a_schedule_of_its_own_is_not_mixed_with_that_of_the_preset(schedule):
    training = parsed(preset="small", training=schedule).training
    kept = {key: value for key, value in PRESETS["small"]["training"].items() if not key.startswith("decay")}
    assert training == parsed(preset="paper", training=kept | schedule).training


@pytest.mark.parametrize("levels", [16, 65536])
def test_noise_is_as_loud_with_other_numbers_of_levels(levels):
    spec = parsed(preset="small", audio={"q_levels": levels})
    assert spec.training.input_noise / levels == PRESETS["small"]["training"]["input_noise"] / 256
    own = parsed(preset="small", audio={"q_levels": levels}, training={"input_noise": 3})
    assert own.training.input_noise == 3


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        (
            {"preset": "smal"},
            'preset = "smal" is not one of small, medium, large, paper, four-tier; did you mean "small"?',
        ),
        ({"preset": None}, "preset = null is not one of small, medium, large, paper, four-tier"),
        ({"preset": ["small"]}, 'preset = ["small"] is not one of small, medium, large, paper, four-tier'),
        ({"preset": "small", "audio": {"q_levels": 1}}, "audio.q_levels = 1 must be a whole number from 2 to 65536"),
        ({"preset": "small", "training": 3}, "training = 3 must be an object"),
        ({"preset": "small", "conditioning": 3}, "conditioning = 3 must be an object or null"),
        (
            {"preset": "small", "conditioning": {"streams": 3}},
            "conditioning.streams = 3 must be an object with 1 to 16 entries or null",
        ),
        (
            {"preset": "small", "conditioning": {"streams": {"word": 3}}},
            "conditioning.streams.word = 3 must be an object",
        ),
        ({"preset": "small", "tier_defaults": 3}, "tier_defaults = 3 must be an object"),
    ],
)
def test_mistakes_are_told_in_a_line(fields, line):
    with pytest.raises(UserError) as raised:
        parsed(**fields)
    assert str(raised.value) == f"spec.json: {line}"


def test_editors_know_the_presets():
    assert spec_schema(load_types())["properties"]["preset"]["enum"] == NAMES
