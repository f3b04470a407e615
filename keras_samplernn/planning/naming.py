"""The name of a spec, from that of a folder."""

import re
import unicodedata
from pathlib import Path

_MOST_LETTERS = 100
_NAMELESS = "sounds"


def run_name(folder: Path) -> str:
    """Return the name of a folder with a dash for what a spec's name may not have, and letters without accents."""
    plain = unicodedata.normalize("NFKD", folder.resolve().name).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-._")
    return name[:_MOST_LETTERS] or _NAMELESS
