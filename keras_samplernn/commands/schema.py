"""The `schema` command."""

import click


@click.command()
@click.option("--markdown", is_flag=True, help="Print the reference of all fields instead, for people.")
def schema(markdown: bool) -> None:
    """Print the JSON Schema of specs, for editors.

    The fields of all installed tiers and heads are in it, except of those that cannot be used; stderr names these.
    """
    import json

    from keras_samplernn.quiet import start_tensorflow

    start_tensorflow()

    from keras_samplernn.model.registry import load_types
    from keras_samplernn.progress import say
    from keras_samplernn.spec import spec_reference, spec_schema

    types = load_types()
    for kind, broken in (("tier", types.broken_tiers), ("head", types.broken_heads)):
        for name, reason in broken.items():
            say(f'{kind} "{name}" is left out, since it is broken: {reason}')
    if markdown:
        print(spec_reference(types), end="")
    else:
        print(json.dumps(spec_schema(types), indent=2))
