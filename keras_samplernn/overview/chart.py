"""The bits of runs over their training, as a picture."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from keras_samplernn.errors import UserError
from keras_samplernn.files import make_folder, open_file, staged_file
from keras_samplernn.overview.metrics import Row, read_metrics
from keras_samplernn.run_folder import is_run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AXES = {"steps": "steps", "minutes": "minutes of training", "epochs": "epochs"}
SIZE_INCHES, DOTS_PER_INCH = (9, 5.5), 120
COLOURS, DASHES = 10, ("solid", "dashed", "dotted", "dashdot")
# In the metadata of each picture, near its beginning, by which a later call knows its own.
SOFTWARE, HEAD_BYTES = "keras-samplernn plot", 1024


def plot_runs(runs: Sequence[Path], out: Path, by: str) -> None:
    """Draw the bits of training and validation of runs into one PNG.

    Args:
        runs: run directories.
        out: the picture. A picture that this function drew is replaced, another file is not.
        by: what lies on the axis below the curves, one of AXES.

    Raises:
        UserError: one line for each folder that is not a run, or has no figures for this picture; or `out` is another
            file or cannot be written.
    """
    _refuse_other_file(out)
    runs = list(dict.fromkeys(runs))
    problems, curves = [], []
    for run in runs:
        try:
            curves.append(_curves(run, by))
        except UserError as error:
            problems += error.lines
    if problems:
        raise UserError(*problems)
    names = [run.resolve().name for run in runs]
    labels = names if len({*names}) == len(names) else list(map(str, runs))
    make_folder(out.parent)
    with staged_file(out) as stream, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # a name in a script that the font lacks
        _figure(curves, labels, by).savefig(stream, format="png", metadata={"Software": SOFTWARE})


def _refuse_other_file(out: Path) -> None:
    """Raise UserError if there is something else than a picture of runs."""
    try:
        with open_file(out) as stream:
            own = SOFTWARE.encode() in stream.read(HEAD_BYTES)
    except FileNotFoundError:
        return
    except OSError:
        own = False
    if not own:
        raise UserError(f"{out}: exists and is no picture that `plot` drew; give --out another file")


def _curves(run: Path, by: str) -> dict[str, list[tuple[float, float]]]:
    """Return for `training_bits` and `validation_bits` their values, each with its place on the axis."""
    if not is_run(run):
        raise UserError(f"{run}: is not a run directory; give folders that `fit` made")
    # Before the first step a model knows nothing: far above all that is to be compared.
    rows = [row for row in read_metrics(run) if row["step"]]
    if not any("training_bits" in row or "validation_bits" in row for row in rows):
        raise UserError(f"{run / 'metrics.csv'}: has no figures yet; `fit` writes them after the first epoch")
    places = _places(run, rows, by)
    return {
        bits: [(place, row[bits]) for place, row in zip(places, rows, strict=True) if bits in row]
        for bits in ("training_bits", "validation_bits")
    }


def _places(run: Path, rows: Sequence[Row], by: str) -> list[float]:
    """Return where each row lies on the axis."""
    if by == "steps":
        return [row["step"] for row in rows]
    if by == "minutes":
        if not all("seconds" in row for row in rows):
            raise UserError(f"{run / 'metrics.csv'}: does not say how long training took; give --by steps or epochs")
        return [row["seconds"] / 60 for row in rows]
    ends = {row["epoch"]: row["step"] for row in rows}
    begins = {epoch: ends.get(epoch - 1, 0) for epoch in ends}
    # The last epoch may not be whole.
    longest = max(1, *(ends[epoch] - begins[epoch] for epoch in ends))
    return [row["epoch"] - 1 + (row["step"] - begins[row["epoch"]]) / longest for row in rows]


def _figure(curves: Sequence[dict[str, list[tuple[float, float]]]], labels: Sequence[str], by: str) -> "Figure":
    """Return the drawn figure: a colour for each run, thin for training, thick with dots for validation."""
    # Without pyplot, which would choose a window system.
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    figure = Figure(SIZE_INCHES, DOTS_PER_INCH, layout="constrained")
    axes = figure.add_subplot(xlabel=AXES[by], ylabel="bits per sample")
    styles = {"training_bits": {"linewidth": 0.9, "alpha": 0.75}, "validation_bits": {"linewidth": 2.2}}
    of_runs = []
    for number, curve in enumerate(curves):
        colour, dashes = f"C{number % COLOURS}", DASHES[number // COLOURS % len(DASHES)]
        of_runs.append(Line2D([], [], color=colour, linestyle=dashes, linewidth=2.2))
        for bits, points in curve.items():
            # One point makes no line.
            dots = {"marker": "o", "markersize": 4} if bits == "validation_bits" or len(points) == 1 else {}
            places, values = ([point[axis] for point in points] for axis in (0, 1))
            axes.plot(places, values, color=colour, linestyle=dashes, **styles[bits], **dots)
    axes.grid(alpha=0.3)
    axes.set_xlim(left=0)
    kinds = [Line2D([], [], color="0.3", **styles[bits]) for bits in styles]
    placeholders = [f"run {number}" for number in range(len(labels))]
    legend = axes.legend([*of_runs, *kinds], [*placeholders, "training", "validation"], fontsize="small")
    # A label would be left out if it began with an underline, and a formula between two dollar signs.
    for text, label in zip(legend.get_texts(), labels, strict=False):
        text.set_parse_math(False)
        text.set_text(label)
    return figure
