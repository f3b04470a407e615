"""Adam as SampleRNN uses it: gradients clipped by value, their norm remembered, a schedule of the learning rate."""

import math
from typing import Any

import keras
from keras import ops

from keras_samplernn.spec import Spec


class ObservedAdam(keras.optimizers.Adam):
    """Adam that keeps the global norm of the gradients of its last step, from before they were clipped."""

    def build(self, variables: list) -> None:
        """Create the moments, and the norm."""
        super().build(variables)
        self.gradient_norm = self.add_variable((), name="gradient_norm")

    def apply(self, grads: list, trainable_variables: list | None = None) -> None:
        """Note the gradients' norm and take a step."""
        squares = [ops.sum(ops.square(ops.cast(g, "float32"))) for g in grads if g is not None]
        self.gradient_norm.assign(ops.sqrt(sum(squares)))
        super().apply(grads, trainable_variables)


def build_optimizer(spec: Spec, model: keras.Model) -> ObservedAdam:
    """Return the optimizer of a spec, built for the model's trainable variables.

    Args:
        spec: its `training` has the learning rate, its schedule and `clip_value`.
        model: whose variables are trained.
    """
    optimizer = ObservedAdam(_learning_rate(spec), clipvalue=spec.training.clip_value)
    optimizer.build(model.trainable_variables)
    return optimizer


def _learning_rate(spec: Spec) -> Any:
    training = spec.training
    if training.schedule == "constant" and not training.warmup_steps:
        return training.learning_rate
    return WarmedSchedule(
        training.schedule,
        training.learning_rate,
        training.decay_steps or 1,  # a constant rate has none
        training.decay_rate,
        training.warmup_steps,
    )


class WarmedSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A linear rise to the peak, then constant, a cosine to 0, or a fall by `decay_rate` every `decay_steps`."""

    def __init__(self, schedule: str, peak: float, decay_steps: int, decay_rate: float, warmup_steps: int):
        self.schedule = schedule
        self.peak = peak
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.warmup_steps = warmup_steps

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of a step, counted from 0."""
        step = ops.cast(step, "float32")
        done = ops.maximum(step - self.warmup_steps, 0.0) / self.decay_steps
        factor = {
            "constant": lambda: 1.0,
            "cosine": lambda: 0.5 * (1.0 + ops.cos(math.pi * ops.minimum(done, 1.0))),
            "exponential": lambda: self.decay_rate**done,
        }[self.schedule]()
        warmth = ops.minimum((step + 1.0) / max(self.warmup_steps, 1), 1.0)
        return self.peak * warmth * factor

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return dict(vars(self))
