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


def asked_of(
    corpus: Corpus, stream: ClassesStream, seconds: float, sample_rate: int, place: str
) -> list[tuple[SoundEntry, int]]:
    """Return sounds whose conditions a model is asked for, one at least, and how many samples of each.

    They are chosen so that all classes are asked for alike, as far as they are there: the next sound is the first one
    that has the class which was asked for least so far. Of it as much is taken as is the share of a class, or more
    where the class comes later.

    Args:
        corpus: the sounds, of which the first ten seconds are known.
        stream: of classes.
        seconds: how much is asked for in all, about.
        sample_rate: in Hz.
        place: of the sounds in messages.

    Raises:
        UserError: no sound has a span of a class that can be heard.
    """
    classes, left = len(stream.classes), max(round(seconds * sample_rate), 1)
    share = round(max(seconds / max(min(classes, len(corpus.sounds)), 1), LONGEST_SECONDS) * sample_rate)
    lengths = [min(entry.samples, round(LONGEST_SOUND_SECONDS * sample_rate)) for entry in corpus.sounds]
    spans = [
        spans_heard(entry.columns, samples, stream.name, sample_rate)
        for entry, samples in zip(corpus.sounds, lengths, strict=True)
    ]
    has = np.array([np.bincount(values, minlength=classes) > 0 for _, _, values in spans]).reshape(-1, classes)
    if not has.any():
        raise UserError(
            f"{place}: no sound has a span of {stream.name} of {SHORTEST_SECONDS} s or more in its first"
            f" {LONGEST_SOUND_SECONDS:g} s, and a listener hears nothing; give other sounds"
        )
    asked, of_class = [], np.zeros(classes)
    while left > 0 and has.any():
        rarest = int(np.argmin(np.where(has.any(axis=0), of_class, np.inf)))
        number = int(np.argmax(has[:, rarest]))
        has[number] = False
        begins, ends, values = spans[number]
        first = int(np.argmax(values == rarest))
        heard_by = min(ends[first], begins[first] + round(LONGEST_SECONDS * sample_rate))
        samples = min(max(min(share, left), int(heard_by)), lengths[number])
        np.add.at(of_class, values, np.clip(samples - begins, 0, ends - begins))
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
