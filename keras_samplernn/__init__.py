"""SampleRNN on Keras 3: audio generated sample by sample by tiers of recurrent networks at different rates.

The journey of a sound: `data` turns wav/csv pairs into batches, `model` turns batches into logits, `training` turns
batches into checkpoints, `generation` turns a checkpoint and conditions into sound.

The names below are for programs and notebooks (`init`, `check`, `fit`, `load_run`, ...) and for writers of tiers. They
are imported on first use, since Keras takes seconds to import.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Absorbed": "keras_samplernn.model.lowering",
    "Binding": "keras_samplernn.model.tier",
    "ConditionEncoder": "keras_samplernn.model.encoder",
    "Conditions": "keras_samplernn.conditions.layout",
    "Control": "keras_samplernn.generation.controls",
    "Head": "keras_samplernn.model.head",
    "Inputs": "keras_samplernn.model.tier",
    "Linear": "keras_samplernn.model.linear",
    "Lowerable": "keras_samplernn.model.lowering",
    "Narrow": "keras_samplernn.model.narrow",
    "Released": "keras_samplernn.model.lowering",
    "Run": "keras_samplernn.run",
    "SampleRNN": "keras_samplernn.model.samplernn",
    "Tier": "keras_samplernn.model.tier",
    "UserError": "keras_samplernn.errors",
    "affine": "keras_samplernn.model.linear",
    "bits_per_sample": "keras_samplernn.model.head",
    "check": "keras_samplernn.api",
    "compare": "keras_samplernn.api",
    "compose": "keras_samplernn.model.linear",
    "fit": "keras_samplernn.api",
    "init": "keras_samplernn.api",
    "load_run": "keras_samplernn.api",
    "multiply": "keras_samplernn.model.narrow",
    "narrow": "keras_samplernn.model.narrow",
    "on_cudnn": "keras_samplernn.cudnn",
    "plot": "keras_samplernn.api",
    "recurrent": "keras_samplernn.cudnn",
    "scan_steps": "keras_samplernn.backend",
    "sum_lookups": "keras_samplernn.backend",
    "sum_rows": "keras_samplernn.model.linear",
    "value_of": "keras_samplernn.model.linear",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
