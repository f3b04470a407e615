"""Hearings during training: how much of what the model generates is heard as it was asked for."""

from collections.abc import Callable

import numpy as np

from keras_samplernn.conditions.streams import classes_streams
from keras_samplernn.data.corpus import Corpus
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.listening.excerpts import excerpts_of_corpus
from keras_samplernn.listening.judging import Performer, asked_of, learn_listener
from keras_samplernn.model.samplernn import SampleRNN
from keras_samplernn.monitoring.sounds import guidance_in_training
from keras_samplernn.spec import Spec


class Hearing:
    """A listener that learns the first stream of classes once, and hears the model now and then.

    Args:
        model: in float32, not the one that is trained; it gets the trained weights each time.
        spec: its `monitoring` has the length, temperature and guidance of what is generated.
        train: the sounds that the listener learns.
        valid: the sounds under whose conditions the model generates.

    Attributes:
        real: share of the excerpts of the validation files that are heard as their class.

    Raises:
        UserError: scikit-learn is not installed, there are fewer than two classes, or no validation file has a span of
            one that can be heard.
    """

    def __init__(self, model: SampleRNN, spec: Spec, train: Corpus, valid: Corpus):
        quantizer, rate, stream = Quantizer.of(spec.audio), spec.audio.sample_rate, classes_streams(model.streams)[0]
        asked = asked_of(valid, stream, spec.monitoring.listen_seconds, rate, "data.valid")
        self._model, self._spec = model, spec
        self._listener = learn_listener(train, quantizer, stream, rate)
        self.real = _share(self._listener.confusion(excerpts_of_corpus(valid, quantizer, stream.name, rate)))
        contrast = guidance_in_training(spec, model.streams)
        self._performer = Performer(model, asked, quantizer, stream.name, rate, contrast)

    def __call__(self, trained: SampleRNN, check_stop: Callable[[], None]) -> float:
        """Return the share of the generated excerpts that are heard as asked.

        Args:
            trained: its weights are used.
            check_stop: called between blocks; may raise.
        """
        for variable, value in zip(self._model.weights, trained.weights, strict=True):
            variable.assign(value)
        seed, monitoring = self._spec.training.seed, self._spec.monitoring
        made = self._performer.excerpts(
            seed, monitoring.temperature, monitoring.guidance, update=lambda _: check_stop()
        )
        return _share(self._listener.confusion(made))


def _share(counts: np.ndarray) -> float:
    return float(counts.trace() / counts.sum())
