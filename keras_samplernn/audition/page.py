"""The page: one file that asks no other place for anything."""

import base64
import hashlib
import html
import json
from importlib.resources import files
from typing import Any

_HERE = files(__package__)


def page_of(title: str, data: dict[str, Any]) -> bytes:
    """Return the HTML of a page.

    What is in `data` is text to the page, never markup: it is JSON in an element that is no script, and made into text
    nodes. A policy in the page allows its own script and style, and no request.

    Args:
        title: of the window.
        data: what `page.js` reads.
    """
    style, script = (_HERE.joinpath(f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    # No tag and no comment may begin in a script element.
    text = json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c").replace(">", "\\u003e")
    page = _HERE.joinpath("page.html").read_text(encoding="utf-8")
    pieces = {
        "style digest": _digest(style),
        "script digest": _digest(script),
        "title": html.escape(title),
        "style": style,
        "script": script,
        "data": text,
    }
    whole = ""
    for number, piece in enumerate(page.split("{{")):
        name, _, rest = piece.partition("}}") if number else ("", "", piece)
        whole += pieces[name] + rest if number else rest
    return whole.encode()


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
