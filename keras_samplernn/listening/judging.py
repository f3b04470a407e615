"""How often a listener hears what was asked for, in real sounds that it did not learn and in those of a model."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from keras_samplernn.conditions.streams import ClassesStream
from keras_samplernn.data.corpus import Corpus, SoundEntry
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.errors import UserError
from keras_samplernn.generation.contrast import Contrast
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.sound import Sound, longest_first
from keras_samplernn.generation.stream import BLOCK_SAMPLES, stream_parts
from keras_samplernn.listening.excerpts import (
    LONGEST_SECONDS,
    SHORTEST_SECONDS,
    Excerpt,
    evenly_of,
    excerpts_of,
    excerpts_of_corpus,
    spans_heard,
)
from keras_samplernn.listening.listener import Listener
from keras_samplernn.model.samplernn import SampleRNN

MOST_LEARNED = 4000
MOST_ROWS, LONGEST_SOUND_SECONDS = 16, 10.0


def learn_listener(train: Corpus, quantizer: Quantizer, stream: ClassesStream, sample_rate: int) -> Listener:
    """Return a listener that learned the classes of a stream from the training sounds."""
    classes = len(stream.classes)
    excerpts = evenly_of(excerpts_of_corpus(train, quantizer, stream.name, sample_rate), MOST_LEARNED, classes)
    return Listener(excerpts, classes, sample_rate)


def asked_of(corpus: Corpus, stream: ClassesStream, seconds: float, sample_rate: int) -> list[tuple[SoundEntry, int]]:
    """Return sounds whose conditions a model is asked for, one at least, and how many samples of each.

    They are chosen so that all classes are asked for alike, as far as they are there: the next sound is the first one
    that has the class which was asked for least so far. Of no sound more is taken than the share of a class, so that
    there is time for all of them.

    Args:
        corpus: the sounds.
        stream: of classes.
        seconds: how much is asked for in all.
        sample_rate: in Hz.

    Raises:
        UserError: no sound has a span of a class that can be heard.
    """
    classes, left = len(stream.classes), max(round(seconds * sample_rate), 1)
    share = seconds / max(min(classes, len(corpus.sounds)), 1)
    longest = round(max(min(share, LONGEST_SOUND_SECONDS), LONGEST_SECONDS) * sample_rate)
    lengths = [min(entry.samples, longest, left) for entry in corpus.sounds]
    has = np.zeros((len(lengths), classes), np.int64)  # samples of each class
    for row, entry, samples in zip(has, corpus.sounds, lengths, strict=True):
        begins, ends, values = spans_heard(entry.columns, samples, stream.name, sample_rate)
        np.add.at(row, values, ends - begins)
    if not has.any():
        raise UserError(
            f"{stream.name}: the held-out sounds have no span of a class in their first"
            f" {max(lengths, default=0) / sample_rate:g} s that is {SHORTEST_SECONDS} s or longer, and a listener hears"
            " nothing; give more seconds, or other sounds"
        )
    asked, of_class, waiting = [], np.zeros(classes), has.any(axis=1)
    while left > 0 and waiting.any():
        there = (has[waiting] > 0).any(axis=0)
        rarest = int(np.argmin(np.where(there, of_class, np.inf)))
        number = int(np.argmax(waiting & (has[:, rarest] > 0)))
        waiting[number] = False
        of_class += has[number]
        samples = min(lengths[number], left)
        asked.append((corpus.sounds[number], samples))
        left -= samples
    return asked


class Performer:
    """Has a model make sounds under the conditions of real ones, side by side; it compiles only once.

    Args:
        model: its present weights are used at each call.
        asked: what `asked_of` returned, not empty.
        quantizer: of the model.
        stream: name of the stream that is listened to.
        sample_rate: in Hz.
        guidance: what sounds are guided away from; None: they are not guided.
    """

    def __init__(
        self,
        model: SampleRNN,
        asked: list[tuple[SoundEntry, int]],
        quantizer: Quantizer,
        stream: str,
        sample_rate: int,
        guidance: Contrast | None = None,
    ):
        self._asked = {f"sound_{number:03d}": each for number, each in enumerate(asked)}
        self._quantizer, self._stream, self._sample_rate = quantizer, stream, sample_rate
        fades = any(entry.columns.fades for entry, _ in asked)
        self._engine = GenerationEngine(
            model, quantizer.silence, min(len(asked), MOST_ROWS), BLOCK_SAMPLES, fades=fades, guidance=guidance
        )

    @property
    def samples(self) -> int:
        """Number of samples of all sounds."""
        return sum(samples for _, samples in self._asked.values())

    def excerpts(
        self,
        seed: int = 0,
        temperature: float = 1.0,
        strength: float = 1.0,
        update: Callable[[int], None] = lambda done: None,
    ) -> Iterator[Excerpt]:
        """Yield the excerpts of each sound when it is whole.

        Args:
            seed: of the uniforms.
            temperature: divides the logits.
            strength: of the guidance.
            update: called after each block with the number of samples that are done; may raise.
        """
        engine, weights, done = self._engine, self._engine.weights(), 0
        sounds = [
            Sound(stem, stem, samples, temperature, entry.columns) for stem, (entry, samples) in self._asked.items()
        ]
        made: dict[str, list[np.ndarray]] = {stem: [] for stem in self._asked}
        parts = stream_parts(engine, weights, engine.silent_start(weights), longest_first(sounds), seed, strength)
        for sound, codes, ended in parts:
            made[sound.stem].append(codes)
            update(done := done + len(codes))
            if ended:
                wave = self._quantizer.decoder()(np.concatenate(made.pop(sound.stem)))
                yield from excerpts_of(wave, self._asked[sound.stem][0].columns, self._stream, self._sample_rate)


def describe(counts: np.ndarray, stream: ClassesStream) -> dict[str, Any]:
    """Return how many excerpts were heard as asked for, in all and of each class, and the counts, as JSON values."""
    excerpts, right = counts.sum(axis=1), counts.diagonal()
    return {
        "excerpts": int(excerpts.sum()),
        "heard_as_asked": int(right.sum()),
        "share": float(right.sum() / max(excerpts.sum(), 1)),
        "share_of_class": {
            name: float(hits / count)
            for name, count, hits in zip(stream.classes, excerpts, right, strict=True)
            if count
        },
        "confusion": counts.tolist(),
    }
