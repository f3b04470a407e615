"""What TensorFlow and JAX do differently: compiled functions, shapes, memory, gradients, loops over time, look-ups.

TensorFlow unless Keras runs on JAX. All else in tiers, model and loop is `keras.ops`.
"""

import contextlib
import functools
import operator
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import keras
from keras import ops

# Whether a function for XLA is being traced: XLA does not have all operations of TensorFlow.
_compiling: ContextVar[bool] = ContextVar("compiling", default=False)


def compiling() -> bool:
    """Return whether a function for XLA is being traced on TensorFlow."""
    return _compiling.get()


def compiled(function: Callable) -> Callable:
    """Compile a function of tensors with XLA."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    import tensorflow

    def trace(*args: Any) -> Any:
        token = _compiling.set(True)
        try:
            return function(*args)
        finally:
            _compiling.reset(token)

    return tensorflow.function(trace, jit_compile=True, autograph=False)


def compiled_once(function: Callable) -> Callable:
    """Compile a function with XLA for arguments with the structure, shapes and types of its first call.

    A call takes less time than with `compiled`, which looks at every tensor to find the right compiled function.
    """
    general, chosen = compiled(function), []
    if keras.backend.backend() == "jax":
        return general

    def call(*args: Any) -> Any:
        if not chosen:
            chosen.append(general.get_concrete_function(*args))
        return chosen[0](*args)

    return call


def gradients(total: Callable[[], Any], variables: Sequence[keras.Variable], graph: bool = False) -> list[Any]:
    """Return the gradients of a scalar for variables; zeros for a variable that the scalar does not depend on.

    Args:
        total: a function without arguments, of the values of the variables.
        variables: float variables.
        graph: whether it runs in a graph, as training does.
    """

    def total_of(values: list) -> tuple[Any, None]:
        with keras.StatelessScope(zip(variables, values, strict=True)):
            return total(), None

    def derived(*values: Any) -> list[Any]:
        return value_and_gradients(total_of, list(values))[1]

    return (traced(derived) if graph else derived)(*[ops.copy(variable) for variable in variables])


def shapes_made_by(function: Callable[[], Any], variables: list[keras.Variable]) -> list[tuple[int, ...]]:
    """Return the shapes of the tensors that a function of no arguments returns, without computing them.

    Args:
        function: what makes the tensors.
        variables: the variables that it may read; they need no values.
    """

    def without_values(*values: Any) -> list[Any]:
        with keras.StatelessScope(zip(variables, values, strict=True)):
            return [tensor for tensor in keras.tree.flatten(function()) if tensor is not None]

    if keras.backend.backend() == "jax":
        import jax

        values = [jax.ShapeDtypeStruct(variable.shape, variable.dtype) for variable in variables]
        return [tensor.shape for tensor in jax.eval_shape(without_values, *values)]
    import tensorflow

    values = [tensorflow.TensorSpec(variable.shape, variable.dtype) for variable in variables]
    traced = tensorflow.function(without_values, autograph=False).get_concrete_function(*values)
    return [tuple(tensor.shape) for tensor in traced.structured_outputs]


def cpu_alone() -> bool:
    """Return whether the CPU is the only device that the backend uses."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.default_backend() == "cpu"
    import tensorflow

    return all(device.device_type == "CPU" for device in tensorflow.config.get_visible_devices())


def exhaustion_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions that are raised if a device has too little memory."""
    if keras.backend.backend() == "jax":
        return (MemoryError,)
    import tensorflow

    return tensorflow.errors.ResourceExhaustedError, MemoryError


def scan_steps(
    function: Callable[[Any, Any], tuple[Any, Any]], rows: Any, state: Any, reverse: bool = False
) -> tuple[Any, Any]:
    """Apply `function(row, state) -> (outputs, state)` to each row along the first axis.

    Differentiable, compiled or not. (`keras.ops.scan` cannot be trained under TensorFlow's compiler, and its outputs
    must have the shape of the state.)

    Args:
        function: takes a row and the state, returns outputs of any structure and the next state, of the same shapes.
        rows: any structure of tensors `(S, ...)`, S known and at least 1.
        state: any structure of tensors.
        reverse: whether the last row comes first. Outputs have the positions of their rows.

    Returns:
        The outputs, each `(S, ...)`, and the last state.
    """
    if keras.backend.backend() == "jax":
        import jax

        state, outputs = jax.lax.scan(lambda state, row: function(row, state)[::-1], state, rows, reverse=reverse)
        return outputs, state
    return _scan_tensorflow(function, rows, state, reverse)


def _scan_tensorflow(function: Callable, rows: Any, state: Any, reverse: bool) -> tuple[Any, Any]:
    import tensorflow as tf

    tree = keras.tree
    steps = tree.flatten(rows)[0].shape[0]
    order = range(steps - 1, -1, -1) if reverse else range(steps)
    row_arrays = [
        tf.TensorArray(x.dtype, steps, element_shape=x.shape[1:], clear_after_read=False).unstack(x)
        for x in tree.flatten(rows)
    ]

    def step(number: Any, state: Any) -> tuple[Any, Any]:
        return function(tree.pack_sequence_as(rows, [array.read(number) for array in row_arrays]), state)

    def body(done: Any, state: Any, arrays: list) -> tuple[Any, Any, list]:
        number = order[0] + done * order.step
        outputs, state = step(number, state)
        return done + 1, state, [array.write(number, x) for array, x in zip(arrays, tree.flatten(outputs), strict=True)]

    # The first step, outside the loop, gives the structure and types of the outputs.
    outputs, state = step(order[0], state)
    arrays = [tf.TensorArray(x.dtype, steps, element_shape=x.shape).write(order[0], x) for x in tree.flatten(outputs)]
    if steps > 1:  # XLA fails on a loop of no iterations
        _, state, arrays = tf.while_loop(
            lambda done, *_: done < steps, body, (1, state, arrays), parallel_iterations=1, maximum_iterations=steps - 1
        )
    return tree.pack_sequence_as(outputs, [array.stack() for array in arrays]), state


def sum_lookups(tables: Any, codes: Any) -> Any:
    """Look up each column of codes in its table and add up the results: `(R, Q, D)` at `(N, R)` int32 to `(N, D)`.

    Differentiable. The gradients of all codes that read a row are added up in float32: in bfloat16 a sum stops to grow
    at 256 times its terms, and the threads of a GPU that add to one row wait for each other. On TensorFlow, outside its
    compiler, one pass over memory in each direction.
    """
    if keras.backend.backend() == "tensorflow" and not compiling():
        return _sum_lookups_in_graph(tables, codes)
    columns = zip(ops.unstack(ops.cast(tables, "float32")), ops.unstack(codes, axis=-1), strict=True)
    found = (ops.cast(ops.take(table, column, axis=0), tables.dtype) for table, column in columns)
    return functools.reduce(operator.add, found)


def look_up(table: Any, codes: Any) -> Any:
    """Return the row of a table for each code, `(Q, D)` at `(...)` int32 to `(..., D)`; see `sum_lookups`."""
    found = sum_lookups(table[None], ops.reshape(codes, (-1, 1)))
    return ops.reshape(found, (*ops.shape(codes), table.shape[-1]))


@ops.custom_gradient
def _sum_lookups_in_graph(tables: Any, codes: Any) -> Any:
    import tensorflow as tf

    columns, q_levels, dim = tables.shape
    rows = tf.reshape(codes + tf.range(columns) * q_levels, (-1,))
    sums = tf.repeat(tf.range(tf.shape(codes)[0]), columns)

    def gradient(upstream: Any) -> tuple:
        to_rows = tf.raw_ops.SparseSegmentSumGrad(
            grad=tf.cast(upstream, tf.float32), indices=rows, segment_ids=sums, output_dim0=columns * q_levels
        )
        return tf.cast(tf.reshape(to_rows, tables.shape), tables.dtype), None

    found = tf.raw_ops.SparseSegmentSum(data=tf.reshape(tables, (-1, dim)), indices=rows, segment_ids=sums)
    return tf.ensure_shape(found, (codes.shape[0], dim)), gradient


@contextlib.contextmanager
def float32_by_default() -> Iterator[None]:
    """Make float32 Keras' default dtype within the block, whatever the user's keras.json says."""
    before = keras.config.floatx()
    keras.config.set_floatx("float32")
    try:
        yield
    finally:
        keras.config.set_floatx(before)


def traced(function: Callable) -> Callable:
    """Compile a function of tensors to TensorFlow's graph, without XLA, for training (docs/decisions/007); or JAX's."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    import tensorflow

    return tensorflow.function(function, autograph=False, jit_compile=False)


def value_and_gradients(function: Callable[[list], tuple[Any, Any]], tensors: list) -> tuple[tuple[Any, Any], list]:
    """Return the result of `function(tensors) -> (value, others)`, and the gradient of the value for each tensor.

    If the value does not depend on a tensor, its gradient is 0.
    """
    if keras.backend.backend() == "jax":
        import jax

        return jax.value_and_grad(function, has_aux=True)(tensors)
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(tensors)
        value, others = function(tensors)
    gradients = tape.gradient(value, tensors, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return (value, others), [tf.convert_to_tensor(gradient) for gradient in gradients]


def sum_of_squares(tensor: Any) -> Any:
    """Return the float32 sum of the squares of all elements; on TensorFlow in one pass over memory."""
    tensor = ops.cast(tensor, "float32")
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        return 2.0 * tensorflow.nn.l2_loss(tensor)
    return ops.sum(ops.square(tensor))
