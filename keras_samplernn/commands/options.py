"""Types of arguments and options, and the options that several commands have."""

import math
import re
from collections.abc import Callable
from pathlib import Path

import click

from keras_samplernn.api import STRATEGIES
from keras_samplernn.progress import say
from keras_samplernn.shard import Shard


class Place(click.Path):
    """A path of a file or folder; the command finds out itself whether it is there, since it knows the remedy."""

    def __init__(self, name: str):
        super().__init__(path_type=Path, readable=False)
        self.name = name

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path, or fail as click's types do."""
        path = super().convert(value, param, ctx)
        if not str(value) or (self.name == "file" and not path.name):
            self.fail(f"'{value}' is not a path of a {self.name}.", param, ctx)
        return path


class Number(click.FloatRange):
    """A finite number in a range."""

    name = "number"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number, or fail as click's types do."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


class Count(click.IntRange):
    """A whole number in a range."""

    name = "integer"


class ShardType(click.ParamType):
    """A part of the work, `I/N`: the I-th of N parts, from 1."""

    name = "i/n"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Shard:
        """Return the shard, or fail as click's types do."""
        if isinstance(value, Shard):
            return value
        numbers = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", str(value))
        if numbers is None or not int(numbers[2]):
            self.fail(f"'{value}' is not a part of the work; give I/N, such as 1/4.", param, ctx)
        number, count = map(int, numbers.groups())
        if not 1 <= number <= count:
            parts = f"parts of {count} are 1/{count} to {count}/{count}" if count > 1 else "only part of 1 is 1/1"
            self.fail(f"{value} does not exist; the {parts}.", param, ctx)
        return Shard(number, count)


FOLDER, FILE, FILE_OR_FOLDER, SHARD = Place("folder"), Place("file"), Place("folder|file"), ShardType()


def given_or_newest(run: Path | None) -> Path:
    """Return the run that is given; or else say and return the one under runs/ that was trained last."""
    if run is not None:
        return run
    from keras_samplernn.run_folder import newest_run

    run = newest_run()
    say(f"{run}: is the run that was trained last")
    return run


checkpoint_option = click.option(
    "--checkpoint",
    type=click.Choice(["best", "heard", "newest"]),
    default="best",
    show_default=True,
    help="Checkpoint to load: the best by validation, or by what a listener hears (monitoring.listen_epochs), or the"
    " newest.",
)
raw_weights_option = click.option(
    "--raw-weights",
    is_flag=True,
    help="Take the weights as training left them, of a run that keeps their average (training.ema_decay).",
)
precision_option = click.option(
    "--precision",
    type=click.Choice(["float32", "int8"]),
    default="float32",
    show_default=True,
    help="Precision of the weights. With TensorFlow 2.17, int8 is faster for one sound at a time from wide tiers;"
    " `evaluate --precision int8` shows what it costs in bits.",
)
device_option = click.option(
    "--device",
    show_default="all there are",
    help="Device to run on: cpu, gpu, or gpu:N for one of several GPUs, counted from 0.",
)
threads_option = click.option(
    "--threads",
    type=Count(min=1),
    show_default="as many as the machine has cores",
    help="Threads of the processor that TensorFlow computes with, so that several programs can share a machine.",
)

strategy_option = click.option(
    "--strategy",
    type=click.Choice(STRATEGIES),
    default="auto",
    show_default=True,
    help="single: one device. mirrored: all GPUs of this host. multiworker: the workers that TF_CONFIG names, each"
    " started with the same command. auto: multiworker where TF_CONFIG names several, mirrored where there are several"
    " GPUs, else single.",
)
_strength_option = click.option(
    "--guidance",
    type=Number(min=0, max=100),
    default=1.0,
    show_default="1",
    help="Above 1, what is asked for is contrasted with what the model would do anyway: about 3 makes it clearer, and"
    " takes twice as long after training with condition_dropout, else several times as long. 1 is off.",
)
_base_option = click.option(
    "--guidance-stream",
    help="Stream of classes whose mean is what the model would do anyway; left out: `none`, if it was trained with"
    " condition_dropout, else the first such stream.",
)


def guidance_options(command: Callable) -> Callable:
    """Add the options of guidance to a command."""
    return _strength_option(_base_option(command))


def _list_all(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    ctx.find_root().ensure_object(dict)["all"] = value


all_option = click.option(
    "--all",
    is_flag=True,
    expose_value=False,
    callback=_list_all,
    help="Print every problem, even where many files have the same.",
)
