"""The `check` command."""

from pathlib import Path

import click

from keras_samplernn.commands.options import FILE
from keras_samplernn.progress import say
from keras_samplernn.quiet import start_tensorflow


@click.command()
@click.argument("spec", type=FILE)
def check(spec: Path) -> None:
    """Check SPEC and its sounds; estimate memory and time.

    Reads the spec and every file that it names, prints all problems at once, and times a few steps of training.
    Writes nothing but the decoded sounds, to the cache.
    """
    start_tensorflow()
    from keras_samplernn.model.registry import load_tiers
    from keras_samplernn.spec import load_spec
    from keras_samplernn.training.corpora import prepare_corpora
    from keras_samplernn.training.estimate import estimate

    loaded = load_spec(spec, load_tiers())
    print(estimate(loaded, prepare_corpora(loaded, say)))
