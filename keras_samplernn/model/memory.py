"""What a spec asks of a machine's memory, told before any of it is taken; and that it did not suffice."""

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

SMALLER_WINDOWS = "lower training.batch_size, training.seq_len or the tiers' dim"
ADAM_COPIES = 4  # the weights, their gradients and two moments


def check_training_memory(spec: Spec) -> None:
    """Raise UserError where this machine has too little memory to train a spec."""
    model, training = outline(spec), spec.training
    samples = training.batch_size * training.seq_len
    _check_weights(spec, ADAM_COPIES * weights_in(model))
    # What is prepared, and what a tier hands down, has a gradient.
    _check_prepared(spec, 2 * _numbers_prepared(model, samples))
    _check_windows(spec, training.batch_size, _numbers_read(model, samples) + 2 * _numbers_handed_down(model, samples))


def check_scoring_memory(spec: Spec, model: SampleRNN, windows: int) -> None:
    """Raise UserError where this machine has too little memory to score so many windows at once.

    Args:
        model: of the spec; an outline will do.
    """
    samples = windows * spec.training.seq_len
    _check_weights(spec, weights_in(model))
    _check_prepared(spec, _numbers_prepared(model, samples))
    _check_windows(spec, windows, _numbers_read(model, samples) + _numbers_handed_down(model, samples))


def check_generation_memory(spec: Spec, model: SampleRNN) -> None:
    """Raise UserError where this machine has too little memory for what generation makes of the weights.

    Args:
        model: of the spec; an outline will do.
    """
    _check_weights(spec, weights_in(model))
    _check_prepared(spec, _numbers_prepared(model, None))


@contextlib.contextmanager
def telling_exhaustion(place: object, what: str, remedy: str) -> Iterator[None]:
    """Tell that a device's memory did not suffice as the user's error: `place`, for `what`, and what to lower."""
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
    """Return how many numbers a model's weights are."""
    return sum(math.prod(variable.shape) for variable in model.weights)


def _numbers_prepared(model: SampleRNN, samples: int | None) -> int:
    return sum(map(math.prod, shapes_made_by(lambda: model.prepare(samples))))


def _numbers_read(model: SampleRNN, samples: int) -> int:
    """Return how many codes, and as many samples of the wave, tiers look at in so many samples."""
    return sum(2 * samples // tier.frame_size * tier.reads for tier in model.tiers)


def _numbers_handed_down(model: SampleRNN, samples: int) -> int:
    """Return how many numbers tiers hand down in so many samples; the lowest one's are the logits."""
    return sum(samples // tier.frame_size * tier.binding.ratio * tier.binding.output_dim for tier in model.tiers)


def _check_weights(spec: Spec, numbers: int) -> None:
    _check(spec, "the tiers have", numbers, "lower the tiers' dim")


def _check_prepared(spec: Spec, numbers: int) -> None:
    _check(
        spec, "the tiers' prepared weights and tables are", numbers, "lower the tiers' dim or window, or audio.q_levels"
    )


def _check_windows(spec: Spec, windows: int, numbers: int) -> None:
    what = f"{windows} windows of {spec.training.seq_len} samples make"
    _check(spec, what, numbers, SMALLER_WINDOWS)


def _check(spec: Spec, what: str, numbers: int, remedy: str) -> None:
    needed, there = FLOAT_BYTES * numbers, machine_bytes()
    if needed > there:
        raise UserError(
            f"{spec.name}: {what} {numbers:,} numbers, which take {needed / 1e9:,.1f} GB of memory at once, and this"
            f" machine has {there / 1e9:,.1f} GB; {remedy}"
        )
