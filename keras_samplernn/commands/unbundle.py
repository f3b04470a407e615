"""The `unbundle` command."""

from pathlib import Path

import click

from keras_samplernn.commands.options import FILE, FOLDER, all_option


@click.command()
@click.argument("file", metavar="MODEL.ZIP", type=FILE)
@click.option(
    "--run",
    type=FOLDER,
    show_default="runs/NAME, NAME as in its spec",
    help="Run directory to make, which does not exist yet.",
)
@all_option
def unbundle(file: Path, run: Path | None) -> None:
    """Make a run directory of MODEL.ZIP, which `bundle` wrote.

    `generate`, `evaluate --data` and `fit --init-from` take it like any run. The file may come from anybody: nothing in
    it is executed, everything is checked before anything is written, and a tier or head of another package that it
    needs is named and not installed.
    """
    from keras_samplernn.api import unbundle

    print(unbundle(file, run))
