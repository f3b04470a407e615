"""check_tier passes good tiers and names the law that a broken one breaks."""

import os

import keras
import numpy as np
import pytest
from keras import ops

from keras_samplernn import Absorbed, Linear, Lowerable, Released, Tier
from keras_samplernn.plugins.frame_rnn import FrameRNN
from keras_samplernn.plugins.frame_ssm import FrameSSM
from keras_samplernn.plugins.sample_mlp import SampleMLP
from keras_samplernn.testing import check_tier

pytestmark = pytest.mark.law


class Echo(Tier):
    """Hears the two frames before and a slow sum; its window is the inherited loop, its state of several ranks."""

    def __init__(self, frame_size: int, dim: int = 4, **kwargs):
        super().__init__(**kwargs)
        self.frame_size, self.dim = frame_size, dim
        self.enter = keras.layers.Dense(dim, activation="tanh", dtype=self.dtype_policy)

    @property
    def state_shapes(self):
        return ((2, self.dim), ())

    def build(self):
        self.leave = Linear(self.binding.ratio * self.binding.output_dim, dtype=self.dtype_policy)
        self.conditions = self.add_conditions(self.dim)
        super().build()

    def step(self, inputs, state, prepared):
        past, level = state
        x = self.enter(inputs.wave)
        if inputs.context is not None:
            x = x + inputs.context
        x = x + self.conditions(inputs.conditions, prepared["conditions"])
        level = 0.9 * level + ops.mean(x, axis=-1)
        frames = ops.concatenate([past, x[:, None]], axis=1)
        outputs = self.leave(ops.sum(frames, axis=1) + level[:, None])
        return ops.reshape(outputs, (-1, self.binding.ratio, self.binding.output_dim)), (frames[:, 1:], level)


GOOD = {
    # Widths that are multiples of 8 have int8 weights too.
    "GRU with dropout": (FrameRNN, {"frame_size": 4, "dim": 8, "dropout": 0.5}),
    "LSTM x2 skip": (FrameRNN, {"frame_size": 3, "dim": 8, "rnn_type": "LSTM", "n_rnn": 2, "skip_conn": True}),
    "GRU reset before": (FrameRNN, {"frame_size": 2, "dim": 5, "reset_after": False, "weight_norm": False}),
    "SSM with dropout": (FrameSSM, {"frame_size": 4, "dim": 8, "dropout": 0.5}),
    "SSM x1 wide": (
        FrameSSM,
        {"frame_size": 3, "dim": 5, "n_layers": 1, "expansion": 3, "learn_h0": False, "weight_norm": False},
    ),
    "embedded samples": (SampleMLP, {"dim": 8, "emb_size": 5, "window": None}),
    "one-hot samples, wide lookback": (SampleMLP, {"dim": 6, "emb_size": 0, "window": 7}),
    "inherited sequence": (Echo, {"frame_size": 4}),
    "inherited sequence at the bottom": (Echo, {"frame_size": 1}),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_tier_keeps_the_laws(name):
    tier_class, config = GOOD[name]
    check_tier(tier_class, **config)


class TakesTooMany(Echo):
    def __init__(self, frame_size: int):
        super().__init__(frame_size)


class MisdeclaresItsState(Echo):
    @property
    def state_shapes(self):
        return ((3, self.dim), ())

    def initial_state(self, batch_size):
        return ops.zeros((batch_size, 2, self.dim)), ops.zeros((batch_size,))


class EmitsFlatOutputs(Echo):
    def step(self, inputs, state, prepared):
        outputs, state = super().step(inputs, state, prepared)
        return ops.reshape(outputs, (-1, self.binding.ratio * self.binding.output_dim)), state


class MixesRows(Echo):
    def step(self, inputs, state, prepared):
        outputs, state = super().step(inputs, state, prepared)
        return outputs - ops.mean(outputs, axis=0, keepdims=True), state


class LooksAhead(Echo):
    def sequence(self, inputs, state, prepared):
        outputs, state = super().sequence(inputs, state, prepared)
        return outputs - ops.mean(outputs, axis=1, keepdims=True), state


class ScalesItsSequence(Echo):
    def sequence(self, inputs, state, prepared):
        outputs, state = super().sequence(inputs, state, prepared)
        return 1.01 * outputs, state


class StartsEachWindowAnew(Echo):
    def sequence(self, inputs, state, prepared):
        return super().sequence(inputs, self.initial_state(inputs.codes.shape[0]), prepared)


class DividesByTargets(Echo):
    def step(self, inputs, state, prepared):
        outputs, state = super().step(inputs, state, prepared)
        if inputs.conditions is None:
            return outputs, state
        targets = ops.sum(inputs.conditions.exists, axis=-1)
        return outputs * ops.cast(targets / targets, outputs.dtype)[:, None, None], state


class ReleasesAnotherKernel(Lowerable, Echo):
    def release_kernel(self, prepared):
        return Released(ops.ones((self.dim, self.dim)), prepared, 0)


class AbsorbsNothing(Lowerable, Echo):
    def absorb_kernel(self, prepared, kernel):
        return Absorbed(prepared, 0)


class NarrowsToNothing(Lowerable, Echo):
    def prepare(self):
        return super().prepare() | {"share": ops.ones(())}

    def narrowed(self, prepared):
        return prepared | {"share": 0.0 * prepared["share"]}

    def step(self, inputs, state, prepared):
        outputs, state = super().step(inputs, state, prepared)
        return outputs * prepared["share"], state


class LeavesTheGraph(Echo):
    def step(self, inputs, state, prepared):
        outputs, state = super().step(inputs, state, prepared)
        return ops.convert_to_tensor(np.asarray(outputs)), state

    def sequence(self, inputs, state, prepared):
        outputs = []
        for number in range(inputs.codes.shape[1]):
            output, state = self.step(inputs.map(lambda x, number=number: x[:, number]), state, prepared)
            outputs.append(output)
        return ops.stack(outputs, axis=1), state


class IgnoresPrecision(Echo):
    def sequence(self, inputs, state, prepared):
        outputs, state = super().sequence(inputs, state, prepared)
        return outputs, tuple(ops.cast(tensor, "float32") for tensor in state)


class ForgetsAWeight(Echo):
    def build(self):
        super().build()
        self.add_weight(shape=(self.dim,), name="forgotten")


@ops.custom_gradient
def halved(outputs):
    return outputs / 2, lambda upstream: ops.convert_to_tensor(np.asarray(upstream) / 2)


class LeavesTheGraphBackwards(Echo):
    def step(self, inputs, state, prepared):
        outputs, state = super().step(inputs, state, prepared)
        return halved(outputs), state


class DependsOnItsProcess(Echo):
    def step(self, inputs, state, prepared):
        outputs, state = super().step(inputs, state, prepared)
        return outputs * os.getpid(), state


BROKEN = [
    (TakesTooMany, "it can be built", r"it raised TypeError: .*unexpected keyword argument"),
    (
        MisdeclaresItsState,
        "declared shapes are true",
        r"initial_state gave \[\(3, 2, 4\), \(3,\)\], declared is \[\(3, 3, 4\)",
    ),
    (EmitsFlatOutputs, "declared shapes are true", r"step gave outputs \[\(3, 20\)\], declared is \[\(3, 4, 5\)\]"),
    (MixesRows, "rows are independent", r"outputs differ by .* among other neighbours"),
    (LooksAhead, "a later input changes nothing earlier", r"new codes and wave from step 3 on changed .* \[0 1 2\]"),
    (ScalesItsSequence, "sequence equals repeated step", r"outputs differ by "),
    (StartsEachWindowAnew, "carried state joins windows", r"outputs differ by "),
    (DividesByTargets, "conditions past the end are taken", r"outputs are not finite past the end of a sound"),
    (ReleasesAnotherKernel, "kernels can be folded", r"outputs differ by .* after the kernel was released"),
    (AbsorbsNothing, "kernels can be folded", r"it raised ValueError: .*broadcast"),
    (NarrowsToNothing, "narrow weights give close numbers", r"outputs differ by "),
    (LeavesTheGraph, "xla gives the same numbers", r"it raised "),
    (
        IgnoresPrecision,
        "half precision gives close numbers",
        r"the state went in as \['bfloat16', 'bfloat16'\] and came out as \['float32', 'float32'\]",
    ),
    (ForgetsAWeight, "gradients reach every weight", r"in float32 no gradient reaches .*forgotten"),
    (LeavesTheGraphBackwards, "gradients reach every weight in a graph", r"it raised "),
    (DependsOnItsProcess, "another process gives the same numbers", r"outputs differ by .* as the unconditional top"),
]


@pytest.mark.parametrize(("tier_class", "law", "seen"), BROKEN)
def test_a_broken_tier_is_told_which_law_it_breaks(tier_class, law, seen):
    with pytest.raises(AssertionError, match=rf'^{tier_class.__name__}\(.*breaks the law "{law}": {seen}'):
        check_tier(tier_class, frame_size=4)


def test_a_tier_that_no_other_process_can_import_is_told_so():
    class Local(Echo):
        pass

    with pytest.raises(AssertionError, match=r"another process gives the same numbers.*local object"):
        check_tier(Local, frame_size=1)


def test_two_linears_of_one_name_are_refused():
    tier = Echo(4)
    tier.add_linear(3, 2, "input")
    with pytest.raises(ValueError, match=r"^Echo already has a layer named 'input'; give this one another name$"):
        tier.add_linear(3, 2, "input")
