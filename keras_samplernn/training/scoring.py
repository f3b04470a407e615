"""The bits per sample of a model on a folder of sounds."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_samplernn.conditions.streams import classes_streams, streams_of
from keras_samplernn.data.corpus import Corpus
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.distribution.replicas import Replicas
from keras_samplernn.distribution.workers import check_same, starting_together
from keras_samplernn.errors import UserError
from keras_samplernn.model.memory import check_scoring_memory, telling_exhaustion
from keras_samplernn.model.samplernn import SampleRNN
from keras_samplernn.spec import Spec
from keras_samplernn.training.corpora import prepare_folder, prepare_named
from keras_samplernn.training.evaluation import Evaluator
from keras_samplernn.training.file_bits import FileBits, check_dump


def held_out_corpus(run: Path, spec: Spec, data: Path | None, say: Callable[[str], None]) -> Corpus:
    """Prepare the sounds of a folder or a file, or the test files of a spec, or else its validation files.

    Args:
        run: the run directory, for messages.
        spec: of the run.
        data: the folder, or a single sound; None: the files of the spec.
        say: called with each message.

    Raises:
        UserError: one line for each problem of the sounds; or there are none.
    """
    if data is not None:
        return prepare_folder(spec, data, say)
    named = [name for name in ("test", "valid") if getattr(spec.data, name) is not None]
    if not named:
        raise UserError(f"{run}: its spec names neither test nor validation files; give --data")
    return prepare_named(spec, named[0], say)


def score_folder(
    run: Path,
    spec: Spec,
    model: SampleRNN,
    data: Path | None,
    precision: str,
    say: Callable[[str], None],
    replicas: Replicas | None = None,
    per_file: bool = False,
    dump: Path | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Score a model on `data`, or on the test files of its spec, or else on its validation files.

    Args:
        run: the run directory of the model, for messages.
        spec: of the model.
        model: with values.
        data: folder of sounds, or a single one; None: those of the spec.
        precision: precision of the weights: "float32", or "int8" as in `generate`.
        say: called with each message.
        replicas: share out the sounds; the model was made in their scope. None: there is one.
        per_file: whether the figures of each file are returned too.
        dump: an npz file that gets the bits of each sample, an array for each file; None: none.
        overwrite: whether to replace that file if it exists.

    Returns:
        `bits_per_sample`, `unigram_entropy_bits`, `samples` and, for each stream of classes, `bits_per_sample_of_NAME`;
        `bits_per_sample_by_part` if the head draws a code in several parts; no name, path or time. With `per_file` also
        `files`: `file`, `samples` and `bits_per_sample` of each.

    Raises:
        UserError: one line for each problem of the sounds; or there are none, or there is too little memory; or another
            worker could not start, has other sounds, or is lost.
    """
    training, replicas = spec.training, replicas or Replicas()
    with starting_together(replicas):
        if dump is not None:
            check_dump(dump, replicas, overwrite)
        corpus = held_out_corpus(run, spec, data, say)
    check_same(replicas, lambda: {"the sounds": json.dumps(corpus.manifest)})
    windows = min(training.batch_size, len(corpus.sounds))
    check_scoring_memory(spec, model, windows)
    weights = None if precision == "float32" else model.generation_weights(precision)
    silence = Quantizer.of(spec.audio).silence
    too_many = f"{windows} windows of {training.held_samples} samples"
    with telling_exhaustion(run, too_many, "evaluate on a larger one"), FileBits(corpus, dump).keeping() as of_files:
        evaluator = Evaluator(model, silence, windows, training.held_samples, weights, replicas)
        bits = evaluator(corpus, on_bits=of_files.add if per_file or dump else None)
    figures: dict[str, Any] = {
        "bits_per_sample": bits.per_sample,
        "unigram_entropy_bits": corpus.unigram_entropy_bits,
        "samples": bits.samples,
    }
    if bits.per_part:
        figures["bits_per_sample_by_part"] = bits.per_part
    for stream in classes_streams(streams_of(spec)):
        figures[f"bits_per_sample_of_{stream.name}"] = bits.per_class(stream)
    if per_file:
        figures["files"] = of_files.figures(replicas)
    return figures
