"""The `fit` command."""

import shlex
from pathlib import Path

import click

from keras_samplernn.commands.changes import set_option
from keras_samplernn.commands.options import (
    FILE,
    FOLDER,
    Count,
    all_option,
    device_option,
    strategy_option,
    threads_option,
)
from keras_samplernn.progress import say


@click.command()
@click.argument("spec", type=FILE)
@set_option
@click.option(
    "--name", show_default="as in the spec", help="Change the name of the spec, and with it the run directory."
)
@click.option("--run", "run_folder", type=FOLDER, show_default="runs/NAME, NAME as in the spec", help="Run directory.")
@click.option("--epochs", type=Count(min=1), show_default="as in the spec", help="Stop after this many epochs in all.")
@click.option("--max-steps", type=Count(min=1), help="Stop after this many steps in all.")
@click.option("--restart", is_flag=True, help="Start anew. The old run is moved aside, not deleted.")
@click.option("--init-from", type=FOLDER, help="Start a new run with the best weights of this run of the same tiers.")
@strategy_option
@device_option
@threads_option
@all_option
def fit(spec: Path, run_folder: Path | None, strategy: str, device: str | None, threads: int | None, **options) -> None:
    """Train SPEC, or continue its run.

    The run directory holds checkpoints, TensorBoard logs, metrics.csv and sounds generated during training. Ctrl-C
    stops training after a checkpoint; the same command continues from there, with the same result as if it had not
    been stopped.

    To try a change, give it by --set and the run another name by --name; `runs` and `plot` compare the runs.
    """
    from keras_samplernn.api import start_replicas, train

    replicas = start_replicas(strategy, device, threads)
    run = train(spec, run_folder, replicas, **options)
    if replicas.is_chief:
        print(run.folder)
        say_where_to_watch(run.folder)


def say_where_to_watch(folder: Path) -> None:
    """Say how TensorBoard shows a run, or the runs in a folder."""
    say(f"TensorBoard: tensorboard --logdir {shlex.quote(str(folder))}")
