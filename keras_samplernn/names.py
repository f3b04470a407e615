"""Names of files and classes, which Unicode can write in several forms: compared in one, NFC."""

import unicodedata
from pathlib import Path


def nfc(name: str) -> str:
    """Return a name in the form that all names are compared in."""
    return unicodedata.normalize("NFC", name)


def existing(path: Path, listings: dict[Path, dict[str, Path]] | None = None) -> Path:
    """Return the path itself if it is there, else one of the same names in another form; else the path itself.

    Args:
        path: of a file or folder.
        listings: what folders hold, kept here from call to call.
    """
    listings = {} if listings is None else listings
    try:
        if path.exists() or path == path.parent:
            return path
        folder = existing(path.parent, listings)
        if folder not in listings:
            listings[folder] = {nfc(other.name): other for other in folder.iterdir()}
    except (OSError, ValueError):
        return path
    return listings[folder].get(nfc(path.name), path)
