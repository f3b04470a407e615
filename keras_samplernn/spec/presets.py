"""Presets: fields of a spec that were measured together, by name; `docs/sound.md` has what they reach."""

from collections.abc import Mapping
from typing import Any

from keras_samplernn.errors import nearest
from keras_samplernn.spec.wording import show

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "small": {
        "tier_defaults": {"dim": 256, "condition_dim": 256},
        "tiers": [
            {"type": "frame_rnn", "frame_size": 16},
            {"type": "frame_rnn", "frame_size": 4},
            {"type": "sample_mlp", "emb_size": 256, "window": 16},
        ],
        "training": {
            "seq_len": 1024,
            "batch_size": 8,
            "learning_rate": 0.004,
            "schedule": "exponential",
            "decay_rate": 0.5,
            "decay_steps": 4000,
            "warmup_steps": 200,
            "input_noise": 2.0,
            "ema_decay": 0.999,
        },
    },
}


def fill_in(raw: dict[str, Any]) -> tuple[dict[str, Any], dict[tuple, str]]:
    """Return a spec with the fields of the preset that it names where it has none of its own, and a problem if any.

    The tiers of a preset are taken as a whole or not at all, with its `tier_defaults`.

    Args:
        raw: the JSON of a spec.
    """
    raw = dict(raw)
    if "preset" not in raw:
        return raw, {}
    name = raw.pop("preset")
    if not isinstance(name, str) or name not in PRESETS:
        hint = nearest(name, PRESETS) if isinstance(name, str) else ""
        return raw, {("preset",): f"preset = {show(name)} is not one of {', '.join(PRESETS)}{hint}"}
    for section, fields in PRESETS[name].items():
        if section in ("tiers", "tier_defaults") and "tiers" in raw:
            continue
        given = raw.get(section, {} if isinstance(fields, Mapping) else fields)
        # What is no object is refused later, with its place.
        raw[section] = {**fields, **given} if isinstance(fields, Mapping) and isinstance(given, dict) else given
    return raw, {}
