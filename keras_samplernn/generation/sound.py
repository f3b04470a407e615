"""A sound whose length, conditions and temperature are known before it is generated."""

import dataclasses
from collections.abc import Iterable

import numpy as np

from keras_samplernn.generation.stream import Taken


@dataclasses.dataclass(eq=False)
class Sound:
    """A sound to generate, once.

    Attributes:
        name: name of its file, without `.wav`.
        stem: stem of its condition file, whatever the temperature; keys the uniforms, together with the seed.
        samples: length in samples.
        temperature: divides the logits; 0 takes the likeliest code.
        conditions: `(samples,)` integers, or None if the model is unconditional.
        done: number of samples that were taken.
    """

    name: str
    stem: str
    samples: int
    temperature: float
    conditions: np.ndarray | None = None
    done: int = 0

    def take(self, samples: int) -> Taken:
        """Return conditions and temperature of the next samples; see `Part`."""
        samples = min(samples, self.samples - self.done)
        piece = slice(self.done, self.done + samples)
        self.done += samples
        return Taken(samples, self.temperature, None if self.conditions is None else self.conditions[piece])


def longest_first(sounds: Iterable[Sound]) -> list[Sound]:
    """Return sounds in the order that uses rows best."""
    return sorted(sounds, key=lambda sound: -sound.samples)
