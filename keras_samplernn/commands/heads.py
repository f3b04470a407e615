"""The `heads` command."""

import click

from keras_samplernn.commands.tiers import list_installed


@click.command()
def heads() -> None:
    """List the installed heads and their packages.

    One line for each: the name that a spec gives as the `type` of its head, the package with its version, and the
    class; then, if it cannot be used, the reason. Only specs that name it are refused.
    """
    list_installed("head")
