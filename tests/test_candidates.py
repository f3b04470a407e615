"""Takes of passages: they go on from the one that is kept, are scored as the model scores sounds, and are chosen so."""

import dataclasses
import functools
import itertools

import numpy as np
import pytest
from condition_kinds import RATE, TOLD, columns_of, product_streams
from hypothesis import given, settings
from hypothesis import strategies as st
from variants import build_variant

from keras_samplernn.conditions.streams import NONE
from keras_samplernn.errors import UserError
from keras_samplernn.generation.candidates import MOST_TRIES, TAKE_BLOCK_SAMPLES, stream_best
from keras_samplernn.generation.choosing import Places, choosing_of
from keras_samplernn.generation.contrast import contrast_with_classes
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.judges import Faults, likelihood, posterior
from keras_samplernn.generation.passages import LONGEST_SECONDS, Passage, passages_of
from keras_samplernn.generation.sound import Sound
from keras_samplernn.generation.stream import stream_parts
from keras_samplernn.generation.take_bits import Bits, TakeBits
from keras_samplernn.model.scoring import Scorer
from keras_samplernn.plugins.coarse_fine import CoarseFine

SILENCE = 5
STREAMS = [{"classes": 3, **TOLD}]
PLACES = Places("takes", "by", "stream")


def score(lengths, values=None):
    """Return the conditions of a sound whose spans have these lengths, of classes in turn."""
    starts = np.cumsum([0, *lengths[:-1]])
    values = [number % 3 for number in range(len(lengths))] if values is None else values
    spans = [(int(start), value, None) for start, value in zip(starts, values, strict=True)]
    return columns_of(STREAMS, [spans], int(sum(lengths)))


def sound(stem, *lengths, temperature=1.0, **options):
    columns = score(lengths, **options)
    return Sound(stem, stem, columns.samples, temperature, columns)


def plain(stem, samples):
    return Sound(stem, stem, samples, 1.0)


# --- Passages.


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    lengths=st.lists(st.integers(1, 900), min_size=1, max_size=8),
    block=st.sampled_from([8, 64, 256]),
    cut=st.integers(0, 300),
)
def test_passages_cover_a_sound_and_start_near_its_spans(lengths, block, cut):
    asked = sound("a", *lengths)
    asked.samples = max(asked.samples - cut, 1)
    passages = passages_of(asked, "s0", RATE, block)
    assert passages[0].start == 0
    assert passages[-1].stop == asked.samples
    for one, other in itertools.pairwise(passages):
        assert one.stop == other.start
    classes = asked.columns.piece(0, asked.samples).classes[:, 0]
    for passage in passages:
        assert passage.start % block == 0
        # A passage that would be shorter than a block belongs to the one before.
        assert min(block, asked.samples) <= passage.stop - passage.start <= LONGEST_SECONDS * RATE + 2.5 * block
        assert passage.asked in classes[passage.start : passage.stop]
    for start in np.cumsum([0, *lengths[:-1]]):
        if start < asked.samples - 1.5 * block:
            assert min(abs(passage.start - start) for passage in passages) <= block / 2


def test_a_passage_is_of_the_class_that_most_of_it_asks_for():
    passages = passages_of(sound("a", 59, 30, 70, values=[0, None, 2]), "s0", RATE, 8)
    assert [(passage.start, passage.asked) for passage in passages] == [(0, 0), (56, NONE), (88, 2)]


def test_without_classes_a_sound_is_cut_into_equal_parts():
    assert passages_of(plain("a", 330), None, RATE, 8) == [
        *(Passage(0, 80, NONE), Passage(80, 168, NONE), Passage(168, 248, NONE), Passage(248, 330, NONE)),
    ]


# --- Takes.


class Best:
    """An engine of a tiny model, and sounds of its best takes."""

    def __init__(self, rows=4, takes=2, conditional=True, guided=False, fades=False, seed=3, **options):
        streams = product_streams(STREAMS) if conditional else ()
        self.model = build_variant((8, 2), streams=streams, seed=seed, **options)
        self.takes, self.streams = takes, streams
        self.contrast = contrast_with_classes(streams, streams[0]) if conditional else None
        guidance = self.contrast if guided else None
        self.engine = GenerationEngine(self.model, SILENCE, rows, TAKE_BLOCK_SAMPLES, fades=fades, guidance=guidance)
        self.scorer = Scorer(self.model, SILENCE, TAKE_BLOCK_SAMPLES)
        self.choices = []

    def __call__(self, sounds, judge, contrast=None, faults=None, seed=0):
        """Return the codes of each sound, by its stem."""
        engine, name = self.engine, "s0" if self.streams else None
        weights = engine.weights()
        take_bits = TakeBits(self.scorer, engine.rows, contrast)
        made = {}
        self.choices = []
        streamed = stream_best(
            *(engine, weights, engine.silent_start(weights), sounds, seed, 2.0, self.takes, take_bits, judge),
            cut=lambda asked: passages_of(asked, name, RATE, engine.block_samples),
            **({} if faults is None else {"faults": faults}),
            on_choice=lambda asked, choice: self.choices.append((asked.stem, choice)),
        )
        for asked, codes, ended in streamed:
            made.setdefault(asked.stem, []).append(codes)
            if ended:
                assert sum(map(len, made[asked.stem])) == asked.samples
        return {stem: np.concatenate(pieces) for stem, pieces in made.items()}

    def one_take(self, sounds, seed=0):
        """Return the codes of each sound as they are without candidates."""
        weights = self.engine.weights()
        made = {}
        for asked, codes, _ in stream_parts(
            self.engine, weights, self.engine.silent_start(weights), sounds, seed, strength=2.0
        ):
            made.setdefault(asked.stem, []).append(codes)
        return {stem: np.concatenate(pieces) for stem, pieces in made.items()}


@functools.cache
def best_of(guided, conditional):
    """Return a `Best` that several tests share, since it compiles at its first sound."""
    return Best(guided=guided, conditional=conditional)


def first(passage, codes, bits):
    return -np.arange(len(codes))


def last(passage, codes, bits):
    return np.arange(len(codes))


@pytest.mark.parametrize("guided", [False, True])
def test_the_first_takes_are_the_sound_without_candidates(guided):
    best = best_of(guided, True)
    lengths = {"a": (300, 400, 90), "b": (700,), "c": (20,), "d": (0,)}
    made = best([sound(stem, *each) for stem, each in lengths.items()], first)
    expected = best.one_take([sound(stem, *each) for stem, each in lengths.items()])
    for stem in lengths:
        np.testing.assert_array_equal(made[stem], expected[stem], err_msg=stem)


def test_a_sound_depends_on_no_other_and_on_no_row():
    best = best_of(False, True)
    together = best([sound("b", 700), sound("a", 300, 400, 90), sound("c", 600, 20)], last)
    alone = best([sound("a", 300, 400, 90)], last)
    np.testing.assert_array_equal(together["a"], alone["a"])
    assert (alone["a"] != best.one_take([sound("a", 300, 400, 90)])["a"]).any()
    assert (best([sound("a", 300, 400, 90)], last, seed=1)["a"] != alone["a"]).any()


@pytest.mark.parametrize("conditional", [True, False])
def test_the_bits_of_the_takes_that_are_kept_are_those_of_the_sound(conditional):
    """Each passage goes on from the take that was kept: the codes before it, and the states."""
    best = best_of(False, conditional)
    asked = sound("a", 300, 400, 790) if conditional else plain("a", 1490)
    totals = []

    def judge(passage, codes, bits):
        totals.append((bits.asked, bits.samples))
        return last(passage, codes, bits)

    codes = best([dataclasses.replace(asked)], judge)["a"]
    scored = best.scorer.sound(codes, asked.columns and asked.columns.piece(0, asked.samples))
    for (_, choice), (bits, samples) in zip(best.choices, totals, strict=True):
        passage = choice.passage
        assert (choice.kept, samples) == (1, passage.stop - passage.start)
        np.testing.assert_allclose(bits[1], scored[passage.start : passage.stop].sum(), rtol=1e-5)


def test_takes_of_sixteen_bits_are_scored_by_both_parts_of_a_code():
    best = Best(head=CoarseFine(hidden=6), q_levels=65536)
    asked = sound("a", 300, 400)
    first_takes = best([dataclasses.replace(asked)], first)["a"]
    np.testing.assert_array_equal(first_takes, best.one_take([dataclasses.replace(asked)])["a"])
    totals = []
    codes = best([dataclasses.replace(asked)], lambda *each: totals.append(each[2].asked) or last(*each))["a"]
    scored = best.scorer.sound(codes, asked.columns.piece(0, asked.samples))
    for (_, choice), bits in zip(best.choices[-len(totals) :], totals, strict=True):
        np.testing.assert_allclose(bits[1], scored[choice.passage.start : choice.passage.stop].sum(), rtol=1e-5)


def test_takes_go_on_from_a_primer():
    best = best_of(False, False)
    engine, weights = best.engine, best.engine.weights()
    primer = np.random.default_rng(0).integers(0, best.model.q_levels, 50).astype(np.int32)
    start = engine.primed_start(weights, primer, None)
    take_bits = TakeBits(best.scorer, engine.rows)
    cut = [Passage(0, 256, NONE), Passage(256, 600, NONE)]
    arguments = engine, weights, start, [plain("a", 600)], 0, 1.0, best.takes, take_bits, first
    made = np.concatenate([codes for _, codes, _ in stream_best(*arguments, lambda asked: cut)])
    expected = [codes for _, codes, _ in stream_parts(engine, weights, start, [plain("a", 600)], 0)]
    np.testing.assert_array_equal(made, np.concatenate(expected))
    assert (made != best([plain("a", 600)], first)["a"]).any()


def test_the_posterior_is_that_of_the_whole_passage_under_each_class():
    best = best_of(False, True)
    asked, seen = sound("a", 300, 400, 790), []

    def judge(passage, codes, bits):
        seen.append((bits, posterior(passage, codes, bits)))
        return last(passage, codes, bits)

    codes = best([dataclasses.replace(asked)], judge, contrast=best.contrast)["a"]
    classes = asked.columns.piece(0, asked.samples).classes[:, 0]
    for (_, choice), (found, scores) in zip(best.choices, seen, strict=True):
        passage, bits = choice.passage, []
        for other in (None, 0, 1, 2):
            conditions = asked.columns.piece(0, asked.samples)
            if other is not None:
                conditions.classes[passage.start : passage.stop, 0] = other
            scored = best.scorer.sound(codes, conditions)[passage.start : passage.stop]
            # A passage can begin and end in another span than its own.
            bits.append(scored[classes[passage.start : passage.stop] == passage.asked].sum())
        np.testing.assert_allclose(found.asked[1], bits[0], rtol=1e-5)
        np.testing.assert_allclose(found.others[1], bits[1:], rtol=1e-5)
        expected = -bits[0] - np.logaddexp2.reduce(-np.array(bits[1:]))
        np.testing.assert_allclose(scores[1], expected, atol=0.01)


def test_faulty_takes_are_not_kept_and_are_made_again_where_all_are():
    best, calls = best_of(False, True), []

    def faults(passage, bits):
        calls.append(passage.start)
        if passage.start == 256:
            return np.array([True, calls.count(256) < 2])  # at the second try, one is good
        return np.array([True, True]) if passage.start == 768 else np.array([passage.start == 0, False])

    best([sound("a", 256, 512, 256, 256)], first, faults=faults)
    kept = {each.passage.start: (each.kept, each.faulty.tolist(), each.tries) for _, each in best.choices}
    assert kept[0] == (1, [True, False], 1)
    assert kept[256] == (1, [True, False], 2)
    assert kept[768] == (0, [True, True], MOST_TRIES)


def test_a_take_without_fault_is_kept_whatever_its_score():
    best = Best(rows=4, takes=4)
    faulty = np.array([True, False, True, True])

    def judge(passage, codes, bits):
        return np.array([3.0, -np.inf, 2.0, 1.0])

    best([sound("a", 200)], judge, faults=lambda passage, bits: faulty)
    assert [choice.kept for _, choice in best.choices] == [1]


def test_every_sample_of_a_cross_fade_counts_for_the_class_that_weighs_more():
    """A long fade is cut in its middle, and in the second half the class that comes is the one asked for."""
    best, counted = Best(fades=True), []
    fade = columns_of(STREAMS, [[(0, 0, None), (512, 0, 1), (1536, 1, None)]], 2048)
    asked = Sound("a", "a", fade.samples, 1.0, fade)

    def judge(passage, codes, bits):
        counted.append((passage, bits.samples))
        return last(passage, codes, bits)

    best([asked], judge, contrast=best.contrast)
    assert {passage.asked for passage, _ in counted} == {0, 1}
    for passage, samples in counted:
        assert passage.stop - passage.start - 128 <= samples <= passage.stop - passage.start


def test_takes_that_are_made_again_are_others():
    best, seen = best_of(False, True), []

    def faults(passage, bits):
        seen.append(bits.asked.copy())
        return np.ones(2, bool)

    best([sound("a", 256)], first, faults=faults)
    assert len({bits for each in seen for bits in each.tolist()}) == 2 * MOST_TRIES


# --- Judges.


def of(asked, others=None, samples=100):
    asked = np.array(asked, float)
    return Bits(asked, np.zeros((len(asked), 0)) if others is None else np.array(others, float), samples)


@pytest.mark.parametrize(
    ("takes", "kept"),
    [(1, 0), (2, 0), (3, 1), (4, 1), (29, 1), (40, 2)],
)
def test_the_likeliest_take_is_kept_but_for_the_likeliest_few(takes, kept):
    bits = np.arange(takes, dtype=float)  # the fewer the likelier
    scores = likelihood(Passage(0, 9, NONE), np.zeros((takes, 9)), of(bits))
    assert int(np.argmax(scores)) == kept
    assert np.isneginf(scores).sum() == kept


def test_a_passage_without_a_class_is_judged_by_likelihood():
    bits = of([5, 4, 6], [[5, 9], [9, 9], [6, 6]])
    passage = Passage(0, 9, NONE)
    np.testing.assert_array_equal(posterior(passage, None, bits), likelihood(passage, None, bits))
    assert np.argmax(posterior(passage._replace(asked=0), None, bits)) == 1


def test_takes_are_faulty_that_have_far_fewer_or_more_bits_than_real_sounds_of_their_class():
    faults = Faults({0: 4.0, 1: 1.0}, 3.0)
    bits = of([140, 400, 700])  # 1.4, 4 and 7 bits a sample
    assert faults(Passage(0, 100, 0), bits).tolist() == [False, False, True]
    assert faults(Passage(0, 100, 1), bits).tolist() == [False, True, True]
    assert faults(Passage(0, 100, 2), of([50, 300, 500])).tolist() == [True, False, True]
    # Where none is asked for, silence is right, and noise is not.
    assert faults(Passage(0, 100, NONE), of([0.0, 800])).tolist() == [False, True]
    assert Faults({}, 3.0)(Passage(0, 100, NONE), of([0.0, 800])).tolist() == [True, True]
    assert faults(Passage(0, 100, 0), of([0.0], samples=0)).tolist() == [False]


def test_how_takes_are_chosen_follows_from_the_run(tmp_path):
    streams = product_streams([*STREAMS, {"low": 0.0, "high": 1.0}])
    metrics = tmp_path / "metrics.csv"
    assert choosing_of(streams, 1, None, None, [1.0, 0.0], metrics, PLACES) is None
    assert choosing_of(streams, 3, None, None, [1.0], metrics, PLACES).by == "heard"
    chosen = choosing_of(streams, 3, "posterior", None, [1.0], metrics, PLACES)
    assert (chosen.by, chosen.stream, chosen.contrast.classes, chosen.faults) == ("posterior", streams[0], 3, None)
    metrics.write_text(
        "training_bits,validation_bits,validation_bits_s0_0,validation_bits_s0_1\n"
        "1,3.0,9,9\n1,2.0,1.0,\n1,4.0,9,9\n,0.1,0.1,0.1\n"  # the last one in passing
    )
    faults = choosing_of(streams, 3, None, None, [1.0], metrics, PLACES).faults
    assert faults(Passage(0, 9, 0), of([190], samples=100)).all()
    assert not faults(Passage(0, 9, 1), of([190], samples=100)).any()
    assert (choosing_of((), 2, None, None, [1.0], metrics, PLACES).by) == "likelihood"
    for streams_, takes, by, name, error in (
        (streams, 1, "heard", None, "by: says how takes are chosen; give takes too, 2 or more"),
        (streams, 2, None, "s1", 'stream: "s1" is a stream of numbers; streams of classes are s0'),
        ((), 2, "heard", None, 'by: is "heard", and the run has no stream of classes; give "likelihood"'),
    ):
        with pytest.raises(UserError) as raised:
            choosing_of(streams_, takes, by, name, [1.0], metrics, PLACES)
        assert str(raised.value) == error
