"""The folder that sounds are written to: what may not be replaced there, and which sounds are finished."""

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_samplernn.errors import UserError, collect
from keras_samplernn.files import open_file, partial_of
from keras_samplernn.generation.entry import difference
from keras_samplernn.generation.out_lock import lock_of
from keras_samplernn.generation.record import check_record, every_entry, journal_of, record_of
from keras_samplernn.generation.sound import Sound
from keras_samplernn.shard import Shard

MOST_NAME_BYTES = 255
_INSTEAD = "give --overwrite, or --out another folder"


def wav_of(out: Path, sound: Sound) -> Path:
    """Return the path of a sound."""
    return out / f"{sound.name}.wav"


def check_paths(
    out: Path, overwrite: bool, shard: Shard | None, sounds: Iterable[Sound], inputs: Iterable[Path]
) -> None:
    """Raise UserError if the record cannot be written, or a sound would replace a file that is read.

    Args:
        out: folder for the wavs.
        overwrite: whether a record that `generate` did not write may be replaced.
        shard: the part of the sounds that is made; None: all.
        sounds: that may be written.
        inputs: the files that are read.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"{out}: is not a folder; give --out a folder")
    places = {os.path.realpath(path): path for path in inputs}
    written = [*(wav_of(out, sound) for sound in sounds), record_of(out, shard)]
    hidden = [journal_of(out, shard), *(() if shard is None else (lock_of(out, shard),))]
    problems = [
        f"{places[place]}: is read and would be overwritten; give --out another folder"
        for path in (*written, *map(partial_of, written), *hidden)
        if (place := os.path.realpath(path)) in places
    ]
    problems += [
        f"{path}: would have a name of more than {MOST_NAME_BYTES} bytes; give its condition file a shorter one"
        for path in written
        if len(os.fsencode(partial_of(path).name)) > MOST_NAME_BYTES
    ]
    collect(problems, check_record, out, overwrite, shard)
    if problems:
        raise UserError(*problems)


def find_finished(
    out: Path,
    sounds: Sequence[Sound],
    own: Sequence[Sound],
    asked: Callable[[Sound], dict[str, Any]],
    verified: Collection[str] = (),
) -> Mapping[str, dict[str, Any]]:
    """Find the sounds that an earlier command made as they are asked for now.

    A sound is finished if a record of the folder has an entry with the sha256 of its file, and the entry's request is
    the same.

    Args:
        out: folder for the wavs.
        sounds: all sounds of the request. Those of other shards must not have been made otherwise.
        own: those of them that this command is to make.
        asked: returns the entry that a sound would have.
        verified: names of files whose sha256 was compared a moment ago.

    Returns:
        The entries of those of `own` that are finished, by the names of their files.

    Raises:
        UserError: one line for each file that would have to be replaced, or was made by another request.
    """
    existing = [sound for sound in sounds if os.path.lexists(wav_of(out, sound))]
    entries = every_entry(out) if existing else {}
    finished, problems, names = {}, [], {sound.name for sound in own}
    for sound in existing:
        path = wav_of(out, sound)
        noted = [entry for entry in entries.get(path.name, ()) if "sha256" in entry]
        if sound.name in names:
            if not noted:
                problems.append(f"{path}: exists; {_INSTEAD}")
                continue
            if path.name not in verified:
                digest = _digest(path)
                noted = [entry for entry in noted if entry["sha256"] == digest]
            if not noted:
                problems.append(
                    f"{path}: was changed after it was made, its sha256 is not the one that is recorded; remove it to"
                    f" have it made again, or {_INSTEAD}"
                )
                continue
        differences = [difference(entry, asked(sound)) for entry in noted]
        if differences and None not in differences:
            problems.append(f"{path}: {differences[-1]}; {_INSTEAD}")
        elif sound.name in names:
            finished[path.name] = noted[differences.index(None)]
    if problems:
        raise UserError(*problems)
    return finished


def _digest(path: Path) -> str | None:
    try:
        with open_file(path) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None
