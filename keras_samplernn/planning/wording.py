"""The lines that explain the sizes of a spec."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_samplernn.conditions.streams import classes_streams
from keras_samplernn.data.corpus import Corpus
from keras_samplernn.monitoring.schedule import FIRST_SECONDS
from keras_samplernn.planning.sizing import BEGUN, HALVINGS, HEARD, LEAST_ROW_SECONDS
from keras_samplernn.planning.survey import length
from keras_samplernn.progress import format_duration
from keras_samplernn.training.estimate import Estimate

_MOST_TOLD = 16


def describe_classes(corpus: Corpus, sample_rate: int) -> list[str]:
    """Return a line for each stream of classes: the seconds of training sound of each, most first."""
    lines = []
    for stream in classes_streams(corpus.streams):
        counts = corpus.class_counts[stream.name]
        order = np.argsort(-counts, kind="stable")
        told = [f"{stream.classes[number]} {length(counts[number] / sample_rate)}" for number in order[:_MOST_TOLD]]
        if more := len(order) - _MOST_TOLD:
            told[_MOST_TOLD:] = (
                [f"and {more:,} more, the rarest {length(counts.min() / sample_rate)}"] if more > 0 else []
            )
        if nothing := corpus.samples - int(counts.sum()):
            told.append(f"none {length(nothing / sample_rate)}")
        lines.append(f"{stream.name} in training: {', '.join(told)}")
    return lines


def describe_model(
    preset: str, model: Mapping[str, Any], rate: int, measured: Estimate, narrowed: Sequence[str]
) -> str:
    """Return the line on the tiers.

    Args:
        preset: its name.
        model: `tier_defaults` and `tiers`.
        rate: in Hz.
        measured: its size.
        narrowed: the widths that were too slow, with their speeds.
    """
    frames = [tier["frame_size"] for tier in model["tiers"] if "frame_size" in tier]
    shown = " and ".join(f"{frame} samples ({1000 * frame / rate:.2g} ms)" for frame in frames)
    dim = model["tier_defaults"]["dim"]
    line = f"model: preset {preset}; dim {dim}, frames of {shown}; {measured.parameters:,} parameters"
    if narrowed:
        line += f"; this machine is too slow for a dim of {', '.join(narrowed)} within these minutes"
    return line


def describe_rows(sizes: Mapping[str, Any], rate: int, samples: int, usual: int) -> str:
    """Return the line on the windows of a step; `usual` is the batch of the preset."""
    rows, window = sizes["batch_size"], sizes["seq_len"]
    line = f"batch: {rows} rows of {length(samples / rate / rows)} of sound each; windows of {window} samples"
    line += f" ({1000 * window / rate:.3g} ms)"
    if rows < usual:
        line += f"; {rows} and not {usual} rows, so that each has {LEAST_ROW_SECONDS:g} seconds if the corpus has them"
    return line


def describe_training(sizes: Mapping[str, Any], training: Mapping[str, Any], minutes: float, measured: Estimate) -> str:
    """Return the line on the length of the training.

    Args:
        sizes: the fields of `training` that were sized.
        training: those of the preset.
        minutes: asked for.
        measured: the time of a step.
    """
    epochs, seconds = sizes["epochs"], measured.seconds_per_step * measured.steps_per_epoch
    line = (
        f"training: {_count(epochs, 'epoch')} of {format_duration(seconds)} for {_count(minutes, 'minute')}"
        f" (--minutes), without validation; {measured.samples_per_second:,.0f} samples/s were measured"
    )
    if seconds > 60 * minutes:
        line += f"; a single epoch takes {format_duration(seconds)}: stop it at any time, or keep fewer sounds"
    if "decay_steps" in sizes and training.get("schedule") == "exponential":
        line += f"; the learning rate halves every {sizes['decay_steps']:,} steps, {HALVINGS:g} times in all"
    return line


def describe_hearing(measured: Estimate, epochs: int) -> list[str]:
    """Return the lines on when there is something to listen to, in a training of so many epochs."""
    lasts = epochs * measured.seconds_per_step * measured.steps_per_epoch / 60
    first = f"after about {_minutes(FIRST_SECONDS / 60)} of training"
    if lasts * 60 <= FIRST_SECONDS:
        first = f"when training ends, after about {_minutes(lasts)}"
    begun, heard = (samples / measured.samples_per_second / 60 for samples in (BEGUN, HEARD))
    within = "" if begun <= lasts else f", longer than this training: give --minutes {math.ceil(begun)} or more"
    return [
        f"first sound: {first}; at first mostly noise",
        f"listenable: after about {_minutes(begun)}{within}; better after {_minutes(heard)}, as far as words tell: of"
        f" 100, 35 to 40 were heard as asked after {BEGUN / 1e6:g} million samples, 60 to 70 after {HEARD / 1e6:g}"
        " million (docs/sound.md)",
    ]


def _minutes(minutes: float) -> str:
    return f"{minutes / 60:.1f} hours" if minutes > 120 else "a minute" if minutes < 1.5 else f"{minutes:.0f} minutes"


def _count(amount: float, unit: str) -> str:
    return f"{amount:,g} {unit}" if amount == 1 else f"{amount:,g} {unit}s"
