"""The words of a performer: one vocabulary for lines of text, OSC and MIDI."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import TypeAdapter, ValidationError

from keras_samplernn.conditions.streams import NONE, ClassesStream, Stream, Streams, describe_classes
from keras_samplernn.errors import UserError, nearest
from keras_samplernn.generation.deeds import MOST_TEMPERATURE, Deed
from keras_samplernn.generation.values import values_of

MOST_LENGTH = 1000
"""Characters of a line; what is longer is no word of a performer."""
QUIT, PRIME, SET = "quit", "prime", "set"
_VALUES = {
    "temperature": f"a number from 0 to {MOST_TEMPERATURE}",
    "seed": "a whole number",
    PRIME: "the path of a sound",
    "snapshot": "a name",
    "restore": "the name of a snapshot",
    "mute": "on or off, or nothing for on",
    "reset": None,
    QUIT: None,
}
WORDS = (*_VALUES, SET)
_SWITCH = {"": True, "on": True, "off": False, "1": True, "0": False}
_VOICE = re.compile(r"(\d{1,4})\s*:\s*(.*)", re.DOTALL)
_NAME = re.compile(r"[\w.-]{1,64}")
_DEED = TypeAdapter(Deed)


class Setting(NamedTuple):
    """A value of a stream: a class number or a number, NONE or NaN for none."""

    stream: Stream
    value: float


class Priming(NamedTuple):
    """A recording to go on from, which must be read first."""

    path: Path


class Quit(NamedTuple):
    """The end of the performance."""


Asked = Setting | Priming | Quit | Deed


class Message(NamedTuple):
    """What was asked for, and of which voice, from 0; None: of all."""

    voice: int | None
    asked: Any


def read_line(line: str, streams: Streams, voices: int) -> Message | None:
    """Read a line of text, as `class 3`, `2: pitch c4`, `temperature 0.9` or `quit`; None: it is blank.

    Args:
        line: with or without its end.
        streams: of the model.
        voices: number of voices; a line may begin with the number of one, from 1, and a colon.

    Raises:
        UserError: one line.
    """
    if len(line) > MOST_LENGTH:
        raise UserError(f'"{line[:20]}...": has {len(line):,} characters; a line has {MOST_LENGTH:,} at most')
    line, voice = line.strip(), None
    if found := _VOICE.fullmatch(line):
        voice, line = read_voice(int(found[1]), voices), found[2]
    if not line:
        return None
    word, _, value = line.partition(" ")
    return Message(voice, read_words(word, value.strip(), streams))


def read_voice(number: int, voices: int) -> int:
    """Return a voice, from 0, by its number, from 1."""
    if not 1 <= number <= voices:
        raise UserError(f"{number}: is no voice; voices are 1 to {voices}")
    return number - 1


def read_words(word: str, value: str, streams: Streams) -> Asked:
    """Return what a word and its value ask for.

    `set STREAM VALUE` is `STREAM VALUE` for a stream that has the name of another word.

    Raises:
        UserError: one line.
    """
    if word == SET:
        word, _, value = value.partition(" ")
        return _setting(word, value.strip(), streams)
    if word not in _VALUES:
        return _setting(word, value, streams)
    expected = _VALUES[word]
    if expected is None and value:
        raise UserError(f'{word}: takes no value, and was given "{value:.40}"')
    if expected and not value and word != "mute":
        raise UserError(f"{word}: needs {expected}")
    match word:
        case "quit":
            return Quit()
        case "prime":
            return Priming(Path(value))
        case "reset":
            return _DEED.validate_python({"do": word})
        case "mute":
            given = _SWITCH.get(value.lower())
        case "temperature":
            given = _number(value)
        case "seed":
            given = int(value) if re.fullmatch(r"[+-]?\d{1,20}", value) else None
        case _:
            given = value if _NAME.fullmatch(value) else None
    try:
        return _DEED.validate_python({"do": word, "value": given})
    except ValidationError:
        raise UserError(f'{word} "{value:.40}": give {expected}') from None


def _setting(name: str, value: str, streams: Streams) -> Setting:
    stream = next((stream for stream in streams if stream.name == name), None)
    if stream is None:
        known = [*(stream.name for stream in streams), *WORDS]
        raise UserError(f'"{name:.40}": is no word{nearest(name[:100], known)}; words are {", ".join(known)}')
    if not value:
        raise UserError(f"{name}: needs {_values(stream)}")
    if value == "none" and not (isinstance(stream, ClassesStream) and "none" in stream.classes):
        return Setting(stream, NONE if isinstance(stream, ClassesStream) else np.nan)
    if isinstance(stream, ClassesStream):
        given: Any = int(value) if value.isascii() and value.isdecimal() and value not in stream.classes else value
        if not stream.named and not isinstance(given, int):
            given = int(value) if value in stream.classes else value
        return Setting(stream, int(values_of(given, stream, name)))
    number = _number(value)
    if number is None:
        raise UserError(f'{name} "{value:.40}": give {_values(stream)}')
    return Setting(stream, float(np.float32(number)))


def _number(text: str) -> float | None:
    """Return a finite number, or None if the text is none."""
    if len(text) > 40 or not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,2})?", text, re.IGNORECASE | re.ASCII):
        return None
    return float(text)


def _values(stream: Stream) -> str:
    if isinstance(stream, ClassesStream):
        return f"a class, {describe_classes(stream)}, or none"
    return f"a number from {stream.low:g} to {stream.high:g}, or none"


def help_lines(streams: Sequence[Stream]) -> list[str]:
    """Return the words that a performer may say, a line each."""
    lines = [f"{stream.name} VALUE: {_values(stream)}" for stream in streams]
    return [*lines, *(f"{word}: {expected}" if expected else word for word, expected in _VALUES.items())]
