"""A tier of a third party: a causal convolution over past frames in a recurrence's place."""

from keras import ops
from pydantic import PositiveInt

from keras_samplernn import Tier, affine


class FrameConv(Tier):
    """Gated, residual convolution over the last few frames.

    Args:
        frame_size: samples per step.
        dim: width of a projected frame.
        kernel_size: how many frames the convolution sees, the present one included.
    """

    def __init__(self, frame_size: PositiveInt, dim: PositiveInt = 1024, kernel_size: PositiveInt = 8, **kwargs):
        super().__init__(**kwargs)
        self.frame_size, self.dim, self.kernel_size = frame_size, dim, kernel_size

    @property
    def state_shapes(self):
        """The projected frames before the present one, oldest first."""
        return ((self.kernel_size - 1, self.dim),)

    def build(self):
        """Create the Linears; `step` finds them in `prepared`, by name."""
        self.add_linear(self.frame_size, self.dim, "input")
        self.conditions = self.add_conditions(self.dim)
        # A convolution is a Linear of the frames side by side. Variance 1 / inputs keeps outputs as large as inputs.
        self.add_linear(self.kernel_size * self.dim, 2 * self.dim, "convolution", initializer="lecun_uniform")
        self.add_linear(self.dim, self.binding.ratio * self.binding.output_dim, "output", initializer="lecun_uniform")

    def step(self, inputs, state, prepared):
        """Advance by one frame."""
        x = affine(inputs.wave, prepared["input"])  # (B, dim)
        if inputs.context is not None:
            x = x + inputs.context
        x = x + self.conditions(inputs.conditions, prepared["conditions"])
        frames = ops.concatenate([state[0], x[:, None]], axis=1)  # (B, kernel_size, dim)
        side_by_side = ops.reshape(frames, (-1, self.kernel_size * self.dim))
        content, gate = ops.split(affine(side_by_side, prepared["convolution"]), 2, axis=-1)
        outputs = affine(x + ops.tanh(content) * ops.sigmoid(gate), prepared["output"])
        return ops.reshape(outputs, (-1, self.binding.ratio, self.binding.output_dim)), (frames[:, 1:],)
