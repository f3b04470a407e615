"""Sizes of a training, from the size of its corpus and the speed that was measured: pure functions."""

import math
from collections.abc import Mapping
from typing import Any

LEAST_ROW_SECONDS = 8.0
"""Sound that each row of a batch has at least: as much as a segment."""
HALVINGS = 4.4
"""How often the learning rate halves: in both presets that were measured, in docs/sound.md, over their time."""
BEGUN, HEARD = 14_400_000, 36_000_000
"""Training samples after which 35 to 40, and 60 to 70, of 100 words were heard as asked (docs/sound.md)."""
LEAST_DIM = 64
DEFAULT_MINUTES = {"small": 30.0, "medium": 60.0, "large": 240.0, "paper": 600.0, "four-tier": 30.0}
_MOST_EPOCHS = 1000


def rows_for(samples: int, sample_rate: int, most: int) -> int:
    """Return the rows of a batch: those of the preset, or the greatest power of two that leaves each enough sound.

    Args:
        samples: of the training sounds.
        sample_rate: in Hz.
        most: those of the preset.
    """
    room = samples / (sample_rate * LEAST_ROW_SECONDS)
    return most if room >= most else 1 << max(int(math.log2(room)), 0) if room >= 1 else 1


def window_for(samples: int, rows: int, most: int, top_frame: int) -> int:
    """Return the samples of a window: those of the preset, or as many as a row has, in whole top frames."""
    return max(min(most, samples // rows) // top_frame, 1) * top_frame


def epochs_for(minutes: float, seconds_per_epoch: float) -> int:
    """Return the epochs that take about so many minutes; at least one."""
    return min(max(round(60 * minutes / seconds_per_epoch), 1), _MOST_EPOCHS)


def schedule_for(training: Mapping[str, Any], steps: int) -> dict[str, int]:
    """Return the fields of the schedule that depend on the length of a training.

    An exponential schedule halves the learning rate `HALVINGS` times, a cosine ends with the training; the warm-up
    takes at most a twentieth of it.

    Args:
        training: the preset's fields.
        steps: of the whole training.
    """
    fields = {}
    if training.get("schedule") == "exponential":
        halvings = HALVINGS * math.log(0.5) / math.log(training.get("decay_rate", 0.5))
        fields["decay_steps"] = _rounded(steps / halvings)
    elif training.get("schedule") == "cosine":
        fields["decay_steps"] = max(steps, 1)
    if warmup := training.get("warmup_steps"):
        fields["warmup_steps"] = min(warmup, _rounded(steps / 20))
    return fields


def narrower(dim: int, samples_per_second: float, minutes: float) -> int | None:
    """Return the width to try instead, half of it, where a training would end before anything is heard; else None."""
    return dim // 2 if 60 * minutes * samples_per_second < BEGUN and dim // 2 >= LEAST_DIM else None


def valid_fraction(seconds: float) -> float:
    """Return the share of the files to hold out: a tenth, or what is about five minutes of a longer corpus."""
    share = min(0.1, 300 / seconds) if seconds else 0.1
    return max(float(f"{share:.1g}"), 0.001)


def _rounded(steps: float) -> int:
    """Return a number of steps with two digits, at least 1."""
    return max(int(float(f"{steps:.2g}")), 1)
