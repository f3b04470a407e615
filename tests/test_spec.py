"""The spec: what is accepted, what its fields come to, and in what two specs differ."""

import json
import re
from pathlib import Path

import pytest
from spec_parsing import TYPES, parse

from keras_samplernn.conditions.streams import streams_of
from keras_samplernn.model.registry import load_types
from keras_samplernn.spec import differences, load_spec, parse_spec

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.json"))


def test_a_corpus_is_all_a_spec_must_name():
    spec = parse({})
    assert [(tier.type, tier.frame_size) for tier in spec.tiers] == [
        ("frame_rnn", 16),
        ("frame_rnn", 4),
        ("sample_mlp", 1),
    ]
    assert streams_of(spec) == ()
    assert (spec.audio.q_type, spec.training.seq_len, spec.data.valid) == ("mu-law", 1024, None)


def test_whole_numbers_are_numbers_and_editors_may_name_the_schema():
    spec = parse({"$schema": "spec.schema.json", "training": {"learning_rate": 1, "clip_value": None}})
    assert (spec.training.learning_rate, spec.training.clip_value) == (1.0, None)


def test_paths_are_relative_to_the_spec(monkeypatch):
    monkeypatch.setenv("HOME", "/home/bo")
    data = parse({"data": {"train": "../corpus", "valid": "~/held", "test": "/mnt/test"}}).data
    assert (data.train, data.valid, data.test) == tuple(map(Path, ("/home/corpus", "/home/bo/held", "/mnt/test")))


def test_class_names_stand_for_their_numbers():
    (named,) = streams_of(parse({"conditioning": {"classes": ["a", "é b"]}}))
    assert (named.classes, named.named) == (("a", "é b"), True)
    (counted,) = streams_of(parse({"conditioning": {"classes": 3}}))
    assert (counted.classes, counted.named) == (("0", "1", "2"), False)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_loads_and_survives_the_round_trip(path):
    spec = load_spec(path, TYPES)
    assert spec.name == path.stem
    assert spec.data.train == path.parent / "train"
    assert (spec.conditioning is not None) == path.stem.endswith("conditional")
    assert parse_spec(spec.to_json(), "spec.json", TYPES, "/elsewhere") == spec
    assert differences(spec, spec) == []


def test_every_example_loads_with_the_tiers_that_are_installed():
    types = load_types()
    assert [load_spec(path, types).name for path in EXAMPLES] == [path.stem for path in EXAMPLES]


def test_the_examples_have_the_folders_of_the_readme():
    readme = (EXAMPLES[0].parent.parent / "README.md").read_text(encoding="utf-8")
    data = json.loads(re.search(r"```json\n(.*?)```", readme, re.DOTALL)[1])["data"]
    for path in EXAMPLES:
        found = json.loads(path.read_text())["data"]
        assert {name: found[name] for name in data} == data, path.name


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


CHANGES = [
    ({"training": {"seq_len": 256}}, ["training.seq_len: 1024 -> 256"]),
    ({"audio": {"q_type": "linear"}, "name": "b"}, ['name: "samplernn" -> "b"', 'audio.q_type: "mu-law" -> "linear"']),
    (
        {"conditioning": {"classes": 2}},
        ['conditioning: null -> {"classes": 2, "position": true, "neighbours": true, "condi…'],
    ),
    ({"tier_defaults": {"n_rnn": 2}}, ["tiers.0.n_rnn: 1 -> 2", "tiers.1.n_rnn: 1 -> 2"]),
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
            "training.input_noise: 2.0 -> 512.0",
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


def test_a_spec_is_printed_as_its_file_with_all_fields():
    spec = parse({"training": {"learning_rate": 0.25}})
    assert str(spec) == repr(spec) == spec.to_json().rstrip()
    assert json.loads(str(spec.training))["learning_rate"] == 0.25
    assert str(spec.audio).startswith('{\n  "sample_rate": 16000,\n')
