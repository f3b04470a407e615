"""The laws of the tier contract, for the tests of whoever writes a tier."""

import multiprocessing
import re
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_samplernn.backend import compiled
from keras_samplernn.model.lowering import absorb, narrow_form, release
from keras_samplernn.model.tier import Binding, Inputs, Tier

ROWS, STEPS, CLASSES, Q_LEVELS, OUTPUT_DIM = 3, 6, 3, 16, 5
# Shares of the largest number. A window's product and a step's round differently, on a GPU more than on a CPU.
TOLERANCE = 1e-3
HALF_PRECISION_TOLERANCE = 0.1


def check_tier(tier_class: type[Tier], **config: Any) -> None:
    """Hold a tier to the contract, in each place of a model that fits it, with and without conditions.

    A tier of frame size 1 is bound as the bottom tier, any other as the top tier and as one between. Its weights are
    random, biases included. The laws are this module's functions whose names are claims; the last one starts another
    Python, where the class must be importable. Keras' global seed is set.

    Args:
        tier_class: a subclass of `keras_samplernn.Tier`.
        config: its constructor's arguments, as a spec would give them. Choose small sizes.

    Raises:
        AssertionError: a law is broken; one sentence that names the tier, its place, the law and what was seen.

    Example:
        >>> check_tier(FrameRNN, frame_size=4, dim=8)
    """
    keras.utils.set_random_seed(0)
    name = f"{tier_class.__name__}({', '.join(f'{key}={value!r}' for key, value in config.items())})"
    with _told(name, it_can_be_built):
        cases = it_can_be_built(tier_class, config)
    for law in LAWS:
        for case in cases:
            with _told(f"{name} as {case.place}", law):
                law(case)
    with _told(name, another_process_gives_the_same_numbers):
        another_process_gives_the_same_numbers(tier_class, config, cases)


@contextmanager
def _told(subject: str, law: Callable) -> Iterator[None]:
    """Make whatever is raised an AssertionError that names the tier and the law."""
    broken = f'{subject} breaks the law "{law.__name__.replace("_", " ")}"'
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{broken}: {error}") from None
    except Exception as error:
        # Keras adds every argument's value, TensorFlow colours.
        reason = " ".join(re.sub(r"\x1b\[\d*m", "", str(error)).partition("\n\nArguments received")[0].split())
        raise AssertionError(f"{broken}: it raised {type(error).__name__}: {reason}") from error


class _Case:
    """A tier bound in one place, and the inputs `(B, S, ...)` of a window there."""

    def __init__(self, tier_class: type[Tier], config: dict[str, Any], place: str, binding: Binding):
        self.tier_class, self.config, self.place, self.binding = tier_class, config, place, binding
        self.tier = self.build("float32")
        rng = np.random.default_rng(0)
        for weight in self.tier.trainable_weights:  # a weight that starts at zero would hide faults behind it
            fan_in = max(1, int(np.prod(weight.shape[:-1])))
            weight.assign(weight + rng.normal(0, 0.5 / fan_in**0.5, weight.shape).astype("float32"))
        self.inputs = self.draw_inputs(seed=1)

    def build(self, dtype: str) -> Tier:
        """Return the tier, bound and built, with new weights."""
        tier = self.tier_class(**self.config, dtype=dtype)
        tier.bind(self.binding)
        tier.build()
        return tier

    def twin(self, dtype: str) -> Tier:
        """Return the tier under another precision, with this case's weights."""
        tier = self.build(dtype)
        _assign(tier, [_array(weight) for weight in self.tier.weights])
        return tier

    def draw_inputs(self, seed: int) -> Inputs:
        """Cut a random sound as the model does; draw contexts and conditions."""
        rng, tier, frame = np.random.default_rng(seed), self.tier, self.tier.frame_size
        sound = rng.integers(0, Q_LEVELS, (ROWS, STEPS * frame + tier.reads))
        codes = sound[:, np.arange(STEPS)[:, None] * frame + np.arange(tier.reads)]
        wave = 2 * (codes / (Q_LEVELS / 2) - 1)
        context = rng.normal(size=(ROWS, STEPS, tier.dim)).astype("float32")
        conditions = rng.integers(0, CLASSES, (ROWS, STEPS, frame)).astype("int32")
        return Inputs(
            codes.astype("int32"),
            wave.astype("float32"),
            None if self.binding.frame_size_above is None else context,
            conditions if tier.takes_conditions else None,
        )

    def window(self, inputs: Inputs, state: tuple | None = None, run: Callable | None = None) -> tuple:
        """Return outputs and state of a window, as arrays; `run` stands in for the tier's `sequence`."""
        state = self.tier.initial_state(len(inputs.codes)) if state is None else state
        return _arrays((run or self.tier.sequence)(_tensors(inputs), state, self.tier.prepare()))

    def steps(self, inputs: Inputs, run: Callable | None = None, prepared: Any = None) -> tuple:
        """Return the same, step by step; `run` stands in for the tier's `step`, `prepared` for its plain form."""
        outputs, state = [], self.tier.initial_state(len(inputs.codes))
        prepared = self.tier.prepare() if prepared is None else prepared
        for number in range(STEPS):
            step = _tensors(_steps_of(inputs, number))
            one, state = (run or self.tier.step)(step, state, prepared)
            outputs.append(one)
        return _arrays((ops.stack(outputs, axis=1), state))


def it_can_be_built(tier_class: type[Tier], config: dict[str, Any]) -> list[_Case]:
    """The constructor takes the config, `bind` the neighbours, and `build` makes the weights."""
    frame = tier_class(**config, dtype="float32").frame_size
    below = next((size for size in range(frame // 2, 0, -1) if frame % size == 0), 1)
    cases = []
    for kind, classes in (("unconditional", 0), ("conditional", CLASSES)):
        places = {
            f"the {kind} top tier": (frame, OUTPUT_DIM, None),
            f"a middle, {kind} tier": (frame // below, OUTPUT_DIM, 2 * frame),
        }
        if frame == 1:
            places = {f"the {kind} bottom tier": (1, Q_LEVELS, 4)}
        for place, (ratio, output_dim, above) in places.items():
            cases.append(_Case(tier_class, config, place, Binding(ratio, output_dim, Q_LEVELS, classes, above)))
    return cases


def declared_shapes_are_true(case: _Case) -> None:
    """`state_shapes`, `initial_state`, `step` and `sequence` agree, and every number is finite."""
    tier, inputs = case.tier, case.inputs
    state, one = tier.initial_state(ROWS), _tensors(_steps_of(inputs, 0))
    outputs, after_step = tier.step(one, state, tier.prepare())
    window, after_window = tier.sequence(_tensors(inputs), state, tier.prepare())
    shape = (case.binding.ratio, case.binding.output_dim)
    declared = [(ROWS, *state_shape) for state_shape in tier.state_shapes]
    for what, tensors, expected in (
        ("initial_state gave", state, declared),
        ("step gave outputs", [outputs], [(ROWS, *shape)]),
        ("step gave the state", after_step, declared),
        ("sequence gave outputs", [window], [(ROWS, STEPS, *shape)]),
        ("sequence gave the state", after_window, declared),
    ):
        shapes = [tuple(tensor.shape) for tensor in tensors]
        _require(shapes == expected, f"{what} {shapes}, declared is {expected}")
        _require(all(np.isfinite(_array(x)).all() for x in tensors), f"{what} with numbers that are not finite")


def rows_are_independent(case: _Case) -> None:
    """A row gives the same among other neighbours, and alone."""
    others = _each(lambda x, y: np.concatenate([x[:1], y[1:]]), case.inputs, case.draw_inputs(seed=2))
    together, mixed = case.window(case.inputs), case.window(others)
    expected = together[0][:1], [x[:1] for x in together[1]]
    _agree((mixed[0][:1], [x[:1] for x in mixed[1]]), expected, tolerance=0, note=" among other neighbours")
    _agree(case.window(_each(lambda x: x[:1], case.inputs)), expected, note=" for a row alone")


def a_later_input_changes_nothing_earlier(case: _Case) -> None:
    """Samples, contexts and conditions from a step on leave the outputs before it as they were."""
    half, (before, _) = STEPS // 2, case.window(case.inputs)
    others = case.draw_inputs(seed=2)
    late = _each(lambda x, y: np.concatenate([x[:, :half], y[:, half:]], axis=1), case.inputs, others)
    for fields in (("codes", "wave"), ("context",), ("conditions",)):
        after, _ = case.window(case.inputs._replace(**{name: getattr(late, name) for name in fields}))
        steps = np.flatnonzero((after != before)[:, :half].any(axis=(0, 2, 3)))
        _require(not steps.size, f"new {' and '.join(fields)} from step {half} on changed the outputs of steps {steps}")


def sequence_equals_repeated_step(case: _Case) -> None:
    """Training's form of a window and generation's give the same outputs and state."""
    _agree(case.window(case.inputs), case.steps(case.inputs))


def carried_state_joins_windows(case: _Case) -> None:
    """Two halves of a window, the state carried between them, equal the whole."""
    first, state = case.window(_steps_of(case.inputs, slice(0, STEPS // 2)))
    state = tuple(ops.convert_to_tensor(x) for x in state)
    second, state = case.window(_steps_of(case.inputs, slice(STEPS // 2, STEPS)), state)
    _agree((np.concatenate([first, second], axis=1), state), case.window(case.inputs))


def conditions_past_the_end_are_taken(case: _Case) -> None:
    """Where a sound has ended its conditions are -1; outputs are finite there, in a window as in steps."""
    if case.inputs.conditions is None:
        return
    conditions = case.inputs.conditions.copy()
    conditions[:, -2, case.tier.frame_size // 2 :] = -1
    conditions[:, -1] = -1
    inputs = case.inputs._replace(conditions=conditions)
    seen = case.window(inputs)
    _require(np.isfinite(seen[0]).all(), "outputs are not finite where conditions are -1")
    _agree(seen, case.steps(inputs))


def kernels_can_be_folded(case: _Case) -> None:
    """Contexts times the released kernel give the same; with a kernel absorbed, outputs come out multiplied by it."""
    tier, expected = case.tier, case.steps(case.inputs)
    prepared = tier.prepare()
    released = release(tier, prepared)
    if released is not None:
        kernel = _array(released.kernel)
        inputs = case.inputs._replace(context=None if case.inputs.context is None else case.inputs.context @ kernel)
        _agree(case.steps(inputs, prepared=released.prepared), expected, note=" after the kernel was released")
    kernel = np.random.default_rng(4).normal(size=(case.binding.output_dim, 7)).astype("float32")
    absorbed = absorb(tier, prepared, ops.convert_to_tensor(kernel))
    if absorbed is not None:
        folded = expected[0] @ kernel, expected[1]
        _agree(case.steps(case.inputs, prepared=absorbed.prepared), folded, note=" after a kernel was absorbed")


def narrow_weights_give_close_numbers(case: _Case) -> None:
    """A single row gets outputs near float32's from the form with int8 weights."""
    row = _each(lambda x: x[:1], case.inputs)
    narrowed = narrow_form(case.tier, case.tier.prepare())
    _agree(case.steps(row, prepared=narrowed), case.steps(row), tolerance=HALF_PRECISION_TOLERANCE)


def xla_gives_the_same_numbers(case: _Case) -> None:
    """`sequence` and `step` compile, with what `prepare` returned as an argument, which generation makes it."""
    expected = case.window(case.inputs)
    _agree(case.window(case.inputs, run=compiled(case.tier.sequence)), expected)
    _agree(case.steps(case.inputs, run=compiled(case.tier.step)), expected)


def half_precision_gives_close_numbers(case: _Case) -> None:
    """Under mixed_bfloat16 a call gives outputs near float32's, and the state keeps its dtype."""
    tier = case.twin("mixed_bfloat16")
    before = tier.initial_state(ROWS)
    outputs, after = tier(_tensors(case.inputs), before)
    dtypes = [[keras.backend.standardize_dtype(x.dtype) for x in state] for state in (before, after)]
    _require(dtypes[0] == dtypes[1], f"the state went in as {dtypes[0]} and came out as {dtypes[1]}")
    _agree(_arrays((outputs, after)), case.window(case.inputs), tolerance=HALF_PRECISION_TOLERANCE)


def gradients_reach_every_weight(case: _Case) -> None:
    """A training step through `sequence`, in a graph, moves each trainable weight, in either precision."""
    inputs = {name: x for name, x in case.inputs._asdict().items() if x is not None}
    outputs, _ = case.window(case.inputs)
    directions = np.random.default_rng(3).normal(size=outputs.shape).astype("float32")
    for dtype in ("float32", "mixed_bfloat16") if case.tier.trainable_weights else ():
        tier = case.twin(dtype)
        before = [_array(weight) for weight in tier.trainable_weights]
        trainee = _Trainee(tier)
        # JAX's graphs are XLA's; TensorFlow's are not where the training of a model is.
        trainee.compile(keras.optimizers.SGD(1.0), _Trainee.loss, jit_compile=keras.backend.backend() == "jax")
        trainee.train_on_batch(inputs, directions)
        after = [_array(weight) for weight in tier.trainable_weights]
        pairs = zip(tier.trainable_weights, before, after, strict=True)
        idle = [weight.path for weight, old, new in pairs if np.array_equal(old, new)]
        _require(not idle, f"in {dtype} no gradient reaches {', '.join(idle)}")
        _require(all(np.isfinite(new).all() for new in after), f"in {dtype} gradients are not finite")


class _Trainee(keras.Model):
    """A model of one tier; its loss pulls each output in a direction of its own."""

    def __init__(self, tier: Tier):
        super().__init__(name="trainee", dtype=tier.dtype_policy)
        self.tier = tier
        self.built = True

    def call(self, inputs: dict[str, Any]) -> Any:
        return self.tier(Inputs(**{"context": None, **inputs}), self.tier.initial_state(ROWS))[0]

    @staticmethod
    def loss(directions: Any, outputs: Any) -> Any:
        return ops.sum(directions * ops.cast(outputs, "float32"), axis=(1, 2, 3))


def another_process_gives_the_same_numbers(tier_class: type[Tier], config: dict[str, Any], cases: list[_Case]) -> None:
    """Weights saved here and loaded elsewhere, by their position, give the same outputs."""
    # spawn: the class is to be imported anew, and TensorFlow's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(1, mp_context=context) as process:
        files = [Path(folder, f"{number}.npz") for number in range(len(cases))]
        for case, file in zip(cases, files, strict=True):
            np.savez(file, *map(_array, case.tier.weights))
        reproduced = process.submit(_reproduce, tier_class, config, files).result()
    for case, seen in zip(cases, reproduced, strict=True):
        _agree(seen, case.window(case.inputs), note=f" as {case.place}")


def _reproduce(tier_class: type[Tier], config: dict[str, Any], files: list[Path]) -> list[tuple]:
    cases = it_can_be_built(tier_class, config)
    for case, file in zip(cases, files, strict=True):
        with np.load(file) as arrays:
            _assign(case.tier, list(arrays.values()))
    return [case.window(case.inputs) for case in cases]


LAWS = (
    declared_shapes_are_true,
    rows_are_independent,
    a_later_input_changes_nothing_earlier,
    sequence_equals_repeated_step,
    carried_state_joins_windows,
    conditions_past_the_end_are_taken,
    kernels_can_be_folded,
    narrow_weights_give_close_numbers,
    xla_gives_the_same_numbers,
    half_precision_gives_close_numbers,
    gradients_reach_every_weight,
)


def _require(holds: bool, seen: str) -> None:
    if not holds:
        raise AssertionError(seen)


def _agree(seen: tuple, expected: tuple, tolerance: float = TOLERANCE, note: str = "") -> None:
    """Hold outputs and state to those expected, within a share of the largest number of each."""
    names = ["outputs", *(f"state {number}" for number in range(len(expected[1])))]
    for name, one, other in zip(names, [seen[0], *seen[1]], [expected[0], *expected[1]], strict=True):
        difference, largest = np.abs(one - other).max(initial=0), np.abs(other).max(initial=0)
        # "not within" rather than "beyond": nothing that is not a number may pass.
        _require(bool(difference <= tolerance * largest), f"{name} differ by {difference:.2g}, of {largest:.2g}{note}")


def _each(function: Callable, *inputs: Inputs) -> Inputs:
    """Apply a function to each of the inputs that there are."""
    return Inputs(*(None if fields[0] is None else function(*fields) for fields in zip(*inputs, strict=True)))


def _steps_of(inputs: Inputs, which: int | slice) -> Inputs:
    return _each(lambda x: x[:, which], inputs)


def _tensors(inputs: Inputs) -> Inputs:
    return _each(ops.convert_to_tensor, inputs)


def _array(tensor: Any) -> np.ndarray:
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


def _arrays(result: tuple) -> tuple[np.ndarray, list[np.ndarray]]:
    outputs, state = result
    return _array(outputs), [_array(tensor) for tensor in state]


def _assign(tier: Tier, arrays: list[np.ndarray]) -> None:
    for weight, array in zip(tier.weights, arrays, strict=True):
        weight.assign(array)
