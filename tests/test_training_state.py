"""What a training remembers of itself stays within what a checkpoint may hold."""

import dataclasses
import json

from keras_samplernn.checkpoints.checkpoint import MOST_STATE_BYTES, MOST_STATE_ROWS, MOST_STATE_VALUES
from keras_samplernn.training.state import TrainingState


def test_many_validations_of_many_classes_stay_within_a_checkpoint():
    state, classes = TrainingState(), [f"validation_bits_{'ü' * 40}{number}" for number in range(4096)]
    for step in range(1, 160):
        row = {"epoch": step, "step": step, "training_bits": 0.1 + 0.2, "gradient_norm": 1e-300}
        state.add_row(row | dict.fromkeys(classes, -1.2345678901234567e-100))
    text = json.dumps(dataclasses.asdict(state), indent=1)
    assert len(text) < MOST_STATE_BYTES
    assert text.count(",") + text.count("{") + text.count("[") < MOST_STATE_VALUES
    assert [row["step"] for row in state.rows] == list(range(1, 160))
    assert len(state.rows[0]) == 4
    assert len(state.rows[-1]) == 4100


def test_of_very_many_rows_the_oldest_go():
    state = TrainingState(rows=[{"step": step} for step in range(MOST_STATE_ROWS)])
    state.add_row({"step": MOST_STATE_ROWS})
    assert (len(state.rows), state.rows[0], state.rows[-1]) == (MOST_STATE_ROWS, {"step": 1}, {"step": MOST_STATE_ROWS})


def test_a_row_in_passing_gives_way_to_the_one_that_ends_an_epoch_after_the_same_step():
    state = TrainingState(step=3)
    passing, ending = ({"step": 3, "training_bits": bits, "validation_bits": 2.0} for bits in (None, 2.5))
    state.add_row(passing)
    assert not state.is_scored
    state.add_row(ending)
    assert state.is_scored and state.rows == [ending]
    state.step = 4
    assert not state.is_scored


def test_a_state_of_a_version_without_times_begins_to_count_them():
    values = dataclasses.asdict(TrainingState(step=2))
    values["times"]["seconds"] = 7.5
    assert TrainingState.of(values, 2).times.seconds == 7.5
    del values["times"]
    assert TrainingState.of(values, 2).times == TrainingState().times
