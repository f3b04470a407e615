"""When a run is looked at: after two minutes, then ever more rarely, and never for most of the time."""

import math

import pytest

from keras_samplernn.distribution.agreement import Due
from keras_samplernn.monitoring.schedule import is_due, next_due
from keras_samplernn.training import clock
from keras_samplernn.training.clock import Clock, Times


@pytest.mark.parametrize(
    ("minutes", "moments"),
    [
        (30, [2, 4, 8, 16, 32, 62, 92, 122]),
        (10, [2, 4, 8, 16, 26, 36]),
        (8, [2, 4, 8, 16, 24]),
        (2, [2, 4, 6, 8]),
        (0.5, [0.5, 1, 1.5, 2]),
    ],
)
def test_intervals_double_until_they_are_as_long_as_asked(minutes, moments):
    seconds, found = 0.0, []
    for _ in moments:
        found.append(next_due(seconds, minutes))
        assert next_due(found[-1] - 0.001, minutes) == found[-1]  # from anywhere before it
        seconds = found[-1]
    assert found == [60 * moment for moment in moments]


def test_without_minutes_nothing_is_ever_due():
    assert next_due(1e6, 0) == math.inf
    assert not is_due(1e6, 0, 0, 0)


def test_what_takes_long_waits_until_it_takes_a_tenth():
    assert is_due(240, 120, 12, 30)
    assert not is_due(240, 120, 13, 30)
    assert is_due(250, 120, 13, 30)
    assert not is_due(239, 120, 0, 30)


@pytest.fixture
def now(monkeypatch):
    """The seconds that the clock reads, to be moved on."""
    now = [100.0]
    monkeypatch.setattr(clock.time, "monotonic", lambda: now[0])
    return now


def test_the_clock_counts_training_alone_and_goes_on_where_it_stopped(now):
    times = Times(seconds=50.0)
    first = Clock(times, 30, 10, validates=True, sounds=True)
    now[0] += 60
    assert first.due() == Due.NOTHING
    with first.validating():
        now[0] += 7
    assert (times.seconds, times.validation, times.validation_took) == (110, 110, 7)
    now[0] += 12  # 122 seconds of training; the validation is too young
    assert first.due() == Due.SOUNDS
    again = Clock(times, 30, 10, validates=True, sounds=True)  # as another call of `fit`
    assert again.due() == Due.SOUNDS
    with again.sounding():
        now[0] += 30
    assert (times.seconds, times.sounds) == (122, 122)
    assert again.due() == Due.NOTHING
    now[0] += 118
    assert again.due() == Due.SOUNDS | Due.VALIDATION


def test_sounds_that_were_broken_off_are_due_again(now):
    times = Times()
    clock_ = Clock(times, 30, 100, validates=False, sounds=True)
    now[0] += 121
    with pytest.raises(KeyboardInterrupt), clock_.sounding():
        raise KeyboardInterrupt
    assert (clock_.due(), times.sounds) == (Due.SOUNDS, 0)


def test_the_first_sounds_compile_and_only_later_ones_are_timed(now):
    times = Times()
    clock_ = Clock(times, 30, 1000, validates=False, sounds=True)
    for seconds, took, due in ((120, 60, Due.SOUNDS), (120, 60, Due.SOUNDS), (240, 60, Due.NOTHING)):
        now[0] += seconds
        assert clock_.due() == due
        with clock_.sounding():
            now[0] += took


def test_a_validation_is_due_within_epochs_once_its_time_is_known(now):
    times = Times()
    clock_ = Clock(times, 30, 1000, validates=True, sounds=False)
    now[0] += 1000
    assert clock_.due() == Due.NOTHING
    with pytest.raises(KeyboardInterrupt), clock_.validating(60):
        now[0] += 61
        assert clock_.due() == Due.END_OF_VALIDATION
        raise KeyboardInterrupt
    assert (clock_.due(), times.validation_took) == (Due.NOTHING, None)


def test_a_checkpoint_is_due_by_its_own_minutes(now):
    clock_ = Clock(Times(), 0, 10, validates=True, sounds=True)
    now[0] += 600
    assert clock_.due() == Due.CHECKPOINT
    clock_.saved()
    assert clock_.due() == Due.NOTHING
