"""A sound whose length, conditions and temperature are known before it is generated."""

import dataclasses
from collections.abc import Iterable

import numpy as np

from keras_samplernn.generation.stream import Taken


@dataclasses.dataclass(eq=False)
class Sound:
    """A sound asked for, to be generated once.

    Attributes:
        name: of its file, without `.wav`.
        stem: keys its uniforms, together with the seed: of its condition file, whatever the temperature.
        samples: its length.
        temperature: divides the logits; 0 takes the likeliest code.
        conditions: `(samples,)` integers, or None where the model is unconditional.
        done: how many samples were taken.
    """

    name: str
    stem: str
    samples: int
    temperature: float
    conditions: np.ndarray | None = None
    done: int = 0

    def take(self, samples: int) -> Taken:
        """Return what the next samples are asked to be; see `Part`."""
        samples = min(samples, self.samples - self.done)
        piece = slice(self.done, self.done + samples)
        self.done += samples
        return Taken(samples, self.temperature, None if self.conditions is None else self.conditions[piece])


def longest_first(sounds: Iterable[Sound]) -> list[Sound]:
    """Return sounds in the order in which they fill rows best."""
    return sorted(sounds, key=lambda sound: -sound.samples)
