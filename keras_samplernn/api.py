"""The functions for programs and notebooks: `check`, `fit` and `load_run`. TensorFlow is imported when one is called.

Example:
    >>> import keras_samplernn
    >>> print(keras_samplernn.check("rooms/spec.json"))
    >>> run = keras_samplernn.fit("rooms/spec.json")
    >>> run = keras_samplernn.load_run("runs/rooms")
    >>> wave = run.generate("rain", seconds=2, seed=1, temperature=0.9)
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_samplernn.errors import UserError
from keras_samplernn.progress import say
from keras_samplernn.quiet import start_tensorflow

if TYPE_CHECKING:
    from keras_samplernn.run import Run
    from keras_samplernn.run_folder import RunFolder
    from keras_samplernn.spec import Spec
    from keras_samplernn.training.estimate import Estimate

BACKENDS, CHECKPOINTS, PRECISIONS = ("tensorflow", "jax"), ("best", "heard", "newest"), ("float32", "int8")


def load_run(
    folder: str | Path,
    checkpoint: str = "best",
    precision: str = "float32",
    raw_weights: bool = False,
    device: str | None = None,
) -> "Run":
    """Load a run that `fit` made.

    Args:
        folder: the run directory. It may be used while `fit` still writes to it.
        checkpoint: "best" by validation, "heard" by what a listener hears, or "newest".
        precision: precision of the weights, "float32" or "int8". With TensorFlow 2.17, int8 is faster for wide tiers,
            most of all if this is the first call of the program.
        raw_weights: whether the weights are taken as training left them, of a run that keeps their average
            (`training.ema_decay`).
        device: "cpu", "gpu" or "gpu:N", for TensorFlow, chosen by the first call of a program; None: all there are.

    Raises:
        UserError: one line for each problem: the folder is not a run, or all its checkpoints are damaged; or there is
            no such device.
    """
    for name, value, values in (("checkpoint", checkpoint, CHECKPOINTS), ("precision", precision, PRECISIONS)):
        if value not in values:
            raise UserError(f'{name} = "{value}" is unknown; give one of {", ".join(values)}')
    # XLA would divide each of int8's many small sums among threads, which costs more than the sum.
    _start(threads=1 if precision == "int8" else None, device=device)
    from keras_samplernn.run import load

    return load(Path(folder), checkpoint, precision, raw_weights)


def fit(
    spec: "str | Path | Mapping[str, Any]",
    run: str | Path | None = None,
    *,
    epochs: int | None = None,
    max_steps: int | None = None,
    restart: bool = False,
    init_from: str | Path | None = None,
    device: str | None = None,
) -> "Run":
    """Train a spec, or continue its run; then load the run's best checkpoint.

    After an interruption (Ctrl-C, or the stop button of a notebook) it finishes the step and writes a checkpoint; the
    same call continues from there.

    Args:
        spec: the path of its file; or its content, with data paths relative to the working folder.
        run: the run directory; None: `runs/NAME`, NAME as in the spec.
        epochs: stop after this many epochs in all; None: as in the spec.
        max_steps: stop after this many steps in all; None: no limit.
        restart: start a new run; an old one is moved aside, not deleted.
        init_from: start a new run with the best weights of this run of the same tiers.
        device: "cpu", "gpu" or "gpu:N", for TensorFlow, chosen by the first call of a program; None: all there are.

    Raises:
        Interrupted: a signal stopped the training; a checkpoint is written.
        UserError: one line for each problem of the spec, its sounds or the run directory; or the loss is not finite.
    """
    limits = {"epochs": epochs, "max_steps": max_steps}
    return load_run(train(spec, run, device, restart=restart, init_from=init_from, **limits).folder)


def train(
    spec: "str | Path | Mapping[str, Any]", run: str | Path | None = None, device: str | None = None, **options: Any
) -> "RunFolder":
    """Do what `fit` does without loading the run; return its folder."""
    _start(device=device)
    from keras_samplernn.run_folder import RUNS
    from keras_samplernn.training.fit import fit_spec

    loaded = _load_spec(spec)
    for name in ("epochs", "max_steps"):
        if (limit := options.get(name)) is not None and (not isinstance(limit, int) or limit < 1):
            raise UserError(f"{name} = {limit!r}: must be a whole number of at least 1; leave it out for no limit")
    if options.get("init_from") is not None:
        options["init_from"] = Path(options["init_from"])
    return fit_spec(loaded, RUNS / loaded.name if run is None else Path(run), say, **options)


def check(spec: "str | Path | Mapping[str, Any]", *, strict: bool = False) -> "Estimate":
    """Check a spec and its sounds, and take a few trial steps of its training; no run is written.

    Args:
        spec: as for `fit`.
        strict: refuse sounds of which a part is missing or left out, such as files that are truncated.

    Returns:
        The figures of the sounds, the model and the training on this machine; as text, the lines of the command.

    Raises:
        UserError: one line for each problem of the spec or its sounds.
    """
    _start()
    from keras_samplernn.training.corpora import prepare_corpora
    from keras_samplernn.training.estimate import estimate

    loaded = _load_spec(spec)
    return estimate(loaded, prepare_corpora(loaded, say, strict))


def _load_spec(spec: "str | Path | Mapping[str, Any]") -> "Spec":
    from keras_samplernn.model.registry import load_types
    from keras_samplernn.spec import load_spec, parse_spec

    if isinstance(spec, str | Path):
        return load_spec(spec, load_types())
    # Paths are as natural in a dictionary as text; whatever else JSON does not know is told by its field.
    return parse_spec(json.dumps(spec, default=str), "spec", load_types(), Path.cwd())


def _start(threads: int | None = None, device: str | None = None) -> None:
    """Start TensorFlow quietly, and let Keras run on it, unless the program has chosen JAX already."""
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"
    start_tensorflow(threads, device)
    import keras

    backend = keras.backend.backend()
    if backend not in BACKENDS:
        raise UserError(
            f"Keras runs on {backend} in this program; keras_samplernn takes {' or '.join(BACKENDS)}: set KERAS_BACKEND"
            " before Keras is imported, or call this first"
        )
