"""What was done to sounds, or left out of them: told in one line a kind, with the first names."""

from collections.abc import Iterable, Sequence

from keras_samplernn.data.headers.header import Remark

_NAMED = 3


class Notes:
    """Remarks on files, gathered by their kind."""

    def __init__(self):
        self._names: dict[tuple[str, bool], list[str]] = {}

    def add(self, name: str, remarks: Iterable[Remark]) -> None:
        """Add the remarks on a file."""
        for kind, detail, lost in remarks:
            self._names.setdefault((kind, lost), []).append(f"{name} ({detail})" if detail else name)

    def to_json(self) -> list[list]:
        """Return all remarks as JSON values: for each kind its words, whether it tells of a loss, and the names."""
        return [[kind, lost, names] for (kind, lost), names in self._names.items()]

    def join(self, remarks: Iterable[Sequence], folder: str = "") -> None:
        """Add what `to_json` returned of other files; `folder` is put before their names."""
        for kind, lost, names in remarks:
            self._names.setdefault((kind, lost), []).extend(f"{folder}/{name}" if folder else name for name in names)

    def count(self, kind: str) -> int:
        """Return how many files have a remark of a kind."""
        return sum(len(names) for (other, _), names in self._names.items() if other == kind)

    def lines(self) -> list[str]:
        """Return a line for each kind."""
        return [f"{kind}: {first_few(names)}" for (kind, _), names in self._names.items()]

    def lost(self) -> list[str]:
        """Return the lines of those kinds by which a part of the sounds is not read."""
        return [f"{kind}: {first_few(names)}" for (kind, lost), names in self._names.items() if lost]


def first_few(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")
