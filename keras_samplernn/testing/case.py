"""A tier in one place of a model, with random weights and random inputs."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_samplernn.conditions.layout import class_columns, nothing
from keras_samplernn.conditions.streams import NONE, ClassesStream, NumberStream, classes_streams
from keras_samplernn.model.tier import Binding, Inputs, Tier
from keras_samplernn.testing.comparing import require
from keras_samplernn.testing.purity import Methods

ROWS, STEPS, Q_LEVELS, OUTPUT_DIM = 3, 6, 16, 5
# Streams of each kind.
STREAMS = (
    ClassesStream("instrument", ("bell", "drum", "reed"), position=True, neighbours=True),
    NumberStream("loudness", -60.0, 0.0),
    ClassesStream.of_count(2, "voice"),
)


class Case:
    """A tier bound in one place, and the inputs `(B, S, ...)` of a window there."""

    def __init__(self, tier_class: type[Tier], config: dict[str, Any], place: str, binding: Binding):
        self.tier_class, self.config, self.place, self.binding = tier_class, config, place, binding
        self.tier = self.checked = self.build("float32")
        randomise(self.tier)
        self.inputs = self.draw_inputs(seed=1)

    def build(self, dtype: str) -> Tier:
        """Return the tier, bound and built, with new weights."""
        tier = self.tier_class(**self.config, dtype=dtype)
        tier.bind(self.binding)
        shapes = getattr(tier, "state_shapes", ())  # they may not be known before build
        fit = isinstance(shapes, tuple) and all(
            isinstance(shape, tuple) and all(isinstance(size, int) for size in shape) for shape in shapes
        )
        remedy = "a tuple with a shape of numbers for each tensor of the state, without the batch axis, as in ((8,),)"
        require(fit, f"state_shapes is {shapes!r}, and must be {remedy}")
        tier.build()
        return tier

    def methods(self, layer: Tier) -> Methods:
        """Return calls of the methods of a tier."""
        one, window, state = as_tensors(steps_of(self.inputs, 0)), as_tensors(self.inputs), layer.initial_state(ROWS)
        return {
            "prepare": layer.prepare,
            "step": lambda: layer.step(one, state, layer.prepare()),
            "sequence": lambda: layer.sequence(window, state, layer.prepare()),
        }

    @functools.cached_property
    def half(self) -> Tier:
        """The tier in half precision, with this case's weights."""
        tier = self.build("mixed_bfloat16")
        assign(tier, [as_array(weight) for weight in self.tier.weights])
        return tier

    def draw_inputs(self, seed: int) -> Inputs:
        """Cut a random sound as the model does; draw contexts and conditions."""
        rng, tier, frame = np.random.default_rng(seed), self.tier, self.tier.frame_size
        sound = rng.integers(0, Q_LEVELS, (ROWS, STEPS * frame + tier.reads))
        codes = sound[:, np.arange(STEPS)[:, None] * frame + np.arange(tier.reads)]
        wave = 2 * (codes / (Q_LEVELS / 2) - 1)
        context = rng.normal(size=(ROWS, STEPS, tier.dim)).astype("float32")
        conditions = nothing(STREAMS, (ROWS, STEPS, frame), fades=True)
        conditions.exists[:] = 1
        for column, drawn in enumerate(class_columns(STREAMS)):
            conditions.classes[..., column] = rng.integers(NONE, drawn.count, (ROWS, STEPS, frame))
        for stream, column in enumerate(classes_streams(STREAMS)):
            conditions.targets[..., stream] = rng.integers(NONE, len(column.classes), (ROWS, STEPS, frame))
        conditions.numbers[:] = rng.normal(size=conditions.numbers.shape)
        conditions.weights[:] = rng.random(conditions.weights.shape) * rng.integers(0, 2, conditions.weights.shape)
        shares = rng.uniform(-1, 1, codes.shape).astype("float32") if self.binding.has_shares else None
        return Inputs(
            codes.astype("int32"),
            wave.astype("float32"),
            None if self.binding.frame_size_above is None else context,
            conditions if tier.takes_conditions else None,
            shares,
        )

    @functools.cached_property
    def whole(self) -> tuple:
        """Outputs and state of the case's window by `sequence`."""
        return self.window(self.inputs)

    @functools.cached_property
    def stepped(self) -> tuple:
        """The same from repeated `step`."""
        return self.steps(self.inputs)

    def window(self, inputs: Inputs, state: tuple | None = None, run: Callable | None = None) -> tuple:
        """Return outputs and state of a window, as arrays; `run` replaces the tier's `sequence`."""
        state = self.tier.initial_state(len(inputs.codes)) if state is None else state
        return as_arrays((run or self.tier.sequence)(as_tensors(inputs), state, self.tier.prepare()))

    def steps(self, inputs: Inputs, run: Callable | None = None, prepared: Any = None) -> tuple:
        """Return the same, step by step; `run` replaces its `step`, `prepared` the plain form of its weights."""
        outputs, state = [], self.tier.initial_state(len(inputs.codes))
        prepared = self.tier.prepare() if prepared is None else prepared
        for number in range(STEPS):
            step = as_tensors(steps_of(inputs, number))
            one, state = (run or self.tier.step)(step, state, prepared)
            outputs.append(one)
        return as_arrays((ops.stack(outputs, axis=1), state))


def it_can_be_built(tier_class: type[Tier], config: dict[str, Any]) -> list[Case]:
    """The constructor takes the config, `bind` the neighbours, and `build` makes the weights."""
    tier = tier_class(**config, dtype="float32")
    for name in ("frame_size", "dim"):
        remedy = f"set self.{name} in the constructor, or {name} in the class"
        require(isinstance(getattr(tier, name, None), int), f"it has no {name}; {remedy}")
    frame = tier.frame_size
    below = next((size for size in range(frame // 2, 0, -1) if frame % size == 0), 1)
    cases = []
    for kind, streams in (("unconditional", ()), ("conditional", STREAMS)):
        places = {
            f"the {kind} top tier": (frame, OUTPUT_DIM, None),
            f"a middle, {kind} tier": (frame // below, OUTPUT_DIM, 2 * frame),
        }
        if frame == 1:
            # Beside conditions, codes with shares and other outputs than logits: the place with the most inputs.
            places = {f"the {kind} bottom tier": (1, Q_LEVELS + 3 * bool(streams), 4)}
        for place, (ratio, output_dim, above) in places.items():
            shares = frame == 1 and bool(streams)
            cases.append(Case(tier_class, config, place, Binding(ratio, output_dim, Q_LEVELS, streams, above, shares)))
    return cases


def randomise(layer: keras.layers.Layer) -> None:
    """Move the weights of a layer at random: zeros would hide faults."""
    rng = np.random.default_rng(0)
    for weight in layer.trainable_weights:
        fan_in = max(1, int(np.prod(weight.shape[:-1])))
        weight.assign(weight + rng.normal(0, 0.5 / fan_in**0.5, weight.shape).astype("float32"))


def each(function: Callable, *inputs: Inputs) -> Inputs:
    """Apply a function to each of the inputs that there are."""
    parts = zip(*(one.parts() for one in inputs), strict=True)
    return inputs[0].map(lambda _: function(*next(parts)))


def steps_of(inputs: Inputs, which: int | slice) -> Inputs:
    """Return one step's inputs, or some steps' of a window's."""
    return each(lambda x: x[:, which], inputs)


def as_tensors(inputs: Inputs) -> Inputs:
    """Return the inputs as tensors."""
    return each(ops.convert_to_tensor, inputs)


def as_array(tensor: Any) -> np.ndarray:
    """Return a tensor's values in float32."""
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


def as_arrays(result: tuple) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return outputs and state in float32."""
    outputs, state = result
    return as_array(outputs), [as_array(tensor) for tensor in state]


def assign(tier: Tier, arrays: list[np.ndarray]) -> None:
    """Give a tier its weights, by their position."""
    for weight, array in zip(tier.weights, arrays, strict=True):
        weight.assign(array)
