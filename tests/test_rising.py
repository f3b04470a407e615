"""What is said of a validation that rises again, and of a warm-up that is too long: once, with the remedy."""

from types import SimpleNamespace

import pytest
from command_line import write_spec

from keras_samplernn.model.registry import load_types
from keras_samplernn.progress import Progress
from keras_samplernn.spec import load_spec
from keras_samplernn.training.bookkeeping import Bookkeeping
from keras_samplernn.training.optimizer import describe_warmup
from keras_samplernn.training.rising import describe_rise
from keras_samplernn.training.state import TrainingState

HEART = (
    "; the model learns the training sounds by heart: more sounds help most, then training.input_noise or a smaller"
    " dim; training.patience ends a run by itself"
)


def state_after(*epochs):
    """Return the state after epochs of 100 steps, each with its bits of training and of validation."""
    state = TrainingState()
    for training, validation in epochs:
        state.step += 100
        state.note_validation(validation, whole_epoch=True)
        state.add_row({"step": state.step, "training_bits": training, "validation_bits": validation})
    return state


def rise(best, now, remedy=HEART):
    return (
        f"validation has risen since step 200 ({best:.4f} -> {now:.4f} bits): the best checkpoint is of step 200, is"
        f" kept, and is what generate and evaluate use{remedy}"
    )


def test_a_rise_is_told_after_three_epochs_with_the_remedy():
    epochs = (5.0, 5.0), (4.5, 4.9), (4.2, 4.95), (4.0, 5.0), (3.8, 5.1)
    assert describe_rise(state_after(*epochs[:4])) == ""
    assert describe_rise(state_after(*epochs)) == rise(4.9, 5.1)
    assert describe_rise(state_after(*epochs[:3]), ends=True) == rise(4.9, 4.95)


def test_a_validation_that_stands_still_has_not_risen():
    assert describe_rise(state_after((5, 5), (4, 4.9), (4, 4.905), (4, 4.909), (4, 4.905)), ends=True) == ""
    assert describe_rise(TrainingState(), ends=True) == ""
    without = state_after((5, 5))
    without.rows[-1].pop("validation_bits")
    assert describe_rise(without, ends=True) == ""


def test_where_training_rises_too_the_learning_rate_is_too_high():
    epochs = (5.0, 5.0), (4.5, 4.9), (4.6, 5.0), (4.7, 5.1), (4.8, 5.2)
    remedy = "; training has risen too: lower training.learning_rate in a new run"
    assert describe_rise(state_after(*epochs)) == rise(4.9, 5.2, remedy)


@pytest.fixture
def spec(tmp_path):
    write_spec(tmp_path, training={"learning_rate": 0.002, "warmup_steps": 100})
    return load_spec(tmp_path / "spec.json", load_types())


def test_a_rise_is_told_once(spec):
    said, state = [], state_after((5.0, 5.0), (4.5, 4.9), (4.2, 4.95), (4.0, 5.0), (3.8, 5.1))
    progress = Progress("fit", 9, shown=False)
    progress.say = said.append
    book = Bookkeeping(SimpleNamespace(folder="run", spec=spec), state, 9, None, progress)
    for _ in range(2):
        book.tell_rise(ends=False)
    assert said == [rise(4.9, 5.1)]


@pytest.mark.parametrize(
    ("done", "steps", "line"),
    [
        (0, 201, ""),
        (100, 150, ""),
        (50, 50, ""),
        (
            10,
            150,
            "the learning rate of this run of 150 steps is 0.002 for its last 50 steps alone, since"
            " training.warmup_steps = 100; for a run as short, set training.warmup_steps to 7",
        ),
        (
            0,
            50,
            "the learning rate of this run of 50 steps is 0.001 at most, not 0.002, since training.warmup_steps = 100;"
            " for a run as short, set training.warmup_steps to 2",
        ),
    ],
)
def test_a_warm_up_of_half_a_run_or_more_is_told(spec, done, steps, line):
    assert describe_warmup(spec, done, steps) == line
