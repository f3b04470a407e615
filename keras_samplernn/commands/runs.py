"""The `runs` command."""

from pathlib import Path

import click

from keras_samplernn.commands.options import FOLDER
from keras_samplernn.progress import say


@click.command()
@click.argument("places", metavar="[RUN|FOLDER]...", type=FOLDER, nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for other programs.")
def runs(places: tuple[Path, ...], as_json: bool) -> None:
    """List runs, and the fields in which they differ.

    Without arguments: the runs under runs/. FOLDER is a folder of runs; several RUNs are compared with each other.
    Prints what each is doing, its epochs and steps, its bits per sample at its best validation, and the weights it
    began with if these are of another run.
    """
    import json

    from keras_samplernn.overview.listing import summaries_of, to_json, to_text
    from keras_samplernn.run_folder import RUNS

    summaries = summaries_of(places or (RUNS,), say)
    print(json.dumps(to_json(summaries)) if as_json else to_text(summaries))
