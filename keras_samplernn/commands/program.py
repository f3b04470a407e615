"""The program: `keras-samplernn COMMAND`, `python -m keras_samplernn COMMAND`, and `python cli.py COMMAND`.

Results go to stdout, progress and messages to stderr. An error that the user can mend is one line and exit status 1, a
wrong command line exit status 2, an interruption 128 plus the number of the signal. An exception out of another
package's tier or head is one line too. Any other exception is a fault of the program and keeps its traceback.
"""

import os
import signal
import sys

import click

from keras_samplernn import __version__
from keras_samplernn.commands.again import command_again, program
from keras_samplernn.commands.audition import audition
from keras_samplernn.commands.bundle import bundle
from keras_samplernn.commands.cache import cache
from keras_samplernn.commands.check import check
from keras_samplernn.commands.demo import demo
from keras_samplernn.commands.doctor import doctor
from keras_samplernn.commands.evaluate import evaluate
from keras_samplernn.commands.export import export
from keras_samplernn.commands.features import features
from keras_samplernn.commands.fit import fit
from keras_samplernn.commands.generate import generate
from keras_samplernn.commands.heads import heads
from keras_samplernn.commands.import_theano import import_theano
from keras_samplernn.commands.init import init
from keras_samplernn.commands.live import live
from keras_samplernn.commands.plot import plot
from keras_samplernn.commands.prepare import prepare
from keras_samplernn.commands.runs import runs
from keras_samplernn.commands.schema import schema
from keras_samplernn.commands.search import search
from keras_samplernn.commands.streams import prepare_streams
from keras_samplernn.commands.tiers import tiers
from keras_samplernn.commands.unbundle import unbundle
from keras_samplernn.errors import REMEDIES, UserError, condensed
from keras_samplernn.progress import say
from keras_samplernn.training.interrupt import Interrupted, not_ignored


class _InOrder(click.Group):
    """Lists its commands in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="keras-samplernn")
def cli() -> None:
    """SampleRNN: learn from sounds, then generate new ones, sample by sample.

    To see the whole of it, run `demo`. With your own sounds: `init` writes the spec of a folder; then `check` it, `fit`
    it, and `generate` from its run.
    """


_FIRST_DAY = (demo, init, check, prepare, fit, search, runs, plot, generate, audition, live, evaluate)
_BEYOND = (import_theano, features, export, bundle, unbundle)
for _command in (*_FIRST_DAY, *_BEYOND, tiers, heads, schema, cache, doctor):
    cli.add_command(_command)


def main() -> None:
    """Run the command line in `sys.argv`; SystemExit unless it succeeds."""
    prepare_streams()
    # The pipelines and the training are TensorFlow's, whatever backend the user's other programs use.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    # As an exception, so that what is half-written is removed.
    for number in not_ignored(signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    settings = {"all": False}
    try:
        cli(prog_name=program(), standalone_mode=False, obj=settings)
    except UserError as error:
        for line in error.lines if settings["all"] else condensed(error.lines):
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
        say(f"stopped after step {stop.step}; a checkpoint is written. To go on:")
        say(command_again("--restart"))
        sys.exit(128 + stop.signal_number)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(128 + signal.SIGINT)
    except Exception as error:
        line = _line_of(error)
        if line is None:
            raise
        say(line)
        sys.exit(1)


def _line_of(error: Exception) -> str | None:
    """Return what to say of an exception that the user or the author of a plugin can mend; None: it is ours."""
    if isinstance(error, OSError) and error.strerror in REMEDIES:
        return f"{error.filename or os.curdir}: {error.strerror}; {REMEDIES[error.strerror]}"
    if "keras" not in sys.modules:  # no plugin ran
        return None
    from keras_samplernn.model.plugin_faults import fault_of_plugin

    fault = fault_of_plugin(error)
    return None if fault is None else str(fault)
