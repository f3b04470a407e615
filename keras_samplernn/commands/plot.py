"""The `plot` command."""

from pathlib import Path

import click

from keras_samplernn.commands.options import FILE, FOLDER


@click.command()
@click.argument("runs", metavar="RUN...", type=FOLDER, nargs=-1, required=True)
@click.option(
    "--out",
    type=FILE,
    default="bits.png",
    show_default=True,
    help="Picture to draw, a PNG. One that `plot` drew before is replaced; any other file is an error.",
)
@click.option(
    "--by",
    type=click.Choice(["steps", "minutes", "epochs"]),
    default="steps",
    show_default=True,
    help="What the bits are drawn over.",
)
def plot(runs: tuple[Path, ...], out: Path, by: str) -> None:
    """Draw the bits of RUNs into one picture.

    Each run has a colour, with a thin line for training and a thick one for validation. Training bits are the mean over
    an epoch, in which the weights changed. Bits compare only between runs of the same sounds and the same audio
    section.
    """
    from keras_samplernn.overview.chart import plot_runs

    if out.suffix.lower() != ".png":
        raise click.UsageError(f"--out {out}: the picture is a PNG; give a name that ends in .png.")
    plot_runs(runs, out, by)
    print(out)
