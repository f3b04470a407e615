"""Mistakes that writers of tiers make: check_tier names each as what it is, and says what to do."""

import os
import re

import keras
import numpy as np
import pytest
from echo_tier import Echo
from keras import ops

from keras_samplernn import Absorbed, Linear, Lowerable, Released
from keras_samplernn.testing import check, check_tier
from keras_samplernn.testing.laws import (
    LAWS,
    gradients_reach_every_weight_in_a_graph,
    xla_gives_the_same_numbers,
)

pytestmark = pytest.mark.law


class TakesNoKeywords(Echo):
    def __init__(self, frame_size: int):
        super().__init__(frame_size)


class KeepsKeywords(Echo):
    def __init__(self, frame_size: int, **kwargs):
        super().__init__(frame_size)


class TakesAnArray(Echo):
    def __init__(self, frame_size: int, window: np.ndarray | None = None, **kwargs):
        super().__init__(frame_size, **kwargs)


WINDOW = np.ones(3)


class HasAnArrayAsDefault(Echo):
    def __init__(self, frame_size: int, window=WINDOW, **kwargs):
        super().__init__(frame_size, **kwargs)


class HasASetAsDefault(Echo):
    def __init__(self, frame_size: int, modes: set[str] = frozenset({"up", "down"}), **kwargs):
        super().__init__(frame_size, **kwargs)


class HasAFunctionAsDefault(Echo):
    def __init__(self, frame_size: int, activation=ops.tanh, **kwargs):
        super().__init__(frame_size, **kwargs)


class HasInfinityAsDefault(Echo):
    def __init__(self, frame_size: int, limit: float = float("inf"), **kwargs):
        super().__init__(frame_size, **kwargs)


class HasNoWidth(Echo):
    def __init__(self, frame_size: int, **kwargs):
        super().__init__(frame_size, **kwargs)
        self.dim = None


class DeclaresNumbers(Echo):
    @property
    def state_shapes(self):
        return (2, self.dim)


class DeclaresTheBatchAxis(Echo):
    @property
    def state_shapes(self):
        return ((None, self.dim),)


class MisdeclaresItsState(Echo):
    @property
    def state_shapes(self):
        return ((3, self.dim), ())

    def initial_state(self, batch_size):
        return ops.zeros((batch_size, 2, self.dim)), ops.zeros((batch_size,))


class MakesADense(Echo):
    def step(self, inputs, state, prepared):
        outputs, state = super().step(inputs, state, prepared)
        return keras.layers.Dense(outputs.shape[-1])(outputs), state


class BuildsNothing(Echo):
    """Its sublayers wait for their first call, since there is no trial step."""

    def build(self):
        self.leave = Linear(self.binding.ratio * self.binding.output_dim, name="leave", dtype=self.dtype_policy)
        self.conditions = self.add_conditions(self.dim)


class MakesADenseOnce(BuildsNothing):
    """In `step`, since there is no trial step in which it would be made and be found later."""

    def step(self, inputs, state, prepared):
        if not hasattr(self, "squeeze"):
            self.squeeze = keras.layers.Dense(self.frame_size, dtype=self.dtype_policy)
        return super().step(inputs._replace(wave=self.squeeze(inputs.wave)), state, prepared)


class ReturnsOutputsAlone(Echo):
    def step(self, inputs, state, prepared):
        return super().step(inputs, state, prepared)[0]


class ReturnsATensorAsState(Echo):
    def step(self, inputs, state, prepared):
        outputs, (past, _) = super().step(inputs, state, prepared)
        return outputs, past


class ReturnsOneStateTooMany(Echo):
    def step(self, inputs, state, prepared):
        outputs, state = super().step(inputs, state, prepared)
        return outputs, (*state, state[1])


class ForgetsToCutItsState(Echo):
    def step(self, inputs, state, prepared):
        outputs, (past, level) = super().step(inputs, state, prepared)
        return outputs, (ops.concatenate([past, past[:, :1]], axis=1), level)


class EmitsFlatOutputs(Echo):
    def step(self, inputs, state, prepared):
        outputs, state = super().step(inputs, state, prepared)
        return ops.reshape(outputs, (-1, self.binding.ratio * self.binding.output_dim)), state


class EmitsFloat64(Echo):
    def step(self, inputs, state, prepared):
        outputs, state = super().step(inputs, state, prepared)
        return ops.cast(outputs, "float64"), state


class EmitsAnArray(Echo):
    def step(self, inputs, state, prepared):
        outputs, state = super().step(inputs, state, prepared)
        return np.asarray(outputs), state


class PreparesWithoutSuper(Echo):
    def prepare(self):
        return {"scale": ops.ones(())}


class PreparesNothing(Echo):
    def prepare(self):
        return None


class NeedsAContext(Echo):
    def step(self, inputs, state, prepared):
        return super().step(inputs._replace(wave=inputs.wave + ops.mean(inputs.context)), state, prepared)


class LooksForAMissingTable(Echo):
    def step(self, inputs, state, prepared):
        outputs, state = super().step(inputs, state, prepared)
        return outputs * prepared["scale"], state


class KeepsItsMemory(Echo):
    heard = 0.0

    def step(self, inputs, state, prepared):
        outputs, state = super().step(inputs, state, prepared)
        self.heard = ops.mean(outputs) + self.heard
        return outputs + self.heard, state


class KeepsItsMemoryInAWeight(Echo):
    def build(self):
        self.heard = self.add_weight(shape=(), initializer="zeros", trainable=False, name="heard")
        super().build()

    def step(self, inputs, state, prepared):
        outputs, state = super().step(inputs, state, prepared)
        self.heard.assign(ops.cast(ops.mean(outputs), "float32") + self.heard)
        return outputs + ops.cast(self.heard, outputs.dtype), state


class KeepsItsMemoryInAList(Echo):
    def __init__(self, frame_size: int, **kwargs):
        super().__init__(frame_size, **kwargs)
        self.heard = []

    def step(self, inputs, state, prepared):
        self.heard.append(inputs.wave)
        return super().step(inputs, state, prepared)


class DrawsAtRandom(Echo):
    def step(self, inputs, state, prepared):
        outputs, state = super().step(inputs, state, prepared)
        return outputs + keras.random.normal(ops.shape(outputs), dtype=outputs.dtype), state


class ReturnsItsOldState(Echo):
    def step(self, inputs, state, prepared):
        outputs, _ = super().step(inputs, state, prepared)
        return outputs, state


class NeverReadsItsState(Echo):
    def step(self, inputs, state, prepared):
        outputs, (past, level) = super().step(inputs, (state[0], 0.0 * state[1]), prepared)
        return outputs, (past, level)


class NeverReadsItsContext(Echo):
    def step(self, inputs, state, prepared):
        return super().step(inputs._replace(context=None), state, prepared)


class NeverReadsItsConditions(Echo):
    def step(self, inputs, state, prepared):
        return super().step(inputs._replace(conditions=None), state, prepared)


class NeverCastsAWeight(Echo):
    """There is no trial step, which would meet the dtypes, as it runs where Keras casts nothing."""

    def build(self):
        self.enter.build((None, self.reads))
        self.leave = Linear(self.binding.ratio * self.binding.output_dim, dtype=self.dtype_policy)
        self.leave.build((None, self.dim))
        self.conditions = self.add_conditions(self.dim)
        self.gain = self.add_weight(shape=(), initializer="ones", name="gain")

    def prepare(self):
        return super().prepare() | {"gain": ops.exp(self.gain)}

    def step(self, inputs, state, prepared):
        return super().step(inputs._replace(wave=inputs.wave * prepared["gain"]), state, prepared)


class IgnoresPrecision(Echo):
    def step(self, inputs, state, prepared):
        outputs, state = super().step(inputs, state, prepared)
        return outputs, tuple(ops.cast(tensor, "float32") for tensor in state)


class StartsInFloat32(Echo):
    def initial_state(self, batch_size):
        return tuple(ops.zeros((batch_size, *shape)) for shape in self.state_shapes)


class MakesAFloat32Dense(Echo):
    def __init__(self, frame_size: int, **kwargs):
        super().__init__(frame_size, **kwargs)
        self.enter = keras.layers.Dense(self.dim, dtype="float32")


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
        return ops.concatenate([outputs[:, :2], 1.01 * outputs[:, 2:]], axis=1), state


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
        return super().prepare() | {"share": ops.ones((), self.compute_dtype)}

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


TOP, LAST, BOTTOM = (
    f" as {place}"
    for place in ("the unconditional top tier", "a middle, conditional tier", "the unconditional bottom tier")
)
KEYWORDS = "the model gives it name and dtype; let it take **kwargs, and call super().__init__(**kwargs)"
NUMPY = "Cannot convert ...; use keras.ops, not NumPy, on tensors"
TWO_DTYPES = (
    "it raised InvalidArgumentError in step (FILE, line N): cannot compute ...; two dtypes met: make sublayers with "
    "dtype=self.dtype_policy, states and constants with self.compute_dtype, and cast weights with value_of(weight, "
    "self.compute_dtype)"
)
DEFAULT = "let it be a number, text, list or None, and make the rest of it in the constructor"
BELONGS = (
    "what is to be remembered from step to step belongs in the state: declare it in state_shapes, take it from state, "
    "return what it is after the step"
)
ALIKE = "let state_shapes, initial_state and what is returned agree"
PREPARE = "let prepare return it; one of your own begins with what super().prepare() returns"


def default_of(argument, kind):
    return f"its argument {argument} has a default that JSON cannot hold ({kind} is no type of JSON); {DEFAULT}"


# Each mistake: the place in which it is seen, the law that it breaks, and what is said of it.
MISTAKES = {
    TakesNoKeywords: ("", "a spec can name it", f"the constructor takes no **kwargs: {KEYWORDS}"),
    KeepsKeywords: ("", "a spec can name it", f"the constructor does not pass its **kwargs on: {KEYWORDS}"),
    TakesAnArray: (
        "",
        "a spec can name it",
        "its argument window has the hint numpy.ndarray | None, which JSON cannot give; hint it as number, text or "
        "list",
    ),
    HasAnArrayAsDefault: ("", "a spec can name it", default_of("window", "ndarray")),
    HasASetAsDefault: ("", "a spec can name it", default_of("modes", "frozenset")),
    HasAFunctionAsDefault: ("", "a spec can name it", default_of("activation", "function")),
    HasInfinityAsDefault: (
        "",
        "a spec can name it",
        f"its argument limit has a default that JSON cannot hold (Out of range float values...); {DEFAULT}",
    ),
    HasNoWidth: ("", "it can be built", "it has no dim; set self.dim in the constructor, or dim in the class"),
    DeclaresNumbers: (
        "",
        "it can be built",
        "state_shapes is (2, 4), and must be a tuple with a shape of numbers for each tensor of the state, without the "
        "batch axis, as in ((8,),)",
    ),
    DeclaresTheBatchAxis: (
        "",
        "it can be built",
        "state_shapes is ((None, 4),), and must be a tuple with a shape of numbers for each tensor of the state, "
        "without the batch axis, as in ((8,),)",
    ),
    LooksForAMissingTable: ("", "it can be built", f"it raised KeyError in step (FILE, line N): scale; {PREPARE}"),
    PreparesWithoutSuper: ("", "it can be built", f"it raised KeyError in step (FILE, line N): conditions; {PREPARE}"),
    PreparesNothing: (
        "",
        "it can be built",
        "it raised TypeError in step (FILE, line N): 'NoneType' object is not subscriptable; " + PREPARE,
    ),
    NeedsAContext: (
        "",
        "it can be built",
        "it raised ValueError in step (FILE, line N): Attempt to convert a value (None) with an unsupported type "
        "(<class 'NoneType'>) to a Tensor; inputs.context is None at the top, inputs.conditions without conditions, "
        "inputs.shares if the codes say all: use each only where it is not None",
    ),
    MakesADenseOnce: (
        LAST,
        "weights are made in build",
        "step made a Dense: its weights are never trained and never saved; make it in the constructor",
    ),
    MakesADense: (
        LAST,
        "weights are made in build",
        "step made a Dense: its weights are never trained and never saved; make it in the constructor",
    ),
    BuildsNothing: (
        LAST,
        "weights are made in build",
        "step made the weights dense/kernel, dense/bias, leave/direction, leave/bias, leave/scale after build: they "
        "are in no checkpoint; make weights in build, and end it with super().build() if sublayers are to build "
        "themselves",
    ),
    MisdeclaresItsState: (
        TOP,
        "declared shapes are true",
        "initial_state: state 0 has the shape (3, 2, 4), state_shapes declares (3, 3, 4); " + ALIKE,
    ),
    ReturnsOutputsAlone: (
        TOP,
        "declared shapes are true",
        "step must return (outputs, state), got a tensor of the shape (3, 4, 5); without a state, (outputs, ())",
    ),
    ReturnsATensorAsState: (
        TOP,
        "declared shapes are true",
        "step: state must be a tuple, got a tensor of the shape (3, 2, 4); write (state,)",
    ),
    ReturnsOneStateTooMany: (
        TOP,
        "declared shapes are true",
        f"step: state has 3 tensors, state_shapes declares 2; {ALIKE}",
    ),
    ForgetsToCutItsState: (
        TOP,
        "declared shapes are true",
        "step: state 0 has the shape (3, 3, 4), state_shapes declares (3, 2, 4); " + ALIKE,
    ),
    EmitsFlatOutputs: (
        TOP,
        "declared shapes are true",
        "step: outputs have the shape (3, 20), not (B, ratio, output_dim) = (3, 4, 5); reshape them",
    ),
    EmitsFloat64: (TOP, "declared shapes are true", "step: outputs are float64, not float32; cast them"),
    EmitsAnArray: (
        TOP,
        "declared shapes are true",
        "step: outputs must be a tensor, got ndarray; compute it with keras.ops",
    ),
    KeepsItsMemory: (
        LAST,
        "nothing is kept between calls",
        f"step changed self.heard; {BELONGS}",
    ),
    KeepsItsMemoryInAWeight: (
        LAST,
        "nothing is kept between calls",
        f"step changed the weight keeps_its_memory_in_a_weight/heard; {BELONGS}",
    ),
    KeepsItsMemoryInAList: (LAST, "nothing is kept between calls", f"step changed self.heard; {BELONGS}"),
    DrawsAtRandom: (
        LAST,
        "equal arguments give equal results",
        "results of step differ by N, of M, for the same arguments; use Dropout or the like, which acts in training "
        "alone",
    ),
    ReturnsItsOldState: (
        LAST,
        "the state is used",
        "step returned state 0 as it got it, in each of 6 steps; return the state after the step",
    ),
    NeverReadsItsContext: (
        LAST,
        "the context is used",
        "no output depends on inputs.context; in step, add it to what is computed where it is not None",
    ),
    NeverReadsItsConditions: (
        LAST,
        "the conditions are used",
        "no output depends on inputs.conditions; make self.conditions = self.add_conditions(width) in build, and in "
        'step add self.conditions(inputs.conditions, prepared["conditions"]); or set conditioned = False in the class',
    ),
    NeverCastsAWeight: (
        TOP,
        "half precision keeps its dtypes",
        "prepare gives gain in float32 where Keras casts no weights, as in fit with remat_samples or "
        "own_continuations, and in bfloat16 elsewhere; cast the weight there: value_of(weight, self.compute_dtype)",
    ),
    NeverReadsItsState: (
        LAST,
        "the state is used",
        "no output depends on state 1; read state[1] in step, or declare no such state",
    ),
    IgnoresPrecision: (
        TOP,
        "half precision keeps its dtypes",
        "step under mixed_bfloat16: state 0 is float32, not bfloat16; make it with dtype=self.compute_dtype, and what "
        "computes it with dtype=self.dtype_policy, or cast it",
    ),
    StartsInFloat32: (
        TOP,
        "half precision keeps its dtypes",
        TWO_DTYPES,
    ),
    MakesAFloat32Dense: (
        TOP,
        "half precision keeps its dtypes",
        TWO_DTYPES,
    ),
    MixesRows: (
        TOP,
        "rows are independent",
        "outputs differ by N, of M among other neighbours; compute nothing across the batch axis",
    ),
    LooksAhead: (
        TOP,
        "a later input changes nothing earlier",
        "new codes and wave from step 3 on changed the outputs of steps [0 1 2]; let a step of sequence depend on "
        "itself and on those before it alone",
    ),
    ScalesItsSequence: (
        TOP,
        "sequence equals repeated step",
        "outputs differ by N, of M between sequence and repeated step from step 2 of 6 on; compute the same in both",
    ),
    StartsEachWindowAnew: (
        TOP,
        "carried state joins windows",
        "outputs differ by N, of M between two halves and the whole; start sequence from the state that it is given",
    ),
    DividesByTargets: (
        " as the conditional top tier",
        "conditions past the end are taken",
        "outputs are not finite past the end of a sound; divide by no count of targets that may be 0",
    ),
    ReleasesAnotherKernel: (
        " as a middle, unconditional tier",
        "kernels can be folded",
        "outputs differ by N, of M after the kernel was released; multiply by it all that meets the context",
    ),
    AbsorbsNothing: (
        TOP,
        "kernels can be folded",
        "outputs have the shape (3, 6, 4, 5), not (3, 6, 4, 7) after a kernel was absorbed; multiply the outputs by "
        "it, context by context",
    ),
    NarrowsToNothing: (
        TOP,
        "narrow weights give close numbers",
        "outputs differ by N, of M with weights in int8; let narrowed use narrow alone",
    ),
    LeavesTheGraph: (
        TOP,
        "xla gives the same numbers",
        f"it raised NotImplementedError in step (FILE, line N): {NUMPY}",
    ),
    ForgetsAWeight: (
        BOTTOM,
        "gradients reach every weight",
        "in float32 no gradient reaches forgets_a_weight/forgotten; let outputs depend on it, through keras.ops alone, "
        "or do not make it",
    ),
    LeavesTheGraphBackwards: (
        " as the conditional bottom tier",
        "gradients reach every weight in a graph",
        f"it raised NotImplementedError in <lambda> (FILE, line N): {NUMPY}",
    ),
    DependsOnItsProcess: (
        "",
        "another process gives the same numbers",
        "outputs differ by N, of M as the unconditional bottom tier; let nothing depend on the process, such as hash()",
    ),
}
# The laws that are checked last; a bottom tier has fewer places.
LATE = {ForgetsAWeight, LeavesTheGraphBackwards, DependsOnItsProcess}
# What a message has from the machine: figures, lines of files, the words of TensorFlow.
MACHINE = {
    r"by [\d.e+-]+, of [\d.e+-]+": "by N, of M",
    r"\(\w+\.py, line \d+\)": "(FILE, line N)",
    r"(annot (?:compute|convert)) .*?; ": r"\1 ...; ",
    r"\b(dense|forgets_a_weight|keeps_its_memory_in_a_weight)_\d+": r"\1",
    r"(Out of range float values).*?\)": r"\1...)",
}


# They compile, which takes seconds, and tests/test_tier_contract.py holds good tiers to them.
COMPILING = {xla_gives_the_same_numbers, gradients_reach_every_weight_in_a_graph}


@pytest.mark.parametrize("tier_class", MISTAKES)
def test_a_mistake_is_named_as_what_it_is(tier_class, monkeypatch):
    place, law, seen = MISTAKES[tier_class]
    skipped = {each for each in COMPILING if each.__name__ != law.replace(" ", "_")}
    monkeypatch.setattr(check, "LAWS", {each: where for each, where in LAWS.items() if each not in skipped})
    frame_size = 1 if tier_class in LATE else 4
    with pytest.raises(AssertionError) as caught:
        check_tier(tier_class, frame_size=frame_size)
    told = str(caught.value)
    for pattern, words in MACHINE.items():
        told = re.sub(pattern, words, told)
    assert told == f'{tier_class.__name__}(frame_size={frame_size}){place} breaks the law "{law}": {seen}'


def test_an_argument_that_a_spec_could_not_give_is_named():
    with pytest.raises(AssertionError, match=r'"a spec can name it": Echo\.dim = "wide" must be a whole number$'):
        check_tier(Echo, frame_size=4, dim="wide")


def test_a_tier_that_no_other_process_can_import_is_told_so():
    class Local(Echo):
        pass

    remedy = "define the class at the top of a module that can be imported"
    with pytest.raises(
        AssertionError, match=rf"a spec can name it\": no entry point can name a local class; {remedy}$"
    ):
        check_tier(Local, frame_size=1)
