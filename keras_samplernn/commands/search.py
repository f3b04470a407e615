"""The `search` command."""

from pathlib import Path
from typing import Any

import click

from keras_samplernn.commands.changes import FieldValues, by_field
from keras_samplernn.commands.fit import say_where_to_watch
from keras_samplernn.commands.options import FILE, FOLDER, SHARD, Count, all_option
from keras_samplernn.errors import UserError
from keras_samplernn.shard import Shard


@click.command()
@click.argument("spec", type=FILE)
@click.option(
    "--vary",
    type=FieldValues(),
    multiple=True,
    required=True,
    help="Field of the spec, such as training.learning_rate or tiers.0.dim, and the values to try. Give it several"
    " times for all combinations.",
)
@click.option("--steps", type=Count(min=1), required=True, help="Training steps of all runs together, at most.")
@click.option(
    "--eta",
    type=Count(min=2),
    default=2,
    show_default=True,
    help="After each rung the best one in so many goes on, to so many times the steps.",
)
@click.option("--out", type=FOLDER, show_default="runs/NAME-search, NAME as in the spec", help="Folder of the search.")
@click.option("--restart", is_flag=True, help="Start anew. The old folder is moved aside, not deleted.")
@click.option(
    "--shard",
    type=SHARD,
    help="Train the I-th of N parts of the present rung, in a folder that all N share. Give the same command for each"
    " rung again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for other programs.")
@all_option
def search(spec: Path, vary: tuple[tuple[str, list], ...], shard: Shard | None, as_json: bool, **options: Any) -> None:
    """Train SPEC with values of some fields; find the best.

    By successive halving: all combinations of the values are trained for a few steps, and those with the fewest
    validation bits for more. Each has an ordinary run directory. Prints a table, and last the run directory of the
    best. Ctrl-C stops after a checkpoint; the same command continues from there.
    """
    grid = by_field(vary, "--vary", "give all its values at once")
    if shard is not None and options["restart"]:
        raise click.UsageError(
            "--restart with --shard would move the runs of the other shards aside; give one of them."
        )
    import json

    from keras_samplernn import api

    results = api.search(spec, grid, shard=shard, **options)
    if as_json:
        print(json.dumps(results.to_dict()))
    elif results.complete:
        print(results)
    if not results.complete:
        return
    if results.best is None:
        raise UserError(f"{results.rows[0].run.parent}: all combinations failed; lower training.learning_rate")
    if not as_json:
        print(results.best)
    say_where_to_watch(results.best.parent)
