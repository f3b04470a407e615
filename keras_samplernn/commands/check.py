"""The `check` command."""

from pathlib import Path
from typing import Any

import click

from keras_samplernn.commands.changes import set_option
from keras_samplernn.commands.options import FILE, all_option


@click.command()
@click.argument("spec", type=FILE)
@set_option
@click.option("--strict", is_flag=True, help="Refuse sounds of which a part is missing or left out.")
@all_option
def check(spec: Path, changes: dict[str, Any], strict: bool) -> None:
    """Check SPEC and its sounds; estimate memory and time.

    Reads the spec and every file that it names, prints all problems at once, and times a few steps of training.
    Writes nothing but the decoded sounds, to the cache.
    """
    from keras_samplernn import api

    print(api.check(spec, strict=strict, changes=changes))
