"""Which files are held out so that every class is trained on and validated."""

from collections.abc import Collection, Hashable, Mapping
from typing import NamedTuple

# A shorter sound says little of how well its class is learned.
_LEAST_SECONDS = 1.0


class File(NamedTuple):
    """A sound that may be held out.

    Attributes:
        seconds: its length.
        classes: what occurs in it.
    """

    seconds: float
    classes: frozenset[Hashable]


def cover_classes(files: Mapping[str, File], held_out: Collection[str]) -> set[str]:
    """Return the files to hold out: those given, but that each class of two files or more is on both sides.

    A class of one file is trained on. Where a class has no file held out, or more than half of its sound, it gets the
    shortest one that has a second; rare classes come first. Of a class whose files have others in them, that may not be
    possible. The same files give the same choice, in any order.

    Args:
        files: all of them, by name.
        held_out: names of some.
    """
    held = {*held_out}
    of_class: dict[Hashable, list[str]] = {}
    for name in sorted(files):
        for each in files[name].classes:
            of_class.setdefault(each, []).append(name)

    def may_go(name: str) -> bool:
        """Whether every class of a file is trained on without it."""
        return all({*of_class[each]} - held - {name} for each in files[name].classes)

    def order(name: str) -> tuple:
        seconds = files[name].seconds
        return seconds < _LEAST_SECONDS, seconds if seconds >= _LEAST_SECONDS else -seconds, name

    for _, names in sorted(of_class.items(), key=lambda item: (len(item[1]), item[1])):
        inside = held.intersection(names)
        if 2 * sum(files[name].seconds for name in inside) > sum(files[name].seconds for name in names):
            held -= inside
            inside = set()
        if not inside and len(names) > 1:
            held.update(sorted(filter(may_go, names), key=order)[:1])
    return held
