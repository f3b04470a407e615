"""Pairs of a sound and its conditions in a folder, and their split into training and validation."""

import hashlib
import math
import os
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_samplernn.conditions.readers.reading import SUFFIXES
from keras_samplernn.data.headers.header import Remark
from keras_samplernn.data.inspection import AUDIO_SUFFIXES, inspect_audio
from keras_samplernn.data.notes import Notes, first_few
from keras_samplernn.data.walk import SOUNDS, TABLE, files_under, is_left_out, name_in, why_no_sounds
from keras_samplernn.errors import UserError
from keras_samplernn.names import existing, nfc

# A file of another suffix that is read for conditions may be in a folder for other reasons.
_ONLY_CONDITIONS = (TABLE, ".textgrid")
_Stem = tuple[str, str]  # a folder and a name


@dataclass(frozen=True)
class Pair:
    """A sound and, in a conditional corpus, its conditions.

    Attributes:
        name: POSIX path of the audio file, relative to the corpus folder, in Unicode form NFC; unique in it. In a
            corpus of several folders, it begins with a name of the folder.
        audio: the audio file.
        conditions: the condition file beside it, as `x.csv` or `x.wav.csv` for `x.wav`; None if it has none.
        outside: how many folders in its name are not inside the corpus folder; None: it is of no corpus.
    """

    name: str
    audio: Path
    conditions: Path | None
    outside: int | None = 0

    @property
    def folders(self) -> int | None:
        """How many folders around the sound may say its class: those inside the corpus folder, and that; None: all."""
        return None if self.outside is None else self.name.count("/") + 1 - self.outside

    @property
    def folder_names(self) -> list[str]:
        """The names of these folders, the innermost first."""
        return [folder.name for folder in self.audio.absolute().parents][: self.folders]


@dataclass(frozen=True)
class Found:
    """What was found in the folder of a corpus.

    Attributes:
        pairs: sorted by name.
        problems: a line for each file or folder that cannot be read, each sound in two formats (`x.wav` beside
            `x.flac`) and, in a conditional corpus, each sound without condition file, each condition file without
            sound, and each two of one stem.
        notes: on what is left out: hidden files, files of 0 bytes, links that lead nowhere, formats that are not read,
            and condition files that no stream is read from.
        alone: sounds and condition files that a problem keeps out of the pairs, though they might be read.
    """

    pairs: list[Pair]
    problems: list[str]
    notes: Notes
    alone: Sequence[Path] = ()


def find_pairs(folder: str | Path, conditional: bool, unlabelled: bool = False) -> Found:
    """Find the pairs under a folder, recursively; links to folders are followed.

    Args:
        folder: the folder of a corpus.
        conditional: whether condition files are looked for.
        unlabelled: whether a sound may have none.

    Raises:
        UserError: the folder is missing, cannot be read, has no audio files, or has no condition file where each sound
            needs one; with what is left out of it.
    """
    folder, notes, problems = existing(Path(folder)), Notes(), []
    if not folder.is_dir():
        found = "is not a folder" if folder.exists() else "does not exist"
        raise UserError(f"{folder}: {found}; name the folder that holds the corpus")
    names = {file: name_in(folder, file) for file in files_under(folder, notes, problems)}
    files = sorted(names, key=names.__getitem__)
    left_out = {_stem(file) for file in files if is_left_out(file, folder, notes)}
    sounds = [file for file in files if file.suffix.lower() in AUDIO_SUFFIXES and file.stat().st_size]
    if not sounds:
        raise UserError(*(problems or [why_no_sounds(folder, files)]), *(f"{folder}: {line}" for line in notes.lines()))
    several: set[_Stem] = set()
    sound_of_stem = _by_stem([(_stem(sound), sound) for sound in sounds], problems, several)
    stems = {*sound_of_stem, *left_out}
    tables = [(_stem_of_table(file, stems), file) for file in files if file.suffix.lower() in SUFFIXES]
    tables = [(stem, file) for stem, file in tables if stem in stems or file.suffix.lower() in _ONLY_CONDITIONS]
    alone: list[Path] = []
    if not conditional:
        ignored = Remark("condition files beside sounds: not read, since no stream of the spec is read from files")
        for stem, table in tables:
            if stem in sound_of_stem and table.suffix.lower() in _ONLY_CONDITIONS:
                notes.add(names[table], [ignored])
        pairs = [(sound, None) for stem, sound in sound_of_stem.items() if stem not in several]
    elif not tables and not unlabelled:
        raise UserError(
            *problems,
            f"{folder}: holds {len(sounds)} sounds and no condition file, but the spec has conditioning; put a file"
            " such as a csv of one class per sample, or a label track, beside each sound, or take `conditioning` out of"
            " the spec",
            *(f"{folder}: {line}" for line in notes.lines()),
        )
    else:
        table_of_stem = _by_stem(tables, problems, several)
        ((usual, _),) = Counter(file.suffix for stem, file in tables if stem in stems).most_common(1) or [(TABLE, 0)]
        for stem, sound in sound_of_stem.items():
            if stem not in table_of_stem and not unlabelled:
                missing = f"has no {sound.stem}{usual} beside it; add the {usual[1:]} or move the sound away"
                problems.append(f"{sound}: {missing}")
                alone.append(sound)
        for stem, table in table_of_stem.items():
            if stem not in stems:
                kind = "csv" if table.suffix.lower() == TABLE else "file"
                name = f"{table.stem}.wav" if sound_stem(table) == table.stem else table.stem
                problems.append(f"{table}: has no sound beside it ({name}); add the sound or move the {kind} away")
                alone.append(table)
        pairs = [
            (sound, table_of_stem.get(stem))
            for stem, sound in sound_of_stem.items()
            if stem not in several and (stem in table_of_stem or unlabelled)
        ]
    return Found([Pair(names[sound], sound, table) for sound, table in pairs], problems, notes, alone)


def find_sound(audio: Path, conditional: bool, unlabelled: bool = False) -> Found:
    """Find a single sound as the only one of a corpus; arguments as in `find_pairs`.

    Raises:
        UserError: as `inspect_audio` and `conditions_of` do.
    """
    audio = existing(audio)
    inspect_audio(audio)
    table = conditions_of(audio, needed=not unlabelled) if conditional else None
    return Found([Pair(nfc(audio.name), audio, table, outside=None)], [], Notes())


def conditions_of(audio: Path, needed: bool) -> Path | None:
    """Return the condition file beside an audio file; None if there is none.

    Args:
        audio: the audio file.
        needed: whether it must have one.

    Raises:
        UserError: there is none where one is needed, or there are several.
    """
    tables = conditions_beside(audio)
    if not tables and needed:
        name = audio.with_suffix(".csv").name
        raise UserError(f"{audio}: has no {name} beside it; a conditional run needs the sound's conditions there")
    if len(tables) > 1:
        raise UserError(*(of_one_stem(other, tables[0]) for other in tables[1:]))
    return next(iter(tables), None)


def conditions_beside(audio: Path) -> list[Path]:
    """Return the condition files beside an audio file, of which one is right; none where the folder cannot be read."""
    try:
        files = sorted(audio.parent.iterdir())
    except OSError:
        return []
    stems = {_stem(file) for file in files if file.suffix.lower() in SOUNDS}
    tables = (file for file in files if file.suffix.lower() in SUFFIXES)
    return [file for file in tables if _stem_of_table(file, stems) == _stem(audio)]


def of_one_stem(file: Path, other: Path) -> str:
    """Return the problem of two sounds, or two condition files, of the same stem."""
    return f"{file}: is beside {other.name}, which has the same stem; keep one of the two"


def sound_stem(table: str | Path) -> str:
    """Return the stem of the sound that a condition file belongs to: `x` for `x.csv`, and for `x.wav.csv`."""
    stem, suffix = os.path.splitext(os.path.basename(table))  # noqa: PTH119, PTH122 (a path takes long to make)
    inner, inner_suffix = os.path.splitext(stem)  # noqa: PTH122
    return inner if suffix.lower() in SUFFIXES and inner_suffix.lower() in SOUNDS else stem


def split_pairs(
    pairs: Sequence[Pair], fraction: float, hold_out: Collection[str] = (), keep: Collection[str] = ()
) -> tuple[list[Pair], list[Pair]]:
    """Split whole files into training and validation pairs, in their order.

    The side of a file depends only on the SHA-256 of its name, so it is the same on every machine and does not change
    when other files are added or removed. Each side has at least one file, so in a small corpus the share of
    validation files may be far from `fraction`. Files that are named go where they are to go.

    Args:
        pairs: two or more.
        fraction: the expected share of validation files, between 0 and 1.
        hold_out: names of pairs that are for validation in any case.
        keep: names of pairs that are for training in any case.

    Raises:
        UserError: fewer than two pairs, a name that no pair has, or names that leave a side without files.
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
    for field, names in (("hold_out", hold_out), ("keep", keep)):
        if lacking := sorted({*map(nfc, names)} - places.keys()):
            raise UserError(
                f"data.{field}: {first_few(lacking)}: there is no such file in data.train; remove the name, or put the"
                " file back"
            )
    held_out = {name for name, place in places.items() if place < threshold}
    held_out = (held_out | {*map(nfc, hold_out)}) - {*map(nfc, keep)}
    if not 0 < len(held_out) < len(pairs):
        side = "train on" if held_out else "validate on"
        raise UserError(f"data.hold_out and data.keep leave no file to {side}; remove some of the names")
    return [pair for pair in pairs if pair.name not in held_out], [pair for pair in pairs if pair.name in held_out]


def _stem(file: Path) -> _Stem:
    folder, name = os.path.split(file)
    return nfc(folder), nfc(os.path.splitext(name)[0])  # noqa: PTH122 (a corpus has many files)


def _stem_of_table(table: Path, stems: Collection[_Stem]) -> _Stem:
    """Return the stem of the sound of a csv; `x.wav.csv` belongs to `x.wav.wav` where it is among `stems`."""
    exact = _stem(table)
    return exact if exact in stems else (exact[0], nfc(sound_stem(table)))


def _by_stem(files: Sequence[tuple[_Stem, Path]], problems: list[str], several: set[_Stem]) -> dict[_Stem, Path]:
    """Return files by their stem; add a problem for each that has the stem of another one, and that stem."""
    found: dict[_Stem, Path] = {}
    for stem, file in files:
        other = found.setdefault(stem, file)
        if other != file:
            problems.append(of_one_stem(file, other))
            several.add(stem)
    return found


def _place(name: str) -> float:
    """Return a number in [0, 1) that depends only on the name."""
    return int.from_bytes(hashlib.sha256(os.fsencode(name)).digest()[:6], "big") / 2**48
