"""Repaired copies of condition files, beside the originals."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from keras_samplernn.conditions.readers.header import find_header
from keras_samplernn.conditions.readers.mending import Mended, mend_rows
from keras_samplernn.conditions.readers.reading import read_track
from keras_samplernn.conditions.readers.sound import Sound
from keras_samplernn.conditions.streams import ClassesStream, Streams, stream_from_folder, streams_of
from keras_samplernn.data.decoding import decode_files
from keras_samplernn.data.inspection import inspect_audio
from keras_samplernn.data.pairs import Pair
from keras_samplernn.errors import UserError
from keras_samplernn.files import replace_file
from keras_samplernn.spec import Spec
from keras_samplernn.text import read_lines
from keras_samplernn.training.corpora import find_pairs_of

# Nothing reads files of this suffix, so that a copy never meets its original as a second file of one sound.
SUFFIX = ".fixed"


def fix_conditions(spec: Spec) -> Iterator[str]:
    """Write a repaired copy of each faulty csv of a spec's sounds, where what was meant is certain.

    Originals stay as they are, and a copy that exists is not replaced.

    Args:
        spec: validated.

    Yields:
        A line for each faulty condition file: what was changed, or that it cannot be mended; and how to use the copies.
    """
    streams = tuple(stream for stream in streams_of(spec) if not stream_from_folder(stream))
    written = 0
    for pair in find_pairs_of(spec) if streams else ():
        try:
            length = _length_of(pair.audio)
        except UserError:
            continue  # told by what reads the sounds
        try:
            read_track(pair.conditions, streams, *length)
            continue
        except UserError:
            mended = _mend(pair, streams, Sound(*length))
        copy = pair.conditions.with_name(pair.conditions.name + SUFFIX)
        if mended is None:
            yield f"{pair.conditions}: cannot be mended for certain; mend it as the lines on its problems say"
        elif os.path.lexists(copy):
            yield f"{copy}: is there already and stays as it is; move it away for a new one"
        else:
            replace_file(copy, mended.text)
            written += 1
            yield f"{copy}: written; {'; '.join(mended.changes)}"
    if written:
        yield (
            f"{written:,} cop{'ies' if written > 1 else 'y'} written; to use one, put it in the place of its original:"
            f" mv NAME.csv{SUFFIX} NAME.csv"
        )


def _mend(pair: Pair, streams: Streams, sound: Sound) -> Mended | None:
    """Return the mended text of a condition file; None if its kind is not mended, or what was meant is open."""
    path, only = pair.conditions, streams[0]
    if path.suffix.lower() != ".csv" or len(streams) > 1 or not isinstance(only, ClassesStream):
        return None
    header = None
    try:
        text = read_lines(path)
        with suppress(UserError):  # a wrong header is mended too
            header = find_header(path, text, streams)
        if header is None:
            return mend_rows(path, text, only, sound)
        if header.times:
            return None
        mended = mend_rows(path, text.partition(b"\n")[2], only, sound)
        return mended and mended._replace(changes=["took off the header", *mended.changes])
    except UserError:
        return None


def _length_of(audio: Path) -> tuple[int, int]:
    """Return rate and samples of a sound; UserError if it cannot be read."""
    info = inspect_audio(audio)
    if info.header.raw and info.header.samples is not None:
        return info.header.sample_rate, info.header.samples
    (recording,) = decode_files([info])
    if isinstance(recording, UserError):
        raise recording
    return info.header.sample_rate, len(recording.wave)
