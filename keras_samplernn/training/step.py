"""One training step: a pure function of weights, optimizer variables, carried states and a batch.

It is written with `keras` alone, so that it runs on each of Keras' backends.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops

from keras_samplernn.backend import sum_of_squares, value_and_gradients
from keras_samplernn.model.samplernn import SampleRNN
from keras_samplernn.training.chunks import bits_in_chunks
from keras_samplernn.training.continuing import with_continuations


class Values(NamedTuple):
    """Everything that a step changes.

    Attributes:
        weights: the trainable weights.
        others: the other variables of the model: the states of its random generators.
        optimizer: the variables of the optimizer.
        states: the state of each tier after the previous window, float32, `(B, *shape)`.
    """

    weights: list[Any]
    others: list[Any]
    optimizer: list[Any]
    states: list[tuple]


class Sums(NamedTuple):
    """The sums of a step, scalars: tensors, or numbers once they are read.

    Attributes:
        bits: bits of all targets that exist.
        samples: number of these targets.
        gradient_norm: norm of all gradients together, before they are clipped.
    """

    bits: Any
    samples: Any
    gradient_norm: Any

    def read(self) -> "Sums":
        """Wait until the step is done; return its sums as numbers."""
        return Sums(*(ops.convert_to_numpy(each).item() for each in self))


class Step:
    """A step of truncated backpropagation through time (paper, section 2.2.1).

    Gradients flow through one window. The state after it is the next window's first state, as a constant; a row whose
    `reset` is not 0 starts from the initial state. The loss is the mean over the targets of the batch that exist; where
    replicas share a batch, over those of all of them, so that its gradients are what one replica would have.

    Args:
        model: built.
        optimizer: built for the model's trainable variables.
        remat_samples: targets of a window for which activations are held at a time; see `bits_in_chunks`. None: they
            are held for the whole window.
        total: returns the sums of tensors over all replicas; None: there is one.

    Example:
        >>> step = Step(model, optimizer)
        >>> values, sums = step(values, batch)
    """

    def __init__(
        self,
        model: SampleRNN,
        optimizer: keras.optimizers.Optimizer,
        remat_samples: int | None = None,
        total: Callable[[Any], Any] | None = None,
    ):
        self.model, self.optimizer, self.remat_samples = model, optimizer, remat_samples
        self.total = total or (lambda tensors: tensors)

    def __call__(self, values: Values, batch: dict[str, Any]) -> tuple[Values, Sums]:
        """Take a step with the stateless form of the optimizer.

        Keras does not have that form on TensorFlow: there, `Trainer` applies the gradients to variables.

        Args:
            values: before the step.
            batch: `codes` `(B, lookback + T)`; `reset` `(B,)`; `valid` `(B,)`, the number of targets of a row that
                exist; `heard` `(B, lookback + T)` if the model shall hear other codes than those it predicts;
                `own_starts` `(B, N)` and `own_uniforms` `(B, N, k, parts)`, float32, if it shall hear continuations of
                its own (see `Continuations.at`); and `conditions` `(B, T)` if the model is conditional. All others are
                int32.

        Returns:
            The values after the step, and its sums.
        """
        gradients, after, sums = self.gradients(values, batch)
        weights, optimizer = self.optimizer.stateless_apply(values.optimizer, gradients, values.weights)
        return after._replace(weights=weights, optimizer=optimizer), sums

    def gradients(self, values: Values, batch: dict[str, Any]) -> tuple[list[Any], Values, Sums]:
        """Return the gradients of a batch's loss, the values with new states and others, and the sums.

        Gradients and sums are of all replicas, states of this one.
        """
        variables = [*self.model.trainable_variables, *self.model.non_trainable_variables]
        heard = batch.get("heard", batch["codes"])
        if "own_starts" in batch:
            # Before the tape: no gradient flows through what was drawn.
            with keras.StatelessScope(zip(variables, [*values.weights, *values.others], strict=True)):
                heard = with_continuations(self.model, batch, values.states)
        samples = self.total(ops.sum(batch["valid"]))

        def loss(weights: list[Any]) -> tuple[Any, tuple]:
            # Not `stateless_call`: it passes by what calling a model sets for its layers, `training` and precision.
            with keras.StatelessScope(zip(variables, [*weights, *values.others], strict=True)) as scope:
                targets = batch["codes"][:, self.model.lookback :]
                bits, states = self._bits({**batch, "codes": heard}, targets, values.states)
            others = [scope.get_current_value(variable) for variable in self.model.non_trainable_variables]
            exists = ops.cast(ops.arange(targets.shape[1], dtype="int32") < batch["valid"][:, None], "float32")
            bits = ops.sum(bits * exists)
            states = keras.tree.map_structure(lambda state: ops.cast(state, "float32"), states)
            return bits / ops.maximum(ops.cast(samples, "float32"), 1.0), (bits, others, states)

        (_, (bits, others, states)), gradients = value_and_gradients(loss, values.weights)
        # One reduction for all.
        *gradients, bits = self.total([*gradients, bits])
        norm = ops.sqrt(sum(sum_of_squares(gradient) for gradient in gradients))
        return gradients, values._replace(others=others, states=states), Sums(bits, samples, norm)

    def _bits(self, heard: dict[str, Any], targets: Any, states: list[tuple]) -> tuple[Any, list[tuple]]:
        """Return the bits of targets `(B, T)`, and the states after them."""
        if self.remat_samples is not None:
            return bits_in_chunks(self.model, heard, targets, states, self.remat_samples)
        outputs, states = self.model(heard, states=states, training=True)
        return self.model.head.bits(outputs, targets), states
