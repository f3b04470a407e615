"""Where the run of a checkpoint is made."""

import os
from pathlib import Path

from keras_samplernn.errors import UserError
from keras_samplernn.files import named


def new_run_folder(folder: Path) -> Path:
    """Return the path of a run directory that does not exist yet, or is an empty folder; UserError if it is another."""
    folder = named(folder)
    is_empty = folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir())
    if os.path.lexists(folder) and not is_empty:
        raise UserError(f"{folder}: exists already, and nothing is written over; give --run another folder")
    return folder
