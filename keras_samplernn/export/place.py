"""Where an exported model may be written."""

import os
from pathlib import Path

from keras_samplernn.errors import UserError
from keras_samplernn.files import remove

SAVED, SIGNATURE, HEADER = "saved_model.pb", "signature.json", "signature.h"


def check_out(out: Path, overwrite: bool) -> None:
    """Raise UserError if a folder cannot get an exported model.

    Args:
        out: the folder.
        overwrite: whether a model that was exported before may be replaced; nothing else ever is.
    """
    if not os.path.lexists(out):
        return
    if out.is_symlink() or not (out / SAVED).is_file() or not (out / SIGNATURE).is_file():
        raise UserError(f"{out}: exists and is not a model that `export` wrote; give --out another folder")
    if not overwrite:
        raise UserError(f"{out}: exists; give --overwrite to replace it, or --out another folder")


def place(staged: Path, out: Path) -> None:
    """Rename a folder to `out`; a folder that has this name keeps it until then."""
    aside = out.with_name(f".{out.name}.replaced")
    remove(aside)
    older = out.exists()
    if older:
        out.rename(aside)
    try:
        staged.rename(out)
    except OSError:
        if older:
            aside.rename(out)
        raise
    if older:
        remove(aside)
