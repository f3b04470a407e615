"""Pairs of a sound and its conditions in a folder, and their split into training and validation."""

import hashlib
import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_samplernn.data.headers.header import Remark
from keras_samplernn.data.inspection import AUDIO_SUFFIXES, UNREAD_SUFFIXES
from keras_samplernn.data.notes import Notes
from keras_samplernn.errors import UserError
from keras_samplernn.names import nfc

_TABLE = ".csv"
_SOUNDS = frozenset((*AUDIO_SUFFIXES, *UNREAD_SUFFIXES))
_Stem = tuple[str, str]  # a folder and a name


@dataclass(frozen=True)
class Pair:
    """A sound and, in a conditional corpus, its conditions.

    Attributes:
        name: POSIX path of the audio file, relative to the corpus folder, in Unicode form NFC; unique in it.
        audio: the audio file.
        conditions: the csv beside it, of the same stem; None in an unconditional corpus.
    """

    name: str
    audio: Path
    conditions: Path | None


@dataclass(frozen=True)
class Found:
    """What was found in the folder of a corpus.

    Attributes:
        pairs: sorted by name.
        problems: a line for each sound in two formats (`x.wav` beside `x.flac`) and, in a conditional corpus, for each
            sound without csv, each csv without sound, and each two csv files of one stem.
        notes: on what is left out: hidden files, files of 0 bytes, links that lead nowhere, formats that are not read.
    """

    pairs: list[Pair]
    problems: list[str]
    notes: Notes


def find_pairs(folder: str | Path, conditional: bool) -> Found:
    """Find the pairs under a folder, recursively; links to folders are followed.

    Args:
        folder: the folder of a corpus.
        conditional: whether each sound needs its conditions.

    Raises:
        UserError: the folder is missing, has no audio files, has no csv where each sound needs one, or has a folder in
            it that cannot be read.
    """
    folder, notes, problems = Path(folder), Notes(), []
    if not folder.is_dir():
        found = "is not a folder" if folder.exists() else "does not exist"
        raise UserError(f"{folder}: {found}; name the folder that holds the corpus")
    files = sorted(_files_under(folder, notes), key=lambda file: _name(file, folder))
    left_out = {_stem(file) for file in files if _left_out(file, folder, notes)}
    sounds = [file for file in files if file.suffix.lower() in AUDIO_SUFFIXES and file.stat().st_size]
    if not sounds:
        raise UserError(_why_no_sounds(folder, files), *(f"{folder}: {line}" for line in notes.lines()))
    several: set[_Stem] = set()
    sound_of_stem = _by_stem(sounds, problems, several)
    tables = [file for file in files if conditional and file.suffix.lower() == _TABLE]
    table_of_stem = _by_stem(tables, problems, several)
    if conditional and not table_of_stem:
        raise UserError(
            f"{folder}: holds {len(sounds)} sounds and no csv, but the spec has conditioning; "
            "put a csv of one class per sample beside each sound, or take `conditioning` out of the spec"
        )
    if conditional:
        for stem, sound in sound_of_stem.items():
            if stem not in table_of_stem:
                problems.append(f"{sound}: has no {sound.stem}.csv beside it; add the csv or move the sound away")
        for stem, table in table_of_stem.items():
            if stem not in sound_of_stem and stem not in left_out:
                name = f"{table.stem}.wav"
                problems.append(f"{table}: has no sound beside it ({name}); add the sound or move the csv away")
    pairs = [
        Pair(_name(sound, folder), sound, table_of_stem.get(stem))
        for stem, sound in sound_of_stem.items()
        if stem not in several and (stem in table_of_stem or not conditional)
    ]
    return Found(pairs, problems, notes)


def conditions_beside(audio: Path) -> Path | None:
    """Return the condition file beside an audio file; None if there is none, or the folder cannot be read."""
    try:
        files = sorted(file for file in audio.parent.iterdir() if file.suffix.lower() == _TABLE)
    except OSError:
        return None
    return next((file for file in files if _stem(file) == _stem(audio)), None)


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


def _name(file: Path, folder: Path) -> str:
    return nfc(file.relative_to(folder).as_posix())


def _stem(file: Path) -> _Stem:
    """Return what a sound and its conditions have in common: their folder, and their name without suffixes."""
    folder, name = os.path.split(file)
    stem, suffix = os.path.splitext(name)  # noqa: PTH122 (a corpus has many files, and a path takes long to make)
    inner, inner_suffix = os.path.splitext(stem)  # noqa: PTH122
    named_after_sound = suffix.lower() == _TABLE and inner_suffix.lower() in _SOUNDS
    return folder, nfc(inner if named_after_sound else stem)


def _by_stem(files: Sequence[Path], problems: list[str], several: set[_Stem]) -> dict[_Stem, Path]:
    """Return files by their stem; add a problem for each that has the stem of another one, and that stem."""
    found: dict[_Stem, Path] = {}
    for file in files:
        other = found.setdefault(_stem(file), file)
        if other != file:
            problems.append(f"{file}: is beside {other.name}, which has the same stem; keep one of the two")
            several.add(_stem(file))
    return found


def _place(name: str) -> float:
    """Return a number in [0, 1) that depends only on the name."""
    return int.from_bytes(hashlib.sha256(os.fsencode(name)).digest()[:6], "big") / 2**48


def _files_under(folder: Path, notes: Notes) -> Iterator[Path]:
    """Yield the files under a folder, those of linked folders too, without hidden ones.

    UserError where a folder cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise UserError(f"{error.filename}: cannot be read ({error.strerror}); see to its permissions or move it away")

    seen = set()
    for place, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        status = Path(place).stat()
        if (status.st_dev, status.st_ino) in seen:
            notes.add(_name(Path(place), folder), [Remark("links to folders that are read already: not followed")])
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        for name in folders:
            if name.startswith(".") and any(map(_is_corpus_file, _files_in(Path(place, name)))):
                notes.add(_name(Path(place, name), folder), [Remark("hidden folders with sounds: left out")])
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for file in (Path(place, name) for name in sorted(names)):
            if file.name.startswith("."):
                if _is_corpus_file(file):
                    notes.add(_name(file, folder), [Remark("hidden files: left out")])
            elif file.is_file():
                yield file
            elif file.is_symlink() and _is_corpus_file(file):
                notes.add(_name(file, folder), [Remark("links that lead nowhere: left out", lost=True)])


def _files_in(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _is_corpus_file(file: Path) -> bool:
    return file.suffix.lower() in {*_SOUNDS, _TABLE}


def _left_out(file: Path, folder: Path, notes: Notes) -> bool:
    """Return whether a sound is left out, and note why."""
    suffix = file.suffix.lower()
    if suffix in UNREAD_SUFFIXES:
        remedy = f"convert them: ffmpeg -i NAME{suffix} NAME.wav"
        remark = Remark(f"{suffix} files are not read: left out; {remedy}", lost=True)
    elif suffix in AUDIO_SUFFIXES and not file.stat().st_size:
        remark = Remark("files of 0 bytes: left out", lost=True)
    else:
        return False
    notes.add(_name(file, folder), [remark])
    return True


def _why_no_sounds(folder: Path, files: list[Path]) -> str:
    message = f"{folder}: holds no audio; {', '.join(AUDIO_SUFFIXES)} are read"
    empty = [file for file in files if file.suffix.lower() in AUDIO_SUFFIXES]
    if empty:
        count = "1 sound" if len(empty) == 1 else f"{len(empty)} sounds"
        return f"{folder}: holds {count} of 0 bytes, and no other ones that are read; copy them again"
    suffixes = Counter(file.suffix.lower() or "without suffix" for file in files).most_common(3)
    held = ", ".join(f"{count} {suffix}" for suffix, count in suffixes)
    if not held:
        return f"{message}, and the folder has no files; add sounds or name another folder"
    return f"{message}, and the folder has {held}; convert them or name another folder"
