"""Features of the sounds in a folder, each written as an npy file beside its sound."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from keras_samplernn.conditions.features import check_features, compute_features
from keras_samplernn.data.audio import to_mono_at_rate
from keras_samplernn.data.decoding import decode_files
from keras_samplernn.data.headers.header import Remark
from keras_samplernn.data.inspection import AUDIO_SUFFIXES, inspect_audio
from keras_samplernn.data.notes import Notes, first_few
from keras_samplernn.data.pairs import find_pairs
from keras_samplernn.errors import UserError, collect
from keras_samplernn.files import staged_file
from keras_samplernn.names import nfc

_TABLE = ".npy"
_CONDITIONS = frozenset((".csv", ".txt", ".textgrid", ".mid", ".midi", _TABLE))


def sounds_to_describe(folder: Path, overwrite: bool, say: Callable[[str], None]) -> list[Path]:
    """Find the sounds under a folder that a file of features can be written for.

    `x.wav` is left out if it has a condition file: `x.npy` is replaced only if `overwrite` is set, and beside one of
    another kind no second one is written.

    Args:
        folder: read as that of a corpus.
        overwrite: whether to replace npy files.
        say: called with a line for each reason why sounds are left out.

    Raises:
        UserError: the folder is missing or has no sounds; or one line for each sound in two formats.
    """
    found = find_pairs(folder, conditional=None)
    if found.problems:
        raise UserError(*found.problems)
    for line in found.notes.lines():
        say(f"{folder}: {line}")
    beside = _condition_files({pair.audio.parent for pair in found.pairs})
    sounds, have_table, have_other = [], [], []
    for pair in found.pairs:
        files = beside.get((pair.audio.parent, nfc(pair.audio.stem)), [])
        if any(nfc(file.name) != nfc(_table_of(pair.audio).name) for file in files):
            have_other.append(pair.name)
        elif files and not overwrite:
            have_table.append(pair.name)
        else:
            sounds.append(pair.audio)
    if have_table:
        say(f"left out, since they have an npy file ({len(have_table):,}; --overwrite): {first_few(have_table)}")
    if have_other:
        say(f"left out, since they have another condition file ({len(have_other):,}): {first_few(have_other)}")
    return sounds


def describe_sounds(
    sounds: Sequence[Path], names: Sequence[str], say: Callable[[str], None], advance: Callable[[int], None]
) -> list[np.ndarray]:
    """Return the table of features of each sound, computed at its own rate; see `compute_features`.

    Args:
        sounds: audio files.
        names: of features.
        say: called with a line for each kind of thing that was assumed, mixed down or left out.
        advance: called with the number of sounds that are done.

    Raises:
        UserError: every problem of every file, one line each.
    """
    check_features(names)
    problems: list[str] = []
    notes = Notes()
    infos = [collect(problems, inspect_audio, sound) for sound in sounds]
    recordings = decode_files([info for info in infos if info])
    tables = []
    for done, info in enumerate(infos):
        advance(done)
        recording = next(recordings) if info else None
        if isinstance(recording, UserError):
            problems += recording.lines
        elif recording and not len(recording.wave):
            problems.append(f"{info.path}: has 0 samples; move it away")
        # The other files are still checked, so that all problems are told together.
        if problems:
            continue
        notes.add(str(info.path), recording.remarks)
        if info.header.channels > 1:
            notes.add(str(info.path), [Remark("mixed down to mono", f"{info.header.channels} channels")])
        rate = info.header.sample_rate
        tables.append(compute_features(to_mono_at_rate(recording.wave, rate, rate), rate, names))
    if problems:
        raise UserError(*problems)
    for line in notes.lines():
        say(line)
    return tables


def write_tables(sounds: Sequence[Path], tables: Sequence[np.ndarray]) -> None:
    """Write the table of each sound to `x.npy` beside `x.wav`, each whole or not at all.

    Raises:
        UserError: a file cannot be written; those before it are.
    """
    for sound, table in zip(sounds, tables, strict=True):
        with staged_file(_table_of(sound)) as stream:
            np.save(stream, table, allow_pickle=False)


def _table_of(sound: Path) -> Path:
    return sound.with_suffix(_TABLE)


def _condition_files(folders: Iterable[Path]) -> dict[tuple[Path, str], list[Path]]:
    """Return the condition files in folders, by folder and stem of the sound: `x.csv` and `x.wav.csv` are of `x`."""
    found = defaultdict(list)
    for folder in folders:
        for file in folder.iterdir():
            if file.suffix.lower() in _CONDITIONS and not file.name.startswith("."):
                inner = Path(file.stem)
                stem = inner.stem if inner.suffix.lower() in AUDIO_SUFFIXES else file.stem
                found[folder, nfc(stem)].append(file)
    return found
