"""An example of a score: the classes of a corpus, one after the other."""

import numpy as np

from keras_samplernn.conditions.streams import ONE_STREAM, classes_streams
from keras_samplernn.data.corpus import Corpus

_MOST_CLASSES, _MOST_SECONDS = 8, 2.0


def score_of(corpus: Corpus, sample_rate: int) -> str:
    """Return a label track in which each of the most frequent classes lasts two seconds, or as long as is usual.

    What lasts much longer than in training comes out as noise. Of several streams of classes, it is the first.

    Args:
        corpus: of training.
        sample_rate: in Hz.

    Returns:
        The text; empty without a stream of classes, or where no class occurs.
    """
    stream = next(iter(classes_streams(corpus.streams)), None)
    if stream is None:
        return ""
    counts = corpus.class_counts[stream.name]
    most = [int(number) for number in np.argsort(-counts, kind="stable")[:_MOST_CLASSES] if counts[number]]
    lengths = []
    for sound in corpus.sounds:
        spans = sound.columns.track.spans[stream.name]
        ends = np.append(spans.starts[1:], sound.samples)
        lengths += (ends - spans.starts)[spans.values >= 0].tolist()
    if not most or not lengths:
        return ""
    each = min(_MOST_SECONDS, float(np.median(lengths)) / sample_rate)
    prefix = "" if stream.name == ONE_STREAM else f"{stream.name}="
    return "".join(
        f"{place * each:.6f}\t{(place + 1) * each:.6f}\t{prefix}{stream.classes[number]}\n"
        for place, number in enumerate(sorted(most))
    )
