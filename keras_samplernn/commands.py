"""The command line: `python cli.py COMMAND`, or `keras-samplernn COMMAND`.

Results go to stdout, progress and messages to stderr. What a user can mend is told in one line each, with exit
status 1; usage errors exit with 2, an interruption with 128 and the signal's number. Keras is imported only by
commands that need it.
"""

import json
import math
import os
import shlex
import signal
import sys
from pathlib import Path

import click

from keras_samplernn import __version__
from keras_samplernn.errors import REMEDIES, UserError
from keras_samplernn.progress import say
from keras_samplernn.training.interrupt import Interrupted, not_ignored


class Place(click.Path):
    """A path that the command itself looks at: it knows what should be there and how to mend it."""

    def __init__(self, name: str):
        super().__init__(path_type=Path, readable=False)
        self.name = name

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path, or fail as click's types do."""
        path = super().convert(value, param, ctx)
        if not str(value) or (self.name == "file" and not path.name):
            self.fail(f"'{value}' is no path of a {self.name}.", param, ctx)
        return path


class Number(click.FloatRange):
    """A float in a range that is neither infinite nor not-a-number."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number, or fail as click's types do."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


FOLDER, FILE = Place("folder"), Place("file")
PRECISION_OPTION = click.option(
    "--precision",
    type=click.Choice(["float32", "int8"]),
    default="float32",
    show_default=True,
    help="Of the weights. int8 is faster for one sound at a time from wide tiers, on TensorFlow 2.17; `evaluate` tells"
    " what it costs.",
)
CHECKPOINT_OPTION = click.option(
    "--checkpoint",
    type=click.Choice(["best", "newest"]),
    default="best",
    show_default=True,
    help="The best by validation, or the newest.",
)


def _start(threads: int | None = None) -> None:
    """Start TensorFlow before anything else imports it."""
    from keras_samplernn.quiet import start_tensorflow

    start_tensorflow(threads)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="keras-samplernn")
def cli() -> None:
    """SampleRNN: train on wav/csv pairs, generate sound from condition files.

    A newcomer's first command is `demo`. With sounds of your own: write a spec (see examples/), `check` it, `fit`
    it, `generate` from the run.
    """


@cli.command()
@click.argument("spec", type=FILE)
def check(spec: Path) -> None:
    """Check SPEC and its corpus; estimate memory and time by a few trial steps. No run is begun."""
    _start()
    from keras_samplernn.model.registry import load_tiers
    from keras_samplernn.spec import load_spec
    from keras_samplernn.training.corpora import prepare_corpora
    from keras_samplernn.training.estimate import estimate

    loaded = load_spec(spec, load_tiers())
    click.echo(estimate(loaded, prepare_corpora(loaded, say)))


@cli.command()
@click.argument("spec", type=FILE)
@click.option("--run", "run_folder", type=FOLDER, help="Run directory.  [default: runs/NAME, after the spec's name]")
@click.option(
    "--epochs", type=click.IntRange(min=1), help="Stop after this many epochs in total.  [default: the spec's]"
)
@click.option("--max-steps", type=click.IntRange(min=1), help="Stop after this many steps in total.")
@click.option("--restart", is_flag=True, help="Begin anew; an old run is moved aside, never deleted.")
@click.option(
    "--init-from", type=FOLDER, help="Begin a new run with the best weights of another one of the same tiers."
)
def fit(spec: Path, run_folder: Path | None, **options) -> None:
    """Train SPEC, or go on where its run stopped.

    The run directory gets checkpoints, TensorBoard logs, metrics.csv and sounds generated on the way. The same
    command after an interruption goes on as if there had been none.
    """
    _start()
    from keras_samplernn.model.registry import load_tiers
    from keras_samplernn.run_folder import RUNS
    from keras_samplernn.spec import load_spec
    from keras_samplernn.training.fit import fit_spec

    loaded = load_spec(spec, load_tiers())
    folder = run_folder or RUNS / loaded.name
    run = fit_spec(loaded, folder, say, **options)
    click.echo(run.folder)
    say(f"TensorBoard: tensorboard --logdir {shlex.quote(str(run.logs_folder))}")


@cli.command()
@click.argument("run", type=FOLDER, required=False)
@click.option("--conditioning-index", type=FILE, help="Text file that lists one condition file per line.")
@click.option("--seconds", type=Number(min=0), help="Length of each sound, for an unconditional run.")
@click.option("--count", type=click.IntRange(1, 100_000), help="Number of sounds, with --seconds.  [default: 1]")
@click.option("--out", type=FOLDER, required=True, help="Folder for the wavs; made if it is missing.")
@click.option(
    "--temperature",
    "temperatures",
    type=Number(min=0, max=100),
    multiple=True,
    default=(1.0,),
    help="Divides the logits: below 1 more cautious, 0 always the likeliest. Repeat it to render each sound at each.",
)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Another seed, other sounds; the same command gives the same bytes.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(1, 4096),
    help="Sounds side by side.  [default: 1, 2, 4, 8 or 16, by their number]",
)
@click.option("--prime", type=FILE, help="Sound to go on from (with its csv beside it where the run is conditional).")
@CHECKPOINT_OPTION
@PRECISION_OPTION
@click.option("--overwrite", is_flag=True, help="Replace wavs that exist, and a generation.json that is not ours.")
def generate(run: Path | None, **options) -> None:
    """Generate sound from RUN, the newest one unless given.

    One wav for each condition file of the index, of its stem and exactly as many samples as it has rows; or, from an
    unconditional run, --count sounds of --seconds each. generation.json beside them says how each was made.
    """
    # XLA would share each of int8's many small sums out among threads, which costs more than the sum.
    _start(threads=1 if options["precision"] == "int8" else None)
    from keras_samplernn.generation.command import Request, generate_files
    from keras_samplernn.run_folder import newest_run, open_run

    options["temperatures"] = tuple(dict.fromkeys(options["temperatures"]))
    for path in generate_files(open_run(run or newest_run()), Request(**options), say):
        click.echo(path)


@cli.command()
@click.argument("run", type=FOLDER)
@click.option(
    "--data", type=FOLDER, help="Folder to score.  [default: the spec's test files, else its validation files]"
)
@CHECKPOINT_OPTION
@PRECISION_OPTION
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def evaluate(run: Path, data: Path | None, checkpoint: str, precision: str, as_json: bool) -> None:
    """Score RUN in bits per sample, in all and per class."""
    _start()
    from keras_samplernn.run_folder import open_run
    from keras_samplernn.training.scoring import score_run

    figures = score_run(open_run(run), data, checkpoint, precision, say)
    if as_json:
        click.echo(json.dumps(figures))
        return
    click.echo(f"{figures['bits_per_sample']:.4f} bits per sample over {figures['samples']:,} samples")
    click.echo(f"{figures['unigram_entropy_bits']:.4f} bits is the unigram entropy of their codes")
    for name, bits in figures.get("bits_per_sample_of_class", {}).items():
        click.echo(f"{bits:.4f} bits per sample of class {name}")


@cli.command()
@click.option("--run", "run_folder", type=FOLDER, help="Run directory.  [default: runs/demo]")
def demo(run_folder: Path | None) -> None:
    """Synthesise a small corpus, fit it, generate from it.

    Minutes on two cores. Corpus and sounds lie beside the run directory; the same command goes on where it stopped.
    """
    _start()
    from keras_samplernn.demo import run_demo
    from keras_samplernn.run_folder import RUNS

    run_demo(run_folder or RUNS / "demo", say)


@cli.command()
def tiers() -> None:
    """List the installed tiers and the packages they come from."""
    from keras_samplernn.model.registry import installed_tiers

    for tier in installed_tiers().values():
        click.echo(f"{tier.name}\t{tier.distribution} {tier.version}\t{tier.value}")


@cli.command()
@click.option("--markdown", is_flag=True, help="The reference for people, instead of the JSON Schema for editors.")
def schema(markdown: bool) -> None:
    """Print the spec's JSON Schema, the installed tiers included."""
    _start()
    from keras_samplernn.model.registry import load_tiers
    from keras_samplernn.spec import spec_reference, spec_schema

    text = spec_reference(load_tiers()) if markdown else json.dumps(spec_schema(load_tiers()), indent=2)
    click.echo(text, nl=not markdown)


@cli.command()
@click.option("--clear", is_flag=True, help="Delete the prepared corpora; they are made again when needed.")
def cache(clear: bool) -> None:
    """List the prepared corpora in the cache.

    It lies in $KERAS_SAMPLERNN_CACHE, or else in the user's cache folder.
    """
    from keras_samplernn.data.cache import cache_folder, clear_cache, list_cache

    if clear:
        click.echo(f"{cache_folder()}: freed {clear_cache() / 1e6:,.1f} MB")
        return
    for entry in list_cache():
        sounds, samples = len(entry.manifest["sounds"]), entry.manifest["samples"]
        click.echo(f"{entry.folder}\t{sounds:,} sounds\t{samples:,} samples\t{entry.size_bytes / 1e6:,.1f} MB")


def _open_closed_streams() -> None:
    """Give stdin, stdout and stderr that were closed (`2>&-`) the null device, so that no file takes their numbers."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115, PTH123


def main() -> None:
    """Run the command line."""
    _open_closed_streams()
    # The pipelines and the training are TensorFlow's, whatever backend the user's other programs use.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    # As an exception, so that what is half-written is removed.
    for number in not_ignored(signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    # The name of a file may be no text; it is printed as it is.
    sys.stdout.reconfigure(errors="surrogateescape")
    try:
        cli(prog_name=Path(sys.argv[0]).name, standalone_mode=False)
    except UserError as error:
        for line in error.lines:
            say(line)
        sys.exit(1)
    except click.UsageError as error:
        if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):
            error.show()
        else:
            command = error.ctx.command_path
            say(f"{command}: {error.format_message().rstrip('.')}; see {command} --help")
        sys.exit(error.exit_code)
    except Interrupted as stop:
        arguments = [argument for argument in sys.argv[1:] if argument != "--restart"]
        program = ["python", sys.argv[0]] if sys.argv[0].endswith(".py") else ["keras-samplernn"]
        say(f"stopped after step {stop.step}; a checkpoint is written. To go on:")
        say(shlex.join([*program, *arguments]))
        sys.exit(128 + stop.signal_number)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(128 + signal.SIGINT)
    except OSError as error:
        if error.strerror not in REMEDIES:
            raise
        say(f"{error.filename or os.curdir}: {error.strerror}; {REMEDIES[error.strerror]}")
        sys.exit(1)
