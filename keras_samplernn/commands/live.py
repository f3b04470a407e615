"""The `live` command."""

from pathlib import Path

import click

from keras_samplernn.commands.options import (
    FILE,
    FOLDER,
    Count,
    Number,
    checkpoint_option,
    device_option,
    given_or_newest,
    precision_option,
    raw_weights_option,
    threads_option,
)
from keras_samplernn.progress import say


@click.command()
@click.argument("run", type=FOLDER, required=False)
@click.option(
    "--out",
    default="-",
    show_default=True,
    help="Where the sound goes: - is raw 16-bit PCM (little-endian) on stdout, for aplay, ffmpeg or sox; a name that"
    " ends in .wav is a file; any other is a sound device, such as default (needs sounddevice).",
)
@click.option(
    "--osc", metavar="PORT", help="Listen to OSC at this UDP port of this machine alone; HOST:PORT for another address."
)
@click.option("--midi", metavar="NAME", help="Listen to the MIDI port of this name, or a part of it.")
@click.option(
    "--block",
    type=Count(1, 65_536),
    default=128,
    show_default=True,
    help="Samples of a block. A control is heard from the next block on; shorter blocks need more time for each"
    " sample.",
)
@click.option(
    "--ahead",
    type=Count(1, 64),
    default=2,
    show_default=True,
    help="Blocks that are generated ahead of what is heard. More of them survive longer pauses of the machine, and are"
    " heard later.",
)
@click.option("--rate", type=Count(4000, 192_000), help="Sample rate of the sound in Hz; left out: the model's own.")
@click.option("--seconds", type=Number(min=0), help="End after this time; left out: at `quit` or Ctrl-C.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed gives another sound.")
@click.option(
    "--temperature",
    type=Number(min=0, max=100),
    default=1.0,
    show_default=True,
    help="Divides the logits at the start: below 1 is more cautious, above 1 more adventurous.",
)
@click.option(
    "--fade",
    type=Number(min=0, max=10_000),
    default=0.0,
    show_default=True,
    help="Milliseconds in which one class cross-fades to the next; 0: at once.",
)
@click.option("--voices", type=Count(1, 64), default=1, show_default=True, help="Voices, each with its own controls.")
@click.option("--channels", is_flag=True, help="Give each voice a channel of its own; left out: they are mixed.")
@click.option(
    "--record",
    type=FILE,
    help="Write what was played as a csv, and a note of the rest beside it: `generate --conditions FILE` makes the same"
    " samples again. Several voices have a file each, FILE_1 and so on.",
)
@checkpoint_option
@raw_weights_option
@precision_option
@device_option
@threads_option
def live(run: Path | None, device: str | None, threads: int | None, **options) -> None:
    """Play RUN as an instrument.

    RUN is a run directory; if it is left out, the run under runs/ that was trained last. What is asked for comes as
    lines on stdin, by OSC, or by MIDI, and is heard from the next block on:

    \b
      STREAM VALUE      a class or a number, as `class rain`, `pitch c4`, `loudness -12`
      temperature 0.9   seed 7   reset   prime door.wav
      snapshot a   restore a     keep the model's state under a name; go back to it
      mute   mute off   quit

    A line may begin with the number of a voice and a colon: `2: class rain`. With OSC the words are addresses: /class,
    /2/class, /temperature; /status is answered. MIDI notes play a stream of classes, controllers numbers. What cannot
    be understood is told and ignored.
    """
    from keras_samplernn.quiet import start_tensorflow

    # An operation that is divided among threads waits for the last of them: where another program has that core, for
    # milliseconds. One thread is as fast for the products of a sample (docs/live.md).
    start_tensorflow(threads, device, threads_of_an_operation=1)
    from keras_samplernn.live.request import LiveRequest
    from keras_samplernn.live.session import Session
    from keras_samplernn.run_folder import open_run
    from keras_samplernn.training.tools import TOOLS

    Session(open_run(given_or_newest(run)), LiveRequest(**options), say, TOOLS).play()
