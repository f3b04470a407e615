"""Where the run of a checkpoint is made."""

import os
from pathlib import Path

from keras_samplernn.errors import UserError
from keras_samplernn.files import named


def new_run_folder(folder: Path) -> Path:
    """Return the path of a run directory that does not exist yet; UserError if there is something of its name."""
    folder = named(folder)
    if os.path.lexists(folder):
        raise UserError(f"{folder}: exists already, and nothing is written over; give --run another folder")
    return folder
