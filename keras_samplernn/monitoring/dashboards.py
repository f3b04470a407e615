"""What TensorBoard is told of a run once: its hyperparameters, which curves share a chart, and a few facts as text."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from keras_samplernn.conditions.streams import classes_streams, streams_of
from keras_samplernn.spec import Spec

Scalar = bool | int | float | str


def hyperparameters(spec: Spec) -> dict[str, Scalar]:
    """Return the scalar fields of a spec by their dotted names, such as `training.learning_rate` or `tiers.0.dim`.

    Fields that are null, and lists of names or folders, are left out.
    """
    return dict(_scalars(spec.model_dump(mode="json"), ""))


def _scalars(value: Any, name: str) -> Iterator[tuple[str, Scalar]]:
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = [(number, each) for number, each in enumerate(value) if isinstance(each, dict)]
    else:
        items = ()
        if isinstance(value, Scalar):
            yield name, value
    for key, each in items:
        yield from _scalars(each, f"{name}.{key}" if name else str(key))


def hparams_summary(spec: Spec, run: str) -> Any:
    """Return the summary by which a run is a row of TensorBoard's HParams.

    TensorBoard finds the columns by itself: the fields of all runs, and the last points of their curves.

    Args:
        spec: of the run.
        run: its name. Runs of one name and spec, such as those that `--restart` puts aside, are rows of their own.
    """
    # Here, since the commands that do not train need not wait for it.
    from tensorboard.plugins.hparams import api

    return api.hparams_pb(hyperparameters(spec), trial_id=f"{run} {time.strftime('%Y-%m-%d %H:%M:%S')}")


def layout_summary(spec: Spec) -> Any:
    """Return the summary that lays out TensorBoard's Custom Scalars: training beside validation, and all classes.

    A chart has a curve for each tag that matches one of its expressions, so that the layouts of several runs are equal
    and TensorBoard merges them.
    """
    from tensorboard.plugins.custom_scalar import layout_pb2, summary

    charts = {"bits": ["^bits/training$", "^bits/training_epoch$", "^bits/validation$"]}
    if classes_streams(streams_of(spec)):
        charts["bits per class"] = ["^bits_per_class/"]
    if spec.monitoring.listen_epochs:
        charts["heard"] = ["^heard/"]
    content = layout_pb2.MultilineChartContent
    chart = [layout_pb2.Chart(title=title, multiline=content(tag=tags)) for title, tags in charts.items()]
    return summary.pb(layout_pb2.Layout(category=[layout_pb2.Category(title="training and validation", chart=chart)]))


def about_text(facts: Mapping[str, str]) -> str:
    """Return facts as a table in Markdown."""
    rows = [f"| {name} | {fact} |" for name, fact in facts.items()]
    return "\n".join(["| | |", "| --- | --- |", *rows])
