"""The pieces of sounds that a listener hears: each is of one class."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.streams import NONE
from keras_samplernn.data.corpus import Corpus
from keras_samplernn.data.quantization import Quantizer

SHORTEST_SECONDS, LONGEST_SECONDS = 0.05, 1.0


class Piece(NamedTuple):
    """A piece of a sound.

    Attributes:
        wave: `(samples,)` float32.
        asked: number of its class.
    """

    wave: np.ndarray
    asked: int


def pieces_of(wave: np.ndarray, columns: Columns, stream: str, sample_rate: int) -> Iterator[Piece]:
    """Cut a sound into the spans of a stream; long ones into equal parts, short ones are passed over.

    What is none is passed over, and so are cross-fades.

    Args:
        wave: `(samples,)`, from the beginning of the sound on.
        columns: the conditions of the sound, which may go on behind the wave.
        stream: name of a stream of classes.
        sample_rate: in Hz.
    """
    spans, longest = columns.track.spans[stream], round(LONGEST_SECONDS * sample_rate)
    ends = np.minimum(np.append(spans.starts[1:], columns.samples), len(wave))
    for begin, end, asked, moves in zip(spans.starts, ends, spans.values, spans.moves, strict=True):
        if asked == NONE or moves or end - begin < SHORTEST_SECONDS * sample_rate:
            continue
        for part in np.array_split(wave[begin:end], -(-(end - begin) // longest)):
            yield Piece(part, int(asked))


def pieces_of_corpus(corpus: Corpus, quantizer: Quantizer, stream: str, sample_rate: int) -> Iterator[Piece]:
    """Yield the pieces of all sounds of a corpus, as the model knows them: quantized."""
    for entry in corpus.sounds:
        wave = quantizer.decoder()(np.asarray(corpus.codes[entry.start : entry.start + entry.samples]))
        yield from pieces_of(wave, entry.columns, stream, sample_rate)


def evenly_of(pieces: Iterable[Piece], most: int, classes: int) -> list[Piece]:
    """Return at most so many pieces, of each class as many as of any other where there are enough.

    Of each class they are drawn at random, always the same ones. No more than these are held in memory.
    """
    each = max(most // classes, 1)
    kept: list[list[Piece]] = [[] for _ in range(classes)]
    seen = np.zeros(classes, int)
    rng = np.random.default_rng(0)
    for piece in pieces:
        seen[piece.asked] += 1
        if len(kept[piece.asked]) < each:
            kept[piece.asked].append(piece)
        elif (place := int(rng.integers(seen[piece.asked]))) < each:
            kept[piece.asked][place] = piece
    return [piece for of_class in kept for piece in of_class]
