"""Takes judged by a listener: how sure it is that it hears the class that was asked for."""

import numpy as np

from keras_samplernn.conditions.streams import NONE
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.generation.judges import likelihood
from keras_samplernn.generation.passages import Passage
from keras_samplernn.generation.take_bits import Bits
from keras_samplernn.listening.listener import Listener


class HeardJudge:
    """Prefers the take in which a listener hears the class that was asked for most surely; see `Judge`.

    Where no class is asked for, or one that the listener has not learned, the takes are judged by their likelihood.

    Args:
        listener: to the stream that takes are judged by.
        quantizer: of the model.
    """

    def __init__(self, listener: Listener, quantizer: Quantizer):
        self._listener, self._quantizer = listener, quantizer

    def __call__(self, passage: Passage, codes: np.ndarray, bits: Bits) -> np.ndarray:
        """Return the score of each take, `(takes,)`."""
        if passage.asked == NONE or not self._listener.knows(passage.asked):
            return likelihood(passage, codes, bits)
        return self._listener.sureness([self._quantizer.decoder()(take) for take in codes], passage.asked)
