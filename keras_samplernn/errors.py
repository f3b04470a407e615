"""The error that a user can cause and mend, and helpers for its messages."""

import errno
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")
# What messages of one kind differ in, and how many of a kind are printed in full.
_VALUE, _MOST_OF_A_KIND = re.compile(r'"[^"]*"|[\d.,]+|\S*/\S*|\S*\.\w{2,8}\b'), 3
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

# What only the user can mend: permissions, a full disk, an impossible name. The keys are the words of the system, which
# TensorFlow's errors contain too.
REMEDIES = {
    os.strerror(number): remedy
    for number, remedy in {
        **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "see to its permissions"),
        **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "free space on its disk"),
        errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
        errno.EIO: "see to its disk",
        errno.ENAMETOOLONG: "give a shorter name",
        errno.ELOOP: "mend the links that lead there",
    }.items()
}


class UserError(Exception):
    """An error in something that the user controls: a spec, a file, a folder, an option.

    Args:
        lines: each a whole message: place, value, rule, remedy. Problems that can be found together are raised
            together.
    """

    def __init__(self, *lines: str):
        # Quoted values may contain line feeds and control sequences of terminals.
        self.lines = tuple(_CONTROL.sub(lambda found: repr(found[0])[1:-1], line) for line in lines)
        super().__init__("\n".join(self.lines))


def collect(problems: list[str], function: Callable[..., Result], *arguments: object) -> Result | None:
    """Call a function; if it raises a UserError, add its lines to `problems` and return None."""
    try:
        return function(*arguments)
    except UserError as error:
        problems.extend(error.lines)
        return None


def condensed(lines: Iterable[str]) -> list[str]:
    """Return lines for a reader: of many that say the same of other files the first one, a count and the next names."""
    lines = list(lines)
    places_of_kind: dict[str, list[int]] = {}
    for place, line in enumerate(lines):
        places_of_kind.setdefault(_kind_of(line), []).append(place)
    shown: dict[int, str] = {}
    for first, *others in places_of_kind.values():
        if len(others) < _MOST_OF_A_KIND:
            shown |= {place: lines[place] for place in (first, *others)}
        else:
            names = [Path(lines[place].partition(": ")[0]).name for place in others[:_MOST_OF_A_KIND]]
            more = f"and {len(others):,} more like it: {', '.join(names)}, ..."
            shown[first] = f"{lines[first]} ({more}; --all lists them)"
    return [shown[place] for place in sorted(shown)]


def _kind_of(line: str) -> str:
    """Return what lines of one kind share: the message without values, names of files, and the name at its place."""
    place, _, message = line.partition(": ")
    name = Path(place).name.partition(":")[0]
    # A name may have blanks in it, and then looks like words of the message.
    for part in (name, name.partition(".")[0]):
        message = message.replace(part, "") if part else message
    return _VALUE.sub("", message) or line


def nearest(name: str, names: Iterable[str], shown: Callable[[str], str] = str) -> str:
    """Return `'; did you mean "x"?'` with the name most similar to `name`, as `shown`; empty if none is similar."""
    import difflib  # here, since `--help` answers without it

    matches = difflib.get_close_matches(str(name), list(names), n=1)
    return f'; did you mean "{shown(matches[0])}"?' if matches else ""
