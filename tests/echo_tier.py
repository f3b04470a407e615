"""A tier for tests, without speed: what the contract asks for, and a state of two tensors."""

import keras
from keras import ops

from keras_samplernn import Linear, Tier


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
