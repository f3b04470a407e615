"""Corpora in memory, as prepared ones are read."""

from types import SimpleNamespace

import numpy as np

from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.streams import ClassesStream
from keras_samplernn.conditions.track import Track, runs
from keras_samplernn.data.corpus import SoundEntry

SAMPLE_RATE = 8000


def corpus_of(lengths, codes, conditions=None, classes=0):
    """Return a corpus of sounds that lie end to end; `conditions` has the class of each sample, or is None."""
    streams = (ClassesStream.of_count(classes),) if classes else ()
    sounds, start = [], 0
    for samples in lengths:
        columns = None
        if classes:
            spans = runs(np.asarray(conditions[start : start + samples], np.int32))
            columns = Columns(Track(samples, {"class": spans}), streams, SAMPLE_RATE)
        sounds.append(SoundEntry("sound", start, samples, columns))
        start += samples
    return SimpleNamespace(sounds=sounds, codes=codes, conditions=conditions, streams=streams, fades=False)
