"""Laws of the plan and of the batches made from it, whatever the lengths, lanes, windows and segments."""

import tracemalloc

import numpy as np
import pytest
import tensorflow as tf
from corpora import corpus_of
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_samplernn.data.batches import gather_windows, make_batches
from keras_samplernn.data.plan import plan_epoch, plan_once

pytestmark = pytest.mark.law

SILENCE = 7
files = st.lists(st.integers(1, 70), min_size=1, max_size=9)
plans = {"lanes": st.integers(1, 6), "seq_len": st.integers(1, 16)}
cuts = {"segment_samples": st.none() | st.integers(0, 64), "seed": st.integers(0, 2**32 - 1)}
many = settings(max_examples=60, deadline=None, derandomize=True)


def fake_corpus(lengths, conditional=True):
    """Sounds whose every sample has a code of its own, beyond silence, and the condition code % 5."""
    codes = np.arange(sum(lengths)) + 100
    conditions = (codes % 5).astype(np.uint8) if conditional else None
    return corpus_of(lengths, codes.astype(np.uint16), conditions, 5 if conditional else 0)


def all_windows(plan):
    return [plan.at(step) for step in range(plan.steps)]


def scored(plan, lengths):
    """How often each sample of each sound is a target."""
    counts = [np.zeros(n, int) for n in lengths]
    for windows in all_windows(plan):
        for sound, offset, _, valid, _ in zip(*windows, strict=True):
            counts[sound][offset : offset + valid] += 1
            assert offset + valid <= lengths[sound]
    return counts


@many
@given(lengths=files, **plans, **cuts)
def test_every_sample_is_scored_exactly_once_an_epoch(lengths, lanes, seq_len, segment_samples, seed):
    plan = plan_epoch(lengths, lanes, seq_len, segment_samples=segment_samples, seed=seed, epoch=1)
    assert all((counts == 1).all() for counts in scored(plan, lengths))
    assert all((counts == 1).all() for counts in scored(plan_once(lengths, lanes, seq_len), lengths))


@many
@given(lengths=files, **plans, **cuts)
def test_a_segments_windows_follow_each_other_on_a_lane_and_reset_where_it_or_the_lane_begins(
    lengths, lanes, seq_len, segment_samples, seed
):
    plan = plan_epoch(lengths, lanes, seq_len, segment_samples=segment_samples, seed=seed)
    segment = max(lengths) if segment_samples is None else max(segment_samples // seq_len, 1) * seq_len
    steps = all_windows(plan)
    for lane in range(lanes):
        on_lane = [tuple(int(field[lane]) for field in windows[:-1]) for windows in steps]
        idle = [valid == 0 for *_, valid in on_lane]
        assert idle == sorted(idle), "a lane without more pieces gets another one"
        for now, (sound, offset, reset, valid) in enumerate(on_lane):
            if not valid:
                assert (sound, offset, reset) == (0, 0, 1)
                continue
            assert reset == (offset % segment == 0 or now == 0)
            if not reset:
                before_sound, before_offset, _, before_valid = on_lane[now - 1]
                assert (sound, offset) == (before_sound, before_offset + seq_len)
                assert before_valid == seq_len
            end_of_segment = min(lengths[sound], (offset // segment + 1) * segment)
            assert valid == min(seq_len, end_of_segment - offset)


@many
@given(lengths=files, **plans)
def test_plan_once_never_cuts_files_and_takes_the_longest_first(lengths, lanes, seq_len):
    plan = plan_once(lengths, lanes, seq_len)
    starts = [
        (step, sound, offset)
        for step, windows in enumerate(all_windows(plan))
        for sound, offset, reset, valid, _ in zip(*windows, strict=True)
        if reset and valid
    ]
    assert sorted(sound for _, sound, _ in starts) == list(range(len(lengths)))
    assert all(offset == 0 for *_, offset in starts)
    first_step = [lengths[sound] for step, sound, _ in starts if step == 0]
    assert sorted(first_step) == sorted(lengths)[-len(first_step) :]


@many
@given(lengths=files, **plans, **cuts, lookback=st.integers(1, 24))
def test_windows_hold_the_real_past_and_silence_where_there_is_none(
    lengths, lanes, seq_len, segment_samples, seed, lookback
):
    corpus = fake_corpus(lengths)
    plan = plan_epoch(lengths, lanes, seq_len, segment_samples=segment_samples, seed=seed)
    for windows in all_windows(plan):
        codes, _, conditions = gather_windows(corpus, windows, seq_len, lookback, SILENCE)
        for lane, (sound, offset, _, valid, _) in enumerate(zip(*windows, strict=True)):
            entry = corpus.sounds[sound]
            for column in range(lookback + seq_len):
                at = offset + column - lookback
                exists = valid and at >= 0 and column < lookback + valid
                assert codes[lane, column] == (corpus.codes[entry.start + at] if exists else SILENCE)
            expected = np.full(seq_len, -1)
            expected[:valid] = corpus.conditions[entry.start + offset :][:valid]
            np.testing.assert_array_equal(conditions.classes[lane, :, 0], expected)
            np.testing.assert_array_equal(conditions.exists[lane], np.arange(seq_len) < valid)


def test_the_plan_depends_on_seed_and_epoch_only():
    def orders(**keys):
        plan = plan_epoch([40, 41, 42, 43, 44, 45], 3, 4, segment_samples=8, **keys)
        return np.array(all_windows(plan)).tolist()

    np.random.seed(0)
    first = orders(seed=3, epoch=5)
    np.random.seed(1)
    assert orders(seed=3, epoch=5) == first
    assert orders(seed=3, epoch=6) != first
    assert orders(seed=4, epoch=5) != first


def test_the_order_is_the_same_in_every_version_of_numpy():
    plan = plan_epoch([4] * 8, 1, 4, seed=123, epoch=2)
    assert [int(windows.sound[0]) for windows in all_windows(plan)] == [2, 3, 5, 7, 0, 1, 6, 4]


@many
@given(lengths=files, **plans, **cuts)
def test_every_lane_is_busy_to_the_last_step_of_an_epoch(lengths, lanes, seq_len, segment_samples, seed):
    """With few lanes at its end, an epoch would end on the gradients of few sounds."""
    plan = plan_epoch(lengths, lanes, seq_len, segment_samples=segment_samples, seed=seed)
    assert all((windows.valid > 0).all() for windows in all_windows(plan)[:-1])


def test_a_plan_grows_with_its_segments_and_not_with_its_samples():
    tracemalloc.start()
    plan = plan_once([10**9] * 20, 4, 512)
    plan.at(plan.steps - 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000


def test_the_shortest_segment_is_one_window():
    assert plan_epoch([12], 3, 4, segment_samples=0).at(0).valid.tolist() == [4, 4, 4]


@pytest.mark.parametrize("lengths", [[], [0, 0]])
def test_a_plan_of_nothing_has_no_steps(lengths):
    assert plan_epoch(lengths, 4, 8).steps == plan_once(lengths, 4, 8).steps == 0


@pytest.mark.parametrize("step", [-1, 3])
def test_a_step_outside_the_plan_is_refused(step):
    with pytest.raises(IndexError, match=f"step {step} is outside the plan's 3 steps"):
        plan_once([12], 1, 4).at(step)


@pytest.mark.parametrize("conditional", [True, False])
def test_resuming_at_a_step_yields_the_batches_of_running_through(conditional):
    lengths, lookback = [5, 33, 17, 70, 21], 6
    corpus = fake_corpus(lengths, conditional)
    plan = plan_epoch(lengths, 3, 8, segment_samples=16, seed=9)
    through = list(make_batches(corpus, plan, lookback, SILENCE))
    assert len(through) == plan.steps
    for step, batch in enumerate(through):
        codes, _, conditions = gather_windows(corpus, plan.at(step), 8, lookback, SILENCE)
        np.testing.assert_array_equal(batch["codes"], codes)
        np.testing.assert_array_equal(batch["valid"], plan.at(step).valid)
        np.testing.assert_array_equal(batch["reset"], plan.at(step).reset)
        if conditional:
            np.testing.assert_array_equal(batch["conditions"].classes, conditions.classes)
    resumed = list(make_batches(corpus, plan, lookback, SILENCE, first_step=4))
    assert len(resumed) == plan.steps - 4
    for expected, batch in zip(through[4:], resumed, strict=True):
        assert batch.keys() == expected.keys()
        tensors = zip(tf.nest.flatten(batch), tf.nest.flatten(expected), strict=True)
        assert all((ours is None and theirs is None) or np.array_equal(ours, theirs) for ours, theirs in tensors)


def test_batches_declare_their_shapes_and_have_conditions_only_where_the_corpus_has():
    plan = plan_once([40], 3, 8)
    dataset = make_batches(fake_corpus([40]), plan, 6, SILENCE)
    specs = dataset.element_spec
    conditions = specs.pop("conditions")
    shapes = {name: (tuple(spec.shape), spec.dtype.name) for name, spec in specs.items()}
    assert [conditions.exists.shape, conditions.classes.shape] == [(3, 8), (3, 8, 1)]
    assert shapes == {
        "codes": ((3, 14), "int32"),
        "reset": ((3,), "int32"),
        "valid": ((3,), "int32"),
    }
    assert int(dataset.cardinality()) == plan.steps == 5
    assert "conditions" not in make_batches(fake_corpus([40], False), plan, 6, SILENCE).element_spec
