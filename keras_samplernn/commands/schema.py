"""The `schema` command."""

import click


@click.command()
@click.option("--markdown", is_flag=True, help="Print the reference of all fields instead, for people.")
def schema(markdown: bool) -> None:
    """Print the JSON Schema of specs, for editors.

    The fields of all installed tiers and heads are in it.
    """
    import json

    from keras_samplernn.quiet import start_tensorflow

    start_tensorflow()

    from keras_samplernn.model.registry import load_types
    from keras_samplernn.spec import spec_reference, spec_schema

    if markdown:
        print(spec_reference(load_types()), end="")
    else:
        print(json.dumps(spec_schema(load_types()), indent=2))
