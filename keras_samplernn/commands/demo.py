"""The `demo` command: a corpus from nothing, a run trained on it, and sounds generated from the run."""

from pathlib import Path

import click

from keras_samplernn.commands.fit import say_where_to_watch
from keras_samplernn.commands.options import FOLDER
from keras_samplernn.progress import say


@click.command()
@click.option("--run", "run_folder", type=FOLDER, show_default="runs/demo", help="Run directory.")
def demo(run_folder: Path | None) -> None:
    """Make a small corpus, train on it, generate from it.

    It takes a minute or a few. The corpus, in NAME-corpus, and the generated sounds, in NAME-sounds, are in the same
    folder as the run directory NAME. After an interruption the same command continues.
    """
    from keras_samplernn.api import start_replicas, train

    replicas = start_replicas("single")  # before anything else imports TensorFlow
    from keras_samplernn.demo.corpus import TEMPERATURE, make_demo_corpus
    from keras_samplernn.files import named
    from keras_samplernn.generation.files import generate_files
    from keras_samplernn.generation.record import RECORD
    from keras_samplernn.generation.request import Request
    from keras_samplernn.run_folder import RUNS
    from keras_samplernn.training.tools import TOOLS

    folder = named(run_folder or RUNS / "demo")
    corpus, sounds = (folder.with_name(f"{folder.name}-{kind}") for kind in ("corpus", "sounds"))
    make_demo_corpus(corpus, say)
    if folder.exists():
        say(f"{folder}: exists and is continued")
    run = train(corpus / "spec.json", folder, replicas)
    request = Request(
        sounds,
        conditioning_index=corpus / "index.txt",
        temperatures=(TEMPERATURE,),
        overwrite=(sounds / RECORD).is_file(),
    )
    for path in generate_files(run, request, say, TOOLS):
        print(path)
    say(f"listen to the sounds in {sounds}, generated under the conditions in {corpus / 'asked'}")
    say_where_to_watch(run.folder)
