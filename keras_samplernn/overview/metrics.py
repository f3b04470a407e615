"""The rows of a run's metrics.csv."""

import csv
import io
import math
from pathlib import Path
from typing import TextIO

from keras_samplernn.errors import UserError
from keras_samplernn.files import open_file

Row = dict[str, float]
"""Figures by column; without the columns that have none in this row."""
_REMEDY = "restore it, or let `fit` write it again by going on with the run"
_COLUMNS = ("epoch", "step", "training_bits", "validation_bits", "seconds")


def read_metrics(run: Path) -> list[Row]:
    """Return the figures of a run in the order of its steps; none before its first validation.

    Columns that belong to classes, to parts of the codes and the like are left out.

    Raises:
        UserError: the file cannot be read or is damaged.
    """
    path = run / "metrics.csv"
    try:
        with io.TextIOWrapper(open_file(path), "utf-8", newline="") as stream:
            return [_row(path, number, cells) for number, cells in enumerate(_cells(path, stream), 2)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); {_REMEDY}") from None
    except (csv.Error, UnicodeDecodeError):
        raise UserError(f"{path}: is no csv file of figures; {_REMEDY}") from None


def _cells(path: Path, stream: TextIO) -> csv.DictReader:
    reader = csv.DictReader(stream)
    missing = {"epoch", "step", "training_bits"} - {*(reader.fieldnames or ())}
    if missing:
        raise UserError(f"{path}: has no column {min(missing)}; {_REMEDY}")
    return reader


def _row(path: Path, line: int, cells: dict[str, str | None]) -> Row:
    row = {}
    for column in _COLUMNS:
        if not (text := cells.get(column)):
            continue
        try:
            row[column] = float(text)
        except ValueError:
            row[column] = math.nan
        if not math.isfinite(row[column]):
            raise UserError(f"{path}:{line}: {column} = {text[:40]} is no number; {_REMEDY}")
    if not {"epoch", "step"} <= row.keys():
        raise UserError(f"{path}:{line}: has no epoch or no step; {_REMEDY}")
    return row
