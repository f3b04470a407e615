"""The `audition` command."""

from pathlib import Path

import click

from keras_samplernn.commands.options import (
    FILE,
    FOLDER,
    Count,
    Number,
    all_option,
    device_option,
    given_or_newest,
    threads_option,
)
from keras_samplernn.progress import say

_MOST_SEED = 2**53  # JavaScript has no larger whole numbers


@click.command()
@click.argument("run", type=FOLDER, required=False)
@click.argument("more", metavar="[CONDITIONS]...", type=FILE, nargs=-1)
@click.option("--out", type=FILE, default=Path("audition.html"), show_default=True, help="The page.")
@click.option(
    "--checkpoint",
    "checkpoints",
    type=click.Choice(["best", "heard", "newest", "all"]),
    multiple=True,
    default=("best",),
    show_default="best",
    help="Checkpoint to listen to; give it several times to compare, or `all` for every one that is kept.",
)
@click.option(
    "--temperature",
    "temperatures",
    type=Number(min=0, max=100),
    multiple=True,
    default=(0.7, 0.85, 1.0),
    show_default="0.7, 0.85 and 1",
    help="Each sound is made at each.",
)
@click.option(
    "--conditions",
    type=FILE,
    multiple=True,
    help="Condition file, of any format; further ones may follow. Left out: a score for each class.",
)
@click.option(
    "--seconds",
    type=Number(min=0),
    show_default="3, or as in the condition file",
    help="Length of each sound.",
)
@click.option(
    "--seed",
    "seeds",
    type=Count(-_MOST_SEED, _MOST_SEED),
    multiple=True,
    default=(0,),
    show_default="0",
    help="Each sound is made with each seed.",
)
@click.option("--overwrite", is_flag=True, help="Replace a page that is there.")
@device_option
@threads_option
@all_option
def audition(run: Path | None, more: tuple[Path, ...], device: str | None, threads: int | None, **options) -> None:
    """Write a page with sounds of RUN side by side.

    RUN is a run directory; if it is left out, the run under runs/ that was trained last. CONDITIONS are condition files
    besides those of --conditions.

    Each class, or score, is made at each temperature, with each seed, from each checkpoint. The page is one file with
    everything in it, and asks no other place for anything: open it in a browser, or send it to someone. Each sound has
    its spectrogram over what was asked for, its level, its bits under the model, and a star. Stars are saved as
    starred.json, and `generate RUN --starred starred.json` makes these sounds again.
    """
    from keras_samplernn.quiet import start_tensorflow

    start_tensorflow(threads, device)
    from keras_samplernn.audition.asked import Audition
    from keras_samplernn.audition.audition import make_audition
    from keras_samplernn.conditions.readers.reading import SUFFIXES
    from keras_samplernn.run_folder import open_run

    # A shell makes several words of a pattern, and an option takes one: the others arrive as arguments.
    if options["conditions"] and run is not None and run.suffix.lower() in SUFFIXES and not run.is_dir():
        run, more = None, (run, *more)
    options["conditions"] += more
    for name in ("checkpoints", "temperatures", "seeds"):
        options[name] = tuple(dict.fromkeys(options[name]))
    print(make_audition(open_run(given_or_newest(run)), Audition(**options), say))
