"""Runs side by side as a pandas DataFrame."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from keras_samplernn.overview.listing import differing
from keras_samplernn.overview.summary import Summary
from keras_samplernn.run_folder import CLASS_COLUMN

if TYPE_CHECKING:
    import pandas as pd

_FIGURES = ("state", "epochs", "steps", "minutes", "training_bits", "validation_bits", "validation_step")


def frame_of(summaries: Sequence[Summary]) -> "pd.DataFrame":
    """Return the figures of runs, a row for each, by its folder.

    The columns are its figures, the fields in which the specs differ, and the bits of each class at the best
    validation, as metrics.csv calls them. What is not known of a run is missing in its row.
    """
    import pandas as pd

    fields, rows = differing(summaries), []
    for number, summary in enumerate(summaries):
        figures = summary.to_json()
        own = {field: values[number] for field, values in fields.items() if values[number] is not ...}
        rows.append({name: figures[name] for name in _FIGURES} | own | _bits_of_classes(summary))
    return pd.DataFrame(rows, pd.Index([str(summary.run) for summary in summaries], name="run"))


def _bits_of_classes(summary: Summary) -> dict[str, Any]:
    """Return the bits of each class at the best validation of a run."""
    import pandas as pd

    if summary.best_bits is None:
        return {}
    rows = pd.read_csv(summary.run / "metrics.csv")
    best = rows[(rows["step"] == summary.best_step) & (rows["validation_bits"] == summary.best_bits)].iloc[-1]
    return best.filter(regex=f"^{CLASS_COLUMN}").dropna().to_dict()
