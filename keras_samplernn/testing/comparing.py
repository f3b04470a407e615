"""What laws require, and how close numbers must be."""

import numpy as np

# As shares of the largest number. A whole window rounds otherwise than single steps, on a GPU more than on a CPU.
TOLERANCE = 1e-3
HALF_PRECISION_TOLERANCE = 0.1


def require(holds: bool, seen: str) -> None:
    """Raise AssertionError with what was seen, unless a law holds."""
    if not holds:
        raise AssertionError(seen)


def agree(seen: tuple, expected: tuple, tolerance: float = TOLERANCE, note: str = "") -> None:
    """Require outputs and state to be those expected, within a share of the largest number of each."""
    names = ["outputs", *(f"state {number}" for number in range(len(expected[1])))]
    for name, one, other in zip(names, [seen[0], *seen[1]], [expected[0], *expected[1]], strict=True):
        same(one, other, name, tolerance, note)


def same(seen: np.ndarray, expected: np.ndarray, what: str, tolerance: float = TOLERANCE, note: str = "") -> None:
    """Require numbers to be those expected, within a share of the largest of these."""
    require(seen.shape == expected.shape, f"{what} have the shape {seen.shape}, not {expected.shape}{note}")
    difference, largest = np.abs(seen - expected).max(initial=0), np.abs(expected).max(initial=0)
    # Written so that NaN fails too.
    require(bool(difference <= tolerance * largest), f"{what} differ by {difference:.2g}, of {largest:.2g}{note}")
