"""When a run is looked at: by the minutes that it has trained, first soon and then ever more rarely."""

import math

FIRST_SECONDS = 120.0
# What is done again and again takes this share of the time since it was last done, at most.
MOST_SHARE = 0.1


def next_due(seconds: float, minutes: float) -> float:
    """Return the first moment after `seconds` at which something is due: 2, 4, 8, ... minutes, then at equal intervals.

    Args:
        seconds: of training.
        minutes: the interval between two moments grows to this; 0: there are none.

    Returns:
        Seconds of training; infinite if there is none.
    """
    if not minutes:
        return math.inf
    longest = 60 * minutes
    due = min(FIRST_SECONDS, longest)
    while due <= seconds and due < longest:
        due *= 2
    if due <= seconds:
        due += longest * ((seconds - due) // longest + 1)
    return due


def is_due(seconds: float, last: float, took: float, minutes: float) -> bool:
    """Return whether something is due again, and does not take more than its share of the time.

    Args:
        seconds: of training.
        last: seconds of training when it was last done; 0: never.
        took: seconds that it took then.
        minutes: as in `next_due`.
    """
    return seconds >= next_due(last, minutes) and took <= MOST_SHARE * (seconds - last)
