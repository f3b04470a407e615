"""A preparation in a process of its own that counts what it decodes; it imports no more than it needs."""

import os
import time
from pathlib import Path

from keras_samplernn.conditions.streams import ClassesStream
from keras_samplernn.data import corpus, parts, prepared_part
from keras_samplernn.data.pairs import find_pairs
from keras_samplernn.data.preparation import CorpusSettings, write_part
from keras_samplernn.data.quantization import Quantizer

SETTINGS = CorpusSettings(4000, Quantizer("mu-law", 256), (ClassesStream.of_count(3),))


def count_sounds(folder: Path, most: int, cache: str, begin, counted) -> None:
    """Prepare a corpus.

    Args:
        folder: of the sounds.
        most: samples of a part.
        cache: the cache folder.
        begin: the barrier that all begin at.
        counted: the number of sounds decoded by all.
    """
    os.environ["KERAS_SAMPLERNN_CACHE"] = cache
    parts.MOST_SAMPLES = most

    def write(pairs, *arguments):
        with counted.get_lock():
            counted.value += len(pairs)
        time.sleep(0.05)
        return write_part(pairs, *arguments)

    prepared_part.write_part = write
    corpus.has_tensorflow_io = lambda: False  # importing it takes seconds
    begin.wait()
    pairs = find_pairs(folder, True).pairs
    assert len(corpus.prepare_corpus(pairs, SETTINGS, lambda line: None).sounds) == len(pairs)
