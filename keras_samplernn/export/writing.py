"""Writing an exported model to a folder, whole or not at all."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from keras_samplernn.conditions.streams import Stream
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.errors import REMEDIES, UserError
from keras_samplernn.export.module import build_module
from keras_samplernn.export.place import HEADER, SIGNATURE, check_out, place
from keras_samplernn.export.signature import describe, header_of
from keras_samplernn.files import cannot_write, make_folder, named, replace_file, replace_json, staged_folder, writing
from keras_samplernn.generation.engine import GenerationEngine

_INSTEAD = "give --out another folder"


def write_export(
    engine: GenerationEngine,
    quantizer: Quantizer,
    streams: Sequence[Stream],
    about: Mapping[str, Any],
    out: Path,
    overwrite: bool,
) -> None:
    """Write the SavedModel of an engine, and its signature beside it.

    Args:
        engine: without guidance; its classes may fade.
        quantizer: of the run.
        streams: of the run.
        about: begins the signature.
        out: the folder.
        overwrite: as in `check_out`.

    Raises:
        UserError: as in `check_out`; or the folder cannot be written, or Keras does not run on TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        raise UserError(f"{out}: Keras runs on {keras.backend.backend()}; a SavedModel needs KERAS_BACKEND=tensorflow")
    check_out(out, overwrite)
    import tensorflow as tf

    out = named(out)
    make_folder(out.parent)
    with staged_folder(out, instead=_INSTEAD, place=place) as staged:
        module, signatures, layout = build_module(engine, quantizer)
        with _saving(out), writing(out, _INSTEAD):
            tf.saved_model.save(module, str(staged), signatures=signatures)
            signature = describe(layout, streams, staged, about)
            replace_json(staged / SIGNATURE, signature)
            replace_file(staged / HEADER, header_of(signature).encode())


@contextlib.contextmanager
def _saving(out: Path) -> Iterator[None]:
    """Turn what TensorFlow raises where a file cannot be written into the UserError that `writing` raises."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.OpError as error:
        for reason in REMEDIES:
            if reason in str(error):
                raise cannot_write(out, reason, _INSTEAD) from error
        raise
