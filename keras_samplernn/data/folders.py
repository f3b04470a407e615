"""The pairs of a corpus that lies in several folders."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from keras_samplernn.data.notes import Notes
from keras_samplernn.data.pairs import Found, find_pairs
from keras_samplernn.errors import UserError, collect
from keras_samplernn.names import nfc


def find_in_folders(folders: Sequence[Path], conditional: bool, unlabelled: bool = False) -> Found:
    """Find the pairs of several folders as those of one; a single folder gives what `find_pairs` gives.

    Args:
        folders: at least one; none inside another.
        conditional: whether condition files are looked for.
        unlabelled: whether a sound may have none.

    Returns:
        The pairs, sorted by name. Where there are several folders, a name begins with that of the folder.

    Raises:
        UserError: no folder has sounds: every problem of each. If some have, those of the others are among the problems
            found.
    """
    if len(folders) == 1:
        return find_pairs(folders[0], conditional, unlabelled)
    problems: list[str] = []
    all_found = [collect(problems, find_pairs, folder, conditional, unlabelled) for folder in folders]
    if not any(all_found):
        raise UserError(*problems)
    pairs, notes, alone = [], Notes(), []
    for name, found in zip(names_of(folders), all_found, strict=True):
        if found is None:
            continue
        pairs += [replace(pair, name=f"{name}/{pair.name}", outside=name.count("/") + 1) for pair in found.pairs]
        notes.join(found.notes.to_json(), folder=name)
        problems += found.problems
        alone += found.alone
    return Found(sorted(pairs, key=lambda pair: pair.name), problems, notes, alone)


def names_of(folders: Sequence[Path]) -> list[str]:
    """Return a name for each folder: its own, with those of so many folders around it that all names differ.

    Args:
        folders: absolute paths, each another.
    """
    paths = [[nfc(part) for part in folder.parts[1:]] for folder in folders]
    for length in range(1, max(map(len, paths)) + 1):
        names = ["/".join(parts[-length:]) for parts in paths]
        if len({*names}) == len(names):
            break
    return names
