"""The Linear of SampleRNN: a matrix and a bias, with optional weight normalisation."""

from typing import Any

import keras
from keras import ops

from keras_samplernn.backend import cpu_alone
from keras_samplernn.model.narrow import multiply


class Linear(keras.layers.Layer):
    """Linear map `(..., inputs) -> (..., units)`.

    With `weight_norm` the matrix is `g * V / ||V||` per output column, `g` starting at `||V||` (Salimans and Kingma
    2016; used for every Linear of SampleRNN).

    Args:
        units: width of the output.
        use_bias: whether a bias is added, which starts at 0.
        weight_norm: whether the matrix is weight-normalised.
        initializer: initial values of the matrix; by default He-uniform, U(±sqrt(6 / fan_in)).
    """

    def __init__(
        self,
        units: int,
        use_bias: bool = True,
        weight_norm: bool = True,
        initializer: Any = "he_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units = units
        self.use_bias = use_bias
        self.weight_norm = weight_norm
        self.initializer = initializer

    def build(self, input_shape: tuple) -> None:
        """Create the matrix for inputs of width `input_shape[-1]`, and the bias."""
        # Norms need full precision even if products run in half precision.
        self.direction = self.add_weight(
            shape=(input_shape[-1], self.units),
            initializer=self.initializer,
            name="direction",
            autocast=False,
        )
        self.bias = self.add_weight(shape=(self.units,), name="bias", initializer="zeros") if self.use_bias else None
        self.scale = None
        if self.weight_norm:
            self.scale = self.add_weight(
                shape=(self.units,),
                initializer=lambda shape, dtype: ops.cast(ops.norm(self.direction, axis=0), dtype),
                name="scale",
                autocast=False,
            )

    def matrix(self) -> Any:
        """Return the matrix that is applied, `(inputs, units)`, weight norm included."""
        matrix = value_of(self.direction)
        if self.weight_norm:
            matrix = _normalise(matrix, value_of(self.scale))
        return ops.cast(matrix, self.compute_dtype)

    def prepare(self) -> tuple[Any, Any]:
        """Return the matrix and the bias, or None without a bias, for `affine`."""
        return self.matrix(), None if self.bias is None else value_of(self.bias, self.compute_dtype)

    def call(self, inputs: Any) -> Any:
        """Map `(..., inputs)` to `(..., units)`."""
        return affine(inputs, self.prepare())


def value_of(variable: Any, dtype: Any = "float32") -> Any:
    """Return the value of a variable as a tensor, cast, also where Keras casts nothing.

    A custom gradient cannot take the variable itself.

    Args:
        variable: a weight, as `add_weight` returned it.
        dtype: of the tensor; a `prepare` gives `self.compute_dtype`.
    """
    return ops.cast(ops.copy(variable), dtype)


def affine(inputs: Any, prepared: tuple[Any, Any]) -> Any:
    """Apply a prepared Linear: `(..., inputs)` to `(..., units)`.

    Args:
        inputs: float, of the dtype of the Linear.
        prepared: its matrix and its bias, as `Linear.prepare` returned them, or `Tier.prepare` by its name.
    """
    matrix, bias = prepared
    outputs = multiply(inputs, matrix)
    return outputs if bias is None else _add_bias(outputs, bias)


def sum_rows(rows: Any) -> Any:
    """Sum over all axes but the last, `(..., units)` to `(units,)`.

    On a CPU it is a product with ones, which is three to four times as fast as TensorFlow's sum over rows. On a GPU it
    is a sum in float32, since products there may round their inputs to ten bits (TF32).
    """
    rows = ops.reshape(rows, (-1, rows.shape[-1]))
    if not cpu_alone():
        return ops.cast(ops.sum(ops.cast(rows, "float32"), axis=0), rows.dtype)
    return ops.squeeze(ops.matmul(ops.ones((1, ops.shape(rows)[0]), rows.dtype), rows), axis=0)


@ops.custom_gradient
def _add_bias(outputs: Any, bias: Any) -> Any:
    """Add `(units,)` to `(..., units)`; `sum_rows` computes the gradient of the bias."""
    return outputs + bias, lambda upstream: (upstream, sum_rows(upstream))


@ops.custom_gradient
def _normalise(direction: Any, scale: Any) -> Any:
    """Return g V / ||V||, with a norm for each column of V `(inputs, units)`, in few passes over memory."""
    norm = ops.sqrt(sum_rows(ops.square(direction)))
    factor = scale / norm

    def gradient(upstream: Any) -> tuple:
        to_scale = sum_rows(upstream * direction) / norm
        return upstream * factor - direction * (to_scale * factor / norm), to_scale

    return direction * factor, gradient


def compose(first: tuple[Any, Any], second: tuple[Any, Any]) -> tuple[Any, Any]:
    """Return the prepared Linear that is equal to two Linears, one after the other."""
    matrix, bias = first
    return ops.matmul(matrix, second[0]), second[1] if bias is None else affine(bias[None], second)[0]
