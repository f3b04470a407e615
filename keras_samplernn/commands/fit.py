"""The `fit` command."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keras_samplernn.commands.again import command_again
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

if TYPE_CHECKING:
    from keras_samplernn.run_folder import RunFolder


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
    from keras_samplernn.api import refuse_early, start_replicas, train

    refuse_early(spec, options["changes"], options["name"])
    replicas = start_replicas(strategy, device, threads)
    run = train(spec, run_folder, replicas, **options)
    if replicas.is_chief:
        print(run.folder)
        _say_how_to_go_on(run, options["epochs"] or run.spec.training.epochs, options["max_steps"])
        say_where_to_watch(run.folder)


def _say_how_to_go_on(run: "RunFolder", epochs: int, max_steps: int | None) -> None:
    """Say which command continues a run that `--max-steps` has ended."""
    from keras_samplernn.overview.summary import summarise

    if max_steps is None:
        return
    summary = summarise(run.folder, say)
    if summary.steps >= max_steps and (summary.epochs or 0) < epochs:
        say(f"stopped after step {summary.steps}, at --max-steps. To go on:")
        say(command_again("--restart", "--max-steps="))


def say_where_to_watch(folder: Path) -> None:
    """Say how TensorBoard shows a run, or the runs in a folder."""
    say(f"TensorBoard: tensorboard --logdir {shlex.quote(str(folder))}")
