"""Check each law, of a tier in each place that it fits; one that is broken is reported in one sentence."""

import inspect
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from keras_samplernn.model.blame import words_of
from keras_samplernn.model.head import Head
from keras_samplernn.model.tier import Tier
from keras_samplernn.testing.case import it_can_be_built
from keras_samplernn.testing.head_case import head_can_be_built
from keras_samplernn.testing.head_laws import HEAD_LAWS
from keras_samplernn.testing.laws import LAWS, corners
from keras_samplernn.testing.process import another_process_gives_the_same_numbers
from keras_samplernn.testing.purity import a_spec_can_name_it

# What an exception says, and the remedy.
REMEDIES = {
    r"to a numpy array|TracerArrayConversion": "use keras.ops, not NumPy, on tensors",
    r"was expected to be a \w+ tensor but is a \w+ tensor|has type \w+ that does not match type \w+": (
        "two dtypes met: make sublayers with dtype=self.dtype_policy, states and constants with self.compute_dtype, "
        "and cast weights with value_of(weight, self.compute_dtype)"
    ),
    r"local object|not the same object": "define the class at the top of a module that can be imported",
    r"^KeyError in (step|sequence|part_bits|draw)|'NoneType' object is not subscriptable": (
        "let prepare return it; one of your own begins with what super().prepare() returns"
    ),
    r"NoneType(?!.*not subscriptable)": (
        "inputs.context is None at the top, inputs.conditions without conditions, inputs.shares if the codes say all: "
        "use each only where it is not None"
    ),
}


def check_tier(tier_class: type[Tier], **config: Any) -> None:
    """Check a tier against the contract, in each place of a model that fits it, with and without conditions.

    A tier of frame size 1 is bound as the bottom tier, any other as the top tier and as one between. Its weights are
    random, biases included. The laws are functions, each named after what it claims; `keras_samplernn.testing.laws` has
    the table. One further law starts another Python process, which must be able to import the class. Keras' global
    seed is set.

    Args:
        tier_class: a subclass of `keras_samplernn.Tier`.
        config: its constructor's arguments, as a spec would give them. Choose small sizes.

    Raises:
        AssertionError: a law is broken; one sentence that names the tier, its place, the law, what was seen and, where
            that is known, what to do.

    Example:
        >>> check_tier(FrameRNN, frame_size=4, dim=8)
    """
    keras.utils.set_random_seed(0)
    name = _call(tier_class, config)
    with _told(name, a_spec_can_name_it, tier_class):
        a_spec_can_name_it(tier_class, config)
    with _told(name, it_can_be_built, tier_class):
        cases = it_can_be_built(tier_class, config)
    for law, places in LAWS.items():
        for case in places(cases):
            with _told(f"{name} as {case.place}", law, tier_class):
                law(case)
    with _told(name, another_process_gives_the_same_numbers, tier_class):
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
    with _told(name, a_spec_can_name_it, head_class):
        a_spec_can_name_it(head_class, config)
    with _told(name, head_can_be_built, head_class):
        case = head_can_be_built(head_class, config)
    for law in HEAD_LAWS:
        with _told(name, law, head_class):
            law(case)


def _call(checked: type, config: dict[str, Any]) -> str:
    return f"{checked.__name__}({', '.join(f'{key}={value!r}' for key, value in config.items())})"


@contextmanager
def _told(subject: str, law: Callable, checked: type) -> Iterator[None]:
    """Turn whatever the block raises into an AssertionError that names its subject and the law."""
    broken = f'{subject} breaks the law "{law.__name__.replace("_", " ")}"'
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{broken}: {error}") from None
    except Exception as error:
        raised = f"{type(error).__name__}{_place_in(checked, error)}: {words_of(error)}"
        remedies = [f"; {remedy}" for pattern, remedy in REMEDIES.items() if re.search(pattern, raised)]
        raise AssertionError(f"{broken}: it raised {raised}{''.join(remedies)}") from error


def _place_in(checked: type, error: Exception) -> str:
    """Say where in its author's code a tier or head raised an error; empty if that is not known."""
    authors = [each for each in checked.__mro__ if each.__module__.partition(".")[0] not in ("builtins", "keras")]
    files = {inspect.getsourcefile(each) for each in authors if each not in (Tier, Head)}
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files]
    return f" in {frames[-1].name} ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
