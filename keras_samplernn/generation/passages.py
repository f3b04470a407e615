"""The passages of a sound: the stretches of which several takes are made."""

from typing import NamedTuple

import numpy as np

from keras_samplernn.conditions.streams import NONE
from keras_samplernn.conditions.track import settled
from keras_samplernn.generation.sound import Sound

LONGEST_SECONDS = 1.0


class Passage(NamedTuple):
    """A stretch of a sound.

    Attributes:
        start: first sample.
        stop: the sample after the last.
        asked: number of the class that is asked for at its middle; -1 if there is none.
    """

    start: int
    stop: int
    asked: int


def passages_of(sound: Sound, stream: str | None, sample_rate: int, block_samples: int) -> list[Passage]:
    """Cut a sound where the classes of a stream change, and long spans into equal parts.

    Args:
        sound: of at least one sample.
        stream: name of a stream of classes; None: the sound is cut into equal parts.
        sample_rate: in Hz.
        block_samples: passages start at multiples of it, those that are the nearest to where spans start, and none is
            shorter, but where the sound is.
    """
    starts, values = np.zeros(1, np.int64), np.full(1, NONE)
    if stream is not None:
        starts, values = settled(sound.columns.track.spans[stream], sound.columns.samples)[:2]
    ends = np.minimum(np.append(starts[1:], sound.samples), sound.samples)
    longest = round(LONGEST_SECONDS * sample_rate)
    cuts = [
        np.linspace(start, end, -(-(end - start) // longest), endpoint=False)
        for start, end in zip(starts, ends, strict=True)
        if end > start
    ]
    places = np.unique(np.rint(np.concatenate(cuts) / block_samples).astype(np.int64) * block_samples)
    places = places[(places == 0) | (places + block_samples <= sound.samples)]
    stops = np.append(places[1:], sound.samples)
    asked = values[np.searchsorted(starts, (places + stops) // 2, side="right") - 1]
    return [Passage(int(start), int(stop), int(value)) for start, stop, value in zip(places, stops, asked, strict=True)]
