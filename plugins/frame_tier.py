"""What frame tiers share: arguments, input, the state before a sound, and the contexts for the steps below."""

from typing import Annotated, Any

import keras
from keras import ops
from pydantic import Field

from keras_samplernn import Absorbed, ConditionEncoder, Inputs, Linear, Lowerable, Tier, affine

DropoutRate = Annotated[float, Field(ge=0.0, lt=1.0)]


class FrameTier(Lowerable, Tier):
    """A tier over frames whose state is vectors of width `dim` and whose outputs are those of a Linear.

    A subclass has these arguments and its own. Its `build` makes `input_linear` and `conditions`, and ends with
    `_add_outputs`; its `prepare` adds to what `_prepare_shared` returns.

    Args:
        frame_size: samples per step; the frame size of the tier above is a multiple of it.
        dim: width of the states, and of the contexts from the tier above.
        learn_h0: whether the state before the first sample of a sound is trained, starting at zero; false: it is zero.
        weight_norm: whether every Linear is weight-normalised.
        dropout: share that is dropped in training.
        conditioned: whether this tier reads the conditions, if the model has them.
        condition_dim: width of a hidden layer that the conditions pass through, so that what one says can depend on
            another, as the sound of a class on the position in it; 0: they are added.
        overlap: how many samples before its frame a step reads too. A period of the lowest tone lets the tier hear
            directly what it would have to remember otherwise.
    """

    conditions: ConditionEncoder
    input_linear: Linear

    def __init__(
        self,
        *,
        frame_size: int,
        dim: int,
        learn_h0: bool,
        weight_norm: bool,
        dropout: float,
        conditioned: bool,
        condition_dim: int,
        overlap: int,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.frame_size = frame_size
        self.dim = dim
        self.learn_h0 = learn_h0
        self.weight_norm = weight_norm
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy)
        self.conditioned = conditioned
        self.condition_dim = condition_dim
        self.overlap = overlap

    @property
    def reads(self) -> int:
        """The samples of the frame, and the `overlap` before them."""
        return self.frame_size + self.overlap

    def initial_state(self, batch_size: int) -> tuple:
        """Return h0, trained or zero, for every row."""
        if not self.learn_h0:
            return super().initial_state(batch_size)
        return tuple(ops.broadcast_to(ops.cast(h0, self.compute_dtype), (batch_size, self.dim)) for h0 in self.h0)

    def _add_outputs(self) -> None:
        """Create the Linear of the output and, if it is trained, h0, which starts at 0."""
        width = self.binding.ratio * self.binding.output_dim
        self.output_linear = self.add_linear(self.dim, width, "output", weight_norm=self.weight_norm)
        if self.learn_h0:
            self.h0 = [
                self.add_weight(shape=shape, initializer="zeros", name=f"h0_{number}")
                for number, shape in enumerate(self.state_shapes)
            ]

    def _prepare_shared(self) -> dict[str, Any]:
        """Return the prepared form of what every frame tier has."""
        return {
            "input": self.input_linear.prepare(),
            "conditions": self.conditions.prepare(),
            "output": self.output_linear.prepare(),
        }

    def absorb_kernel(self, prepared: dict[str, Any], kernel: Any) -> Absorbed:
        """Multiply the output Linear by the kernel, context by context."""
        ratio, dim = self.binding.ratio, self.binding.output_dim
        parts = [ops.reshape(part, (-1, ratio, dim)) for part in prepared["output"]]
        matrix, bias = (ops.reshape(ops.matmul(part, kernel), (part.shape[0], -1)) for part in parts)
        return Absorbed(prepared | {"output": (matrix, bias[0])}, ratio * self.dim)

    def _read(self, inputs: Inputs, prepared: dict[str, Any]) -> Any:
        """Return the Linear of the frame, plus the context, plus the conditions: `(B, [S,] width)`."""
        x = affine(inputs.wave, prepared["input"])
        if inputs.context is not None:
            x = x + inputs.context
        return x + self.conditions(inputs.conditions, prepared["conditions"])

    def _contexts(self, hidden: Any, prepared: dict[str, Any]) -> Any:
        """Return the contexts, `(B, [S,] ratio, width)`."""
        outputs = affine(hidden, prepared["output"])
        ratio = self.binding.ratio
        return ops.reshape(outputs, (-1, *outputs.shape[1:-1], ratio, outputs.shape[-1] // ratio))
