"""The `evaluate` command: a run's bits per sample on a folder of sounds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_samplernn.checkpoints.shelf import choose_checkpoint, load_chosen
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.errors import UserError
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.memory import check_scoring_memory, outline, telling_exhaustion
from keras_samplernn.run_folder import RunFolder
from keras_samplernn.training.corpora import prepare_folder, prepare_named
from keras_samplernn.training.evaluation import Evaluator


def score_run(
    run: RunFolder,
    data: Path | None,
    which: str,
    precision: str,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Score a run on `data`, or on its spec's test files, or else its validation files.

    Args:
        which: checkpoint, "best" or "newest".
        precision: of the weights: "float32", or "int8" as `generate` may round them.

    Returns:
        `bits_per_sample`, `unigram_entropy_bits`, `samples` and, where conditional, `bits_per_sample_of_class`;
        no name, path or time.
    """
    spec = run.spec
    outlined = outline(spec)
    chosen = choose_checkpoint(run.checkpoints_folder, which, outlined, say)
    held_out = [name for name in ("test", "valid") if getattr(spec.data, name) is not None]
    if data is not None:
        corpus = prepare_folder(spec, data, say)
    elif held_out:
        corpus = prepare_named(spec, held_out[0], say)
    else:
        raise UserError(f"{run.folder}: its spec names neither test nor validation files; give --data")
    training = spec.training
    windows = min(training.batch_size, len(corpus.sounds))
    check_scoring_memory(spec, outlined, windows)
    model = assemble(spec)
    load_chosen(chosen, which, model, say)
    weights = None if precision == "float32" else model.generation_weights(precision)
    silence = Quantizer.of(spec.audio).silence
    with telling_exhaustion(
        run.folder, f"{windows} windows of {training.seq_len} samples", "evaluate on one that has more"
    ):
        bits = Evaluator(model, silence, windows, training.seq_len, weights)(corpus)
    figures: dict[str, Any] = {
        "bits_per_sample": bits.per_sample,
        "unigram_entropy_bits": corpus.unigram_entropy_bits,
        "samples": bits.samples,
    }
    if spec.classes:
        figures["bits_per_sample_of_class"] = bits.per_class(spec.class_names)
    return figures
