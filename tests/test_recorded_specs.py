"""A spec that a run has recorded means for ever what it did, whatever is filled into a spec that a user writes."""

import json
from pathlib import Path

import pytest

from keras_samplernn.model.registry import load_types
from keras_samplernn.spec import parse_spec
from keras_samplernn.spec.presets import PRESETS
from keras_samplernn.spec.recorded import FIELDS_OF_0_1_0, is_recorded

OLDER = Path(__file__).with_name("older_runs") / "0.1.0/run/spec.json"


def parsed(raw):
    return parse_spec(json.dumps(raw), "spec.json", load_types(), "/home")


@pytest.fixture
def recorded():
    """What 0.1.0 recorded of a run."""
    return json.loads(OLDER.read_text())


def test_the_fields_that_tell_a_recorded_spec_are_those_that_0_1_0_wrote(recorded):
    assert {section: set(recorded[section]) for section in FIELDS_OF_0_1_0} == FIELDS_OF_0_1_0
    assert {key for key, fields in recorded.items() if isinstance(fields, dict)} == {*FIELDS_OF_0_1_0, "conditioning"}


def test_fields_that_0_1_0_did_not_know_are_off(recorded):
    spec = parsed(recorded)
    training = spec.training
    assert (training.input_noise, training.ema_decay, training.input_dropout, training.weight_decay) == (0, 0, 0, 0)
    assert (training.own_continuations, training.remat_samples) == (0, None)
    assert (spec.conditioning.position, spec.conditioning.neighbours, spec.conditioning.dropout) == (False, False, 0)
    assert [(tier.config["condition_dim"], tier.config["overlap"]) for tier in spec.tiers[:-1]] == [(0, 0)] * 2
    assert (spec.head.type, spec.audio.preemphasis, spec.data.balance) == ("softmax", 0, 0)


def test_what_it_says_is_what_it_means(recorded):
    spec = json.loads(parsed(recorded).to_json())
    for section, fields in recorded.items():
        if section == "tiers":
            assert all(own.items() <= tier.items() for own, tier in zip(fields, spec["tiers"], strict=True))
        elif section != "data":  # paths are absolute in it
            assert isinstance(fields, str) or fields.items() <= spec[section].items()


@pytest.mark.parametrize("preset", PRESETS)
def test_what_this_version_records_is_recorded(preset):
    """So that fields which come later are off in it too."""
    raw = json.loads(parsed({"data": {"train": "train"}, "preset": preset}).to_json())
    for section, field in (("training", "ema_decay"), ("training", "input_noise")):
        del raw[section][field]
    assert (parsed(raw).training.ema_decay, parsed(raw).training.input_noise) == (0, 0)


@pytest.mark.parametrize("section", [*FIELDS_OF_0_1_0, "name", "conditioning", "tiers"])
def test_a_spec_that_leaves_out_what_0_1_0_knew_is_a_users(recorded, section):
    for key in FIELDS_OF_0_1_0.get(section, [None]):
        raw = json.loads(json.dumps(recorded))
        raw[section].pop(key) if key else raw.pop(section)
        assert is_recorded(recorded) and not is_recorded(raw), key
    del recorded["name"]
    assert parsed(recorded).training.ema_decay == PRESETS["small"]["training"]["ema_decay"]


def test_a_preset_is_asked_for_by_a_user(recorded):
    assert parsed(recorded | {"preset": "small"}).training.ema_decay == 0.999
