"""metrics.csv: a row at the end of each epoch, and where a run ended inside one."""

from pathlib import Path
from typing import Any

import pandas as pd

from keras_samplernn.files import replace_file, writing


def write_metrics(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write all rows anew, so that the file never holds one that a resumed run has gone back behind."""
    if rows:
        replace_file(path, pd.DataFrame(rows).to_csv(index=False, lineterminator="\n").encode())
    else:
        with writing(path):
            path.unlink(missing_ok=True)
