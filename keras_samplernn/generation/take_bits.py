"""The bits of takes while they are made: how likely each is under what was asked for, and under other classes."""

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from keras_samplernn.conditions.layout import Conditions
from keras_samplernn.conditions.streams import NONE
from keras_samplernn.generation.contrast import Contrast
from keras_samplernn.generation.passages import Passage
from keras_samplernn.model.scoring import Scorer


class Made(NamedTuple):
    """What each row made of a block.

    Attributes:
        history: `(rows, lookback)` int32, the codes before it.
        codes: `(rows, samples)` int32.
        conditions: arrays `(rows, samples, ...)`; None if the model is unconditional.
        counts: `(rows,)`, how many samples of the block belong to a sound.
    """

    history: np.ndarray
    codes: np.ndarray
    conditions: Conditions | None
    counts: np.ndarray


class Bits(NamedTuple):
    """The bits of the takes of a passage.

    Attributes:
        asked: `(takes,)`, under what was asked for.
        others: `(takes, classes)`, under each class in place of the one that was asked for; none without a contrast.
        samples: how many samples were counted.
    """

    asked: np.ndarray
    others: np.ndarray
    samples: int


class TakeBits:
    """Follows the rows of an engine, and adds up the bits of each passage.

    Args:
        scorer: of the model; its present weights are used.
        rows: number of rows that make takes.
        contrast: the stream whose other classes the takes are scored under too; None: they are not.
        seed: of the classes that are drawn where a stream has many.
    """

    def __init__(
        self,
        scorer: Scorer,
        rows: int,
        contrast: Contrast | None = None,
        seed: int = 0,
    ):
        self._scorer = scorer
        self._contrast, self._seed = contrast, seed
        self._each = 1 if contrast is None else contrast.rows
        self._states: Any = [
            tuple(np.zeros((rows * self._each, *shape), np.float32) for shape in tier.state_shapes)
            for tier in scorer.model.tiers
        ]
        self._bits, self._samples = np.zeros((rows, self._each)), np.zeros(rows, np.int64)
        self._asked = np.full(rows, NONE)
        self._bases = np.zeros((rows, self._each - 1), np.int32)

    def begin(self, rows: slice, passage: Passage, stem: str, states: list[tuple]) -> None:
        """Begin a passage on some rows.

        Args:
            rows: that make its takes.
            passage: of a sound.
            stem: of the sound.
            states: of each tier before the passage, of one row, `(1, ...)`.
        """
        every = slice(rows.start * self._each, rows.stop * self._each)
        for mine, state in zip(keras.tree.flatten(self._states), keras.tree.flatten(states), strict=True):
            mine[every] = state
        self._bits[rows], self._samples[rows], self._asked[rows] = 0, 0, passage.asked
        if self._contrast is not None:
            self._bases[rows] = self._contrast.draw_classes(self._seed, stem)

    def add(self, block: Made) -> None:
        """Add the bits of the next block of all rows."""
        shape = block.codes.shape
        window = np.repeat(np.concatenate([block.history, block.codes], axis=1), self._each, axis=0)
        batch = {"codes": window, "reset": np.zeros(len(window), np.int32)}
        counted = np.arange(shape[1]) < block.counts[:, None]
        if block.conditions is not None:
            batch["conditions"] = block.conditions
        if self._contrast is not None:
            bases = np.broadcast_to(self._bases[:, None], (*shape, self._each - 1))
            batch["conditions"] = self._contrast.expand(block.conditions, bases)
            # A passage ends where a block does, so that the next class may have begun.
            counted &= self._contrast.asked(block.conditions) == self._asked[:, None]
        batch = keras.tree.map_structure(lambda array: None if array is None else ops.convert_to_tensor(array), batch)
        bits, states = self._scorer.windows(batch, keras.tree.map_structure(ops.convert_to_tensor, self._states))
        self._states = keras.tree.map_structure(lambda tensor: np.array(ops.convert_to_numpy(tensor)), states)
        self._bits += (bits.sum(axis=-1).reshape(*self._bits.shape, -1) * counted[:, None]).sum(axis=-1)
        self._samples += counted.sum(axis=-1)

    def of(self, rows: slice) -> Bits:
        """Return the bits of the takes that some rows have made of a passage."""
        return Bits(self._bits[rows, 0].copy(), self._bits[rows, 1:].copy(), int(self._samples[rows].max()))
