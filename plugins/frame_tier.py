"""What frame tiers share: their input, the state before a sound, and the contexts for the steps below."""

from typing import Any

from keras import ops

from keras_samplernn import Absorbed, Inputs, Linear, Lowerable, Tier, affine


class FrameTier(Lowerable, Tier):
    """A tier over frames whose state is vectors of width `dim` and whose outputs are those of a Linear.

    A subclass has arguments `overlap` and `learn_h0`, and `output` among its prepared weights.
    """

    overlap: int
    learn_h0: bool
    output_linear: Linear

    @property
    def reads(self) -> int:
        """The samples of the frame, and the `overlap` before them."""
        return self.frame_size + self.overlap

    def initial_state(self, batch_size: int) -> tuple:
        """Return h0, trained or zero, for every row."""
        if not self.learn_h0:
            return super().initial_state(batch_size)
        return tuple(ops.broadcast_to(ops.cast(h0, self.compute_dtype), (batch_size, self.dim)) for h0 in self.h0)

    def _add_h0(self) -> None:
        """Create the states that `initial_state` returns, if they are trained; they start at 0."""
        if self.learn_h0:
            self.h0 = [
                self.add_weight(shape=shape, initializer="zeros", name=f"h0_{number}")
                for number, shape in enumerate(self.state_shapes)
            ]

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
