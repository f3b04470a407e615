"""One of several parts of a list, for the jobs of an array that share the work."""

import heapq
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

Item = TypeVar("Item")


class Shard(NamedTuple):
    """A part of a list: the parts of all shards are the list, without an item twice.

    Attributes:
        number: which part, from 1 to `count`.
        count: number of parts.
    """

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def of(self, items: Sequence[Item], sizes: Sequence[float]) -> list[Item]:
        """Return the items of this part, in the order of the list.

        The largest item goes first, each to the part that is the smallest so far; so the parts differ by no more than
        the size of one item. They depend on the sizes and their order alone, so that jobs which know the same list need
        not talk to each other. A part is empty if there are more parts than items.

        Args:
            items: of any kind.
            sizes: the work that each item is, such as its length; not negative.
        """
        parts = [(0.0, 0, number) for number in range(1, self.count + 1)]  # size, items, number
        chosen = []
        for index in sorted(range(len(items)), key=lambda index: -sizes[index]):
            size, held, number = parts[0]
            heapq.heapreplace(parts, (size + sizes[index], held + 1, number))
            if number == self.number:
                chosen.append(index)
        return [items[index] for index in sorted(chosen)]
