"""The tiers of a spec: what is refused, and where their fields come from."""

import pytest
from pydantic import PositiveInt
from spec_parsing import MORE, FrameRNN, frames, lines, parse

from keras_samplernn.spec import differences
from keras_samplernn.spec.constructors import constructor_model

STACKS = [
    (
        frames(16, 6),
        "tiers.1.frame_size = 6 does not divide tiers.0.frame_size = 16; try 2, 4 or 8",
    ),
    (frames(16, 6, 2), "tiers.1.frame_size = 6 does not divide tiers.0.frame_size = 16; try 4 or 8"),
    (
        frames(7, 2, training={"seq_len": 700}),
        "tiers.1.frame_size = 2 does not divide tiers.0.frame_size = 7; "
        "make tiers.0.frame_size a multiple of it, such as 8",
    ),
    (frames(8, 16), "tiers.1.frame_size = 16 is not smaller than tiers.0.frame_size = 8; try 2 or 4"),
    (frames(8, 8), "tiers.1.frame_size = 8 is not smaller than tiers.0.frame_size = 8; try 2 or 4"),
    (
        frames(5040, 37, training={"seq_len": 5040}),
        "tiers.1.frame_size = 37 does not divide tiers.0.frame_size = 5040; try 30, 35, 36, 40, 42 or 45",
    ),
    (
        {"tiers": [{"type": "frame_rnn", "frame_size": 8}, {"type": "frame_rnn", "frame_size": 2}]},
        "tiers.1.frame_size = 2 is the last tier's, which predicts single samples and must be 1; "
        "end the list with a tier of frame_size 1, such as sample_mlp",
    ),
    (
        {"tiers": [{"type": "sample_mlp"}]},
        'tiers = [{"type": "sample_mlp"}] must be a list of 2 to 16 tiers, slowest first',
    ),
    (
        {"tiers": [{"type": "frame_rnn", "frame_size": 8}, {"type": "sample_mlp"}, {"type": "sample_mlp"}]},
        'tiers.1.type = "sample_mlp" predicts single samples; it can only be the last tier',
    ),
    (
        frames(*[8] * 16),
        'tiers = [{"type": "frame_rnn", "frame_size": 8}, {"type": "frame_rn… must be a list of 2 to 16 tiers, '
        "slowest first",
    ),
    ({"tiers": 4}, "tiers = 4 must be a list of 2 to 16 tiers, slowest first"),
    (
        {"tiers": [{"type": "frame_rn", "frame_size": 4}, {"type": "sample_mlp"}]},
        'tiers.0.type = "frame_rn" is not installed; did you mean "frame_rnn"? Installed: frame_rnn, sample_mlp',
    ),
    (
        {"tiers": [{"type": "transformer"}, {"type": "sample_mlp"}], "tier_defaults": {"heads": 4}},
        'tiers.0.type = "transformer" is not installed. Installed: frame_rnn, sample_mlp',
    ),
    (
        {"tiers": [{"frame_size": 4}, {"type": "sample_mlp"}]},
        'tiers.0 = {"frame_size": 4} must be an object with "type"; installed: frame_rnn, sample_mlp',
    ),
    (
        {"tiers": ["frame_rnn", {"type": "sample_mlp"}]},
        'tiers.0 = "frame_rnn" must be an object with "type"; installed: frame_rnn, sample_mlp',
    ),
    (
        {"tiers": [{"type": "frame_rnn"}, {"type": "sample_mlp"}]},
        "tiers.0.frame_size is missing; give a whole number above 0",
    ),
    (
        {"tiers": [{"type": "frame_rnn", "frame_size": 8, "dims": 4}, {"type": "sample_mlp"}]},
        'tiers.0.dims is not a field of frame_rnn; did you mean "dim"?',
    ),
    (
        {"tiers": [{"type": "frame_rnn", "frame_size": 8, "name": "top"}, {"type": "sample_mlp"}]},
        "tiers.0.name is not a field of frame_rnn; its fields are frame_size, dim, rnn_type, n_rnn, skip_conn, "
        "learn_h0, weight_norm, dropout, condition_dim",
    ),
    (
        {"tiers": [{"type": "frame_rnn", "frame_size": 8, "n_rnn": 6}, {"type": "sample_mlp"}]},
        "tiers.0.n_rnn = 6 must be a whole number from 1 to 5",
    ),
    (
        {"tiers": [{"type": "frame_rnn", "frame_size": 8, "skip_conn": "True"}, {"type": "sample_mlp"}]},
        'tiers.0.skip_conn = "True" must be true or false',
    ),
    ({"tier_defaults": {"dmi": 3}}, 'tier_defaults.dmi is a field of none of the tiers; did you mean "dim"?'),
    ({"tier_defaults": {"dropout": 1}}, "tier_defaults.dropout = 1 must be a number from 0 to below 1"),
    ({"tier_defaults": [3]}, "tier_defaults = [3] must be an object"),
]


@pytest.mark.parametrize(("spec", "line"), STACKS)
def test_a_mistake_is_answered_with_its_place_the_rule_and_a_remedy(spec, line):
    assert lines(spec) == [line]


def test_arguments_are_described_by_the_class_or_by_those_above_it():
    class Wider(FrameRNN):
        """Another RNN over frames.

        Args:
            dim: width of the sum.
        """

        def __init__(self, frame_size: PositiveInt, dim: PositiveInt = 8, taps: int = 1, **kwargs):
            pass

    described = {name: field.description for name, field in constructor_model(Wider).model_fields.items()}
    assert described == {"frame_size": "Samples per step.", "dim": "Width of the sum.", "taps": None}


def test_a_tier_without_a_frame_size_is_refused_by_its_type():
    spec = frames(8)
    spec["tiers"][0] = {"type": "sizeless"}
    assert lines(spec, MORE) == ['tiers.0.type = "sizeless" declares no frame_size; every tier must']


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


def test_tiers_that_differ_in_kind_or_number_are_compared_one_by_one():
    found = differences(parse(frames(8, 2)), parse(frames(8)))
    assert found[:2] == ['tiers.1.type: "frame_rnn" -> "sample_mlp"', "tiers.1.frame_size: 2 -> absent"]
    assert found[-1].startswith('tiers.2: {"type": "sample_mlp"') and found[-1].endswith("-> absent")
