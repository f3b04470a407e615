"""The `tiers` command."""

import click


@click.command()
def tiers() -> None:
    """List the installed tiers and their packages.

    One line for each: the name that a spec gives as `type`, the package with its version, and the class.
    """
    from keras_samplernn.model.registry import installed_tiers

    for tier in installed_tiers().values():
        print(f"{tier.name}\t{tier.package}\t{tier.value}")
