"""From the text of a spec to plain values; stricter than most JSON parsers."""

import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import Any

from keras_samplernn.errors import UserError
from keras_samplernn.spec.wording import place_of

DEEPEST = 16
# Curly, angled, low, primes, wide, accents: what editors and keyboards write in place of straight quotes.
_ODD_QUOTES = frozenset(
    "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u00bb\u2039\u203a\u2032\u2033\u2035\u2036\u301d\u301e\u301f\uff02\uff07`\u00b4"
)


class _Object(dict):
    """A JSON object that remembers the keys that it was given more than once."""

    def __init__(self, pairs: list[tuple[str, Any]]):
        super().__init__(pairs)
        self.repeated = [key for key, times in Counter(key for key, _ in pairs).items() if times > 1]


def read_json(text: str, place: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Parse one JSON object.

    Returns:
        The object, and a message for each place in it that holds a repeated key or a number that is not finite.

    Raises:
        UserError: the text is not JSON, not an object, nested too deeply or holds characters that no text may hold.
    """
    try:
        value = json.loads(text, object_pairs_hook=_Object)
    except json.JSONDecodeError as error:
        raise UserError(f"{place}:{error.lineno}:{error.colno}: {_why_not_json(text, error)}") from None
    except RecursionError:
        raise UserError(f"{place}: objects are nested too deeply; a spec needs at most {DEEPEST}") from None
    except ValueError:  # Python refuses to convert integers of thousands of digits
        raise UserError(f"{place}: holds a whole number with thousands of digits") from None
    if not isinstance(value, dict):
        raise UserError(f"{place}: a spec is one JSON object, in braces {{ }}")
    problems = {}
    for path, node in _walk(value, ()):
        where = place_of(path)
        if len(path) > DEEPEST:
            raise UserError(f"{place}: objects are nested too deeply; a spec needs at most {DEEPEST}")
        if isinstance(node, str) and re.search("[\0\ud800-\udfff]", node):
            raise UserError(f"{place}: {where} holds \\u0000 or half a surrogate pair, which no text may hold")
        if isinstance(node, int) and abs(node) >= 2**63:
            raise UserError(f"{place}: {where} is a whole number beyond 64 bits, which no field takes")
        if isinstance(node, float) and not math.isfinite(node):
            problems[where] = f"{where} is not a finite number; NaN, Infinity and overflows are refused"
        for key in getattr(node, "repeated", ()):
            inner = place_of((*path, key))
            problems[inner] = f"{inner} is given more than once; keep one of them"
    return value, problems


def _walk(value: Any, path: tuple) -> Iterator[tuple[tuple, Any]]:
    """Yield every key and value with its path, down to one level below the deepest that is allowed."""
    yield path, value
    if len(path) > DEEPEST:
        return
    if isinstance(value, dict):
        for key, child in value.items():
            yield (*path, key), key
            yield from _walk(child, (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _walk(child, (*path, index))


def _why_not_json(text: str, error: json.JSONDecodeError) -> str:
    """Say in plain words what is wrong at the position where parsing stopped."""
    before, after = text[: error.pos].rstrip(), text[error.pos :].lstrip(" \t\n\r")
    if not text.strip():
        return "the file is empty; a spec is one JSON object, in braces { }"
    if text.startswith("{\\rtf"):
        return "this is the RTF of a word processor; save it as plain text"
    if error.msg.startswith("Extra data"):
        return "there is text after the end of the spec; a file holds one object"
    if odd := _odd_quote_in_string(text, error):
        return f'a string in "..." holds {odd}: if that is to close it, write a straight one: "'
    if error.msg.startswith("Unterminated string"):
        return "a string is not closed; it ends with a double quote"
    if error.msg.startswith("Invalid control character"):
        return _why_no_control_character(text[error.pos])
    if error.msg.startswith("Invalid \\"):
        return "a backslash is followed by a letter that it cannot escape; write \\\\ for a backslash"
    if not after:
        return "the file ends before the spec does; a bracket } or ] is missing"
    if (after[0] in "}]" and before.endswith(",")) or error.msg.startswith("Illegal trailing comma"):
        return "there is a comma before a closing bracket; remove it"
    if why := _why_no_character(after[0]):
        return why
    if literal := re.match("(?i:true|false|none|null)\\b", after):
        right = literal[0].lower().replace("none", "null")
        return f"{literal[0]} is written {right} in JSON"
    if "',' delimiter" in error.msg:
        return "a comma is missing before this, or a bracket } or ]"
    if "':' delimiter" in error.msg:
        return "a colon is missing between a key and its value"
    if "property name" in error.msg:
        return "a key in double quotes is expected here"
    return "a value is expected here: a string in double quotes, a number, true, false, null, an object or a list"


def _odd_quote_in_string(text: str, error: json.JSONDecodeError) -> str:
    """Return the typographic quote in a string that runs on, be it up to the quote that should begin the next one."""
    before, after = text[: error.pos].rstrip(), text[error.pos :]
    if error.msg.startswith("Unterminated string"):
        string = after
    elif error.msg.startswith("Invalid control character"):
        string = text[text.rfind('"', 0, error.pos) : error.pos]
    elif before.endswith('"') and not after.startswith(('"', "\\")):
        string = before[before.rfind('"', 0, -1) :]
    else:
        return ""
    return next((character for character in string if character in _ODD_QUOTES), "")


def _why_no_control_character(character: str) -> str:
    if character in "\r\n":
        return "a string runs over the end of its line; close its double quotes or write \\n"
    if character == "\t":
        return "a string holds a tab; write \\t, or a blank"
    return f"a string holds the control character U+{ord(character):04X}; remove it"


def _why_no_character(character: str) -> str:
    """Say why a character stands nowhere in JSON outside strings; empty if it may."""
    if character == "'":
        return "strings and keys need double quotes, not single ones"
    if character in _ODD_QUOTES:
        return 'typographic quotes; strings and keys need straight ones: "'
    if character in "/#":
        return "JSON has no comments; remove it"
    plain = unicodedata.normalize("NFKC", character)
    name = f"U+{ord(character):04X} ({unicodedata.name(character, 'a control character').lower()})"
    if character.isspace() or unicodedata.category(character) in ("Cf", "Cc"):
        return f"{name} is not a blank in JSON; write a plain one, or remove it"
    return f"{name} is not read in JSON; write {plain}" if plain != character and plain in ",:{}[]" else ""
