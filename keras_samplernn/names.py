"""Names of files and classes, which Unicode can write in several forms: compared in one, NFC."""

import unicodedata
from pathlib import Path


def nfc(name: str) -> str:
    """Return a name in the form that all names are compared in."""
    return unicodedata.normalize("NFC", name)


def existing(path: Path) -> Path:
    """Return the path itself if it is there, else one of the same names in another form; else the path itself."""
    try:
        if path.exists() or path == path.parent:
            return path
        folder = existing(path.parent)
        names = [other for other in folder.iterdir() if nfc(other.name) == nfc(path.name)]
    except (OSError, ValueError):
        return path
    return names[0] if names else path
