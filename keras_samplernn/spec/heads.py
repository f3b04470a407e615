"""The head of a spec, and what it asks of the sound."""

from collections.abc import Iterator
from typing import Any

from keras_samplernn.spec.fields import DEFAULT_HEAD, Audio, HeadSpec, Spec
from keras_samplernn.spec.types import Problems, Types, resolve
from keras_samplernn.spec.wording import show


def resolve_head(raw: dict[str, Any], types: Types) -> tuple[HeadSpec | None, Problems]:
    """Validate `head` of a spec; return it, or None and a message for each path that has a problem."""
    found, problems = resolve(("head",), raw.get("head", DEFAULT_HEAD), types.heads, types.broken_heads)
    if problems:
        return None, problems
    return HeadSpec(type=found.type, head_class=found.type_class, config=found.config), problems


def audio_for(head: HeadSpec, audio: Audio) -> Audio:
    """Return the audio section with the mu of the head, if the spec gives none."""
    if audio.mu is None and audio.q_type == "mu-law" and head.head_class.mu is not None:
        return audio.model_copy(update={"mu": head.head_class.mu})
    return audio


def check_levels(spec: Spec) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield fields that contradict the head, the one to change first, and a message."""
    levels, q_levels = spec.head.head_class.levels, spec.audio.q_levels
    if q_levels not in levels:
        least, most = levels[0], levels[-1]
        needed = f"{least}" if least == most else f"{least} to {most}"
        yield (
            ("audio.q_levels", "head.type"),
            f"audio.q_levels = {q_levels} does not fit head.type = {show(spec.head.type)}, which takes {needed} levels;"
            f" set audio.q_levels to {min(max(q_levels, least), most)}, or choose another head",
        )
