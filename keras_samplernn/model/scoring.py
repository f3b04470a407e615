"""Bits per sample of sounds under a model, window after window, with states carried from each to the next."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_samplernn.backend import traced
from keras_samplernn.conditions.layout import Conditions, nothing
from keras_samplernn.model.samplernn import Prepared, SampleRNN, restart_rows


class Scorer:
    """Scores windows of any number of rows. It keeps no state between calls, and uses the weights at each call.

    Args:
        model: its weights are used.
        silence: the code of silence, which comes before every sound.
        window_samples: targets of a window, whole top frames; the bits do not depend on it.
    """

    def __init__(self, model: SampleRNN, silence: int, window_samples: int):
        self.model = model
        self.silence = silence
        self.window_samples = window_samples
        self._score = traced(self.score)

    def windows(
        self, batch: dict[str, Any], states: list[tuple], weights: Prepared | None = None
    ) -> tuple[np.ndarray, list[tuple]]:
        """Return the bits of each part of each target, `(B, T, parts)` float64, and the states after the windows.

        Args:
            batch: `codes` `(B, lookback + T)`, `reset` `(B,)`, not 0 in rows that start a new sound, and `conditions`
                arrays `(B, T, ...)` if the model is conditional.
            states: the states after the previous windows; at first `SampleRNN.initial_states`.
            weights: what `SampleRNN.generation_weights` returned; None: the present weights.
        """
        bits, states = self._score(batch, states, self.values, weights)
        return ops.convert_to_numpy(bits).astype(np.float64), states

    @property
    def values(self) -> list[Any]:
        """The present values of the model's variables, which `score` takes."""
        return [variable.value for variable in self.model.variables]

    def sound(
        self,
        codes: np.ndarray,
        conditions: Conditions | None = None,
        weights: Prepared | None = None,
        on_samples: Callable[[int], None] = lambda done: None,
    ) -> np.ndarray:
        """Return the bits of each sample of one sound, `(n,)` float64.

        Args:
            codes: `(n,)` integers.
            conditions: arrays `(n, ...)`, or None if the model is unconditional.
            weights: as in `windows`.
            on_samples: called after each window with the number of samples that are scored so far.
        """
        lookback, window = self.model.lookback, self.window_samples
        samples, rest = len(codes), -len(codes) % window
        # Silence before the sound, and after it to the end of its last window.
        codes = np.pad(codes.astype(np.int32), (lookback, rest), constant_values=self.silence)
        if conditions is not None:
            past = nothing(self.model.streams, (rest,), conditions.targets is not None)
            conditions = Conditions(
                *(x if x is None else np.concatenate([x, end]) for x, end in zip(conditions, past, strict=True))
            )
        bits, states = np.empty(samples + rest), self.model.initial_states(1)
        for start in range(0, len(bits), window):
            batch = {"codes": codes[None, start : start + lookback + window], "reset": np.array([start == 0], np.int32)}
            if conditions is not None:
                batch["conditions"] = conditions.at((None, slice(start, start + window)))
            batch = keras.tree.map_structure(lambda x: None if x is None else ops.convert_to_tensor(x), batch)
            found, states = self.windows(batch, states, weights)
            bits[start : start + window] = found[0].sum(axis=-1)
            on_samples(min(start + window, samples))
        return bits[:samples]

    def score(
        self, batch: dict[str, Any], states: list[tuple], values: list[Any], weights: Prepared | None
    ) -> tuple[Any, list[tuple]]:
        """Do what `windows` does with the values of the model's variables, as a function of tensors to be traced."""
        with keras.StatelessScope(zip(self.model.variables, values, strict=True)):
            states = restart_rows(batch["reset"], self.model.initial_states(batch["reset"].shape[0]), states)
            outputs, states = self.model.forward(batch["codes"], batch.get("conditions"), states, weights)
            head, targets = self.model.head, batch["codes"][:, self.model.lookback :]
            parts = head.part_bits(outputs, targets, head.prepare() if weights is None else weights.head)
        return ops.stack(parts, axis=-1), states
