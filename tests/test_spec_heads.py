"""The head of a spec: what is refused, and what it says of the codes."""

import pytest
from spec_parsing import TYPES, lines, parse

from keras_samplernn.spec import parse_spec

MISTAKES = [
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
]


@pytest.mark.parametrize(("spec", "line"), MISTAKES)
def test_a_mistake_is_answered_with_its_place_the_rule_and_a_remedy(spec, line):
    assert lines(spec) == [line]


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
