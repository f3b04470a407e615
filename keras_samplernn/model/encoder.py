"""The encoder of conditions: what every tier adds to its input, whatever kinds of streams there are."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
from keras import ops

from keras_samplernn.backend import look_up
from keras_samplernn.conditions.layout import Conditions, class_columns, number_columns
from keras_samplernn.conditions.streams import Stream
from keras_samplernn.model.linear import Linear, affine, value_of


class PreparedEncoder(NamedTuple):
    """The matrices of an encoder.

    Attributes:
        vectors: of each column of classes, `(count, width)`.
        numbers: of all numbers, `(columns, width)`; None without numbers.
        hidden_bias: `(width,)`; None without a hidden layer.
        output: the Linear after the hidden layer; None without one.
    """

    vectors: list[Any]
    numbers: Any
    hidden_bias: Any = None
    output: tuple[Any, Any] | None = None


class ConditionEncoder(keras.layers.Layer):
    """Maps the conditions of a step's targets to `(B, [S,] units)`, or to 0 if it has no streams.

    Each column of classes has a vector for every class, each group of numbers a Linear without bias. The result is
    the sum of their means over the step's targets that exist. `none`, and what is past the end of the sound, add
    nothing to the sum. A cross-fade is the mean of two classes by their weights.

    With a hidden layer the sum passes through a ReLU and a Linear. Then what one stream means can depend on another:
    without it, "in the middle" adds the same vector to every class.

    Args:
        streams: the condition streams of the model.
        units: width of the output.
        weight_norm: whether the vectors, side by side, are weight-normalised.
        initializer: initial values of the vectors.
        hidden: width of the hidden layer; 0: there is none.

    Example:
        >>> x = x + self.conditions(inputs.conditions, prepared["conditions"])
    """

    def __init__(
        self,
        streams: Sequence[Stream],
        units: int,
        weight_norm: bool = True,
        initializer: Any = "he_uniform",
        hidden: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        hidden = hidden if streams else 0
        width = hidden or units
        self._columns = class_columns(streams)
        self._groups = number_columns(streams)
        options = {"use_bias": False, "weight_norm": weight_norm, "dtype": self.dtype_policy}
        self.vectors = [Linear(width, initializer=initializer, name=column.name, **options) for column in self._columns]
        self.linears = [Linear(width, initializer=initializer, name=group.name, **options) for group in self._groups]
        self._hidden = hidden
        self.output_linear = None
        if hidden:
            self.output_linear = Linear(
                units, use_bias=False, weight_norm=weight_norm, name="output", dtype=self.dtype_policy
            )

    def build(self) -> None:
        """Create the weights."""
        for linear, column in zip(self.vectors, self._columns, strict=True):
            linear.build((column.count,))
        for linear, group in zip(self.linears, self._groups, strict=True):
            linear.build((group.width,))
        self.hidden_bias = None
        if self.output_linear is not None:
            self.output_linear.build((self._hidden,))
            self.hidden_bias = self.add_weight(shape=(self._hidden,), name="hidden_bias", initializer="zeros")

    @property
    def rows(self) -> int:
        """Number of rows of the matrices that `multiplied` multiplies."""
        if self._hidden:
            return self._hidden
        return sum(column.count for column in self._columns) + sum(group.width for group in self._groups)

    def prepare(self) -> PreparedEncoder:
        """Return every matrix, weight norm applied."""
        matrices = [linear.matrix() for linear in self.linears]
        vectors, numbers = [linear.matrix() for linear in self.vectors], None
        if matrices:
            numbers = ops.concatenate(matrices)
        if self.output_linear is None:
            return PreparedEncoder(vectors, numbers)
        return PreparedEncoder(
            vectors, numbers, value_of(self.hidden_bias, self.compute_dtype), self.output_linear.prepare()
        )

    @staticmethod
    def multiplied(prepared: PreparedEncoder, kernel: Any) -> PreparedEncoder:
        """Return the prepared form whose results are multiplied by a matrix `(units, width)`."""
        if prepared.output is not None:
            return prepared._replace(output=(ops.matmul(prepared.output[0], kernel), None))
        numbers = None if prepared.numbers is None else ops.matmul(prepared.numbers, kernel)
        return PreparedEncoder([ops.matmul(each, kernel) for each in prepared.vectors], numbers)

    def call(self, conditions: Conditions | None, prepared: PreparedEncoder | None = None) -> Any:
        """Return what the conditions add.

        Args:
            conditions: of one step's targets, `(B, F)`, or of several steps', `(B, S, F)`; None without streams.
            prepared: what `prepare` returned; None: the present weights.
        """
        if conditions is None:
            return 0.0
        vectors, numbers, hidden_bias, output = self.prepare() if prepared is None else prepared
        one_target = conditions.exists.shape[-1] == 1
        count = None if one_target else ops.maximum(ops.sum(conditions.exists, axis=-1, keepdims=True), 1)
        parts = []
        for number, (column, matrix) in enumerate(zip(self._columns, vectors, strict=True)):
            shares = _shares_of_one if one_target else _shares
            parts.append(shares(conditions, number, column, matrix, count))
        if numbers is not None:
            values = conditions.numbers[..., 0, :] if one_target else ops.sum(conditions.numbers, axis=-2) / count
            parts.append(affine(ops.cast(values, numbers.dtype), (numbers, None)))
        encoded = sum(parts[1:], parts[0])
        return encoded if output is None else affine(ops.relu(encoded + hidden_bias), output)


def _shares_of_one(conditions: Conditions, number: int, column: Any, matrix: Any, _: Any) -> Any:
    """Look up the vector of a single target."""
    found = _look_up(matrix, conditions.classes[..., 0, number])
    if column.fades is None or conditions.targets is None:
        return found
    weight = ops.cast(conditions.weights[..., 0, column.fades, None], matrix.dtype)
    return found * (1 - weight) + _look_up(matrix, conditions.targets[..., 0, column.fades]) * weight


def _look_up(matrix: Any, classes: Any) -> Any:
    found = look_up(matrix, ops.maximum(classes, 0))
    return found * ops.cast(classes >= 0, matrix.dtype)[..., None]


def _shares(conditions: Conditions, number: int, column: Any, matrix: Any, count: Any) -> Any:
    """Multiply the share of each class among the targets by its vector."""
    hot = ops.one_hot(conditions.classes[..., number], column.count, dtype=matrix.dtype)
    if column.fades is not None and conditions.targets is not None:
        weight = ops.cast(conditions.weights[..., column.fades, None], matrix.dtype)
        others = ops.one_hot(conditions.targets[..., column.fades], column.count, dtype=matrix.dtype)
        hot = hot * (1 - weight) + others * weight
    return affine(ops.sum(hot, axis=-2) / ops.cast(count, matrix.dtype), (matrix, None))
