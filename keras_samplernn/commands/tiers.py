"""The `tiers` command."""

import click


@click.command()
def tiers() -> None:
    """List the installed tiers and their packages.

    One line for each: the name that a spec gives as `type`, the package with its version, and the class.
    """
    list_installed("tier")


def list_installed(kind: str) -> None:
    """Print a line for each installed class of a kind."""
    from keras_samplernn.model.registry import Kind, installed

    for each in installed(Kind(kind)).values():
        print(f"{each.name}\t{each.package}\t{each.value}")
