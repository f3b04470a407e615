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
