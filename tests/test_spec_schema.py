"""The hints of a tier's constructor are its schema; the schema and the reference have every field."""

import pytest
from spec_parsing import MORE, TYPES, frames, lines, parse

from keras_samplernn.spec import parse_spec, spec_reference, spec_schema

STRANGERS = [
    ({"taps": [1, "2"]}, 'tiers.1.taps.1 = "2" must be a whole number'),
    ({"taps": 3}, "tiers.1.taps = 3 must be a list of values, each a whole number"),
    ({"kernel": 3}, "tiers.1.kernel = 3: a kernel has an even width"),
    ({"step": 9}, "tiers.1.step = 9 must be a whole number that is a multiple of 8"),
    ({"options": 3}, "tiers.1.options = 3 must be an object or null"),
    ({"options": {"a": "b"}}, 'tiers.1.options.a = "b": it must be a valid integer'),
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
