"""How much memory a spec needs, checked before any is allocated; and the error if it was not enough."""

import contextlib
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import keras

from keras_samplernn.backend import exhaustion_errors, shapes_made_by
from keras_samplernn.errors import UserError
from keras_samplernn.machine import FLOAT_BYTES, machine_bytes
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.samplernn import SampleRNN
from keras_samplernn.spec import Spec

SMALLER_WINDOWS = "lower training.batch_size, training.seq_len or the tiers' dim, or set a small training.remat_samples"


def copies_in_training(spec: Spec) -> int:
    """Return how often training holds the weights: themselves, gradients, two moments of Adam, and their average."""
    return 5 if spec.training.ema_decay else 4


def check_training_memory(spec: Spec, lanes: int | None = None) -> None:
    """Raise UserError if this machine has too little memory to train a spec.

    Args:
        spec: validated.
        lanes: of a batch that are on this machine; None: all.
    """
    model, training = outline(spec), spec.training
    lanes = lanes or training.batch_size
    samples = lanes * training.seq_len
    _check_weights(spec, copies_in_training(spec) * weights_in(model))
    # Prepared forms, and what a tier passes down, have gradients too.
    _check_prepared(spec, 2 * _numbers_prepared(model, samples))
    held = lanes * training.held_samples
    numbers = _numbers_read(model, held) + 2 * _numbers_made(model, held)
    if training.remat_samples:  # the codes of all chunks, and the states before each of them
        chunks = samples // training.remat_samples
        numbers += chunks * (model.lookback + training.remat_samples + _numbers_carried(model))
    _check_windows(spec, f"{lanes} windows of {training.seq_len} samples", numbers, SMALLER_WINDOWS)


def check_scoring_memory(spec: Spec, model: SampleRNN, windows: int) -> None:
    """Raise UserError if this machine has too little memory to score this many windows at once.

    Args:
        spec: validated.
        model: the spec's model; an outline is enough.
        windows: number of windows side by side.
    """
    samples = windows * spec.training.held_samples
    _check_weights(spec, weights_in(model))
    _check_prepared(spec, _numbers_prepared(model, samples))
    numbers = _numbers_read(model, samples) + _numbers_made(model, samples)
    what = f"{windows} windows of {spec.training.held_samples} samples"
    _check_windows(spec, what, numbers, "evaluate on a larger one")


def check_generation_memory(spec: Spec, model: SampleRNN) -> None:
    """Raise UserError if this machine has too little memory for the weights in the form that generation uses.

    Args:
        spec: validated.
        model: the spec's model; an outline is enough.
    """
    _check_weights(spec, weights_in(model))
    _check_prepared(spec, _numbers_prepared(model, None))


def check_take_memory(spec: Spec, model: SampleRNN, rows: int, block_samples: int, remedy: str) -> None:
    """Raise UserError if this machine has too little memory to score takes, block by block.

    Args:
        spec: validated.
        model: the spec's model; an outline is enough.
        rows: number of rows that are scored side by side, of all takes and of all classes that they are scored under.
        block_samples: length of a block.
        remedy: what the user can do.
    """
    samples = rows * block_samples
    _check_prepared(spec, _numbers_prepared(model, samples))
    # The states before a block are kept while those after it are made.
    numbers = _numbers_read(model, samples) + _numbers_made(model, samples) + 2 * rows * _numbers_carried(model)
    _check_windows(spec, f"{rows:,} rows of takes, each scored in blocks of {block_samples} samples,", numbers, remedy)


@contextlib.contextmanager
def telling_exhaustion(place: object, what: str, remedy: str) -> Iterator[None]:
    """Turn the error of a device that has too little memory into a UserError.

    Args:
        place: start of the message.
        what: what there is too little memory for.
        remedy: what the user can do.
    """
    try:
        yield
    except exhaustion_errors() as error:
        raise UserError(f"{place}: the device has too little memory for {what}; {remedy}") from error


def outline(spec: Spec) -> SampleRNN:
    """Assemble a spec's model without values: its weights have shapes only and take no memory."""

    def without_values() -> SampleRNN:
        with keras.StatelessScope(initialize_variables=False):
            return assemble(spec)

    # Keras lists the variables without values, and gives them values when some later scope ends. It has a list for
    # each thread; this one ends with its thread.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(without_values).result()


def weights_in(model: SampleRNN) -> int:
    """Return the number of a model's parameters."""
    return sum(math.prod(variable.shape) for variable in model.weights)


def _numbers_prepared(model: SampleRNN, samples: int | None) -> int:
    return sum(map(math.prod, shapes_made_by(lambda: model.prepare(samples), model.variables)))


def _numbers_read(model: SampleRNN, samples: int) -> int:
    """Return how many numbers the tiers read in so many samples: codes, and as many samples of the wave."""
    return sum(2 * samples // tier.frame_size * tier.reads for tier in model.tiers)


def _numbers_made(model: SampleRNN, samples: int) -> int:
    """Return how many numbers the tiers pass down in so many samples, and how many the head makes of them."""
    passed = sum(samples // tier.frame_size * tier.binding.ratio * tier.binding.output_dim for tier in model.tiers)
    return passed + samples * model.head.numbers_per_sample


def _numbers_carried(model: SampleRNN) -> int:
    """Return how many numbers the states of a row are."""
    return sum(math.prod(shape) for tier in model.tiers for shape in tier.state_shapes)


def _check_weights(spec: Spec, numbers: int) -> None:
    _check(spec, "the tiers have", numbers, "lower the tiers' dim")


def _check_prepared(spec: Spec, numbers: int) -> None:
    _check(
        spec, "the tiers' prepared weights and tables are", numbers, "lower the tiers' dim or window, or audio.q_levels"
    )


def _check_windows(spec: Spec, windows: str, numbers: int, remedy: str) -> None:
    _check(spec, f"{windows} make", numbers, remedy)


def _check(spec: Spec, what: str, numbers: int, remedy: str) -> None:
    needed, there = FLOAT_BYTES * numbers, machine_bytes()
    if needed > there:
        raise UserError(
            f"{spec.name}: {what} {numbers:,} numbers, which take {needed / 1e9:,.1f} GB of memory at once, and this"
            f" machine or its container has {there / 1e9:,.1f} GB; {remedy}"
        )
