"""Guidance: log p = base + strength * (asked - base), in which base is what the model would do anyway.

The base is the prediction under no conditions (Ho and Salimans 2022), or the mean of the predictions under the classes
of one stream; see `Contrast`.
"""

from collections.abc import Sequence
from typing import Any

from keras import ops

from keras_samplernn.conditions.streams import Stream, classes_stream_named, classes_streams
from keras_samplernn.errors import UserError
from keras_samplernn.generation.contrast import WITH_NOTHING, Contrast, contrast_with_classes


def guidance_of(
    streams: Sequence[Stream], name: str | None, drops: bool, place: str, name_place: str = "stream"
) -> Contrast:
    """Return what a model's sounds are guided away from: no conditions, or the classes of one stream.

    Args:
        streams: of the model.
        name: of the stream of classes whose mean is the base; None: of the first one, unless the model has learned
            what `none` means.
        drops: whether the model was trained with streams that were none.
        place: of the option in messages.
        name_place: of the option that is the name.

    Raises:
        UserError: one line: the model has no conditions, or no classes to take the mean of.
    """
    if not streams:
        raise UserError(f"{place}: the run is unconditional, and there is nothing to guide; leave it out")
    if name is None and drops:
        return WITH_NOTHING
    found = classes_streams(streams)
    if name is None and not found:
        raise UserError(
            f"{place}: the run has no stream of classes, and was trained without conditioning.condition_dropout; leave"
            " it out, or train with condition_dropout"
        )
    stream = found[0] if name is None else classes_stream_named(streams, name, name_place)
    return contrast_with_classes(streams, stream)


def guided(logits: Any, rows: int, strength: Any) -> Any:
    """Return the guided logits of each sound: `(B * rows, Q)`, the row that is asked for first, to `(B, Q)`."""
    scores = ops.log_softmax(ops.reshape(logits, (-1, rows, logits.shape[-1])), axis=-1)
    asked, base = scores[:, 0], ops.logsumexp(scores[:, 1:], axis=1)
    return base + strength * (asked - base)
