"""Exceptions out of the code of an installed tier or head: its author's to mend, not a fault of the program."""

import contextlib
import os

from keras_samplernn.errors import UserError
from keras_samplernn.model.blame import frames_in, package_of, place_in, words_of
from keras_samplernn.model.registry import Installed, Kind, contract_of, offers

# Set to anything, an exception keeps its traceback.
TRACEBACK = "KERAS_SAMPLERNN_TRACEBACK"


def fault_of_plugin(error: Exception) -> UserError | None:
    """Return the error to show for an exception that came out of another package's tier or head.

    Args:
        error: as it was caught.

    Returns:
        One line with the place, the method, the type, its package and what was raised; None if no such code ran, or the
        environment variable KERAS_SAMPLERNN_TRACEBACK is set.
    """
    if os.environ.get(TRACEBACK):
        return None
    for kind in Kind:
        for offered in offers(kind).values():
            for each in offered:
                if not each.is_ours and (line := _fault_of(each, error)):
                    return UserError(line)
    return None


def _fault_of(offer: Installed, error: Exception) -> str:
    """Return the line, if a method of the offered class was running in code that is not ours; else nothing."""
    with contextlib.suppress(UserError):
        loaded = offer.load()
        contract = {package_of(each.__module__) for each in contract_of(offer.kind).__mro__}
        packages = {package_of(each.__module__) for each in loaded.__mro__} - contract
        methods = [
            frame.f_code.co_name
            for frame, _ in frames_in(error, packages)
            if isinstance(frame.f_locals.get("self"), loaded)
        ]
        if methods:
            return (
                f"{place_in(error, packages)}: {methods[-1]} of the {offer.kind} {offer.name} ({offer.package}) raised "
                f"{type(error).__name__}: {words_of(error)}; mend it there: check_{offer.kind} names most faults, and "
                f"{TRACEBACK}=1 before the command shows the whole traceback"
            )
    return ""
