"""What a program or a notebook calls; everything heavy is imported by the call.

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

BACKENDS, CHECKPOINTS, PRECISIONS = ("tensorflow", "jax"), ("best", "newest"), ("float32", "int8")


def load_run(folder: str | Path, checkpoint: str = "best", precision: str = "float32") -> "Run":
    """Load a run that `fit` made.

    Args:
        folder: the run directory. It may be used while `fit` still writes to it.
        checkpoint: "best" by validation, or "newest".
        precision: of the weights; "int8" generates faster from wide tiers on TensorFlow 2.17, most of all where this
            is the first call of the program.

    Raises:
        UserError: one line for each problem: there is no run, or none of its checkpoints is whole.
    """
    for name, value, values in (("checkpoint", checkpoint, CHECKPOINTS), ("precision", precision, PRECISIONS)):
        if value not in values:
            raise UserError(f'{name} = "{value}" is unknown; give one of {", ".join(values)}')
    # XLA would share each of int8's many small sums out among threads, which costs more than the sum.
    _start(threads=1 if precision == "int8" else None)
    from keras_samplernn.run import load

    return load(Path(folder), checkpoint, precision)


def fit(
    spec: "str | Path | Mapping[str, Any]",
    run: str | Path | None = None,
    *,
    epochs: int | None = None,
    max_steps: int | None = None,
    restart: bool = False,
    init_from: str | Path | None = None,
) -> "Run":
    """Train a spec, or continue its run; then load the run's best checkpoint.

    An interruption (Ctrl-C, or a notebook's stop button) ends it after the step under way and a checkpoint; the same
    call continues from there.

    Args:
        spec: the path of its file; or its content, in which relative data paths are relative to the working folder.
        run: the run directory; None: `runs/NAME`, NAME as in the spec.
        epochs: stop after so many in all; None: as in the spec.
        max_steps: stop after so many steps in all; None: no such limit.
        restart: start anew; an old run is moved aside, not deleted.
        init_from: start a new run with the best weights of this run of the same tiers.

    Raises:
        Interrupted: a signal came; a checkpoint is written.
        UserError: one line for each problem of the spec, its sounds or the run directory; or the loss is not finite.
    """
    return load_run(train(spec, run, epochs=epochs, max_steps=max_steps, restart=restart, init_from=init_from).folder)


def train(spec: "str | Path | Mapping[str, Any]", run: str | Path | None = None, **options: Any) -> "RunFolder":
    """Do what `fit` does without loading the run; return its folder."""
    _start()
    from keras_samplernn.run_folder import RUNS
    from keras_samplernn.training.fit import fit_spec

    loaded = _load_spec(spec)
    if options.get("init_from") is not None:
        options["init_from"] = Path(options["init_from"])
    return fit_spec(loaded, RUNS / loaded.name if run is None else Path(run), say, **options)


def check(spec: "str | Path | Mapping[str, Any]") -> "Estimate":
    """Check a spec and its sounds, and take a few trial steps of its training; no run is begun.

    Args:
        spec: as for `fit`.

    Returns:
        What the sounds hold, how large the model is, what training takes here; printed, the lines of `check`.

    Raises:
        UserError: one line for each problem of the spec or its sounds.
    """
    _start()
    from keras_samplernn.training.corpora import prepare_corpora
    from keras_samplernn.training.estimate import estimate

    loaded = _load_spec(spec)
    return estimate(loaded, prepare_corpora(loaded, say))


def _load_spec(spec: "str | Path | Mapping[str, Any]") -> "Spec":
    from keras_samplernn.model.registry import load_tiers
    from keras_samplernn.spec import load_spec, parse_spec

    if isinstance(spec, str | Path):
        return load_spec(spec, load_tiers())
    return parse_spec(json.dumps(spec), "spec", load_tiers(), Path.cwd())


def _start(threads: int | None = None) -> None:
    """Start TensorFlow, quietly, and see to it that Keras runs on it, unless the program has chosen JAX already."""
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"
    start_tensorflow(threads)
    import keras

    backend = keras.backend.backend()
    if backend not in BACKENDS:
        raise UserError(
            f"Keras runs on {backend} in this program; keras_samplernn takes {' or '.join(BACKENDS)}: set KERAS_BACKEND"
            " before Keras is imported, or call this first"
        )
