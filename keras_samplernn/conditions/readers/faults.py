"""Why a condition file cannot be read, and what to do about it: told from all its lines."""

import re
from collections.abc import Callable, Sequence

from keras_samplernn.text import quote

_DELIMITERS = {"\t": "a tab", ";": '";"', ",": '","', "|": '"|"', " ": "a blank"}
_MISSING = {"na", "n/a", "nan", "null", "none", "nil", "#n/a", "?", "-"}
_USUAL_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 192000)
# How far the ratio of two lengths may be from that of two rates: a csv is often some samples longer or shorter.
_RATIO_TOLERANCE = 0.002
_LEAST_SAMPLES = 1000
_SECONDS = r"\d+(\.\d+)?"
_EXCEL_LINES = 1_048_576
_LOOKED_AT = 1000


def why_not_a_class(lines: Sequence[str], number: int, value: str, is_class: Callable[[str], bool]) -> str:
    """Return what is wrong with a line, and a remedy; empty if only the line itself tells.

    Args:
        lines: of the file, or its first ones.
        number: of the line, from 1.
        value: what the line holds, without blanks around it.
        is_class: whether a value is a class.
    """
    if value.lower() in _MISSING:
        return f"{quote(value)} stands for a value that is missing; write a class on every line"
    delimiter = next((each for each in _DELIMITERS if each in value), None)
    if delimiter is not None and not (delimiter == " " and not is_class(value.split()[0])):
        return _why_not_columns(lines, value, delimiter, is_class)
    others = [line.strip() for line in lines[1:_LOOKED_AT]]
    if number == 1 and others and all(map(is_class, others)):
        return f"{quote(value)} is not a class, but the other lines are: a header? remove it"
    return ""


def why_another_length(lines: int, samples: int, sample_rate: int, header: bool = False) -> str:
    """Return what a number of lines that is not the number of samples of a sound suggests.

    Args:
        lines: of the file, its header aside.
        samples: of the sound.
        sample_rate: of the sound, in Hz.
        header: whether the file has one.
    """
    if lines == samples + 1 and not header:
        return "1 too many: is the first line a header? (pandas writes one, unless it is given header=False)"
    if lines + header == _EXCEL_LINES:
        return "Excel cuts a file after so many lines: write it with another program"
    for rate in _USUAL_RATES:
        if samples >= _LEAST_SAMPLES and abs(lines * sample_rate / (samples * rate) - 1) < _RATIO_TOLERANCE:
            return f"as many as for {rate} Hz, but the sound has {sample_rate} Hz: write it for the sound's rate"
    difference = lines - samples
    return f"{abs(difference):,} too {'many' if difference > 0 else 'few'}"


def _why_not_columns(lines: Sequence[str], value: str, delimiter: str, is_class: Callable[[str], bool]) -> str:
    name = _DELIMITERS[delimiter]
    fields = [field.strip() for field in value.split(delimiter)]
    if len(lines) == 1 and len(fields) > 2:
        return f"has one line with {len(fields):,} values, with {name} between them; write one value per line"
    if fields[-1] == "" and len([field for field in fields if field]) == 1:
        return f"{quote(value)} ends with the delimiter {name}; write the class alone on each line"
    begin, end, label = (re.fullmatch(_SECONDS, field) for field in (*fields, "", "", "")[:3])
    if len(fields) > 2 and begin and end and not label and float(begin[0]) <= float(end[0]):
        return f"{quote(value)} looks like a line of a label track (begin, end, label); write one class for each sample"
    if len(fields) == 2 and _counts_up([line.split(delimiter)[0] for line in lines[:_LOOKED_AT]]):
        return (
            f"{quote(value)} has 2 columns, and the first one counts the lines: an index? remove it (pandas:"
            " index=False, header=False)"
        )
    return f"{quote(value)} has {len(fields)} columns, with {name} between them; write the class alone on each line"


def _counts_up(values: Sequence[str]) -> bool:
    """Return whether values, a header aside, are numbers that grow by 1."""
    numbers = [int(value.strip('" ')) if value.strip('" ').isdecimal() else None for value in values[1:]]
    return len(numbers) > 1 and None not in numbers and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
