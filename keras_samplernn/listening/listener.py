"""A classifier of sounds: a support vector machine on log-mel frames, which never hears a model."""

from collections.abc import Iterable, Sequence

import numpy as np

from keras_samplernn.errors import UserError
from keras_samplernn.listening.excerpts import Excerpt
from keras_samplernn.listening.spectra import Spectra


class Listener:
    """Hears of which class a sound is.

    Args:
        excerpts: real sounds that it learns, of at least two classes.
        classes: number of classes.
        sample_rate: of all sounds, in Hz.

    Raises:
        UserError: scikit-learn is not installed, or there are fewer than two classes.
    """

    def __init__(self, excerpts: Sequence[Excerpt], classes: int, sample_rate: int):
        try:
            from sklearn.pipeline import make_pipeline
            from sklearn.preprocessing import StandardScaler
            from sklearn.svm import SVC
        except ImportError:
            raise UserError(
                "the listener needs scikit-learn, which is not installed; pip install 'keras-samplernn[listen]'"
            ) from None
        asked = [excerpt.asked for excerpt in excerpts]
        if len(set(asked)) < 2:
            raise UserError(
                f"the training sounds have excerpts of {len(set(asked))} classes that are long enough to be heard; a"
                " listener tells two or more apart"
            )
        self._classes, self._spectra = classes, Spectra(sample_rate)
        self._classifier = make_pipeline(
            StandardScaler(), SVC(kernel="rbf", C=10.0, gamma="scale", class_weight="balanced")
        )
        self._classifier.fit(np.stack([self._spectra(excerpt.wave) for excerpt in excerpts]), asked)

    def hear(self, waves: Sequence[np.ndarray]) -> np.ndarray:
        """Return the class that is heard in each wave `(samples,)`."""
        return self._classifier.predict(np.stack([self._spectra(wave) for wave in waves]))

    def knows(self, asked: int) -> bool:
        """Return whether it has learned a class."""
        return asked in self._classifier.classes_

    def sureness(self, waves: Sequence[np.ndarray], asked: int) -> np.ndarray:
        """Return how much more each wave sounds like a class than like any other, `(waves,)`; above 0: it is heard.

        Args:
            waves: `(samples,)` each.
            asked: number of a class that it has learned.
        """
        found = self._classifier.decision_function(np.stack([self._spectra(wave) for wave in waves]))
        known = self._classifier.classes_.tolist()
        if len(known) == 2:  # one number, above 0 for the second class
            return found if asked == known[1] else -found
        place = known.index(asked)
        return found[:, place] - np.delete(found, place, axis=1).max(axis=1)

    def confusion(self, excerpts: Iterable[Excerpt]) -> np.ndarray:
        """Count excerpts by the class asked for and the class heard, `(classes, classes)` int64."""
        counts = np.zeros((self._classes, self._classes), np.int64)
        excerpts = list(excerpts)
        if excerpts:
            heard = self.hear([excerpt.wave for excerpt in excerpts])
            np.add.at(counts, ([excerpt.asked for excerpt in excerpts], heard), 1)
        return counts
