"""The page that goes by the message quotes messages that the program has."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "troubleshooting.md"
QUOTED = re.findall(r"^    (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def texts():
    """Return every constant text of the program, with those between the values of an f-string joined by `…`."""
    found = set()
    for path in (ROOT / "keras_samplernn").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.add("".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def test_the_page_quotes_messages():
    assert len(QUOTED) >= 25
    assert len(set(QUOTED)) == len(QUOTED)


@pytest.mark.parametrize("message", QUOTED)
def test_every_quoted_message_is_in_the_source(message, texts):
    stems = [stem for stem in message.split("…") if stem.strip(' :;,."()')]
    pattern = re.compile(".*?".join(map(re.escape, stems)), re.DOTALL)
    assert any(pattern.search(text) for text in texts), message
