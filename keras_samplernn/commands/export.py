"""The `export` command."""

from pathlib import Path

import click

from keras_samplernn.commands.options import (
    FOLDER,
    Count,
    checkpoint_option,
    given_or_newest,
    precision_option,
    raw_weights_option,
)


@click.command()
@click.argument("run", type=FOLDER, required=False)
@click.option("--out", type=FOLDER, required=True, help="Folder for the SavedModel; it does not exist yet.")
@click.option(
    "--block",
    "block_samples",
    type=Count(1, 1 << 20),
    default=2048,
    show_default=True,
    help="Samples that one call makes, rounded up to whole top frames.",
)
@click.option("--rows", type=Count(1, 4096), default=1, show_default=True, help="Number of sounds that one call makes.")
@checkpoint_option
@raw_weights_option
@precision_option
@click.option("--overwrite", is_flag=True, help="Replace a model that `export` wrote to the folder before.")
def export(
    run: Path | None,
    out: Path,
    block_samples: int,
    rows: int,
    checkpoint: str,
    raw_weights: bool,
    precision: str,
    overwrite: bool,
) -> None:
    """Write RUN as a SavedModel for other programs.

    They need TensorFlow, and neither this program nor Keras. RUN is a run directory; if it is left out, the run under
    runs/ that was trained last. One function makes a block of
    sound from a state, controls, random numbers and a temperature, and gives the state after it: the samples are those
    of `generate`. docs/export.md shows its use from Python and C.
    """
    from keras_samplernn.api import load_run
    from keras_samplernn.export.place import check_out

    check_out(out, overwrite)  # before what takes seconds
    loaded = load_run(given_or_newest(run), checkpoint, precision, raw_weights)
    print(loaded.export(out, block_samples=block_samples, rows=rows, overwrite=overwrite))
