"""The `fit` command."""

import shlex
from pathlib import Path

import click

from keras_samplernn.commands.options import FILE, FOLDER, Count
from keras_samplernn.progress import say
from keras_samplernn.quiet import start_tensorflow


@click.command()
@click.argument("spec", type=FILE)
@click.option("--run", "run_folder", type=FOLDER, show_default="runs/NAME, NAME as in the spec", help="Run directory.")
@click.option("--epochs", type=Count(min=1), show_default="as in the spec", help="Stop after this many epochs in all.")
@click.option("--max-steps", type=Count(min=1), help="Stop after this many steps in all.")
@click.option("--restart", is_flag=True, help="Start anew. The old run is moved aside, not deleted.")
@click.option("--init-from", type=FOLDER, help="Start a new run with the best weights of this run of the same tiers.")
def fit(spec: Path, run_folder: Path | None, **options) -> None:
    """Train SPEC, or continue its run.

    The run directory holds checkpoints, TensorBoard logs, metrics.csv and sounds generated during training. Ctrl-C
    stops training after a checkpoint; the same command continues from there, with the same result as if it had not
    been stopped.
    """
    start_tensorflow()
    from keras_samplernn.model.registry import load_tiers
    from keras_samplernn.run_folder import RUNS
    from keras_samplernn.spec import load_spec
    from keras_samplernn.training.fit import fit_spec

    loaded = load_spec(spec, load_tiers())
    run = fit_spec(loaded, run_folder or RUNS / loaded.name, say, **options)
    print(run.folder)
    say_where_to_watch(run.logs_folder)


def say_where_to_watch(logs: Path) -> None:
    """Say how TensorBoard shows a run's logs."""
    say(f"TensorBoard: tensorboard --logdir {shlex.quote(str(logs))}")
