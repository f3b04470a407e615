"""The `bundle` command."""

from pathlib import Path

import click

from keras_samplernn.commands.options import FILE, FOLDER, all_option, checkpoint_option, raw_weights_option


@click.command()
@click.argument("run", type=FOLDER)
@click.argument("out", metavar="MODEL.ZIP", type=FILE)
@click.option("--title", show_default="the name of the spec", help="Title of the card.")
@click.option(
    "--licence",
    "--license",
    metavar="NAME",
    help="Licence of the model, such as CC-BY-4.0 or MIT: what others may do with it. Sounds of others that it was"
    " trained on may forbid some.",
)
@click.option("--about", metavar="TEXT", help="What the sounds are that it was trained on, for the card.")
@click.option("--sounds", type=FOLDER, help="Folder of a few wavs that `generate` made from RUN, which go in.")
@checkpoint_option
@raw_weights_option
@click.option("--overwrite", is_flag=True, help="Replace MODEL.ZIP if it exists.")
@all_option
def bundle(run: Path, out: Path, **options) -> None:
    """Write RUN into MODEL.ZIP, to be passed on.

    In it are the weights of one checkpoint, the spec and a card: README.md, with front matter that model hubs read. No
    sound that it was trained on is in it, and no name of a folder, a file or this machine. The state of the optimizer
    is left out: nobody can go on with the training, but everybody can begin a run with the weights (`fit --init-from`).
    The same command gives the same bytes.
    """
    from keras_samplernn import api

    print(api.bundle(run, out, **options))
