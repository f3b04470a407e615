"""The `import-theano` command."""

from pathlib import Path
from typing import get_args

import click

from keras_samplernn.commands.options import FILE_OR_FOLDER, FOLDER, Count
from keras_samplernn.progress import say
from keras_samplernn.quiet import start_tensorflow
from keras_samplernn.spec import QType


@click.command()
@click.argument("source", metavar="RESULTS_FOLDER_OR_PKL", type=FILE_OR_FOLDER)
@click.option("--run", "run_folder", type=FOLDER, required=True, help="Run directory to make.")
@click.option(
    "--q-type",
    type=click.Choice(get_args(QType)),
    show_default="as in args.pkl, or else linear",
    help="How amplitudes became codes.",
)
@click.option(
    "--seq-len",
    type=Count(min=1, max=1048576),
    show_default="as in args.pkl, or else 512, or 64 frames of two tiers",
    help="Samples of a training window.",
)
@click.option(
    "--batch-size",
    type=Count(min=1, max=65536),
    show_default="as in args.pkl, or else 128",
    help="Windows in a batch.",
)
@click.option(
    "--sample-rate",
    type=Count(min=1000, max=384000),
    show_default="16000, the original's",
    help="Samples per second of the sounds that it was trained on.",
)
def import_theano(source: Path, run_folder: Path, **options) -> None:
    """Make a run of a checkpoint of the original program.

    RESULTS_FOLDER_OR_PKL is a results folder of the Theano program, of which the checkpoint with the lowest validation
    loss is taken, or one of its checkpoints, params_*.pkl. Nothing in the file is run. `generate`, `evaluate` and `fit
    --init-from` take the run.
    """
    from keras_samplernn.theano.place import new_run_folder
    from keras_samplernn.theano.reading import read_original
    from keras_samplernn.theano.told import settle

    run_folder = new_run_folder(run_folder)
    original = read_original(source, say)
    told = settle(original, say, **options)
    start_tensorflow()
    from keras_samplernn.theano.importing import write_run

    run = write_run(original, told, run_folder)
    print(run.folder)
