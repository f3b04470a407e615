"""Whether narrower weights would make generation faster: products alone in many forms, and the whole loop in one.

One sound at width 1024 waits for weights: every product is of one row with a matrix, and reading the matrix takes
longer than multiplying. Half as many bytes, or a quarter, could be read in less time, but only if the product can use
them as they lie. That is measured twice, in turns with float32, everything compiled beforehand.

First, products alone: one row (1, 1024) times sixteen matrices of 1024 x 3072 in turn, 200 MB in float32 and still
50 MB in int8, in a `while` loop that XLA compiles, as it does generation's; each row is made of the product before.
The forms, each checked against float32's result:

- float32: the dot product that generation uses;
- bfloat16, cast: the weights cast to float32 in the loop, then the dot;
- bfloat16, dot: row and weights in bfloat16;
- int8, cast: codes cast to float32, the dot, then times a scale for every column;
- bfloat16, rows: no dot but a sum of rows of weights, each times a scalar, in blocks of eight, which XLA fuses;
- int8, rows: the same with codes, then times the scales;
- bfloat16, reduce: the transposed weights times the row, elementwise, summed along each line;
- bfloat16, TensorFlow: its own MatMul (oneDNN's on this kind of processor) in a `while` loop of the graph, without XLA.

Then the whole loop, as `generate` runs it: a model of width 1024 (frames 16/4, GRU), one sound, with float32 weights
and all cores against `--precision int8`, which holds every matrix that a single row meets (the recurrent ones, the
output ones and L3) in int8, in rows, and runs on one thread, since XLA would share each small sum out among threads.
Each is a process of its own; they take turns. What rounding costs in bits, `evaluate --precision int8` tells of a run.
"""

import contextlib
import dataclasses
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import tensorflow as tf
from measuring import Figure, interleave, main, ratios, seconds

from keras_samplernn import multiply, narrow
from keras_samplernn.model.narrow import BLOCK
from keras_samplernn.quiet import start_tensorflow

INPUTS, UNITS, MATRICES = 1024, 3072, 16
TURNS = 10
WIDTH = 1024  # of the model in the whole loop
ENOUGH = 1.4
# Above the rounding of bfloat16 and int8, far below the size of a wrong product.
TOLERANCE = 0.05


@dataclasses.dataclass(frozen=True)
class Form:
    """A way to hold a matrix and to multiply a row by it.

    Attributes:
        hold: turns a matrix `(INPUTS, UNITS)` float32 into what is read.
        multiply: takes a row `(1, INPUTS)` float32 and what is held; returns the product `(1, UNITS)` float32.
        xla: whether the loop is compiled by XLA.
    """

    hold: Callable
    multiply: Callable
    xla: bool = True


def _half(matrix):
    return tf.cast(matrix, tf.bfloat16)


def _hold_int8(matrix):
    scales = np.abs(matrix).max(axis=0) / 127
    return tf.constant(np.rint(matrix / scales).astype(np.int8)), tf.constant(scales)


def _multiply_int8(row, held):
    codes, scales = held
    return tf.matmul(row, tf.cast(codes, tf.float32)) * scales


def _multiply_in_half(row, weights):
    return tf.cast(tf.matmul(tf.cast(row, tf.bfloat16), weights), tf.float32)


def _sum_rows(row, blocks):
    """Sum rows of weights times scalars; `blocks` is `(inputs / BLOCK, BLOCK, units)`."""
    count, _, units = blocks.shape
    scalars = tf.reshape(row, (count, BLOCK))

    def block(number, total):
        weights, factors = tf.cast(blocks[number], tf.float32), scalars[number]
        terms = [factors[place] * weights[place] for place in range(BLOCK)]
        # By pairs: a chain of additions would wait for each one.
        while len(terms) > 1:
            terms = [one + other for one, other in zip(terms[::2], terms[1::2], strict=True)]
        return number + 1, total + terms[0]

    return tf.while_loop(lambda number, _: number < count, block, (0, tf.zeros(units)))[1][None]


def _reduce(row, transposed):
    return tf.reduce_sum(row * tf.cast(transposed, tf.float32), axis=1)[None]


DOT = "float32"
FORMS = {
    DOT: Form(tf.constant, tf.matmul),
    "bfloat16, cast": Form(_half, lambda row, weights: tf.matmul(row, tf.cast(weights, tf.float32))),
    "bfloat16, dot": Form(_half, _multiply_in_half),
    "int8, cast": Form(_hold_int8, _multiply_int8),
    "bfloat16, rows": Form(lambda matrix: _half(matrix.reshape(INPUTS // BLOCK, BLOCK, UNITS)), _sum_rows),
    "int8, rows": Form(lambda matrix: narrow(tf.constant(matrix)), multiply),
    "bfloat16, reduce": Form(lambda matrix: _half(matrix.T), _reduce),
    "bfloat16, TensorFlow": Form(_half, _multiply_in_half, xla=False),
}


def products_runner(form: Form, matrices: list[np.ndarray], row: tf.Tensor) -> Callable[[], float]:
    """Return a function that multiplies by all matrices, some turns long, and gives its seconds; compiled and warm.

    Raises:
        RuntimeError: the form's product is not float32's.
    """
    held = [form.hold(matrix) for matrix in matrices]
    expected = row.numpy() @ matrices[0]
    product = tf.function(form.multiply, jit_compile=form.xla)(row, held[0]).numpy()
    error = np.abs(product - expected).max() / np.abs(expected).max()
    if error > TOLERANCE:
        raise RuntimeError(f"a product is off by {error:.1%} of the largest")

    @tf.function(jit_compile=form.xla)
    def loop(row, held):
        def turn(number, row):
            for weights in held:
                product = form.multiply(row, weights)
                # All columns go on, so that none is optimised away, and the row stays about as large.
                parts = tf.reduce_sum(tf.reshape(product, (-1, INPUTS)), axis=0, keepdims=True)
                row = 0.999 * row + 0.001 * parts
            return number + 1, row

        return tf.while_loop(lambda number, _: number < TURNS, turn, (0, row))[1]

    def timed() -> float:
        return seconds(lambda: loop(row, held).numpy())

    timed()
    return timed


def start_loop(precision: str) -> None:
    """Build and compile, in a process of its own, the loop that `generate` runs under a precision."""
    global _loop
    start_tensorflow(threads=1 if precision == "int8" else None)
    from generation import build_model, loop_runner

    _loop = loop_runner(build_model(WIDTH), 1, precision)


def time_loop() -> float:
    """Return the loop's seconds per sample."""
    return _loop()


def measure(repeats: int) -> Iterator[Figure]:
    """Yield the figures: of the products alone, then of the whole loop."""
    yield from _products(repeats)
    yield from _whole_loop(repeats)


def _products(repeats: int) -> Iterator[Figure]:
    rng = np.random.default_rng(0)
    scale = np.float32(INPUTS**-0.5)
    matrices = [rng.standard_normal((INPUTS, UNITS), dtype=np.float32) * scale for _ in range(MATRICES)]
    row = tf.constant(rng.standard_normal((1, INPUTS), dtype=np.float32))
    runs = {name: products_runner(form, matrices, row) for name, form in FORMS.items()}
    # A round that does not count: some forms were seen to be slow once more, after all the others have compiled.
    interleave(runs, 1)
    values = interleave(runs, repeats)
    gigabytes = TURNS * sum(matrix.nbytes for matrix in matrices) / 1e9
    yield Figure(f"products alone, {DOT}", "weights read", "GB/s", [gigabytes / value for value in values[DOT]])
    for name in FORMS:
        if name != DOT:
            yield Figure(f"products alone, {name}", "speed over float32's", "", ratios(values[DOT], values[name]))


def _whole_loop(repeats: int) -> Iterator[Figure]:
    spawn = multiprocessing.get_context("spawn")
    with contextlib.ExitStack() as stack:
        pools = {
            precision: stack.enter_context(ProcessPoolExecutor(1, spawn, start_loop, (precision,)))
            for precision in ("float32", "int8")
        }
        runs = {precision: lambda pool=pool: pool.submit(time_loop).result() for precision, pool in pools.items()}
        interleave(runs, 1)  # they start and compile meanwhile
        values = interleave(runs, repeats)
    case = f"D {WIDTH}, 1 sound, --precision int8"
    yield Figure(case, "speed over float32's", "", ratios(values["float32"], values["int8"]), at_least=ENOUGH)
    yield Figure(case, "samples per second", "1/s", [1 / value for value in values["int8"]])


if __name__ == "__main__":
    main(measure, __doc__, repeats=5)
