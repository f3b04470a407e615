"""The `tiers` command."""

import click


@click.command()
def tiers() -> None:
    """List the installed tiers and their packages.

    One line for each: the name that a spec gives as `type`, the package with its version, and the class; then, if it
    cannot be used, the reason. Only specs that name it are refused.
    """
    list_installed("tier")


def list_installed(kind: str) -> None:
    """Print a line for each installed class of a kind."""
    from keras_samplernn.quiet import import_tensorflow

    import_tensorflow()

    from keras_samplernn.model.registry import Kind, load_kind, offers

    _, broken = load_kind(Kind(kind))
    for name, offered in offers(Kind(kind)).items():
        for each in offered:
            faults = [f"broken: {broken[name]}"] if name in broken else []
            print(name, each.package, each.value, *faults, sep="\t")
