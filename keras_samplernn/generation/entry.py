"""What a record says of a sound: all that its samples depend on, so that a later command sees if it would differ."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.layout import Conditions
from keras_samplernn.generation.sound import Sound
from keras_samplernn.spec import Spec

# Of places only the content counts, for which there is a sha256: a run, a primer or a score may be moved. The bytes of
# a score do not count, only what it asks for. The rest is known when the sound has been made.
_NOT_ASKED = {"run", "prime", "conditions", "conditions_file_sha256", "sha256", "faults"}
_CONTENTS = {
    "model_sha256": "weights or a spec of the run that have changed since",
    "prime_sha256": "another primer",
    "conditions_sha256": "other conditions",
    "take_sha256": "another take",
}


def model_digest(spec: Spec, checkpoint_digest: str) -> str:
    """Return a sha256 of what determines the model of a run: its spec without what only training reads, its weights."""
    sections = json.loads(spec.to_json())
    chosen = {name: sections[name] for name in ("audio", "conditioning", "tiers", "head")}
    return hashlib.sha256(json.dumps([chosen, checkpoint_digest]).encode()).hexdigest()


def primer_digest(primer: tuple[np.ndarray, Conditions | None] | None) -> str | None:
    """Return a sha256 of a primer, or None without one."""
    if primer is None:
        return None
    wave, conditions = primer
    return _digest_of([wave, *(() if conditions is None else conditions)])


def conditions_digest(columns: Columns | None) -> str | None:
    """Return a sha256 of what is asked for in a sound, or None for an unconditional run."""
    if columns is None:
        return None
    spans = columns.track.spans
    return _digest_of([np.array(columns.samples), *(array for name in sorted(spans) for array in spans[name])])


def entry_of(sound: Sound, common: dict[str, Any]) -> dict[str, Any]:
    """Return the entry of a sound, without what is known when it has been made.

    Args:
        sound: to be made.
        common: what is the same for all sounds of a request.
    """
    of_sound: dict[str, Any] = {"samples": sound.samples, "conditions_sha256": conditions_digest(sound.columns)}
    if sound.score is not None:
        of_sound |= {"conditions": str(sound.score.path.absolute()), "conditions_file_sha256": sound.score.digest}
    if sound.played is not None:
        take = sound.played
        of_take = {"seed": take.seed, "batch_size": take.voices, "precision": take.precision}
        common = {**common, **of_take, "take_sha256": hashlib.sha256(take.model_dump_json().encode()).hexdigest()}
    return {"temperature": sound.temperature, **of_sound, **common}


def difference(noted: dict[str, Any], asked: dict[str, Any]) -> str | None:
    """Return in what the request of a sound that exists differs from what is asked for now, None if in nothing.

    Args:
        noted: its entry in a record.
        asked: what `entry_of` returned.
    """
    asked = json.loads(json.dumps(asked))
    for key in (*asked, *(noted.keys() - asked.keys())):
        before, now = noted.get(key), asked.get(key)
        if key == "candidates" and isinstance(before, dict):  # how each passage was chosen is known afterwards
            before = {name: value for name, value in before.items() if name != "passages"}
        if key in _NOT_ASKED or (before == now and key in noted):
            continue
        if key in _CONTENTS:
            return f"was made from {_CONTENTS[key]}"
        if key == "environment" and isinstance(before, dict):
            changed = next(name for name in {**now, **before} if before.get(name) != now.get(name))
            return f"was made with {changed} {before.get(changed)}, and this is {now.get(changed)}"
        return f"was made with {key} {json.dumps(before)}, and {json.dumps(now)} is asked for"
    return None


def _digest_of(arrays: Iterable[np.ndarray | None]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        if array is None:
            digest.update(b"none")
        else:
            # Type and shape too, so that the same bytes in other arrays are something else.
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
