"""The excerpts of sounds that a listener hears: each is of one class."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.streams import NONE
from keras_samplernn.data.corpus import Corpus
from keras_samplernn.data.quantization import Quantizer

SHORTEST_SECONDS, LONGEST_SECONDS = 0.05, 1.0


class Excerpt(NamedTuple):
    """An excerpt of a sound.

    Attributes:
        wave: `(samples,)` float32.
        asked: number of its class.
    """

    wave: np.ndarray
    asked: int


def spans_heard(
    columns: Columns, samples: int, stream: str, sample_rate: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return first samples, ends and classes of the spans of a stream that a listener hears in the first n samples.

    It does not hear what is none, cross-fades, and spans shorter than a twentieth of a second.

    Args:
        columns: the conditions of a sound.
        samples: n.
        stream: name of a stream of classes.
        sample_rate: in Hz.
    """
    spans = columns.track.spans[stream]
    ends = np.minimum(np.append(spans.starts[1:], columns.samples), samples)
    heard = (spans.values != NONE) & ~spans.moves & (ends - spans.starts >= SHORTEST_SECONDS * sample_rate)
    return spans.starts[heard], ends[heard], spans.values[heard]


def excerpts_of(wave: np.ndarray, columns: Columns, stream: str, sample_rate: int) -> Iterator[Excerpt]:
    """Cut a sound into the spans of a stream that are heard, long ones into equal parts.

    Args:
        wave: `(samples,)`, from the beginning of the sound on.
        columns: the conditions of the sound, which may go on behind the wave.
        stream: name of a stream of classes.
        sample_rate: in Hz.
    """
    longest = round(LONGEST_SECONDS * sample_rate)
    for begin, end, asked in zip(*spans_heard(columns, len(wave), stream, sample_rate), strict=True):
        for part in np.array_split(wave[begin:end], -(-(end - begin) // longest)):
            yield Excerpt(part, int(asked))


def excerpts_of_corpus(corpus: Corpus, quantizer: Quantizer, stream: str, sample_rate: int) -> Iterator[Excerpt]:
    """Yield the excerpts of all sounds of a corpus, as the model knows them: quantized."""
    for entry in corpus.sounds:
        wave = quantizer.decoder()(np.asarray(corpus.codes[entry.start : entry.start + entry.samples]))
        yield from excerpts_of(wave, entry.columns, stream, sample_rate)


def evenly_of(excerpts: Iterable[Excerpt], most: int, classes: int) -> list[Excerpt]:
    """Return at most so many excerpts, of each class as many as of any other where there are enough.

    Of each class they are drawn at random, always the same ones. No more than these are held in memory.
    """
    each = max(most // classes, 1)
    kept: list[list[Excerpt]] = [[] for _ in range(classes)]
    seen = np.zeros(classes, int)
    rng = np.random.default_rng(0)
    for excerpt in excerpts:
        seen[excerpt.asked] += 1
        if len(kept[excerpt.asked]) < each:
            kept[excerpt.asked].append(excerpt)
        elif (place := int(rng.integers(seen[excerpt.asked]))) < each:
            kept[excerpt.asked][place] = excerpt
    return [excerpt for of_class in kept for excerpt in of_class]
