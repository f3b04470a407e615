"""The profile of a sound: its level and its brightness in equal segments, in a few bytes."""

from typing import Any

import numpy as np

SEGMENTS = 32


def profile_of(mono: np.ndarray) -> bytes:
    """Return the mean level and the share of zero crossings of each segment, both relative to the highest.

    Args:
        mono: (n,) samples, at least one.

    Returns:
        2 * SEGMENTS bytes; the level of the sound as a whole does not count.
    """
    starts = np.arange(SEGMENTS) * len(mono) // SEGMENTS
    sizes = np.maximum(np.diff([*starts, len(mono)]), 1)
    negative = np.signbit(mono)
    crossings = np.zeros(len(mono), bool)
    np.not_equal(negative[1:], negative[:-1], out=crossings[1:])
    sums = np.add.reduceat(np.abs(mono), starts), np.add.reduceat(crossings, starts, dtype=np.int32)
    shares = [each / sizes for each in sums]
    return b"".join((255 * share / max(share.max(), 1e-9)).astype(np.uint8).tobytes() for share in shares)


def read_profiles(manifest: dict[str, Any]) -> np.ndarray:
    """Return the profiles in the manifest of a corpus, (sounds, 2 * SEGMENTS) uint8."""
    profiles = b"".join(bytes.fromhex(sound["profile"]) for sound in manifest["sounds"])
    return np.frombuffer(profiles, np.uint8).reshape(-1, 2 * SEGMENTS)


class Profiles:
    """Profiles that others are compared with.

    Args:
        profiles: (n, 2 * SEGMENTS) uint8.
    """

    def __init__(self, profiles: np.ndarray):
        self._profiles = profiles.astype(np.int16)
        self._sums = _sums(self._profiles)

    def near(self, profile: np.ndarray, first: int, last: int, most: float) -> np.ndarray:
        """Return the numbers of those of a range that are near a profile, the nearest first.

        Args:
            profile: (2 * SEGMENTS,) uint8.
            first: number of the first that is compared.
            last: that of the first one after it that is not.
            most: mean difference, in steps.
        """
        profile = profile.astype(np.int16)
        # Sums of neighbours differ by no more than the neighbours do: most profiles are told apart by these.
        least = np.abs(self._sums[first:last] - _sums(profile)).sum(axis=1)
        numbers = first + np.flatnonzero(least <= most * len(profile))
        distances = np.abs(self._profiles[numbers] - profile).mean(axis=1)
        order = np.argsort(distances)
        return numbers[order[distances[order] <= most]]


def _sums(profiles: np.ndarray) -> np.ndarray:
    return profiles.reshape(*profiles.shape[:-1], -1, 8).sum(axis=-1, dtype=np.int32)
