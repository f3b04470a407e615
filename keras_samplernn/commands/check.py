"""The `check` command."""

from pathlib import Path

import click

from keras_samplernn.commands.options import FILE


@click.command()
@click.argument("spec", type=FILE)
def check(spec: Path) -> None:
    """Check SPEC and its sounds; estimate memory and time.

    Reads the spec and every file that it names, prints all problems at once, and times a few steps of training.
    Writes nothing but the decoded sounds, to the cache.
    """
    from keras_samplernn import api

    print(api.check(spec))
