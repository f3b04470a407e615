"""What a spec asks of a machine's memory, told before any of it is taken; and that it did not suffice."""

import contextlib
import math
import os
from collections.abc import Iterator, Mapping

import keras

from keras_samplernn.backend import exhaustion_errors
from keras_samplernn.errors import UserError
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.samplernn import SampleRNN
from keras_samplernn.model.tier import Tier
from keras_samplernn.spec import Spec

_FLOAT_BYTES = 4
_ADAM_COPIES = 4  # the weights, their gradients and two moments


def check_training_memory(spec: Spec, tier_types: Mapping[str, type[Tier]]) -> None:
    """Raise UserError where this machine has too little memory to train a spec, however cleverly it is done."""
    # What a tier hands down has a gradient.
    _check(spec, outline(spec, tier_types), _ADAM_COPIES, spec.training.batch_size, 2)


def check_scoring_memory(spec: Spec, model: SampleRNN, windows: int) -> None:
    """Raise UserError where this machine has too little memory to score so many windows at once.

    Args:
        model: of the spec; an outline will do.
    """
    _check(spec, model, 1, windows, 1)


@contextlib.contextmanager
def telling_exhaustion(place: object, what: str, remedy: str) -> Iterator[None]:
    """Tell that a device's memory did not suffice as the user's error: `place`, for `what`, and what to lower."""
    try:
        yield
    except exhaustion_errors() as error:
        raise UserError(f"{place}: the device has too little memory for {what}; {remedy}") from error


def outline(spec: Spec, tier_types: Mapping[str, type[Tier]]) -> SampleRNN:
    """Assemble a spec's model without values: its weights have shapes only and take no memory."""
    with keras.StatelessScope(initialize_variables=False):
        return assemble(spec, tier_types)


def weights_in(model: SampleRNN) -> int:
    """Return how many numbers a model's weights are."""
    return sum(math.prod(variable.shape) for variable in model.weights)


def machine_bytes() -> int:
    """Return the memory that this machine has in all."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _check(spec: Spec, model: SampleRNN, weight_copies: int, windows: int, output_copies: int) -> None:
    seq_len = spec.training.seq_len
    # What each tier hands down in a window.
    outputs = sum(
        windows * seq_len // tier.frame_size * tier.binding.ratio * tier.binding.output_dim for tier in model.tiers
    )
    for what, numbers, remedy in (
        ("the tiers have", weight_copies * weights_in(model), "lower the tiers' dim"),
        (
            f"{windows} windows of {seq_len} samples make",
            output_copies * outputs,
            "lower training.batch_size, training.seq_len or the tiers' dim",
        ),
    ):
        needed, there = _FLOAT_BYTES * numbers, machine_bytes()
        if needed > there:
            raise UserError(
                f"{spec.name}: {what} {numbers:,} numbers to be held at once, {needed / 1e9:,.1f} GB of memory, and"
                f" this machine has {there / 1e9:,.1f} GB; {remedy}"
            )
