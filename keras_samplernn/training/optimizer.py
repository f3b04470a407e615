"""Adam as SampleRNN uses it: gradients clipped by value, a schedule of the learning rate, and weight decay."""

import math
from typing import Any

import keras
from keras import ops

from keras_samplernn.backend import float32_by_default
from keras_samplernn.model.encoder import ConditionEncoder
from keras_samplernn.spec import Spec

# As in the original program; Keras' default is 1e-7.
EPSILON = 1e-8


def build_optimizer(spec: Spec, model: keras.Model) -> keras.optimizers.Adam:
    """Return the optimizer of a spec, built for the model's trainable variables.

    With `weight_decay` it is AdamW (Loshchilov and Hutter 2019): each step takes learning rate x decay of a weight from
    it, apart from the gradient and its moments. Matrices decay; biases, scales of weight norm, learned initial states,
    embeddings and the vectors of conditions do not. The decay of a weight-normalised matrix does not change what its
    Linear computes, since the norm is divided out: it keeps the norm from growing, and so the steps of its direction
    from shrinking (van Laarhoven 2017).

    Args:
        spec: its `training` has the learning rate, its schedule, `clip_value` and `weight_decay`.
        model: its trainable variables are trained.
    """
    training = spec.training
    with float32_by_default():  # Keras gives the learning rate its default dtype
        optimizer = keras.optimizers.Adam(
            learning_rate_of(spec),
            epsilon=EPSILON,
            clipvalue=training.clip_value,
            weight_decay=training.weight_decay or None,
        )
        optimizer.exclude_from_weight_decay(_keep_whole(model))
        optimizer.build(model.trainable_variables)
    return optimizer


def _keep_whole(model: keras.Model) -> list[keras.Variable]:
    """Return the trainable variables that weight decay does not apply to; it applies to matrices.

    What has one axis does not decay: biases, scales of weight norm, learned initial states. Nor do embeddings of codes
    and the encoders of conditions: a step sees few of their rows, and would let the others shrink, those of rare
    classes most.
    """
    encoders = [layer for layer in model._flatten_layers() if isinstance(layer, ConditionEncoder)]
    of_conditions = {id(each) for encoder in encoders for each in encoder.trainable_variables}
    return [
        each
        for each in model.trainable_variables
        if len(each.shape) < 2 or "embedding" in each.name or id(each) in of_conditions
    ]


def apply_in_place(optimizer: keras.optimizers.Adam, gradients: list[Any], variables: list[keras.Variable]) -> None:
    """Do what `optimizer.apply` does, on TensorFlow, in one pass over memory for each variable; Keras takes a dozen.

    The step is that of Kingma and Ba 2015, algorithm 1, in the efficient form of its section 2, after the weights
    have decayed.

    Args:
        optimizer: built for `variables`.
        gradients: float32, one for each variable, not clipped.
        variables: the trainable variables of the model.
    """
    import tensorflow as tf

    step, clip = tf.cast(optimizer.iterations + 1, "float32"), None
    if optimizer.clipvalue is not None:
        clip = {"clip_value_min": tf.constant(-optimizer.clipvalue), "clip_value_max": tf.constant(optimizer.clipvalue)}
    numbers = {
        "beta1_power": tf.pow(optimizer.beta_1, step),
        "beta2_power": tf.pow(optimizer.beta_2, step),
        "lr": tf.cast(optimizer.learning_rate, "float32"),
        "beta1": tf.constant(optimizer.beta_1),
        "beta2": tf.constant(optimizer.beta_2),
        "epsilon": tf.constant(optimizer.epsilon),
    }
    moments = optimizer.variables[-2 * len(variables) :]
    for gradient, variable, first, second in zip(gradients, variables, moments[::2], moments[1::2], strict=True):
        if clip is not None:
            gradient = tf.raw_ops.ClipByValue(t=gradient, **clip)
        if optimizer.weight_decay is not None and optimizer._use_weight_decay(variable):
            decay = variable * (optimizer.weight_decay * numbers["lr"])
            tf.raw_ops.AssignSubVariableOp(resource=variable.value.handle, value=decay)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.value.handle,
            m=first.value.handle,
            v=second.value.handle,
            grad=gradient,
            **numbers,
        )
    optimizer.iterations.assign_add(1)


def learning_rate_of(spec: Spec) -> "float | WarmedSchedule":
    """Return the learning rate of a spec: a number, or a function of the steps done."""
    training = spec.training
    if training.schedule == "constant" and not training.warmup_steps:
        return training.learning_rate
    return WarmedSchedule(
        training.schedule,
        training.learning_rate,
        training.decay_steps or 1,  # None if the schedule is constant, which does not use it
        training.decay_rate,
        training.warmup_steps,
    )


def describe_warmup(spec: Spec, done: int, steps: int) -> str:
    """Return a line on a warm-up that takes half of a run or more; empty where it is shorter, or over.

    Args:
        spec: of the run.
        done: its steps so far.
        steps: those of the whole run.
    """
    training = spec.training
    warmup = training.warmup_steps
    if 2 * warmup < steps or done >= min(warmup, steps):
        return ""
    if warmup < steps:
        reached = f"{training.learning_rate:g} for its last {steps - warmup:,} steps alone"
    else:
        reached = f"{training.learning_rate * steps / warmup:.2g} at most, not {training.learning_rate:g}"
    return (
        f"the learning rate of this run of {steps:,} steps is {reached}, since training.warmup_steps = {warmup:,}; for"
        f" a run as short, set training.warmup_steps to {max(steps // 20, 1):,}"
    )


class WarmedSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A linear warm-up to `peak`, then constant, a cosine to 0, or a fall by `decay_rate` every `decay_steps`."""

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
