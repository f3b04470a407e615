"""check_head passes good heads and names the law that a broken one breaks."""

import math
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from keras_samplernn import Head, Linear
from keras_samplernn.plugins.coarse_fine import CoarseFine
from keras_samplernn.plugins.softmax import Softmax
from keras_samplernn.testing import check_head
from keras_samplernn.testing.head_case import head_can_be_built
from keras_samplernn.testing.head_laws import HEAD_LAWS
from keras_samplernn.testing.purity import a_spec_can_name_it

PAGE = (Path(__file__).parents[1] / "docs/heads.md").read_text(encoding="utf-8")
pytestmark = pytest.mark.law


@pytest.mark.parametrize(("head_class", "config"), [(Softmax, {}), (CoarseFine, {"hidden": 8})])
def test_a_good_head_keeps_the_laws(head_class, config):
    check_head(head_class, **config)


@pytest.mark.parametrize(("name", "config"), [("Softmax", {}), ("Bottleneck", {"hidden": 8})])
def test_the_heads_that_the_page_writes_keep_the_laws(name, config):
    written = {}
    exec(next(text for text in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if f"class {name}" in text), written)
    check_head(written[name], **config)


def test_the_page_has_every_law():
    table = re.findall(r"^\| ([a-z ]+) \| .* \|$", PAGE.partition("| Law |")[2].partition("\n\n")[0], re.MULTILINE)
    assert table == [law.__name__.replace("_", " ") for law in (a_spec_can_name_it, head_can_be_built, *HEAD_LAWS)]


class Bent(Softmax):
    """A softmax after a Linear of its own, for heads to break."""

    def build(self):
        self.linear = Linear(self.q_levels, dtype=self.dtype_policy)
        self.linear.build((self.q_levels,))

    def prepare(self):
        return self.linear.prepare()

    def logits(self, outputs, prepared):
        matrix, bias = prepared
        return ops.cast(ops.matmul(ops.cast(outputs, matrix.dtype), matrix) + bias, "float32")

    def part_bits(self, outputs, codes, prepared):
        return super().part_bits(self.logits(outputs, prepared), codes, prepared)

    def draw(self, outputs, choose, prepared):
        return choose(self.logits(outputs, prepared), 0)


class TakesNoPrecision(Bent):
    def __init__(self):
        super().__init__()


class MakesADense(Bent):
    def part_bits(self, outputs, codes, prepared):
        return super().part_bits(keras.layers.Dense(self.q_levels)(outputs), codes, prepared)


class KeepsItsLogits(Bent):
    def part_bits(self, outputs, codes, prepared):
        self.kept = self.logits(outputs, prepared)
        return super().part_bits(outputs, codes, prepared)


class DrawsAtRandom(Bent):
    def draw(self, outputs, choose, prepared):
        return choose(self.logits(outputs, prepared) + keras.random.normal((self.q_levels,), stddev=9.0), 0)


class NamesTwoParts(Bent):
    parts = ("one", "other")


class CountsInNats(Bent):
    def part_bits(self, outputs, codes, prepared):
        return [each * math.log(2) for each in super().part_bits(outputs, codes, prepared)]


class ReturnsATensor(Bent):
    def part_bits(self, outputs, codes, prepared):
        return super().part_bits(outputs, codes, prepared)[0]


class KeepsTheLastAxis(Bent):
    def part_bits(self, outputs, codes, prepared):
        return [each[..., None] for each in super().part_bits(outputs, codes, prepared)]


class ReturnsLikelihoods(Bent):
    def part_bits(self, outputs, codes, prepared):
        return [-each for each in super().part_bits(outputs, codes, prepared)]


class CountsHalf(Bent):
    def part_bits(self, outputs, codes, prepared):
        return [0.5 * each for each in super().part_bits(outputs, codes, prepared)]


class TakesTheLikeliest(Bent):
    def draw(self, outputs, choose, prepared):
        return ops.cast(ops.argmax(self.logits(outputs, prepared), axis=-1), "int32")


class ChoosesAPartThatItLacks(Bent):
    def draw(self, outputs, choose, prepared):
        return choose(self.logits(outputs, prepared), 1)


class DrawsFromOtherLogits(Bent):
    def draw(self, outputs, choose, prepared):
        return choose(outputs, 0)


class CountsNoLogits(Bent):
    width = 8

    def build(self):
        self.linear = Linear(self.q_levels, dtype=self.dtype_policy)
        self.linear.build((self.width,))


class DrawsForEachRow(Bent):
    def draw(self, outputs, choose, prepared):
        codes = super().draw(outputs, choose, prepared)
        spread = ops.arange(codes.shape[0], dtype="int32")
        return ops.where(ops.min(codes) == ops.max(codes), codes * 0 + spread, codes)


class MixesRows(Bent):
    def logits(self, outputs, prepared):
        logits = super().logits(outputs, prepared)
        return logits * (1 + ops.mean(ops.abs(logits), axis=0, keepdims=True))


class ReadsCoarsely(Bent):
    def read(self, codes):
        return codes // 2, None


class LeavesTheGraph(Bent):
    def draw(self, outputs, choose, prepared):
        return choose(ops.convert_to_tensor(np.asarray(self.logits(outputs, prepared))), 0)


class NarrowsToNothing(Bent):
    def narrowed(self, prepared):
        return 0.0 * prepared[0], prepared[1]


class ForgetsAWeight(Bent):
    def build(self):
        super().build()
        self.add_weight(shape=(3,), name="forgotten")


ONE = r"\('code',\)"
ARRAYS = r"return a list with an array \(B, T\) = \(4, 6\) for each of parts {}"
SHAPES = r"part_bits gave arrays of the shapes \[\(4, 6\)\]; "
ADD_UP = r"the probabilities of all codes add up to [\d.]+; "
CHOOSE = r"call choose\(logits, part\) with each part of \[0\], once and in this order, and draw in no other way"
BROKEN = [
    (TakesNoPrecision, "a spec can name it", r"the constructor takes no \*\*kwargs: .*"),
    (MakesADense, "weights are made in build", r"part_bits made a Dense: .*; make it in the constructor"),
    (KeepsItsLogits, "nothing is kept between calls", r"part_bits changed self\.kept; "),
    (DrawsAtRandom, "equal arguments give equal results", r"results of draw differ by .* for the same arguments; "),
    (NamesTwoParts, "every part has bits", SHAPES + ARRAYS.format(r"\('one', 'other'\)")),
    (ReturnsATensor, "every part has bits", r"part_bits gave \w*Tensor, not a list; " + ARRAYS.format(ONE)),
    (
        KeepsTheLastAxis,
        "every part has bits",
        r"part_bits gave arrays of the shapes \[\(4, 6, 1\)\]; " + ARRAYS.format(ONE),
    ),
    (
        ReturnsLikelihoods,
        "every part has bits",
        r"bits are negative or infinite; return -log2 of a probability above 0, as bits_per_sample does",
    ),
    (CountsInNats, "probabilities add up", ADD_UP + r"divide by ln 2, since these are nats, as bits_per_sample does"),
    (CountsHalf, "probabilities add up", ADD_UP + r"give -log2 of a softmax over all codes, as bits_per_sample does"),
    (
        TakesTheLikeliest,
        "each part is chosen once",
        r"draw chose the parts \[\], and parts is \('code',\); " + CHOOSE,
    ),
    (
        ChoosesAPartThatItLacks,
        "each part is chosen once",
        r"draw chose the parts \[1\], and parts is \('code',\); " + CHOOSE,
    ),
    (
        DrawsFromOtherLogits,
        "codes are drawn as likely as their bits say",
        r"the bits of drawn codes and of what was chosen differ by .*; let part_bits and draw use the same logits",
    ),
    (
        CountsNoLogits,
        "logits are outputs or counted",
        r"draw offers 8 logits beside the outputs, and numbers_per_sample is 0; raise it to 8",
    ),
    (
        DrawsForEachRow,
        "rows of a sound can share a code",
        r"rows that share what is chosen got the codes \[0 1 2 3\]; compute",
    ),
    (MixesRows, "rows have bits of their own", r"bits among other rows differ by .*; compute nothing across"),
    (ReadsCoarsely, "what is read tells codes apart", r"some codes read alike; let codes // n be read with shares"),
    (LeavesTheGraph, "xla draws the same codes", r"it raised .*; use keras\.ops, not NumPy"),
    (NarrowsToNothing, "narrow weights cost few bits", r"bits with int8 weights differ by .*; let narrowed use"),
    (
        ForgetsAWeight,
        "gradients reach outputs and weights",
        r"in float32 no gradient reaches .*forgotten, .*; let part_bits",
    ),
]


@pytest.mark.parametrize(("head_class", "law", "seen"), BROKEN)
def test_a_broken_head_is_told_which_law_it_breaks(head_class, law, seen):
    with pytest.raises(AssertionError, match=rf'^{head_class.__name__}\(.*breaks the law "{law}": {seen}'):
        check_head(head_class)


def test_a_head_that_says_nothing_says_what_it_lacks():
    for attempt in (
        lambda head: head.width,
        lambda head: head.part_bits(None, None, None),
        lambda head: head.draw(None, None, None),
    ):
        with pytest.raises(NotImplementedError, match=r"^Head must "):
            attempt(Head())
