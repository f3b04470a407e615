"""The points of the curves: at fixed steps, weighted by samples, the same however the run was cut up."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
from command_line import write_spec

from keras_samplernn.model.registry import load_types
from keras_samplernn.progress import Progress
from keras_samplernn.spec import load_spec
from keras_samplernn.training.bookkeeping import Bookkeeping
from keras_samplernn.training.points import EARLY_STEPS, EVERY_STEPS, weighted_median
from keras_samplernn.training.state import MOST_NORMS, TrainingState
from keras_samplernn.training.step import Sums

EPOCH_STEPS, STEPS = 37, 222
TIMES = {"samples_per_second", "seconds"}


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    folder = tmp_path_factory.mktemp("points")
    training = {"seq_len": 16, "batch_size": 2, "schedule": "cosine", "decay_steps": 100}
    write_spec(folder, training=training)
    return load_spec(folder / "spec.json", load_types())


@pytest.fixture(scope="module")
def taken():
    """The sums of six epochs; the last window of each is almost empty, and its bits and norm are far off."""
    rng = np.random.default_rng(0)
    bits, norms = rng.uniform(4, 5, STEPS), rng.uniform(1, 2, STEPS)
    samples = np.full(STEPS, 1000)
    last = np.arange(EPOCH_STEPS - 1, STEPS, EPOCH_STEPS)
    samples[last], bits[last], norms[last] = 10, 0.5, 0.01
    return [Sums(float(b * n), int(n), float(norm)) for b, n, norm in zip(bits, samples, norms, strict=True)]


def log_of(spec, taken, reads, stops=()):
    """Return the points of a run that reads so many steps at a time, and the rows of its epochs, without times.

    Args:
        reads: number of steps that are read at a time.
        stops: steps after which the run is stopped and continued from what a checkpoint holds.
    """
    points, rows, state = {}, [], TrainingState()

    def log_figures(step, figures):
        assert step not in points
        points[step] = figures

    def book_of(state):
        return Bookkeeping(
            SimpleNamespace(folder="run", spec=spec),
            state,
            STEPS // EPOCH_STEPS,
            SimpleNamespace(log_figures=log_figures),
            Progress("fit", STEPS, shown=False),
        )

    book = book_of(state)
    while state.step < len(taken):
        left = min([EPOCH_STEPS - state.epoch_step, *(stop - state.step for stop in stops if stop > state.step)])
        sums = taken[state.step : state.step + min(reads, left)]
        state.step, state.epoch_step = state.step + len(sums), state.epoch_step + len(sums)
        book.add_steps(sums)
        if state.step in stops:
            state = TrainingState.of(json.loads(json.dumps(dataclasses.asdict(state))), state.step)
            book = book_of(state)
        if state.epoch_step == EPOCH_STEPS:
            rows.append(book.begin_row())
            state.begin_epoch()
            book.begin_epoch()
    cut = [{name: figure for name, figure in each.items() if name not in TIMES} for each in [*points.values(), *rows]]
    return dict(zip(points, cut, strict=False)), cut[len(points) :]


def test_points_are_means_over_samples_at_fixed_steps(spec, taken):
    points, _ = log_of(spec, taken, reads=8)
    assert [*points] == [*EARLY_STEPS, *range(EVERY_STEPS, STEPS, EVERY_STEPS)]
    before = 0
    for step, figures in points.items():
        here, before = taken[before:step], step
        assert figures["bits/training"] == pytest.approx(sum(s.bits for s in here) / sum(s.samples for s in here))
        norms = np.repeat([s.gradient_norm for s in here], [s.samples for s in here])
        assert figures["gradient_norm"] == np.quantile(norms, 0.5, method="inverted_cdf")


def test_the_ends_of_epochs_are_no_outliers(spec, taken):
    points, rows = log_of(spec, taken, reads=8)
    assert all(4 < figures["bits/training"] < 5 for figures in points.values())
    assert all(1 < each["gradient_norm"] < 2 for each in [*points.values(), *rows])


def test_equal_losses_make_equal_points_of_as_many_steps(spec):
    """Epochs of 113 steps, whose last window is almost empty: nothing of it is seen in the points."""
    samples = [10 if step % 113 == 0 else 1000 for step in range(1, STEPS + 1)]
    points, _ = log_of(spec, [Sums(5.0 * n, n, 1.5) for n in samples], reads=8)
    assert {(figures["bits/training"], figures["gradient_norm"]) for figures in points.values()} == {(5.0, 1.5)}
    later = [step for step in points if step >= EVERY_STEPS]
    assert len(later) > 3 and {*np.diff(later).tolist()} == {EVERY_STEPS}


def test_the_points_of_epochs_are_of_all_sounds_in_any_order(spec):
    """Some sounds are harder than others: 50 steps hear some of them, an epoch hears each once."""
    rng, points, state = np.random.default_rng(0), {}, TrainingState()
    monitor = SimpleNamespace(log_figures=lambda step, figures: points.setdefault(step, {}).update(figures))
    book = Bookkeeping(SimpleNamespace(folder="run", spec=spec), state, 4, monitor, Progress("fit", 1, shown=False))
    for _ in range(4):
        for bits in rng.permutation(113) / 32 + 3:
            state.step, state.epoch_step = state.step + 1, state.epoch_step + 1
            book.add_steps([Sums(float(bits) * 1000, 1000, 1.0)])
        book.log_epoch()
        state.begin_epoch()
    assert np.ptp([each["bits/training"] for each in points.values() if "bits/training" in each]) > 0.1
    epochs = {step: each["bits/training_epoch"] for step, each in points.items() if "bits/training_epoch" in each}
    assert [*epochs] == [113, 226, 339, 452]
    assert [*epochs.values()] == pytest.approx([4.75] * 4)


def test_the_points_do_not_depend_on_how_many_steps_are_read_at_a_time(spec, taken):
    assert log_of(spec, taken, reads=1) == log_of(spec, taken, reads=64)


def test_an_interrupted_run_has_the_points_and_rows_of_one_that_was_not(spec, taken):
    whole = log_of(spec, taken, reads=8)
    assert log_of(spec, taken, reads=8, stops=(1, 36, 37, 50, 61, 140)) == whole


def test_the_learning_rate_is_that_of_the_step(spec, taken):
    points, rows = log_of(spec, taken, reads=64)
    assert points[1]["learning_rate"] == pytest.approx(0.001)
    assert points[50]["learning_rate"] == pytest.approx(0.0005 * (1 + np.cos(np.pi * 0.49)))
    assert rows[0]["learning_rate"] == pytest.approx(0.0005 * (1 + np.cos(np.pi * 0.36)))


def test_a_pause_is_no_part_of_the_speed(spec, taken, monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("keras_samplernn.training.bookkeeping.time.monotonic", lambda: clock.now)
    state, run = TrainingState(), SimpleNamespace(folder="run", spec=spec)
    book = Bookkeeping(run, state, 1, SimpleNamespace(log_figures=lambda *_: None), Progress("fit", 9, shown=False))
    for seconds in (30, 1, 1):  # the first step compiles
        clock.now += seconds
        state.step, state.epoch_step = state.step + 1, state.epoch_step + 1
        book.add_steps([Sums(1000.0, 500, 1.0)])
        with book.pause():
            clock.now += 100
    row = book.begin_row()
    assert (row["samples_per_second"], row["seconds"]) == (500, 332.0)


def test_the_median_of_a_long_epoch_is_that_of_evenly_spread_steps():
    state, norms = TrainingState(), np.random.default_rng(1).uniform(0, 1, 5 * MOST_NORMS)
    for number, norm in enumerate(norms, 1):
        state.unlogged.clear()
        state.note_step(number, 1.0, 10, norm)
        assert len(state.epoch_norms) <= MOST_NORMS
    assert [norm for norm, _ in state.epoch_norms] == [*norms[::8]]
    assert state.epoch_norm == np.quantile(norms[::8], 0.5, method="inverted_cdf")


def test_a_median_counts_weights():
    assert weighted_median([3.0, 1.0, 2.0], [1, 1, 1]) == 2
    assert weighted_median([3.0, 1.0, 2.0], [5, 1, 1]) == 3
    assert weighted_median([7.0], [0]) == 7
