"""Whatever stands in a csv, an index or a spec: it is read rightly, or refused as the user's error."""

import copy
import json
import math
import unicodedata

import pytest
from command_line import SPEC
from condition_files import read_classes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keras_samplernn.data.index import read_index
from keras_samplernn.errors import UserError
from keras_samplernn.model.registry import load_types
from keras_samplernn.spec import parse_spec

LONGEST_MESSAGE = 1000
NAMES = ("rain", "door", "Türe", "7th")  # in NFC

numbers = st.one_of(
    st.integers(-3, 12).map(str),
    st.sampled_from(
        ["1.0", "2.", ".0", "1e0", "20e-1", "+1", "-0", "00", "0x1", "1_0", "nan", "inf", "1.5", "1,0", "٣"]
    ),
    st.floats(allow_nan=True).map(repr),
)
words = st.one_of(st.sampled_from([*NAMES, " rain ", "RAIN", "rain door", '"rain"', ""]), st.text(max_size=4))
lines = st.lists(st.tuples(st.one_of(numbers, words), st.sampled_from(["", " ", "\t", "\r"])).map("".join), max_size=12)
csv_bytes = st.one_of(
    st.tuples(st.sampled_from(["\r", "\n", "\r\n"]), lines).map(
        lambda parts: parts[0].join(parts[1]).encode("utf-16", errors="surrogatepass")
    ),
    st.tuples(st.sampled_from("\"' "), lines).map(
        lambda parts: "\r".join(f"{parts[0]}{line}{parts[0]}" for line in parts[1]).encode(errors="surrogatepass")
    ),
    st.tuples(st.sampled_from([b"", b"\xef\xbb\xbf"]), lines, st.sampled_from([b"", b"\n", b"\r\n", b"\n\n  \n"])).map(
        lambda parts: parts[0] + "\n".join(parts[1]).encode(errors="surrogatepass") + parts[2]
    ),
    st.binary(max_size=40),
    st.lists(st.integers(0, 5), max_size=200).map(lambda values: "".join(f"{value}\n" for value in values).encode()),
)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.just(2_000_000_000)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=12), inner, max_size=3)),
    max_leaves=6,
)


def fuzzed(rounds, full):
    """Return Hypothesis' settings: the same examples every time, and as many as are asked for."""
    return settings(
        max_examples=rounds(300, full),
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def naive_conditions(content, classes):
    """Return the classes of a csv, or None where a line is none: the rules as docs/data.md has them, one by one."""
    names = () if isinstance(classes, int) else classes
    count = classes if isinstance(classes, int) else len(classes)
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            content = content.decode("utf-16").encode()
        except UnicodeError:
            return None
    elif 0 in content[:1000]:
        return None
    text = content.removeprefix(b"\xef\xbb\xbf").rstrip()
    while b"\r\n" in text or b"\n\r" in text:
        text = text.replace(b"\r\n", b"\n").replace(b"\n\r", b"\n")
    text = text.replace(b"\r", b"\n")
    conditions = []
    for line in text.split(b"\n") if text else ():
        try:
            value = line.decode().strip()
        except UnicodeDecodeError:
            return None
        for quote in "\"'":
            if value.count(quote) == 2 and value[0] == value[-1] == quote:
                value = value[1:-1].strip()
                break
        value = unicodedata.normalize("NFC", value)
        if value in names:
            conditions.append(names.index(value))
            continue
        try:
            number = float(value) if value.isascii() and "_" not in value else math.nan
        except ValueError:
            return None
        if not number.is_integer() or not 0 <= number < count:
            return None
        conditions.append(int(number))
    return conditions


def refusal(function, *arguments):
    """Return what a function gives, or None where it raised a UserError in lines of bearable length."""
    try:
        return function(*arguments)
    except UserError as error:
        assert error.lines
        assert all(0 < len(line) < LONGEST_MESSAGE and "\n" not in line for line in error.lines)
        return None


@pytest.mark.parametrize("classes", [3, NAMES], ids=["numbers", "names"])
def test_a_csv_is_read_as_the_naive_reader_reads_it(tmp_path, rounds, tally, classes):
    path, agreed = tmp_path / "any.csv", 0

    @fuzzed(rounds, 10_000)
    @given(csv_bytes)
    def check(content):
        nonlocal agreed
        path.write_bytes(content)
        seen, expected = refusal(read_classes, path, classes), naive_conditions(content, classes)
        assert (None if seen is None else seen.tolist()) == expected
        agreed += 1

    check()
    tally("csv, index and spec fuzz", f"csv of {'numbers' if classes == 3 else 'names'}, as the naive reader", agreed)


def test_an_index_is_read_or_refused(tmp_path, rounds, tally):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("a.csv", "b.csv", "B.csv", "deep/a.csv", "deep/c.csv", "Ä.csv", "ä.csv", "7"):
        (tmp_path / "in" / name).write_text("0\n")
    known = ["a.csv", "b.csv", "B.csv", "deep/a.csv", "deep/c.csv", "Ä.csv", "ä.csv", "../in/a.csv", "deep", "7", "8"]
    known.append(str(tmp_path / "in/b.csv"))
    entries = st.lists(
        st.one_of(st.sampled_from([*known, "", " ", "..", "/", "a.csv\0", "\x1b[2J"]), st.text(max_size=9))
    )
    index, done = tmp_path / "in" / "index.txt", 0

    @fuzzed(rounds, 10_000)
    @given(st.one_of(entries.map(lambda each: "\n".join(each).encode(errors="surrogatepass")), st.binary(max_size=30)))
    def check(content):
        nonlocal done
        index.write_bytes(content)
        files = refusal(read_index, index, NAMES, problems := [])
        assert all(0 < len(line) < LONGEST_MESSAGE and "\n" not in line for line in UserError(*problems).lines)
        if files is not None:
            assert files or problems
            assert all(file.is_file() for file in files)
            assert len({file.stem.casefold() for file in files}) == len(files)
        done += 1

    check()
    tally("csv, index and spec fuzz", "indexes, read or refused", done)


def test_a_spec_is_read_or_refused_and_what_is_read_is_written_the_same(rounds, tally):
    types, done = load_types(), 0
    places = [()]
    for section, fields in SPEC.items():
        places.append((section,))
        if isinstance(fields, dict):
            places += [(section, key) for key in [*fields, "seed", "precision", "q_type", "surprise"]]
    places += [
        ("tiers", number, key) for number in range(3) for key in ("type", "frame_size", "dim", "n_rnn", "window")
    ]

    @fuzzed(rounds, 10_000)
    @given(st.lists(st.tuples(st.sampled_from(places), json_values), min_size=1, max_size=3))
    def check(changes):
        nonlocal done
        document = copy.deepcopy(SPEC)
        for path, value in changes:
            inner = document
            try:
                for key in path[:-1]:
                    inner = inner[key]
                if path:
                    inner[path[-1]] = value
                else:
                    document = value
            except (KeyError, IndexError, TypeError):
                continue
        spec = refusal(parse_spec, json.dumps(document), "spec.json", types, ".")
        assert spec is None or parse_spec(spec.to_json(), "spec.json", types, ".") == spec
        done += 1

    check()
    tally("csv, index and spec fuzz", "specs, read or refused", done)


def test_a_spec_of_any_text_is_read_or_refused(rounds, tally):
    types, done = load_types(), 0
    pieces = st.sampled_from(
        ['{"', '"}', "[", "]", "{", "}", ":", ",", '"tiers"', "1e999", "NaN", "\\u0000", "\ud800", "//"]
    )

    @fuzzed(rounds, 10_000)
    @given(st.one_of(st.text(max_size=60), st.lists(st.one_of(pieces, st.text(max_size=5)), max_size=30).map("".join)))
    def check(text):
        nonlocal done
        refusal(parse_spec, text, "spec.json", types, ".")
        done += 1

    check()
    tally("csv, index and spec fuzz", "texts as specs, read or refused", done)
