"""Files of a corpus that make no pair: what else is wrong with them, told together with that."""

from collections.abc import Iterable
from pathlib import Path

from keras_samplernn.conditions.readers.reading import read_track
from keras_samplernn.conditions.streams import Streams, stream_from_folder
from keras_samplernn.data.inspection import AUDIO_SUFFIXES, inspect_audio
from keras_samplernn.errors import collect


def problems_alone(files: Iterable[Path], streams: Streams, sample_rate: int) -> list[str]:
    """Return a line for each problem of sounds and condition files that make no pair.

    Of a sound the header is read; of a condition file everything but its length.

    Args:
        files: sounds and condition files.
        streams: of the spec.
        sample_rate: in Hz.
    """
    problems: list[str] = []
    from_file = tuple(stream for stream in streams if not stream_from_folder(stream))
    for file in files:
        if file.suffix.lower() in AUDIO_SUFFIXES:
            collect(problems, inspect_audio, file, sample_rate)
        elif from_file:
            collect(problems, read_track, file, from_file, sample_rate)
    return problems
