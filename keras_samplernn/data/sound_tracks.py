"""The track of a sound: from the condition file beside it, and from the name of its folder."""

import json
from pathlib import Path

from keras_samplernn.conditions.readers.reading import read_track
from keras_samplernn.conditions.streams import ClassesStream, Streams, describe_classes, stream_from_folder
from keras_samplernn.conditions.track import Track, constant, lay_spans
from keras_samplernn.errors import UserError, nearest
from keras_samplernn.names import nfc


def read_sound_track(
    audio: Path,
    conditions: Path | None,
    streams: Streams,
    sample_rate: int,
    samples: int | None,
    said: str = "",
    folders: int | None = None,
) -> Track:
    """Return the track of a sound.

    Args:
        audio: the sound's file.
        conditions: the condition file beside it; None: it has none, and what no folder says is none.
        streams: of the spec.
        sample_rate: of the sound, in Hz.
        samples: its length; None if it is not known, where only the condition file is to be checked.
        said: what is told of the sound, and may be why the lengths differ.
        folders: how many folders around the sound may give its class; None: all.

    Raises:
        UserError: one line: the condition file is wrong, or no folder of the sound has the name of a class.
    """
    from_file = tuple(stream for stream in streams if not stream_from_folder(stream))
    if conditions is not None and from_file:
        track = read_track(conditions, from_file, sample_rate, samples, said)
    else:
        track = Track(samples or 0, {stream.name: lay_spans(stream, [], samples or 0) for stream in from_file})
    from_folder = {
        stream.name: constant(stream, _class_of_folder(audio, stream, folders, len(streams) == 1), track.samples)
        for stream in streams
        if stream_from_folder(stream)
    }
    return Track(track.samples, {**track.spans, **from_folder})


def _class_of_folder(audio: Path, stream: ClassesStream, folders: int | None, only: bool) -> int:
    """Return the number of the class that is the name of the nearest folder around a sound; `only`: it is all asked."""
    names = [nfc(folder.name) for folder in audio.absolute().parents][:folders]
    for name in names:
        if name in stream.classes:
            return stream.classes.index(name)
    otherwise = nearest(names[0], stream.classes)
    if folders is None:  # a sound by itself, of no corpus
        first = stream.classes[0] if stream.named else 0
        given = json.dumps(first if only else {stream.name: first}, ensure_ascii=False)
        otherwise = f", or in Python give its class with it: score(file, {given}), or prime_conditions={given}"
    raise UserError(
        f'{audio}: lies in no folder that is named after a class of "{stream.name}", which are'
        f" {describe_classes(stream)}; move it into one{otherwise}"
    )
