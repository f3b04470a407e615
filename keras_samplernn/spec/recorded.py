"""Specs that a run has recorded: they mean for ever what they meant, whatever a later version fills in."""

from collections.abc import Mapping
from typing import Any

# Every run records all fields that its version knew, and no version knows fewer than the first.
FIELDS_OF_0_1_0: Mapping[str, frozenset[str]] = {
    "audio": frozenset({"sample_rate", "q_type", "q_levels"}),
    "data": frozenset({"train", "valid", "test", "segment_seconds"}),
    "training": frozenset(
        {
            *("seq_len", "batch_size", "epochs", "learning_rate", "schedule", "decay_steps", "decay_rate"),
            *("warmup_steps", "clip_value", "patience", "seed", "precision", "checkpoint_minutes", "keep_checkpoints"),
        }
    ),
    "monitoring": frozenset({"every_epochs", "sounds", "seconds", "temperature"}),
}
WHOLE = frozenset({"name", "conditioning", "tiers"})


def is_recorded(raw: Mapping[str, Any]) -> bool:
    """Say whether a spec is one that a run has recorded, or a copy of it: it leaves out nothing that 0.1.0 knew.

    What it leaves out did not exist in its version, and means the default of the field in `fields.py`, or of the
    argument in a tier's constructor: as if nobody had invented it.

    Args:
        raw: the JSON of a spec.
    """
    return (
        "preset" not in raw
        and raw.keys() >= WHOLE
        and all(isinstance(raw.get(key), dict) and raw[key].keys() >= known for key, known in FIELDS_OF_0_1_0.items())
    )
