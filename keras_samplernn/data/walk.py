"""The files of a corpus folder, found with those of linked folders; what is left out is noted."""

import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from keras_samplernn.data.headers.header import Remark
from keras_samplernn.data.inspection import AUDIO_SUFFIXES, UNREAD_SUFFIXES
from keras_samplernn.data.notes import Notes
from keras_samplernn.names import nfc

TABLE = ".csv"
SOUNDS = frozenset((*AUDIO_SUFFIXES, *UNREAD_SUFFIXES))
# In a run directory, and in a folder of generated sounds. Below a corpus, a model would learn what it made itself.
_MADE_HERE = {"data_manifest.json", "generation.json", ".generation.jsonl"}


def name_in(folder: Path, file: Path) -> str:
    """Return the POSIX path of a file relative to the corpus folder, in Unicode form NFC."""
    # As text: a corpus has many files, and making a path of each takes long.
    return nfc(os.fspath(file).removeprefix(os.path.join(folder, "")))  # noqa: PTH118


def files_under(folder: Path, notes: Notes, problems: list[str]) -> Iterator[Path]:
    """Yield the files under a folder, those of linked folders too, without hidden ones and what this program made.

    Args:
        folder: the folder of a corpus.
        notes: on what is left out.
        problems: get a line for each file and folder that cannot be read.
    """

    def refuse(error: OSError) -> None:
        remedy = "see to its permissions or move it away"
        problems.append(f"{error.filename}: cannot be read ({error.strerror}); {remedy}")

    seen = set()
    for place, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        status = Path(place).stat()
        if (status.st_dev, status.st_ino) in seen:
            notes.add(name_in(folder, Path(place)), [Remark("links to folders that are read already: not followed")])
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        if Path(place) != folder and _MADE_HERE & {*names}:
            notes.add(name_in(folder, Path(place)), [Remark("runs and folders of generated sounds: left out")])
            folders.clear()
            continue
        for name in folders:
            if name.startswith(".") and any(map(_is_corpus_file, _files_in(Path(place, name)))):
                notes.add(name_in(folder, Path(place, name)), [Remark("hidden folders with sounds: left out")])
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for file in (Path(place, name) for name in sorted(names)):
            try:
                left_out = _why_no_file(file)
            except PermissionError as error:
                refuse(error)
                continue
            if left_out is None:
                yield file
            elif _is_corpus_file(file):
                notes.add(name_in(folder, file), [left_out])


def is_left_out(file: Path, folder: Path, notes: Notes) -> bool:
    """Return whether a sound is left out, and note why."""
    suffix = file.suffix.lower()
    if suffix in UNREAD_SUFFIXES:
        remedy = f"convert them: ffmpeg -i NAME{suffix} NAME.wav"
        remark = Remark(f"{suffix} files are not read: left out; {remedy}", lost=True)
    elif suffix in AUDIO_SUFFIXES and not file.stat().st_size:
        remark = Remark("files of 0 bytes: left out", lost=True)
    else:
        return False
    notes.add(name_in(folder, file), [remark])
    return True


def why_no_sounds(folder: Path, files: Sequence[Path]) -> str:
    """Return the error of a folder whose files are no sounds, or are empty."""
    message = f"{folder}: holds no audio; {', '.join(AUDIO_SUFFIXES)} are read, and the folder has"
    if not files:
        return f"{message} no files; add sounds or name another folder"
    suffixes = [file.suffix.lower() for file in files if file.suffix.lower() != TABLE]
    if not suffixes:
        return f"{message} {len(files)} {TABLE} alone; put the sounds beside them or name another folder"
    kinds = [f"{suffix} of 0 bytes" if suffix in AUDIO_SUFFIXES else suffix or "without suffix" for suffix in suffixes]
    held = ", ".join(f"{count} {kind}" for kind, count in Counter(kinds).most_common(3))
    remedy = "copy them again" if {*suffixes} & {*AUDIO_SUFFIXES} else "convert them"
    return f"{message} {held}; {remedy} or name another folder"


def _why_no_file(file: Path) -> Remark | None:
    """Return why a name is not that of a file to read; None if it is. PermissionError where that cannot be told."""
    if file.name.startswith("."):
        return Remark("hidden files: left out")
    try:
        mode = file.stat().st_mode
    except PermissionError:
        raise
    except OSError:
        return Remark("links that lead nowhere: left out", lost=True)
    return None if stat.S_ISREG(mode) else Remark("pipes, sockets and devices: left out", lost=True)


def _files_in(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _is_corpus_file(file: Path) -> bool:
    return file.suffix.lower() in {*SOUNDS, TABLE}
