"""Sounds that are nearly the same as sounds of another corpus: found by their profiles, then by their codes."""

from collections.abc import Iterator

import numpy as np

from keras_samplernn.data.corpus import Corpus, SoundEntry
from keras_samplernn.data.profiles import Profiles, read_profiles

# Lengths that differ by more, in shares, are no candidates; nor are profiles, in steps of their bytes.
_LENGTH_TOLERANCE, _MOST_DISTANCE = 0.02, 6.0
_LEAST_COHERENCE = 0.4
_COMPARED_SAMPLES, _MOST_SHIFT = 1 << 16, 2048
_MOST_CANDIDATES = 300  # each takes some milliseconds, at every start of a training


def near_duplicates(corpus: Corpus, others: Corpus) -> Iterator[tuple[str, str]]:
    """Yield the names of each sound that is nearly the same as one of another corpus, and of that one.

    The same recording is found again in another format, at another level, or with some milliseconds more or less. At
    most some hundreds of pairs of sounds are compared.
    """
    lengths = np.array([sound.samples for sound in others.sounds])
    order = np.argsort(lengths, kind="stable")
    lengths, profiles = lengths[order], Profiles(read_profiles(others.manifest)[order])
    left = _MOST_CANDIDATES
    for sound, profile in zip(corpus.sounds, read_profiles(corpus.manifest), strict=True):
        first = np.searchsorted(lengths, sound.samples * (1 - _LENGTH_TOLERANCE), "left")
        last = np.searchsorted(lengths, sound.samples * (1 + _LENGTH_TOLERANCE), "right")
        for place in profiles.near(profile, first, last, _MOST_DISTANCE):
            if not left:
                return
            left -= 1
            other = others.sounds[order[place]]
            if _coherence(_excerpt(corpus, sound), _excerpt(others, other)) >= _LEAST_COHERENCE:
                yield sound.name, other.name
                break


def _excerpt(corpus: Corpus, sound: SoundEntry) -> np.ndarray:
    """Return the codes in the middle of a sound, around their mean."""
    samples = min(sound.samples, _COMPARED_SAMPLES)
    start = sound.start + (sound.samples - samples) // 2
    codes = corpus.codes[start : start + samples].astype(np.float32)
    return codes - codes.mean()


def _coherence(one: np.ndarray, other: np.ndarray) -> float:
    """Return the highest correlation of two waves that are shifted a little against each other, in [0, 1].

    All frequencies count alike: two tones of one pitch are not the same recording, since their noise differs (the
    phase transform of Knapp and Carter 1976).
    """
    size = 2 * max(len(one), len(other))
    product = np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size))
    shifted = np.fft.irfft(product / np.maximum(np.abs(product), 1e-9), size)
    return float(np.concatenate([shifted[:_MOST_SHIFT], shifted[-_MOST_SHIFT:]]).max())
