"""A checkpoint of the original into a run directory, which appears whole or not at all."""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from keras_samplernn import __version__
from keras_samplernn.checkpoints.checkpoint import save_checkpoint
from keras_samplernn.files import make_folder, replace_json, staged_folder, writing
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.memory import check_generation_memory, outline
from keras_samplernn.model.registry import load_types
from keras_samplernn.model.samplernn import SampleRNN
from keras_samplernn.run_folder import RunFolder
from keras_samplernn.spec import Spec, parse_spec
from keras_samplernn.spec.fields import Monitoring, Training
from keras_samplernn.theano.architecture import FrameLevel
from keras_samplernn.theano.mapping import weights_of
from keras_samplernn.theano.reading import Original
from keras_samplernn.theano.told import Told

RECORD = "theano.json"
# In the place of the training sounds, which no checkpoint names.
NO_SOUNDS = "sounds-not-known"
_NOT_IN_NAMES, _LONGEST_NAME = re.compile(r"[^A-Za-z0-9._-]+"), 100
# The original cut its sounds into pieces of 8 seconds.
_SEGMENT_SECONDS = 8.0


def write_run(original: Original, told: Told, run: Path) -> RunFolder:
    """Write the run directory of a checkpoint.

    Args:
        original: the checkpoint.
        told: what it does not tell itself.
        run: the run directory, which does not exist yet or is empty.

    Raises:
        UserError: the folder cannot be written, or this machine has too little memory for the model.
    """
    spec = _spec_of(original, told, run)
    check_generation_memory(spec, outline(spec))
    model = assemble(spec)
    _assign(model, original)
    make_folder(run.parent)
    with staged_folder(run, instead="give --run another folder") as staged, writing(run):
        written = RunFolder(staged, spec)
        written.record({}, {})
        replace_json(staged / RECORD, _record(original, told))
        state = {"step": original.files.steps, "rows": []}
        save_checkpoint(written.checkpoints_folder, original.files.steps, "", model, [], state)
    return RunFolder(run, spec)


def _assign(model: SampleRNN, original: Original) -> None:
    """Give a model the weights of a checkpoint, each of its own exactly once."""
    variables = {variable.path: variable for variable in model.weights}
    for place, array in weights_of(original.architecture, original.arrays):
        number, _, path = place.partition("/")
        path = f"{model.tiers[int(number)].name}/{path}"
        if path not in variables and not array.any():
            continue  # a state before a sound that is 0 and is not trained
        variables.pop(path).assign(np.asarray(array, np.float32))
    if variables:
        raise RuntimeError(f"no array for {', '.join(variables)}")


def _spec_of(original: Original, told: Told, run: Path) -> Spec:
    """Return the spec of a checkpoint, with every field, as a run records it."""
    found = original.architecture
    states = [array for name, array in original.arrays.items() if name.endswith(".h0")]
    # Not trained, they are 0; others take part in sound, whatever the command line says.
    learn_h0 = original.arguments.learns_h0 or any(state.any() for state in states)
    training = Training().model_dump(mode="json")
    shared = {"dim": found.dim, "weight_norm": found.weight_norm}
    sample_tier = {"type": "sample_mlp", **shared, "emb_size": found.emb_size, "window": None}
    frame_tiers = [_frame_tier(level, learn_h0, found.weight_norm) for level in found.frame_levels]
    fields = {
        "name": _name_of(run),
        "audio": {"sample_rate": told.sample_rate, "q_type": told.q_type, "q_levels": found.q_levels},
        "data": {
            "train": os.path.abspath(run / NO_SOUNDS),  # noqa: PTH100 (links stay what the user knows them as)
            "valid": None,
            "test": None,
            "segment_seconds": _SEGMENT_SECONDS,
        },
        "conditioning": None,
        "tiers": [*frame_tiers, sample_tier],
        "training": {**training, "seq_len": told.seq_len, "batch_size": told.batch_size},
        "monitoring": Monitoring().model_dump(mode="json"),
    }
    return parse_spec(json.dumps(fields), str(run / "spec.json"), load_types(), run)


def _frame_tier(level: FrameLevel, learn_h0: bool, weight_norm: bool) -> dict[str, Any]:
    return {
        "type": "frame_rnn",
        "frame_size": level.frame_size,
        "dim": level.dim,
        "rnn_type": level.rnn_type,
        "n_rnn": level.n_rnn,
        "skip_conn": level.skip_conn,
        "learn_h0": learn_h0,
        "weight_norm": weight_norm,
        "reset_after": level.rnn_type != "GRU",
    }


def _name_of(run: Path) -> str:
    """Return the name of a run directory as a spec may have it."""
    name = _NOT_IN_NAMES.sub("-", run.name).lstrip("._-")
    return name[:_LONGEST_NAME] or "samplernn"


def _record(original: Original, told: Told) -> dict[str, Any]:
    """Return what the run was made from, without the places of files."""
    with original.files.checkpoint.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {
        "checkpoint": original.files.checkpoint.name,
        "sha256": digest,
        "frame_tiers": list(original.architecture.names),
        "assumed": list(told.assumed),
        "version": __version__,
    }
