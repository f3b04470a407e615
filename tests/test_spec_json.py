"""The file of a spec: text that is not JSON is answered with line and column."""

import json

import pytest
from spec_parsing import TYPES, frames, lines, parse

from keras_samplernn.errors import UserError
from keras_samplernn.spec import load_spec

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
        "spec.json: tiers.0.frame_size is a whole number beyond 64 bits, which no field takes",
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
        "tiers.0.dim is given more than once; keep one of them",
    ]


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
