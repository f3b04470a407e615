"""Why a condition file cannot be read, and what to do about it: told from all its lines."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from keras_samplernn.text import quote, unquoted

_DELIMITERS = {"\t": "a tab", ";": '";"', ",": '","', "|": '"|"', " ": "a blank"}
_MISSING = {"na", "n/a", "nan", "null", "none", "nil", "#n/a", "?", "-"}
_USUAL_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 192000)
# How far the ratio of two lengths may be from that of two rates: a csv is often some samples longer or shorter.
_RATIO_TOLERANCE = 0.002
_LEAST_SAMPLES, _FEW = 100, 2
_TIME = r"\d+([.,]\d+)?"
_EXCEL_LINES = 1_048_576
# Of the lines below it, so many hold a class in some column; the others may have faults of their own.
_SHARE_BELOW_HEADER = 0.9
_LOOKED_AT = 1000


def why_not_a_class(lines: Sequence[str], value: str, is_class: Callable[[str], bool]) -> str:
    """Return what is wrong with a line, and a remedy; empty if only the line itself tells.

    Args:
        lines: of the file, or its first ones.
        value: what the line holds, without blanks around it.
        is_class: whether a value is a class.
    """
    if value.lower() in _MISSING:
        return f"{quote(value)} stands for a value that is missing; write a class on every line"
    delimiter = next((each for each in _DELIMITERS if each in value), None)
    if delimiter is not None and not (delimiter == " " and not is_class(value.split()[0])):
        return _why_not_columns(lines, value, delimiter, is_class)
    return ""


def why_a_header(lines: Sequence[str], fits: bool, is_class: Callable[[str], bool]) -> str:
    """Return why the first line is not the class of a sample; empty if it is one, or wrong as the lines below it are.

    Args:
        lines: of the file, or its first ones.
        fits: whether the file has one line for each sample of its sound.
        is_class: whether a value is a class.
    """
    first, *others = (line.strip() for line in lines[:_LOOKED_AT])
    if re.fullmatch("sep=.", first):
        return f"{quote(first)} tells Excel the delimiter; remove this line"
    fields = _fields(first)
    if not fields or "\ufffd" in first or any(map(is_class, (first, *fields))) or first.lower() in _MISSING:
        return ""
    if first in others or any(re.match(r"\W*\d", field) for field in fields):
        return ""
    shown = quote(unquoted(first))
    if others and all(map(is_class, others)):
        other = f"{shown} is not a class, but the other lines are"
        if fits:
            return f"{other}, and there is one line for each sample: write the first sample's class in its place"
        return f"{other}: a header? remove it"
    below = sum(is_class(line) or any(map(is_class, _fields(line))) for line in others)
    looks_so = others and not fits and below >= _SHARE_BELOW_HEADER * len(others)
    return f"{shown} is not a class, but most lines below hold one: a header? remove it" if looks_so else ""


def why_another_length(lines: int, samples: int, sample_rate: int, header: bool = False) -> str:
    """Return what a number of lines suggests that is not the number of samples of a sound.

    Args:
        lines: the number of lines, without a header.
        samples: the length of the sound.
        sample_rate: of the sound, in Hz.
        header: whether the file has a header, which is told already.
    """
    if lines == samples + 1 and not header:
        return "1 too many: is the first line a header? (pandas writes one, unless it is given header=False)"
    if lines in (_EXCEL_LINES, _EXCEL_LINES - 1) and lines < samples:  # one less if a header took a line
        return "Excel cuts a file after so many lines: write it with another program"
    if (rate := rate_of_rows(lines, samples, sample_rate)) is not None:
        return f"as many as for {rate} Hz, but the sound has {sample_rate} Hz: write it for the sound's rate"
    difference = lines - samples
    return f"{abs(difference):,} too {'many' if difference > 0 else 'few'}"


def rate_of_rows(rows: int, samples: int, sample_rate: int) -> int | None:
    """Return the usual sample rate, in Hz, at which a sound would have so many samples; None if there is no other.

    Args:
        rows: their number.
        samples: the length of the sound.
        sample_rate: of the sound, in Hz.
    """
    for rate in _USUAL_RATES:
        expected = samples * rate / sample_rate if rate != sample_rate and samples >= _LEAST_SAMPLES else 0
        if expected and abs(rows - expected) < max(_FEW, _RATIO_TOLERANCE * expected):
            return rate
    return None


def _why_not_columns(lines: Sequence[str], value: str, delimiter: str, is_class: Callable[[str], bool]) -> str:
    name = _DELIMITERS[delimiter]
    fields = [field.strip() for field in value.split(delimiter)]
    if fields[-1] == "" and len([field for field in fields if field]) == 1:
        return f"{quote(value)} ends with the delimiter {name}; write the class alone on each line"
    if _is_label_track(lines, delimiter):
        return f"{quote(value)} looks like a line of a label track (begin, end, label); name the file .txt, not .csv"
    if len(lines) == 1 and len(fields) > 2:
        return f"has one line with {len(fields):,} values, with {name} between them; write one value per line"
    if len(fields) == 2 and _counts_up([line.split(delimiter)[0] for line in lines[:_LOOKED_AT]]):
        return (
            f"{quote(value)} has 2 columns, and the first one counts the lines: an index? remove it (pandas:"
            " index=False, header=False)"
        )
    return f"{quote(value)} has {len(fields)} columns, with {name} between them; write the class alone on each line"


def _is_label_track(lines: Sequence[str], delimiter: str) -> bool:
    """Return whether lines are begin, end and perhaps a label of spans, one after another, with `.` or `,` in times."""
    rows = [[field.strip() for field in line.strip().split(delimiter)] for line in lines[:_LOOKED_AT] if line.strip()]
    rows = [row for row in rows if row[0] != "\\"]  # Audacity writes the frequencies of a span in a line of their own
    if not all(len(row) in (2, 3) and re.fullmatch(_TIME, row[0]) and re.fullmatch(_TIME, row[1]) for row in rows):
        return False
    times = [(float(row[0].replace(",", ".")), float(row[1].replace(",", "."))) for row in rows]
    follows = [(begin, later) for (begin, _), (later, _) in pairwise(times)]
    if any(begin > end for begin, end in times) or any(begin > later for begin, later in follows):
        return False
    if not all(len(row) == 3 for row in rows):  # or these may be columns of times and classes
        apart = all(end <= later for (_, end), (later, _) in pairwise(times))
        return apart and all(re.search("[.,]", time) for row in rows for time in row[:2])
    grows = follows and all(begin < later for begin, later in follows)
    return bool(grows or any(re.search("[.,]", row[0] + row[1]) or not re.fullmatch(_TIME, row[2]) for row in rows))


def _fields(line: str) -> list[str]:
    return re.findall(r"[^\t;,| ]+", line)


def _counts_up(values: Sequence[str]) -> bool:
    """Return whether values, a header aside, are numbers that grow by 1."""
    numbers = [int(value.strip('" ')) if value.strip('" ').isdecimal() else None for value in values[1:]]
    return len(numbers) > 1 and None not in numbers and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
