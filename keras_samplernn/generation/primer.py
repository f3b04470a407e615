"""A primer: the recording that a sound goes on from."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.layout import Conditions
from keras_samplernn.conditions.streams import streams_of
from keras_samplernn.data.audio import read_sound
from keras_samplernn.errors import UserError
from keras_samplernn.spec import Spec


def read_primer(spec: Spec, path: Path, say: Callable[[str], None]) -> tuple[np.ndarray, Conditions | None]:
    """Return the wave of a primer at the spec's sample rate and, if the run is conditional, its conditions."""
    streams, rate = streams_of(spec), spec.audio.sample_rate
    wave, track = read_sound(path, rate, streams, say, bool(streams) and spec.conditioning.unlabelled)
    if not len(wave):
        raise UserError(f"{path}: has 0 samples; a primer needs at least one")
    return wave, None if track is None else Columns(track, streams, rate).piece(0, len(wave))
