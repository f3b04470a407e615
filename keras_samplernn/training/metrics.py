"""metrics.csv: a row for each validation."""

import csv
import io
from pathlib import Path
from typing import Any

from keras_samplernn.files import replace_file


def write_metrics(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write all rows anew, so that the file never holds one that a resumed run has gone back behind."""
    text = io.StringIO()
    columns = list(dict.fromkeys(column for row in rows for column in row))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    replace_file(path, text.getvalue().encode())
