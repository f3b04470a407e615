"""The `generate` command."""

from pathlib import Path

import click
from click.core import ParameterSource

from keras_samplernn.commands.options import (
    FILE,
    FOLDER,
    SHARD,
    Count,
    Number,
    all_option,
    checkpoint_option,
    device_option,
    given_or_newest,
    guidance_options,
    precision_option,
    raw_weights_option,
    threads_option,
)
from keras_samplernn.progress import say

_BESIDE_STARRED = {"run", "out", "starred", "seconds", "overwrite", "listing", "device", "threads", "all"}


@click.command()
@click.argument("run", type=FOLDER, required=False)
@click.argument("more", metavar="[CONDITIONS]...", type=FILE, nargs=-1)
@click.option("--out", type=FOLDER, required=True, help="Folder for the wavs; it is made if it is missing.")
@click.option("--conditioning-index", type=FILE, help="Text file that lists one condition file per line.")
@click.option(
    "--conditions",
    type=FILE,
    multiple=True,
    help="Condition file: csv, label track, TextGrid, MIDI or npy. Further ones may follow, as in --conditions *.csv.",
)
@click.option(
    "--like",
    type=FILE,
    multiple=True,
    help="Sound whose loudness, pitch and so on are the conditions, for streams that are named after `features`.",
)
@click.option(
    "--starred",
    type=FILE,
    help="File that was saved from a page of `audition`: its sounds are made again, as they are there, or longer with"
    " --seconds.",
)
@guidance_options
@click.option(
    "--candidates",
    type=Count(1, 64),
    default=1,
    show_default="1",
    help="Number of takes that are made of each passage of a sound, of which the best is kept. It takes several times"
    " as long.",
)
@click.option(
    "--by",
    type=click.Choice(["heard", "likelihood", "posterior"]),
    show_default="heard, or likelihood without classes",
    help="What makes a take the best: a listener hears the class asked for most surely (it learns the training sounds,"
    " and needs scikit-learn); or the model finds it likely (of three or more, the likeliest is left out as dull); or"
    " the model is surest of the class (posterior).",
)
@click.option("--by-stream", help="Stream of classes that takes are judged by; left out: the first one.")
@click.option(
    "--seconds",
    type=Number(min=0),
    help="Length of each sound; left out, for a conditional run: as in its condition file.",
)
@click.option("--count", type=Count(1, 100_000), show_default="1", help="Number of sounds, with --seconds.")
@click.option(
    "--temperature",
    "temperatures",
    type=Number(min=0, max=100),
    multiple=True,
    default=(1.0,),
    show_default="1",
    help="Divides the logits: below 1 is more cautious, above 1 more adventurous, 0 always takes the likeliest sample."
    " Give it several times to render each sound at each.",
)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Another seed gives other sounds; the same command gives the same bytes.",
)
@click.option(
    "--batch-size",
    type=Count(1, 4096),
    show_default="1, 2, 4, 8 or 16, by the number of sounds",
    help="Number of sounds that are generated side by side.",
)
@click.option(
    "--prime", type=FILE, help="Sound that all sounds continue. A conditional run needs its csv file beside it."
)
@checkpoint_option
@raw_weights_option
@precision_option
@device_option
@threads_option
@click.option(
    "--overwrite",
    is_flag=True,
    help="Make every wav again, finished or not, and replace wavs and a generation.json that `generate` did not write.",
)
@click.option(
    "--shard",
    type=SHARD,
    help="Make only the I-th of N parts of the sounds, balanced by length, for the jobs of an array: together they make"
    " what one command without it makes, byte for byte.",
)
@click.option(
    "--list",
    "listing",
    is_flag=True,
    help="Print the path and the seconds of each sound, and whether it is finished; make nothing.",
)
@all_option
def generate(
    run: Path | None,
    more: tuple[Path, ...],
    starred: Path | None,
    listing: bool,
    device: str | None,
    threads: int | None,
    **options,
) -> None:
    """Generate sounds from RUN.

    RUN is a run directory; if it is left out, the run under runs/ that was trained last. CONDITIONS are condition files
    besides those of --conditions.

    A conditional run needs condition files, by --conditions or listed by --conditioning-index: each gives one wav of
    the same name, as long as it says or --seconds. An unconditional run needs --seconds. With --starred, sounds that
    were starred in a page of `audition` are made again. generation.json, in the same folder as the wavs, records how
    each was made; a wav that is silent, clipped or stuck is warned of. Wavs that an earlier command made in the same
    way are kept as they are, so a command that was broken off goes on where it stopped.
    """
    if starred is not None:
        _refuse_beside_starred()
    from keras_samplernn.quiet import start_tensorflow

    # XLA would divide each of int8's many small sums among threads, which costs more than the sum.
    start_tensorflow(threads, device, threads_of_an_operation=1 if options["precision"] == "int8" else None)
    from keras_samplernn.conditions.readers.reading import SUFFIXES
    from keras_samplernn.generation.files import generate_files, list_files
    from keras_samplernn.generation.request import Request
    from keras_samplernn.generation.starred_requests import starred_requests
    from keras_samplernn.run_folder import open_run
    from keras_samplernn.training.tools import TOOLS

    # A shell makes several words of a pattern, and an option takes one: the others arrive as arguments.
    if options["conditions"] and run is not None and run.suffix.lower() in SUFFIXES and not run.is_dir():
        run, more = None, (run, *more)
    options["conditions"] += more
    options["temperatures"] = tuple(dict.fromkeys(options["temperatures"]))
    folder, requests = open_run(given_or_newest(run)), [Request(**options)]
    if starred is not None:
        requests = starred_requests(folder, starred, requests[0], say, TOOLS.check_raw_weights)
    for request in requests:
        if listing:
            for path, seconds, finished in list_files(folder, request, say, TOOLS):
                print(f"{path}\t{seconds:.3f}\t{'finished' if finished else 'to make'}")
        else:
            for path in generate_files(folder, request, say, TOOLS):
                print(path)


def _refuse_beside_starred() -> None:
    """Raise UsageError if an option is given beside --starred of which that file says everything."""
    context = click.get_current_context()
    for parameter in context.command.params:
        given = context.get_parameter_source(parameter.name) not in (ParameterSource.DEFAULT, None)
        if given and parameter.name not in _BESIDE_STARRED:
            name = parameter.opts[0] if parameter.param_type_name == "option" else parameter.make_metavar(context)
            raise click.UsageError(f"{name}: --starred says how each of its sounds is made; leave {name} out")
