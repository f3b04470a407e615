"""What the machine has, and what numbers take of it."""

import os

FLOAT_BYTES = 4


def machine_bytes() -> int:
    """Return the memory that this machine has in all."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
