"""Check each law, of a tier in each place that it fits; one that is broken is reported in one sentence."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras

from keras_samplernn.model.head import Head
from keras_samplernn.model.tier import Tier
from keras_samplernn.testing.case import it_can_be_built
from keras_samplernn.testing.head_laws import HEAD_LAWS, head_can_be_built
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
    name = _call(tier_class, config)
    with _told(name, it_can_be_built):
        cases = it_can_be_built(tier_class, config)
    for law, places in LAWS.items():
        for case in places(cases):
            with _told(f"{name} as {case.place}", law):
                law(case)
    with _told(name, another_process_gives_the_same_numbers):
        another_process_gives_the_same_numbers(tier_class, config, corners(cases))


def check_head(head_class: type[Head], **config: Any) -> None:
    """Check a head against the contract, with random weights. Keras' global seed is set.

    The laws are the functions of `keras_samplernn.testing.head_laws`, each named after what it claims.

    Args:
        head_class: a subclass of `keras_samplernn.Head`.
        config: its constructor's arguments, as a spec would give them. Choose small sizes.

    Raises:
        AssertionError: a law is broken; one sentence that names the head, the law and what was seen.

    Example:
        >>> check_head(CoarseFine, hidden=8)
    """
    keras.utils.set_random_seed(0)
    name = _call(head_class, config)
    with _told(name, head_can_be_built):
        case = head_can_be_built(head_class, config)
    for law in HEAD_LAWS:
        with _told(name, law):
            law(case)


def _call(checked: type, config: dict[str, Any]) -> str:
    return f"{checked.__name__}({', '.join(f'{key}={value!r}' for key, value in config.items())})"


@contextmanager
def _told(subject: str, law: Callable) -> Iterator[None]:
    """Turn whatever the block raises into an AssertionError that names its subject and the law."""
    broken = f'{subject} breaks the law "{law.__name__.replace("_", " ")}"'
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{broken}: {error}") from None
    except Exception as error:
        # Keras adds the values of all arguments, TensorFlow adds colours.
        reason = " ".join(re.sub(r"\x1b\[\d*m", "", str(error)).partition("\n\nArguments received")[0].split())
        raise AssertionError(f"{broken}: it raised {type(error).__name__}: {reason}") from error
