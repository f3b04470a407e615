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


def profile_distances(profile: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the mean difference, in steps, between a profile and each of others."""
    return np.abs(others.astype(np.int16) - profile.astype(np.int16)).mean(axis=1)
