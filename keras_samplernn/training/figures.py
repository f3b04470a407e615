"""The figures of a corpus: its size, its entropy, and how much of each class there is."""

import dataclasses

import numpy as np

from keras_samplernn.conditions.streams import classes_streams
from keras_samplernn.conditions.stretches import stretches_of
from keras_samplernn.data.corpus import Corpus
from keras_samplernn.spec import Spec


@dataclasses.dataclass(frozen=True)
class ClassFigures:
    """How much of a class a corpus has, and in which stretches; see `stretches_of`.

    Attributes:
        seconds: of all stretches.
        spans: number of stretches.
        median_seconds: length of the middle one, 0 if there is none.
        longest_seconds: length of the longest one, 0 if there is none.
    """

    seconds: float
    spans: int
    median_seconds: float
    longest_seconds: float

    @classmethod
    def of(cls, lengths: np.ndarray, sample_rate: int) -> "ClassFigures":
        """Return the figures of stretches of these lengths, in samples."""
        if not len(lengths):
            return cls(0.0, 0, 0.0, 0.0)
        figures = int(lengths.sum()), float(np.median(lengths)), int(lengths.max())
        seconds, median, longest = (figure / sample_rate for figure in figures)
        return cls(seconds, len(lengths), median, longest)


@dataclasses.dataclass(frozen=True)
class CorpusFigures:
    """The size of a corpus, its entropy and its classes.

    Attributes:
        sounds: number of sounds.
        samples: number of samples of all sounds.
        seconds: length of all sounds.
        unigram_entropy_bits: see `Corpus`.
        class_shares: for each stream of classes, the share of each class in the samples, from 0 to 1, by its name.
        classes: for each stream of classes, the figures of each class, by its name.
    """

    sounds: int
    samples: int
    seconds: float
    unigram_entropy_bits: float
    class_shares: dict[str, dict[str, float]]
    classes: dict[str, dict[str, ClassFigures]]

    @classmethod
    def of(cls, corpus: Corpus, spec: Spec) -> "CorpusFigures":
        """Return the figures of a spec's corpus."""
        rate, shares, classes = spec.audio.sample_rate, {}, {}
        for stream in classes_streams(corpus.streams):
            counts = (corpus.class_counts[stream.name] / corpus.samples).tolist()
            shares[stream.name] = dict(zip(stream.classes, counts, strict=True))
            lengths = stretches_of(stream, (sound.columns.track for sound in corpus.sounds))
            figures = (ClassFigures.of(each, rate) for each in lengths)
            classes[stream.name] = dict(zip(stream.classes, figures, strict=True))
        seconds = corpus.samples / rate
        return cls(len(corpus.sounds), corpus.samples, seconds, corpus.unigram_entropy_bits, shares, classes)
