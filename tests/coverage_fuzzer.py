"""Looks for bytes that a reader fails on, led by the lines of code that they reach.

    python coverage_fuzzer.py csv|index|spec SECONDS

Ends with status 0 where every input was read or refused as the user's error; a csv is held against the naive reader.
"""

import os
import sys
import tempfile
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import atheris

with atheris.instrument_imports(
    include=[f"keras_samplernn.{module}" for module in ("conditions.readers", "data.index", "text", "spec")]
):
    from condition_files import read_classes

    from keras_samplernn.data.index import read_index
    from keras_samplernn.spec import parse_spec

from test_fuzz import NAMES, naive_conditions, refusal

from keras_samplernn.model.registry import load_types

FOLDER = Path(tempfile.mkdtemp())
EXAMPLE = Path(__file__).parent.parent / "examples" / "three_tier_conditional.json"


def read_csv(content: bytes) -> None:
    """Hold both kinds of classes against the naive reader."""
    path = FOLDER / "any.csv"
    path.write_bytes(content)
    for classes in (3, NAMES):
        seen = refusal(read_classes, path, classes)
        assert (None if seen is None else seen.tolist()) == naive_conditions(content, classes), content


def read_any_index(content: bytes) -> None:
    """Read an index that may list two files."""
    path = FOLDER / "index.txt"
    path.write_bytes(content)
    refusal(read_index, path, NAMES, [])


def read_spec(content: bytes) -> None:
    """Read a spec; one that is valid is the same when it is written and read again."""
    spec = refusal(parse_spec, content.decode(errors="replace"), "spec.json", TYPES, ".")
    assert spec is None or parse_spec(spec.to_json(), "spec.json", TYPES, ".") == spec, content


TYPES = load_types()
READERS = {
    "csv": (read_csv, b"0\n1\nrain\n"),
    "index": (read_any_index, b"a.csv\nb.csv\n"),
    "spec": (read_spec, EXAMPLE.read_bytes()),
}


def main(kind: str, seconds: str) -> None:
    """Fuzz one reader for so many seconds."""
    reader, seed = READERS[kind]
    corpus = FOLDER / "corpus"
    corpus.mkdir()
    (corpus / "seed").write_bytes(seed)
    for name in ("a.csv", "b.csv"):
        (FOLDER / name).write_text("0\n")
    options = [f"-max_total_time={seconds}", "-max_len=4096", "-rss_limit_mb=4096", f"-artifact_prefix={FOLDER}/"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], reader)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
