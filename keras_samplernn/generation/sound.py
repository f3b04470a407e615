"""A sound whose length, conditions and temperature are known before it is generated."""

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.layout import Conditions
from keras_samplernn.generation.stream import Taken
from keras_samplernn.generation.take import Take

Primers = Mapping[str, tuple[np.ndarray, Conditions | None]]
"""Recordings that a take goes on from: wave and conditions of each, by its sha256."""


class ScoreFile(NamedTuple):
    """The file that a sound's conditions were read from.

    Attributes:
        path: a condition file, or a sound that was taken as one.
        digest: sha256 of its bytes; None for a pipe, which can be read only once.
    """

    path: Path
    digest: str | None


@dataclasses.dataclass(eq=False)
class Sound:
    """A sound to generate, once.

    Attributes:
        name: name of its file, without `.wav`.
        stem: stem of its condition file, whatever the temperature; keys the uniforms, together with the seed.
        samples: length in samples.
        temperature: divides the logits; 0 takes the likeliest code.
        columns: its conditions, of at least `first + samples` samples; None if the model is unconditional.
        score: the file that the conditions were read from, if there is one and it is to be recorded.
        played: how it was played live, if it was; None: the conditions are a score, whose future is known.
        primers: of what was played.
        done: number of samples that were taken.
        first: the sample of the columns that it begins at.
    """

    name: str
    stem: str
    samples: int
    temperature: float
    columns: Columns | None = None
    score: ScoreFile | None = None
    played: Take | None = None
    primers: Primers = dataclasses.field(default_factory=dict)
    done: int = 0
    first: int = 0

    def take(self, samples: int) -> Taken:
        """Return conditions and temperature of the next samples; see `Part`."""
        samples = min(samples, self.samples - self.done)
        start, self.done = self.done, self.done + samples
        conditions = None
        if self.columns is not None:
            conditions = self.columns.piece(self.first + start, self.first + self.done)
        return Taken(samples, self.temperature, conditions)


def longest_first(sounds: Iterable[Sound]) -> list[Sound]:
    """Return sounds in the order that uses rows best."""
    return sorted(sounds, key=lambda sound: -sound.samples)


def any_fades(sounds: Iterable[Sound]) -> bool:
    """Return whether the classes of any sound that is no take cross-fade."""
    return any(sound.played is None and sound.columns is not None and sound.columns.fades for sound in sounds)
