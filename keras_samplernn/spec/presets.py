"""Presets: fields of a spec that go together, by name; `docs/sound.md` has what they reach."""

import copy
from collections.abc import Mapping
from typing import Any

from keras_samplernn.errors import nearest
from keras_samplernn.spec.fields import MOST_LEVELS
from keras_samplernn.spec.recorded import is_recorded
from keras_samplernn.spec.wording import show

MEASURED_LEVELS = 256

_SMALL = {
    # For a spec that has conditions.
    "conditioning": {"position": True, "neighbours": True, "condition_dropout": 0.1},
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
        "decay_steps": 2000,
        "warmup_steps": 200,
        "input_noise": 2.0,
        "ema_decay": 0.999,
    },
}
_MEDIUM = {**_SMALL, "training": {**_SMALL["training"], "decay_steps": 4000}}
# The published sizes; what it does not say is as published too: no noise, no average, nothing but classes.
_PAPER = {
    "tier_defaults": {"dim": 1024},
    "tiers": [
        {"type": "frame_rnn", "frame_size": 8},
        {"type": "frame_rnn", "frame_size": 2},
        {"type": "sample_mlp", "emb_size": 256, "window": None},
    ],
    "training": {"seq_len": 512, "batch_size": 128, "learning_rate": 0.001, "schedule": "constant"},
}
PRESETS: Mapping[str, dict[str, Any]] = {
    "small": _SMALL,
    "medium": _MEDIUM,
    "large": {**_MEDIUM, "tier_defaults": {**_SMALL["tier_defaults"], "dim": 512}},
    "paper": _PAPER,
    "four-tier": {**_SMALL, "tiers": [{"type": "frame_rnn", "frame_size": 64}, *_SMALL["tiers"]]},
}
DEFAULT_PRESET = "small"


def fill_in(raw: dict[str, Any]) -> tuple[dict[str, Any], dict[tuple, str]]:
    """Return a spec with the fields of its preset where it has none of its own, and a problem if any.

    A spec that names none has the default one; a spec that a run has recorded is left as it is. The tiers of a preset
    are taken as a whole or not at all, with its `tier_defaults`. What it says of conditions is taken where the spec has
    some: `condition_dropout`, and the rest for each stream of classes.

    Args:
        raw: the JSON of a spec.
    """
    raw, problems = dict(raw), {}
    if is_recorded(raw):
        return raw, problems
    name = raw.pop("preset", DEFAULT_PRESET)
    if not isinstance(name, str) or name not in PRESETS:
        hint = nearest(name, PRESETS) if isinstance(name, str) else ""
        problems["preset",] = f"preset = {show(name)} is not one of {', '.join(PRESETS)}{hint}"
        name = DEFAULT_PRESET
    preset = copy.deepcopy(PRESETS[name])
    _fit_to(raw, preset)
    conditioning = _fill_conditioning(raw.get("conditioning"), preset.pop("conditioning", {}))
    if conditioning is not None:
        raw["conditioning"] = conditioning
    for section, fields in preset.items():
        if section in ("tiers", "tier_defaults") and "tiers" in raw:
            continue
        given = raw.get(section, {} if isinstance(fields, dict) else fields)
        # What is no object is refused later, with its place.
        raw[section] = {**fields, **given} if isinstance(fields, dict) and isinstance(given, dict) else given
    return raw, problems


def _fill_conditioning(given: Any, preset: dict[str, Any]) -> Any:
    """Return the conditioning of a spec with what a preset says of it; what is no object is refused later."""
    if not isinstance(given, dict):
        return given
    whole = {key: value for key, value in preset.items() if key == "condition_dropout"}
    of_classes = {key: value for key, value in preset.items() if key not in whole}
    streams = given.get("streams")
    if streams is None:
        return preset | given
    if isinstance(streams, dict):
        streams = {
            name: of_classes | stream if isinstance(stream, dict) and stream.get("classes") is not None else stream
            for name, stream in streams.items()
        }
    return whole | given | {"streams": streams}


def _fit_to(raw: dict[str, Any], preset: dict[str, Any]) -> None:
    """Change what a preset says of fields that depend on others which the spec gives itself."""
    audio, training = (
        fields if isinstance(fields := raw.get(section), dict) else {} for section in ("audio", "training")
    )
    if "schedule" in training:
        for key in ("decay_steps", "decay_rate"):  # they belong to the schedule that the preset has
            preset["training"].pop(key, None)
    levels = audio.get("q_levels")
    if isinstance(levels, int) and 2 <= levels <= MOST_LEVELS and "input_noise" in preset["training"]:
        # In codes, which are the finer the more there are.
        preset["training"]["input_noise"] *= levels / MEASURED_LEVELS
