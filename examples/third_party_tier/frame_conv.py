"""A tier of a third party: a causal convolution over past frames in a recurrence's place."""

import functools
from typing import Annotated

from keras import ops
from pydantic import Field, PositiveInt

from keras_samplernn import Tier, affine, class_histogram


class FrameConv(Tier):
    """Gated, residual convolution over the last few frames.

    Args:
        frame_size: samples per step.
        dim: width of a projected frame.
        kernel_size: how many frames the convolution sees, the present one included.
    """

    def __init__(
        self,
        frame_size: PositiveInt,
        dim: PositiveInt = 1024,
        kernel_size: Annotated[int, Field(ge=2)] = 8,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.frame_size, self.dim, self.kernel_size = frame_size, dim, kernel_size

    @property
    def state_shapes(self):
        """The projected frames before the present one, oldest first."""
        return ((self.kernel_size - 1, self.dim),)

    def build(self):
        """Create the Linears; a convolution is a Linear of the frames side by side."""
        # Variance 1 / inputs: outputs as large as inputs, whatever the width.
        linear = functools.partial(self.add_linear, initializer="lecun_uniform")
        self.input_linear = linear(self.frame_size, self.dim, "input")
        self.class_linear = None
        if self.takes_conditions:
            self.class_linear = linear(self.binding.classes, self.dim, "class", use_bias=False)
        self.convolution = linear(self.kernel_size * self.dim, 2 * self.dim, "convolution")
        self.output_linear = linear(self.dim, self.binding.ratio * self.binding.output_dim, "output")

    def prepare(self):
        """Return every matrix with its weight norm applied."""
        return {
            "input": self.input_linear.prepare(),
            "class": self.class_linear.prepare() if self.class_linear else None,
            "convolution": self.convolution.prepare(),
            "output": self.output_linear.prepare(),
        }

    def step(self, inputs, state, prepared):
        """Advance by one frame."""
        x = self._project(inputs, prepared)  # (B, dim)
        frames = ops.concatenate([state[0], x[:, None]], axis=1)  # (B, kernel_size, dim)
        window = ops.reshape(frames, (-1, self.kernel_size * self.dim))
        outputs = self._convolve(window, x, prepared)
        return ops.reshape(outputs, (-1, self.binding.ratio, self.binding.output_dim)), (frames[:, 1:],)

    def sequence(self, inputs, state, prepared):
        """Run a window of S frames at once, which the inherited loop over `step` would do one by one."""
        x = self._project(inputs, prepared)  # (B, S, dim)
        steps = x.shape[1]
        frames = ops.concatenate([state[0], x], axis=1)  # (B, kernel_size - 1 + S, dim)
        window = ops.concatenate([frames[:, k : k + steps] for k in range(self.kernel_size)], axis=-1)
        outputs = self._convolve(window, x, prepared)
        return ops.reshape(outputs, (-1, steps, self.binding.ratio, self.binding.output_dim)), (frames[:, steps:],)

    def _project(self, inputs, prepared):
        x = affine(inputs.wave, prepared["input"])
        if inputs.context is not None:
            x = x + inputs.context
        if inputs.conditions is not None:
            x = x + affine(class_histogram(inputs.conditions, self.binding.classes, x.dtype), prepared["class"])
        return x

    def _convolve(self, window, x, prepared):
        content, gate = ops.split(affine(window, prepared["convolution"]), 2, axis=-1)
        return affine(x + ops.tanh(content) * ops.sigmoid(gate), prepared["output"])
