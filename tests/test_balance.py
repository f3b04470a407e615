"""Laws of class-balanced sampling: shares as asked, epochs of their length, a pure function of seed and epoch."""

import shutil

import numpy as np
import pytest
from command_line import give, write_corpora, write_sound, write_spec
from corpora import corpus_of
from test_training_laws import make_spec, make_trainer

from keras_samplernn.conditions.streams import ClassesStream
from keras_samplernn.data.balance import Balance
from keras_samplernn.data.plan import plan_epoch, segments_of
from keras_samplernn.training.trainer import Trainer

pytestmark = pytest.mark.law

STREAM = ClassesStream.of_count(3)


def corpus(sounds):
    """Return a corpus of sounds, each given as its classes with their samples, -1 for none."""
    rows = [np.repeat(*np.transpose(sound)) for sound in sounds]
    lengths = [len(row) for row in rows]
    return corpus_of(lengths, np.zeros(sum(lengths), np.uint8), np.concatenate(rows), 3)


def visited(sounds, amount, epoch=0, seed=0, segment_samples=64):
    """Return the samples of each class that an epoch's plan visits, and the samples of all."""
    plan = plan_epoch(
        [sound.samples for sound in sounds.sounds],
        3,
        8,
        segment_samples=segment_samples,
        seed=seed,
        epoch=epoch,
        balance=Balance(sounds.sounds, STREAM, amount),
    )
    counts, total = np.zeros(3, int), 0
    for step in range(plan.steps):
        for sound, offset, _, valid, _ in zip(*plan.at(step), strict=True):
            first = sounds.sounds[sound].start + offset
            classes = sounds.conditions[first : first + valid]
            counts += np.bincount(classes[classes >= 0], minlength=3)
            total += valid
    return counts, total


def pure():
    """Return a corpus of 80, 16 and 4 % whose sounds have one class each."""
    rng = np.random.default_rng(0)
    return corpus([[(cls, int(rng.integers(30, 300)))] for cls in np.repeat([0, 1, 2], [400, 80, 20]).tolist()])


@pytest.mark.parametrize("epoch", [0, 7])
def test_at_1_all_classes_have_the_same_share_and_the_epoch_its_length(epoch):
    sounds = pure()
    counts, total = visited(sounds, 1, epoch)
    np.testing.assert_allclose(counts / counts.sum(), 1 / 3, atol=0.01)
    assert total == pytest.approx(len(sounds.codes), rel=0.02)


def test_shares_between_lie_on_the_way():
    natural, half = visited(pure(), 0)[0], visited(pure(), 0.5)[0]
    np.testing.assert_array_equal(natural, np.bincount(pure().conditions, minlength=3))
    np.testing.assert_allclose(half / half.sum(), np.sqrt(natural) / np.sqrt(natural).sum(), atol=0.01)


def test_sounds_of_several_classes_and_of_none_are_balanced_as_far_as_they_allow():
    rng = np.random.default_rng(1)
    mixed = [[(int(cls), 40) for cls in rng.choice(3, 6, p=[0.8, 0.15, 0.05])] for _ in range(300)]
    sounds = corpus([*mixed, *[[(-1, 100)]] * 40])
    before = np.bincount(sounds.conditions[sounds.conditions >= 0], minlength=3)
    counts, total = visited(sounds, 1)
    assert counts.max() / counts.min() < 1.15
    assert before.max() / before.min() > 8
    assert total == pytest.approx(len(sounds.codes), rel=0.03)


def test_of_segments_that_are_all_alike_each_is_visited_about_once():
    sounds = corpus([[(0, 48), (1, 16)]] * 100)
    segments = segments_of([64] * 100, 8, 64)
    visits = np.bincount(Balance(sounds.sounds, STREAM, 1).visits(segments, 0, 0), minlength=100)
    np.testing.assert_array_equal(visits, 1)


def test_what_is_visited_depends_on_seed_and_epoch_alone_and_nothing_is_left_out_for_good():
    sounds = pure()
    balance, segments = Balance(sounds.sounds, STREAM, 1), segments_of([s.samples for s in sounds.sounds], 8, 64)
    first = balance.visits(segments, 0, 0)
    np.testing.assert_array_equal(first, Balance(sounds.sounds, STREAM, 1).visits(segments, 0, 0))
    for key in ((0, 1), (1, 0)):
        assert not np.array_equal(first, balance.visits(segments, *key))
    seen = set(np.concatenate([balance.visits(segments, 0, epoch) for epoch in range(40)]))
    assert seen == set(range(len(segments)))


def test_a_plan_without_balance_is_as_it_was():
    plans = [make_trainer().plan(3), plan_epoch([70, 33, 50], 2, 16, segment_samples=128_000, seed=123, epoch=3)]
    for step in range(plans[0].steps):
        for one, other in zip(*(plan.at(step) for plan in plans), strict=True):
            np.testing.assert_array_equal(one, other)


def test_the_line_for_people_has_the_shares_before_and_after():
    sounds = pure()
    spec = make_spec()
    assert Trainer(spec, make_trainer().model, sounds).describe_balance() == ""
    spec = spec.model_copy(update={"data": spec.data.model_copy(update={"balance": 1.0, "segment_seconds": 0.01})})
    told = Trainer(spec, make_trainer().model, sounds).describe_balance()
    assert told.startswith("data.balance = 1: shares of class in an epoch: 0 80.")
    assert "% -> 33." in told


def test_fit_balances_and_says_so(tmp_path):
    write_corpora(tmp_path)
    for name in "cdef":
        write_sound(tmp_path / f"train/{name}.wav", 200)
        (tmp_path / f"train/{name}.csv").write_text("0\n" * 200)
    shutil.rmtree(tmp_path / "valid")
    write_spec(tmp_path, data={"valid": None, "balance": 1.0, "segment_seconds": 0.0125})
    answer = give("fit spec.json --max-steps 1", tmp_path)
    lines = [line for line in answer.err.splitlines() if "data.balance" in line]
    assert len(lines) == 1
    assert "data.balance = 1: shares of class in an epoch: 0 " in lines[0]
