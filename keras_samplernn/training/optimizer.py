"""Adam as SampleRNN uses it: gradients clipped by value, their norm remembered, a schedule of the learning rate."""

import math
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from keras_samplernn.spec import Spec


class ObservedAdam(keras.optimizers.Adam):
    """Adam that clips gradients by value and keeps their global norm from before.

    A step is TensorFlow's own operation for it, one pass over memory: Keras' takes a dozen.

    Args:
        learning_rate: a number or a schedule.
        clip_value: the most that an element of a gradient may be, either way; None: as much as it is.
    """

    def __init__(self, learning_rate: Any, clip_value: float | None):
        super().__init__(learning_rate)
        self.clip_value = clip_value

    def build(self, variables: list) -> None:
        """Create the moments, and the norm."""
        super().build(variables)
        self.gradient_norm = self.add_variable((), name="gradient_norm")

    def apply(self, grads: list, trainable_variables: list | None = None) -> None:
        """Note the gradient norm and take a step."""
        halves = [tf.nn.l2_loss(tf.cast(each, "float32")) for each in grads if each is not None]
        self.gradient_norm.assign(tf.sqrt(2.0 * tf.add_n(halves)))
        super().apply(grads, trainable_variables)

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        """Take a variable's step (Kingma and Ba 2015, algorithm 1, in the efficient form of its section 2)."""
        step, gradient = tf.cast(self.iterations + 1, variable.dtype), tf.cast(gradient, variable.dtype)
        if self.clip_value is not None:
            gradient = tf.raw_ops.ClipByValue(
                t=gradient, clip_value_min=-self.clip_value, clip_value_max=self.clip_value
            )
        number = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[number].value.handle,
            v=self._velocities[number].value.handle,
            beta1_power=tf.pow(tf.cast(self.beta_1, variable.dtype), step),
            beta2_power=tf.pow(tf.cast(self.beta_2, variable.dtype), step),
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )


def build_optimizer(spec: Spec, model: keras.Model) -> ObservedAdam:
    """Return the optimizer of a spec, built for the model's trainable variables.

    Args:
        spec: its `training` has the learning rate, its schedule and `clip_value`.
        model: whose variables are trained.
    """
    optimizer = ObservedAdam(_learning_rate(spec), spec.training.clip_value)
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
