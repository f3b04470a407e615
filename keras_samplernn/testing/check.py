"""Check each law in each place that a tier fits; one that is broken is reported in one sentence."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras

from keras_samplernn.model.tier import Tier
from keras_samplernn.testing.case import it_can_be_built
from keras_samplernn.testing.laws import LAWS, corners
from keras_samplernn.testing.process import another_process_gives_the_same_numbers


def check_tier(tier_class: type[Tier], **config: Any) -> None:
    """Check a tier against the contract, in each place of a model that fits it, with and without conditions.

    A tier of frame size 1 is bound as the bottom tier, any other as the top tier and as one between. Its weights are
    random, biases included. The laws are the functions of `keras_samplernn.testing.laws`, each named after what it
    claims. One further law starts another Python process, which must be able to import the class. Keras' global seed
    is set.

    Args:
        tier_class: a subclass of `keras_samplernn.Tier`.
        config: its constructor's arguments, as a spec would give them. Choose small sizes.

    Raises:
        AssertionError: a law is broken; one sentence that names the tier, its place, the law and what was seen.

    Example:
        >>> check_tier(FrameRNN, frame_size=4, dim=8)
    """
    keras.utils.set_random_seed(0)
    name = f"{tier_class.__name__}({', '.join(f'{key}={value!r}' for key, value in config.items())})"
    with _told(name, it_can_be_built):
        cases = it_can_be_built(tier_class, config)
    for law, places in LAWS.items():
        for case in places(cases):
            with _told(f"{name} as {case.place}", law):
                law(case)
    with _told(name, another_process_gives_the_same_numbers):
        another_process_gives_the_same_numbers(tier_class, config, corners(cases))


@contextmanager
def _told(subject: str, law: Callable) -> Iterator[None]:
    """Turn whatever the block raises into an AssertionError that names the tier and the law."""
    broken = f'{subject} breaks the law "{law.__name__.replace("_", " ")}"'
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{broken}: {error}") from None
    except Exception as error:
        # Keras adds the values of all arguments, TensorFlow adds colours.
        reason = " ".join(re.sub(r"\x1b\[\d*m", "", str(error)).partition("\n\nArguments received")[0].split())
        raise AssertionError(f"{broken}: it raised {type(error).__name__}: {reason}") from error
