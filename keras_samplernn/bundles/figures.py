"""The figures of a checkpoint that a card shows: those that the run noted at its step."""

from collections.abc import Mapping
from dataclasses import dataclass

from keras_samplernn.conditions.streams import classes_streams, figure_of, streams_of
from keras_samplernn.run_folder import CLASS_COLUMN
from keras_samplernn.spec import Spec
from keras_samplernn.training.state import TrainingState


@dataclass(frozen=True)
class Figures:
    """What was measured at the step of a checkpoint.

    Attributes:
        epoch: epochs done.
        step: steps done.
        training_bits: mean over the last epoch, while the weights changed; None: not noted.
        validation_bits: None: not validated then.
        bits_of: for each stream of classes the validation bits of each class that occurred.
    """

    epoch: int
    step: int
    training_bits: float | None
    validation_bits: float | None
    bits_of: Mapping[str, Mapping[str, float]]


def figures_of(state: TrainingState, spec: Spec) -> Figures:
    """Return the figures of the step at which a run had a state."""
    row = next((row for row in reversed(state.rows) if row["step"] == state.step), {})
    bits_of = {}
    for stream in classes_streams(streams_of(spec)):
        columns = {name: f"{CLASS_COLUMN}{figure_of(stream, name)}" for name in stream.classes}
        bits_of[stream.name] = {name: row[column] for name, column in columns.items() if row.get(column) is not None}
    return Figures(state.epoch, state.step, row.get("training_bits"), row.get("validation_bits"), bits_of)
