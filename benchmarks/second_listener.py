"""A second listener to words, with other features and another classifier than that of `evaluate --listen`.

Takes that the first one chose (`generate --by heard`) are judged by this one too: what only the first one hears would
not be worth much. It is a forest of extremely randomised trees (Geurts et al. 2006) on mel cepstra and their slopes, in
eight parts of a word.
"""

from collections.abc import Sequence

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier

BANDS, CEPSTRA, PARTS, TREES = 26, 14, 8, 500
LOWEST_HZ, HIGHEST_HZ = 100.0, 3800.0
WINDOW_SECONDS, HOP_SECONDS, TRANSFORM = 0.025, 0.01, 256
QUIET = 5.0  # nepers below the loudest frame, where a word begins and ends
PREEMPHASIS = 0.9


class SecondListener:
    """Hears which class a word is.

    Args:
        waves: real words, `(samples,)` each.
        classes: the class of each.
        sample_rate: of all words, in Hz.
    """

    def __init__(self, waves: Sequence[np.ndarray], classes: Sequence[int], sample_rate: int):
        self._window, self._hop = (round(seconds * sample_rate) for seconds in (WINDOW_SECONDS, HOP_SECONDS))
        low, high = (1127 * np.log1p(hertz / 700) for hertz in (LOWEST_HZ, HIGHEST_HZ))
        corners = 700 * np.expm1(np.linspace(low, high, BANDS + 2) / 1127)
        frequencies = np.fft.rfftfreq(TRANSFORM, 1 / sample_rate)
        self._mel = np.stack(
            [np.interp(frequencies, corners[band : band + 3], [0, 1, 0], left=0, right=0) for band in range(BANDS)]
        )
        self._cosines = np.cos(np.pi / BANDS * np.outer(np.arange(CEPSTRA), np.arange(BANDS) + 0.5))
        self._forest = ExtraTreesClassifier(TREES, random_state=0).fit(self._features(waves), classes)

    def hear(self, waves: Sequence[np.ndarray]) -> np.ndarray:
        """Return the class that is heard in each wave `(samples,)`."""
        return self._forest.predict(self._features(waves))

    def _features(self, waves: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack([self._cepstra(np.asarray(wave, np.float64)) for wave in waves])

    def _cepstra(self, wave: np.ndarray) -> np.ndarray:
        """Return the means over parts of a word of its cepstra and their slopes, and how long it lasts."""
        wave = wave / (np.abs(wave).max() + 1e-9)
        wave = np.pad(
            np.append(wave[:1], wave[1:] - PREEMPHASIS * wave[:-1]), (0, max(0, 2 * self._window - len(wave)))
        )
        frames = np.lib.stride_tricks.sliding_window_view(wave, self._window)[:: self._hop] * np.hamming(self._window)
        power = np.abs(np.fft.rfft(frames, TRANSFORM, axis=1)) ** 2
        level = np.log(power.sum(axis=1) + 1e-6)
        loud = np.flatnonzero(level > level.max() - QUIET)
        power = power[loud[0] : max(loud[-1] + 1, loud[0] + 2)]
        cepstra = np.log(power @ self._mel.T + 1e-4) @ self._cosines.T
        cepstra[:, 0] -= cepstra[:, 0].mean()
        both = np.hstack([cepstra, np.gradient(cepstra, axis=0)]) if len(cepstra) > 1 else np.tile(cepstra, 2)
        parts = [part.mean(axis=0) if len(part) else np.zeros(2 * CEPSTRA) for part in np.array_split(both, PARTS)]
        return np.append(np.concatenate(parts), len(power) * self._hop / 4000)
