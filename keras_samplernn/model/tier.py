"""The tier contract: what every tier of a SampleRNN declares and computes."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops

from keras_samplernn.backend import scan_steps
from keras_samplernn.conditions.layout import Conditions, nothing
from keras_samplernn.conditions.streams import Streams
from keras_samplernn.model.encoder import ConditionEncoder
from keras_samplernn.model.linear import Linear


class Inputs(NamedTuple):
    """The inputs of a tier. A sequence has a step axis S after the batch axis B; a single step does not.

    Attributes:
        codes: `(B, [S,] reads)` int32, the codes of the samples just before the step's first target.
        wave: `(B, [S,] reads)` float, the same samples rescaled to [-2, 2).
        context: `(B, [S,] dim)` float, from the tier above; None at the top.
        conditions: what is asked for at each of the step's targets, arrays `(B, [S,] frame_size, ...)`, for the encoder
            that `add_conditions` returned; None if the model is unconditional or the tier is not `conditioned`.
        shares: `(B, [S,] reads)` float in [-1, 1], where in the step of its code each sample lies; None if the codes
            say all.
    """

    codes: Any
    wave: Any
    context: Any = None
    conditions: Conditions | None = None
    shares: Any = None

    def map(self, function: Callable[[Any], Any]) -> "Inputs":
        """Return the inputs with a function applied to every tensor in them, in order."""

        def apply(field: Any) -> Any:
            if field is None:
                return None
            return field.map(function) if isinstance(field, Conditions) else function(field)

        return Inputs(*map(apply, self))

    def parts(self) -> list[Any]:
        """Return every tensor in the inputs, in the order of `map`."""
        parts: list[Any] = []
        self.map(parts.append)
        return parts


@dataclasses.dataclass(frozen=True)
class Binding:
    """What the model and the neighbours determine for a tier, when a model is assembled.

    Attributes:
        ratio: steps of the tier below in one step of this one; a step returns as many contexts.
        output_dim: width of a context; for the bottom tier, of what the head takes, such as the number of logits.
        q_levels: number of different codes that tiers read.
        streams: the condition streams; none if the model is unconditional.
        frame_size_above: frame size of the tier above; None at the top, where there is no context.
        has_shares: whether `Inputs.shares` is given.
    """

    ratio: int
    output_dim: int
    q_levels: int
    streams: Streams
    frame_size_above: int | None
    has_shares: bool = False


class Tier(keras.layers.Layer):
    """One tier: a pure function from inputs and state to contexts (at the bottom, for the head) and the next state.

    A tier is written with `keras` and `keras.ops` only, so that it runs on each of Keras' backends. The arguments of
    its constructor, with type hints, are its fields in a spec; it passes `**kwargs` on to Keras. It must have, as an
    argument of the constructor or as an attribute:

    * `frame_size`: samples per step; 1 for the bottom tier;
    * `dim`: the width of the contexts from the tier above.

    It implements `step`. It may declare a state (`state_shapes`, `initial_state`), read more samples than its frame
    (`reads`), create weights (`build`), compute once what depends on the weights alone (`prepare`) and run a whole
    window faster (`sequence`). Sublayers that are made in the constructor and called in `step` build themselves.
    `keras_samplernn.testing.check_tier` tests a tier against the contract. The mixin `Lowerable` has methods for faster
    forms.

    Example:
        >>> class Repeat(Tier):
        ...     '''Hands the mean of its frame, and what comes from above, to every step below.'''
        ...     conditioned = False
        ...     def __init__(self, frame_size: int, **kwargs):
        ...         super().__init__(**kwargs)
        ...         self.frame_size, self.dim = frame_size, 1
        ...     def step(self, inputs, state, prepared):
        ...         mean = ops.mean(inputs.wave, axis=-1)[:, None, None]
        ...         if inputs.context is not None:
        ...             mean = mean + inputs.context[:, None]
        ...         shape = (1, self.binding.ratio, self.binding.output_dim)
        ...         return ops.tile(mean, shape), state
    """

    frame_size: int
    dim: int
    conditioned: bool = True
    binding: Binding

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give a class that overrides `step` alone the loop over it: its inherited `sequence` fits another `step`."""
        super().__init_subclass__(**kwargs)
        if "step" in vars(cls) and "sequence" not in vars(cls):
            cls.sequence = Tier.sequence

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self._prepared_layers: dict[str, Linear | ConditionEncoder] = {}

    def bind(self, binding: Binding) -> None:
        """Store the binding. Called once, before `build`."""
        self.binding = binding

    @property
    def reads(self) -> int:
        """Number of samples before the first target that a step reads."""
        return self.frame_size

    @property
    def takes_conditions(self) -> bool:
        """Whether the tier gets `Inputs.conditions`."""
        return self.conditioned and bool(self.binding.streams)

    @property
    def state_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the tensors of the state, without the batch axis. Empty if the tier has no state."""
        return ()

    def initial_state(self, batch_size: int) -> tuple:
        """Return the state before the first sample of a sound: tensors `(batch_size, *shape)`; by default zeros."""
        return tuple(ops.zeros((batch_size, *shape), self.compute_dtype) for shape in self.state_shapes)

    def build(self) -> None:
        """Create the weights; sublayers build themselves in one trial step."""
        conditions = None
        if self.takes_conditions:
            conditions = nothing(self.binding.streams, (1, self.frame_size), fades=False).map(ops.convert_to_tensor)
        context = ops.zeros((1, self.dim), self.compute_dtype)
        inputs = Inputs(
            codes=ops.zeros((1, self.reads), "int32"),
            wave=ops.zeros((1, self.reads), self.compute_dtype),
            context=None if self.binding.frame_size_above is None else context,
            conditions=conditions,
            shares=ops.zeros((1, self.reads), self.compute_dtype) if self.binding.has_shares else None,
        )
        self.step(inputs, self.initial_state(1), self.prepare())

    def add_linear(self, inputs: int, units: int, name: str, **options: Any) -> Linear:
        """Return a built `Linear` in this tier's precision.

        Args:
            inputs: width of its inputs.
            units: width of its outputs.
            name: its name in the result of `prepare`.
            options: other arguments of `Linear`.

        Raises:
            ValueError: this tier already has a Linear or an encoder of that name.
        """
        linear = Linear(units, name=name, dtype=self.dtype_policy, **options)
        linear.build((inputs,))
        return self._keep(name, linear)

    def add_conditions(self, units: int, name: str = "conditions", **options: Any) -> ConditionEncoder:
        """Return a built encoder of the conditions in this tier's precision; without conditions, it encodes them as 0.

        Args:
            units: width of its output, which `step` adds to its input.
            name: its name in the result of `prepare`.
            options: other arguments of `ConditionEncoder`.

        Raises:
            ValueError: this tier already has a Linear or an encoder of that name.
        """
        encoder = ConditionEncoder(
            self.binding.streams if self.takes_conditions else (), units, name=name, dtype=self.dtype_policy, **options
        )
        encoder.build()
        return self._keep(name, encoder)

    def _keep(self, name: str, layer: Any) -> Any:
        if name in self._prepared_layers:
            raise ValueError(f"{type(self).__name__} already has a layer named {name!r}; give this one another name")
        self._prepared_layers[name] = layer
        return layer

    def prepare(self) -> Any:
        """Compute what depends on the weights alone: once per forward pass, once per generation.

        Returns:
            Any structure of dicts, lists, tuples, tensors and None; by default a dict with every Linear that
            `add_linear` made, prepared for `affine`, and every encoder that `add_conditions` made, by their names.
        """
        return {name: layer.prepare() for name, layer in self._prepared_layers.items()}

    def step(self, inputs: Inputs, state: tuple, prepared: Any) -> tuple[Any, tuple]:
        """Advance by `frame_size` samples.

        Args:
            inputs: one step's `Inputs`.
            state: tensors `(B, *shape)`, as in `state_shapes`.
            prepared: what `prepare` returned.

        Returns:
            Outputs `(B, ratio, output_dim)` and the next state.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement step(inputs, state, prepared)")

    def sequence(self, inputs: Inputs, state: tuple, prepared: Any) -> tuple[Any, tuple]:
        """Run a whole window of S steps, with the same result as repeated `step`.

        By default it is a loop over `step`, also in a subclass that overrides `step` but not `sequence`.

        Returns:
            Outputs `(B, S, ratio, output_dim)` and the state after the last step.
        """
        if not self.state_shapes:  # without a state, steps are independent: run them as rows of one larger batch
            steps = inputs.codes.shape[1]
            rows = inputs.map(lambda x: ops.reshape(x, (-1, *x.shape[2:])))
            outputs, _ = self.step(rows, (), prepared)
            return ops.reshape(outputs, (-1, steps, *outputs.shape[1:])), ()

        # What is None cannot be scanned, so the parts that are not None stand in a list.
        rows = inputs.map(lambda x: ops.swapaxes(x, 0, 1)).parts()

        def step(row: list[Any], state: tuple) -> tuple[Any, tuple]:
            parts = iter(row)
            return self.step(inputs.map(lambda _: next(parts)), state, prepared)

        outputs, state = scan_steps(step, rows, state)
        return ops.swapaxes(outputs, 0, 1), state

    def call(self, inputs: Inputs, state: tuple, prepared: Callable[[], Any] | None = None) -> tuple[Any, tuple]:
        """Run `sequence` in the layer's precision.

        Args:
            inputs: of a window.
            state: before the window.
            prepared: returns the prepared form; None: the plain one. A function, since Keras casts the tensors that a
                layer is called with to its precision, and a form may hold some that must stay in float32.
        """
        return self.sequence(inputs, state, (prepared or self.prepare)())
