"""Bits of each sample of one sound under a model."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_samplernn.backend import compiled_once
from keras_samplernn.model.samplernn import SampleRNN, bits_per_sample


class Scorer:
    """Scores a sound sample by sample: window after window, the states carried from each to the next.

    Args:
        model: whose weights are used, as they are when it is called.
        silence: the code of silence, which precedes every sound.
        window_samples: targets of a window, whole top frames; the bits do not depend on it.
    """

    def __init__(self, model: SampleRNN, silence: int, window_samples: int):
        self.model = model
        self.silence = silence
        self.window_samples = window_samples
        self._score = compiled_once(self._score_window)

    def __call__(
        self,
        codes: np.ndarray,
        conditions: np.ndarray | None = None,
        weights: tuple[list, list] | None = None,
        on_samples: Callable[[int], None] = lambda done: None,
    ) -> np.ndarray:
        """Return the bits of each sample, `(n,)` float64.

        Args:
            codes: `(n,)` integers.
            conditions: `(n,)` integers, or None where the model is unconditional.
            weights: what `SampleRNN.generation_weights` returned; None: the weights as they are.
            on_samples: called after each window with the number of samples that are scored.
        """
        lookback, window = self.model.lookback, self.window_samples
        samples, rest = len(codes), -len(codes) % window
        # Silence before the sound, and after it to the end of its last window.
        codes = np.pad(codes.astype(np.int32), (lookback, rest), constant_values=self.silence)
        if conditions is not None:
            conditions = np.pad(conditions.astype(np.int32), (0, rest), constant_values=-1)
        bits = np.empty(samples + rest)
        variables = [ops.convert_to_tensor(variable) for variable in self.model.variables]
        states = self.model.initial_states(1)
        for start in range(0, len(bits), window):
            found, states = self._score(
                variables,
                weights,
                ops.convert_to_tensor(codes[None, start : start + lookback + window]),
                None if conditions is None else ops.convert_to_tensor(conditions[None, start : start + window]),
                states,
            )
            bits[start : start + window] = ops.convert_to_numpy(found)[0]
            on_samples(min(start + window, samples))
        return bits[:samples]

    def _score_window(self, variables: Any, weights: Any, codes: Any, conditions: Any, states: Any) -> tuple[Any, Any]:
        """Return the bits of a window's targets, `(1, T)`, and the states after it; this is what is compiled."""
        with keras.StatelessScope(zip(self.model.variables, variables, strict=True)):
            logits, states = self.model.forward(codes, conditions, states, weights)
        return bits_per_sample(codes[:, self.model.lookback :], logits), states
