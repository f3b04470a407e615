"""Pairs of a sound and its conditions in a folder, and their split into training and validation."""

import hashlib
import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_samplernn.data.inspection import AUDIO_SUFFIXES
from keras_samplernn.errors import UserError


@dataclass(frozen=True)
class Pair:
    """A sound and, in a conditional corpus, its conditions.

    Attributes:
        name: POSIX path of the audio file, relative to the corpus folder; unique in it.
        audio: the audio file.
        conditions: the csv beside it, of the same stem; None in an unconditional corpus.
    """

    name: str
    audio: Path
    conditions: Path | None


def find_pairs(folder: str | Path, conditional: bool) -> list[Pair]:
    """Return the pairs under `folder`, recursively, sorted by name. Hidden files and folders are left out.

    Raises:
        UserError: the folder is missing, has no audio files, or has a folder in it that cannot be read; or, one line
            each, every sound in two formats (`x.wav` beside `x.flac`) and, if `conditional`, every sound without
            csv, every csv without sound, and every two csv files of one stem.
    """
    folder = Path(folder)
    if not folder.is_dir():
        found = "is not a folder" if folder.exists() else "does not exist"
        raise UserError(f"{folder}: {found}; name the folder that holds the corpus")
    files = sorted(_files_under(folder), key=lambda file: file.relative_to(folder).as_posix())
    sounds = [file for file in files if file.suffix.lower() in AUDIO_SUFFIXES]
    if not sounds:
        raise UserError(_why_no_sounds(folder, files))
    tables: dict[Path, Path] = {}
    sound_of_stem: dict[Path, Path] = {}
    problems = []
    for file in files if conditional else ():
        if file.suffix.lower() == ".csv" and tables.setdefault(file.with_suffix(""), file) != file:
            problems.append(_same_stem(file, tables[file.with_suffix("")]))
    if conditional and not tables:
        raise UserError(
            f"{folder}: holds {len(sounds)} sounds and no csv, but the spec has conditioning; "
            "put a csv of one class per sample beside each sound, or take `conditioning` out of the spec"
        )
    for sound in sounds:
        stem = sound.with_suffix("")
        if stem in sound_of_stem:
            problems.append(_same_stem(sound, sound_of_stem[stem]))
        elif conditional and stem not in tables:
            problems.append(f"{sound}: has no {stem.name}.csv beside it; add the csv or move the sound away")
        sound_of_stem.setdefault(stem, sound)
    for stem, table in tables.items():
        if stem not in sound_of_stem:
            problems.append(f"{table}: has no sound beside it ({stem.name}.wav); add the sound or move the csv away")
    if problems:
        raise UserError(*problems)
    return [Pair(sound.relative_to(folder).as_posix(), sound, tables.get(sound.with_suffix(""))) for sound in sounds]


def split_pairs(pairs: Sequence[Pair], fraction: float) -> tuple[list[Pair], list[Pair]]:
    """Split whole files into training and validation pairs, in their order.

    The side of a file depends only on the SHA-256 of its name, so it is the same on every machine and does not change
    when other files are added or removed. Each side has at least one file, so in a small corpus the share of
    validation files may be far from `fraction`.

    Args:
        pairs: two or more.
        fraction: the expected share of validation files, between 0 and 1.

    Raises:
        UserError: fewer than two pairs.
    """
    if len(pairs) < 2:
        raise UserError(
            f"data.valid = {fraction:g} splits whole files, but the corpus has {len(pairs)}; "
            "name a folder instead, or add sounds"
        )
    places = {pair.name: _place(pair.name) for pair in pairs}
    ranked = sorted(places.values())
    # The threshold nearest to `fraction` with which neither side is empty.
    threshold = min(max(fraction, math.nextafter(ranked[0], 1.0)), ranked[-1])
    return (
        [pair for pair in pairs if places[pair.name] >= threshold],
        [pair for pair in pairs if places[pair.name] < threshold],
    )


def _same_stem(file: Path, other: Path) -> str:
    return f"{file}: is beside {other.name}, which has the same stem; keep one of the two"


def _place(name: str) -> float:
    """Return a number in [0, 1) that depends only on the name."""
    return int.from_bytes(hashlib.sha256(os.fsencode(name)).digest()[:6], "big") / 2**48


def _files_under(folder: Path) -> Iterator[Path]:
    """Yield the files under a folder, without hidden ones; UserError where a folder cannot be read."""

    def refuse(error: OSError) -> None:
        raise UserError(f"{error.filename}: cannot be read ({error.strerror}); see to its permissions or move it away")

    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = (name for name in folders if not name.startswith("."))
        visible = (Path(place, name) for name in names if not name.startswith("."))
        yield from (file for file in visible if file.is_file())


def _why_no_sounds(folder: Path, files: list[Path]) -> str:
    message = f"{folder}: holds no audio; {', '.join(AUDIO_SUFFIXES)} are read"
    suffixes = Counter(file.suffix.lower() or "without suffix" for file in files).most_common(3)
    held = ", ".join(f"{count} {suffix}" for suffix, count in suffixes)
    if not held:
        return f"{message}, and the folder has no files; add sounds or name another folder"
    return f"{message}, and the folder has {held}; convert them or name another folder"
