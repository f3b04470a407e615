"""The condition streams of a spec: what is refused."""

import pytest
from command_line import write_spec
from score_home import PITCH, streams
from spoiling import refused

SPECS = {
    "a stream of both kinds": (
        streams(p={"classes": 2, "number": {"low": 0, "high": 1}}),
        'conditioning.streams.p = {"classes": 2, "number": {"low": 0, "high": 1}}: has both classes and a number; give'
        " one of the two",
    ),
    "a stream of neither kind": (
        streams(p={}),
        "conditioning.streams.p = {}: has neither classes nor a number; give one of the two",
    ),
    "a field that is misspelt": (
        streams(p={"clases": 2}),
        'conditioning.streams.p.clases is not a field of conditioning.streams.p; did you mean "classes"?',
    ),
    "the position in a number": (
        streams(p={"number": {"low": 0, "high": 1}, "position": True}),
        'conditioning.streams.p = {"number": {"low": 0, "high": 1}, "position": true}: position belongs to a stream of'
        " classes; remove it",
    ),
    "a range that does not rise": (
        streams(p={"number": {"low": 1, "high": 1}}),
        'conditioning.streams.p.number = {"low": 1, "high": 1}: low = 1 is not below high = 1',
    ),
    "a range without an end": (
        streams(p={"number": {"low": 1}}),
        "conditioning.streams.p.number.high is missing; give a number",
    ),
    "a range of text": (
        streams(p={"number": {"low": "a", "high": 1}}),
        'conditioning.streams.p.number.low = "a" must be a number',
    ),
    "too many streams": (
        streams(**{f"s{number}": {"classes": 2} for number in range(17)}),
        'conditioning.streams = {"s0": {"classes": 2}, "s1": {"classes": 2}, "s2": {"classe… must be an object with 1'
        " to 16 entries or null",
    ),
    "no streams": (streams(), "conditioning.streams = {} must be an object with 1 to 16 entries or null"),
    "a name in capitals": (
        streams(P={"classes": 2}),
        "conditioning.streams.P: the name must be 1 to 40 small letters, digits or underscores, the first a letter",
    ),
    "a name of two words": (
        streams(**{"a b": {"classes": 2}}),
        'conditioning.streams["a b"]: the name must be 1 to 40 small letters, digits or underscores, the first a'
        " letter",
    ),
    "a name that means a time": (
        streams(start={"classes": 2}),
        'conditioning = {"classes": null, "streams": {"start": {"classes": 2}}}: stream "start" has the name of a'
        " column of times in a csv; choose another name",
    ),
    "gaps that are no class": (
        streams(p=PITCH | {"gaps": "c5"}),
        'conditioning.streams.p = {"classes": ["c4", "e4", "g4"], "gaps": "c5"}: gaps = "c5" is not a class; classes'
        " are c4, e4, g4",
    ),
    "gaps that are out of range": (
        {"gaps": 3},
        'conditioning = {"classes": 3, "gaps": 3}: gaps = 3 is not a class; classes are 0, 1, 2',
    ),
    "classes and streams": (
        {"classes": 2, "streams": {"p": {"classes": 2}}},
        'conditioning = {"classes": 2, "streams": {"p": {"classes": 2}}}: has both classes and streams; give one of the'
        " two",
    ),
    "neither classes nor streams": (
        {"classes": None},
        'conditioning = {"classes": null}: has neither classes nor streams; give one of the two',
    ),
    "a field of classes beside streams": (
        streams(p={"classes": 2}) | {"neighbours": True},
        'conditioning = {"classes": null, "streams": {"p": {"classes": 2}}, "neighb…: neighbours belongs to a stream'
        " of classes; move it into one",
    ),
    "a share of more than all": (
        {"condition_dropout": 1.5},
        "conditioning.condition_dropout = 1.5 must be a number from 0 to 1 or null",
    ),
    "a share of less than nothing": (
        streams(p=PITCH) | {"lookahead_dropout": -0.1},
        "conditioning.lookahead_dropout = -0.1 must be a number from 0 to 1",
    ),
    "another source of a class": (
        {"from": "folders"},
        'conditioning.from = "folders" must be "file" or "folder"; did you mean "folder"?',
    ),
}


@pytest.mark.parametrize("kind", SPECS)
def test_streams_that_are_wrong_in_a_spec_are_refused(tmp_path, kind):
    conditioning, line = SPECS[kind]
    write_spec(tmp_path, conditioning=conditioning)
    refused("check spec.json", tmp_path, f"spec.json: {line}")
