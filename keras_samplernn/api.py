"""The functions for programs and notebooks: `init`, `check`, `fit`, `compare`, `plot`, `search`, `load_run`.

TensorFlow is imported when one is called.

Example:
    >>> import keras_samplernn
    >>> print(keras_samplernn.init("rooms"))
    >>> print(keras_samplernn.check("rooms/spec.json"))
    >>> run = keras_samplernn.fit("rooms/spec.json")
    >>> run = keras_samplernn.load_run("runs/rooms")
    >>> wave = run.generate("rain", seconds=2, seed=1, temperature=0.9)
"""

import json
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_samplernn.errors import UserError
from keras_samplernn.progress import say
from keras_samplernn.quiet import import_tensorflow, start_tensorflow

if TYPE_CHECKING:
    import pandas as pd

    from keras_samplernn.checking.report import Report
    from keras_samplernn.distribution.replicas import Replicas
    from keras_samplernn.planning.proposal import Proposal
    from keras_samplernn.run import Run
    from keras_samplernn.run_folder import RunFolder
    from keras_samplernn.search.results import Results
    from keras_samplernn.shard import Shard
    from keras_samplernn.spec import Spec

BACKENDS, CHECKPOINTS, PRECISIONS = ("tensorflow", "jax"), ("best", "heard", "newest"), ("float32", "int8")
STRATEGIES = "auto", "single", "mirrored", "multiworker"


def init(
    folder: str | Path, *, preset: str = "small", minutes: float | None = None, overwrite: bool = False
) -> "Proposal":
    """Write the spec of a folder of sounds, sized for these sounds and this machine by a few trial steps.

    It is `spec.json` in the folder, with its JSON Schema in `spec.schema.json` and, for a model with classes, an
    example of a score in `score.txt`.

    Args:
        folder: with sounds, in subfolders too, and condition files beside them or a folder for each class, if any.
        preset: what tiers and training begin from.
        minutes: of training; None: as many as suit the preset.
        overwrite: whether to replace a spec that is there.

    Returns:
        The spec as JSON, `fields`; as text, a line for each choice.

    Raises:
        UserError: there is a spec already, or no sound; or one line for each problem of a sound or a condition file.
    """
    from keras_samplernn.spec.presets import PRESETS

    if preset not in PRESETS:
        raise UserError(f'preset = "{preset}" is unknown; give one of {", ".join(PRESETS)}')
    if minutes is not None and not 0 < minutes < math.inf:
        raise UserError(f"minutes = {minutes!r}: must be a number above 0; leave it out for what suits the preset")
    from keras_samplernn.planning.writing import refuse_existing, write

    folder = Path(folder)
    if not overwrite:
        refuse_existing(folder)
    _start()
    from keras_samplernn.model.registry import load_types
    from keras_samplernn.planning.proposal import propose

    types = load_types()
    proposal = propose(folder, preset, minutes, types, say)
    written = write(proposal, types, overwrite)
    proposal.lines.append(f"wrote {', '.join(map(str, written))}")
    return proposal


def load_run(
    folder: str | Path,
    checkpoint: str = "best",
    precision: str = "float32",
    raw_weights: bool = False,
    strategy: str = "single",
    device: str | None = None,
    threads: int | None = None,
) -> "Run":
    """Load a run that `fit` made.

    Args:
        folder: the run directory. It may be used while `fit` still writes to it.
        checkpoint: "best" by validation, "heard" by what a listener hears, or "newest".
        precision: precision of the weights, "float32" or "int8". With TensorFlow 2.17, int8 is faster for wide tiers,
            most of all if this is the first call of the program.
        raw_weights: whether the weights are taken as training left them, of a run that keeps their average
            (`training.ema_decay`).
        strategy: what `Run.evaluate` shares the sounds out by: "single", "mirrored", "multiworker" or "auto", as in
            `fit`. With several workers, each loads the run and calls `evaluate`.
        device: "cpu", "gpu" or "gpu:N", for TensorFlow, chosen by the first call of a program; None: all there are.
        threads: as in `fit`.

    Raises:
        UserError: one line for each problem: the folder is not a run, or all its checkpoints are damaged; or there is
            no such device, or TensorFlow runs on another number of threads.
    """
    for name, value, values in (("checkpoint", checkpoint, CHECKPOINTS), ("precision", precision, PRECISIONS)):
        if value not in values:
            raise UserError(f'{name} = "{value}" is unknown; give one of {", ".join(values)}')
    # XLA would divide each of int8's many small sums among threads, which costs more than the sum.
    replicas = start_replicas(strategy, device, threads, 1 if precision == "int8" else None)
    from keras_samplernn.run import load

    return load(Path(folder), checkpoint, precision, raw_weights, replicas)


def fit(
    spec: "str | Path | Mapping[str, Any]",
    run: str | Path | None = None,
    *,
    changes: Mapping[str, Any] | None = None,
    name: str | None = None,
    epochs: int | None = None,
    max_steps: int | None = None,
    restart: bool = False,
    init_from: str | Path | None = None,
    strategy: str = "auto",
    device: str | None = None,
    threads: int | None = None,
) -> "Run | None":
    """Train a spec, or continue its run; then load the run's best checkpoint.

    After an interruption (Ctrl-C, or the stop button of a notebook) it finishes the step and writes a checkpoint; the
    same call continues from there.

    Args:
        spec: the path of its file; or its content, with data paths relative to the working folder.
        run: the run directory; None: `runs/NAME`, NAME as in the spec.
        changes: values for fields of the spec, by their path in its JSON, such as "training.learning_rate" or
            "tiers.0.dim"; None: the spec is taken as it is.
        name: for the spec, in place of its own; None: its own.
        epochs: stop after this many epochs in all; None: as in the spec.
        max_steps: stop after this many steps in all; None: no limit.
        restart: start a new run; an old one is moved aside, not deleted.
        init_from: start a new run with the best weights of this run of the same tiers.
        strategy: "single" for one device, "mirrored" for all GPUs of this host, "multiworker" for the workers that
            TF_CONFIG names; "auto" for what is there.
        device: "cpu", "gpu" or "gpu:N", for TensorFlow, chosen by the first call of a program; None: all there are.
        threads: number of threads of the processor that TensorFlow computes with, chosen by the first call of a
            program; None: as many as the machine has cores.

    Returns:
        The run; None on a worker that is not the chief, since the run directory is the chief's.

    Raises:
        Interrupted: a signal stopped the training; a checkpoint is written.
        UserError: one line for each problem of the spec, its sounds or the run directory; or the loss is not finite; or
            another worker could not start, has other sounds, or is lost.
    """
    refuse_early(spec, changes, name)
    replicas = start_replicas(strategy, device, threads)
    options = {"epochs": epochs, "max_steps": max_steps, "restart": restart, "init_from": init_from}
    trained = train(spec, run, replicas, changes=changes, name=name, **options)
    return load_run(trained.folder) if replicas.is_chief else None


def refuse_early(
    spec: "str | Path | Mapping[str, Any]", changes: Mapping[str, Any] | None = None, name: str | None = None
) -> None:
    """Raise UserError for what is wrong with a spec, or with changes of it, and is known before TensorFlow starts.

    Args:
        spec: as in `fit`.
        changes: as in `fit`.
        name: as in `fit`.
    """
    from keras_samplernn import spec as specs

    # Workers tell each other what is wrong, which they can once they have started.
    if "TF_CONFIG" not in os.environ:
        text, place, _ = _read_spec(spec)
        specs.refuse_early(text, place, _with_name(changes, name))


def start_replicas(
    strategy: str, device: str | None = None, threads: int | None = None, threads_of_an_operation: int | None = None
) -> "Replicas":
    """Start TensorFlow on the devices and workers of a strategy, as in `fit`, and return the replicas.

    Args:
        strategy: one of STRATEGIES.
        device: as in `fit`.
        threads: as in `fit`.
        threads_of_an_operation: as in `start_tensorflow`.
    """
    if threads is not None:
        _check_count("threads", threads, 1, "; leave it out for as many as the machine has cores")
    if strategy not in STRATEGIES:
        raise UserError(f'strategy = "{strategy}" is unknown; give one of {", ".join(STRATEGIES)}')
    _prefer_tensorflow()
    import_tensorflow(device)
    from keras_samplernn.distribution.launch import launch

    replicas = launch(strategy)
    _start(threads, device, threads_of_an_operation)
    return replicas


def train(
    spec: "str | Path | Mapping[str, Any]",
    run: str | Path | None,
    replicas: "Replicas",
    *,
    changes: Mapping[str, Any] | None = None,
    name: str | None = None,
    **options: Any,
) -> "RunFolder":
    """Do what `fit` does without loading the run; return its folder."""
    from keras_samplernn.run_folder import RUNS
    from keras_samplernn.training.fit import fit_spec

    loaded = _load_spec(spec, _with_name(changes, name), with_sounds=True)
    for limited in ("epochs", "max_steps"):
        if (limit := options.get(limited)) is not None:
            _check_count(limited, limit, 1, "; leave it out for no limit")
    if options.get("init_from") is not None:
        options["init_from"] = Path(options["init_from"])
    return fit_spec(loaded, RUNS / loaded.name if run is None else Path(run), say, replicas=replicas, **options)


def search(
    spec: "str | Path | Mapping[str, Any]",
    vary: "Mapping[str, Sequence[str | int | float | bool | None]]",
    *,
    steps: int,
    eta: int = 2,
    out: str | Path | None = None,
    restart: bool = False,
    shard: "Shard | None" = None,
) -> "Results":
    """Train a spec with each combination of some fields' values, by successive halving; or go on with that.

    Args:
        spec: as for `fit`.
        vary: values by field, a path in the spec's JSON such as "training.learning_rate" or "tiers.0.dim".
        steps: training steps of all runs together, at most.
        eta: after each rung the best one in so many goes on, to so many times the steps; at least 2.
        out: the folder of the search; None: `runs/NAME-search`, NAME as in the spec.
        restart: start a new search; an old one is moved aside, not deleted.
        shard: train only this part of the runs of the present rung.

    Raises:
        Interrupted: a signal stopped the training; a checkpoint is written.
        UserError: one line for each problem of a combination, the sounds or the folder.
    """
    refuse_early(spec)
    # The runs have processes of their own, and TensorFlow would take the memory of a GPU for this one.
    devices = os.environ.get("CUDA_VISIBLE_DEVICES")
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    try:
        _start()
    finally:
        del os.environ["CUDA_VISIBLE_DEVICES"]
        if devices is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = devices
    from keras_samplernn.model.registry import load_types
    from keras_samplernn.run_folder import RUNS
    from keras_samplernn.search.folder import SearchFolder
    from keras_samplernn.search.grid import combine
    from keras_samplernn.search.halving import plan_rungs
    from keras_samplernn.search.searching import Search

    grid = {field: list(values) for field, values in vary.items()}
    if not grid or not all(grid.values()):
        raise UserError("vary: needs at least one field, and at least one value for each")
    _check_count("steps", steps, 1)
    _check_count("eta", eta, 2)
    rungs = plan_rungs(math.prod(map(len, grid.values())), steps, eta)
    text, place, folder = _read_spec(spec)
    name, combinations = combine(text, place, load_types(), folder, grid)
    search_folder = SearchFolder(RUNS / f"{name}-search" if out is None else Path(out), combinations)
    if restart and (aside := search_folder.set_aside()):
        say(f"{search_folder.folder}: moved to {aside}")
    search_folder.begin({"vary": grid, "steps": steps, "eta": eta})
    return Search(search_folder, rungs, steps, say).train(shard)


def compare(*runs: "str | Path | Run") -> "pd.DataFrame":
    """Return the figures of runs side by side; TensorFlow is not started.

    Args:
        *runs: runs, run directories, or folders of such; none: those in `runs`.

    Returns:
        A row for each run, by its folder. The columns are `state`, `epochs`, `steps`, `minutes`, `training_bits`,
        `validation_bits` at the best validation and its step, `validation_step`; the fields of the spec in which the
        runs differ, by their path; and the bits of each class at that validation, as docs/data.md names them.

    Raises:
        UserError: there is no run.
    """
    from keras_samplernn.overview.frame import frame_of
    from keras_samplernn.overview.listing import summaries_of
    from keras_samplernn.run_folder import RUNS

    return frame_of(summaries_of(list(map(_folder_of, runs)) or [RUNS], say))


def plot(*runs: "str | Path | Run", out: str | Path = "bits.png", by: str = "steps") -> Path:
    """Draw the bits of training and validation of runs into one PNG; TensorFlow is not started.

    Args:
        *runs: runs, or run directories.
        out: the picture. One that was drawn before is replaced, any other file is not.
        by: what lies on the axis below the curves, "steps", "minutes" or "epochs".

    Returns:
        The path of the picture.

    Raises:
        UserError: one line for each run without figures; or `out` is another file.
    """
    from keras_samplernn.overview.chart import AXES, plot_runs

    if by not in AXES:
        raise UserError(f'by = "{by}" is unknown; give one of {", ".join(AXES)}')
    if not runs:
        raise UserError("runs: there are none; give runs, or run directories")
    plot_runs(list(map(_folder_of, runs)), Path(out), by)
    return Path(out)


def check(
    spec: "str | Path | Mapping[str, Any]", *, strict: bool = False, changes: Mapping[str, Any] | None = None
) -> "Report":
    """Check a spec and its sounds, and take a few trial steps of its training; no run is written.

    Args:
        spec: as for `fit`.
        strict: refuse sounds of which a part is missing or left out, such as files that are truncated.
        changes: as for `fit`.

    Returns:
        The figures of the sounds, the model and the training on this machine, and the sentences of the `verdict`; as
        text, the lines of the command.

    Raises:
        UserError: one line for each problem of the spec or its sounds.
    """
    refuse_early(spec, changes)
    _start()
    from keras_samplernn.checking.report import report_on
    from keras_samplernn.training.corpora import prepare_corpora

    loaded = _load_spec(spec, changes, with_sounds=True)
    return report_on(loaded, prepare_corpora(loaded, say, strict))


def fix(spec: "str | Path | Mapping[str, Any]", changes: Mapping[str, Any] | None = None) -> Iterator[str]:
    """Write repaired copies of a spec's faulty csv files beside them, as `NAME.csv.fixed`.

    Args:
        spec: as for `fit`.
        changes: as for `fit`.

    Yields:
        A line for each faulty condition file: what was changed, or that it cannot be mended.

    Raises:
        UserError: one line for each problem of the spec.
    """
    refuse_early(spec, changes)
    _start()
    from keras_samplernn.checking.fixing import fix_conditions

    return fix_conditions(_load_spec(spec, changes, with_sounds=True))


def _check_count(name: str, value: Any, least: int, remedy: str = "") -> None:
    if not isinstance(value, int) or value < least:
        raise UserError(f"{name} = {value!r}: must be a whole number of at least {least}{remedy}")


def _folder_of(run: "str | Path | Run") -> Path:
    return Path(getattr(run, "folder", run))


def _with_name(changes: Mapping[str, Any] | None, name: str | None) -> dict[str, Any]:
    """Return changes of a spec with that of its name."""
    changes = dict(changes or {})
    if name is not None and changes.setdefault("name", name) != name:
        raise UserError(f"--name {name}: --set changes the name to {changes['name']}; give one of the two")
    return changes


def _load_spec(
    spec: "str | Path | Mapping[str, Any]", changes: Mapping[str, Any] | None = None, with_sounds: bool = False
) -> "Spec":
    """Return a validated spec; `with_sounds`: the problems of its sounds are told with its own."""
    from keras_samplernn.model.registry import load_types
    from keras_samplernn.spec import parse_spec
    from keras_samplernn.spec.changes import read_object, with_changes

    text, place, folder = _read_spec(spec)
    if changes:
        text = with_changes(read_object(text, place), changes, place, "--set")
    try:
        return parse_spec(text, place, load_types(), folder)
    except UserError as error:
        raise UserError(*error.lines, *(_problems_of_sounds(text, folder) if with_sounds else ())) from None


def _problems_of_sounds(text: str, folder: Path) -> tuple[str, ...]:
    """Return a line for each problem of the sounds of a spec; none if what it says of them is not valid itself."""
    from keras_samplernn.model.registry import load_types
    from keras_samplernn.spec import parse_spec
    from keras_samplernn.training.corpora import prepare_corpora

    try:
        raw = json.loads(text)
        sections = {name: raw[name] for name in ("audio", "data", "conditioning") if name in raw}
        spec = parse_spec(json.dumps(sections), "", load_types(), folder)
    except (ValueError, TypeError, RecursionError, UserError):
        return ()
    try:
        prepare_corpora(spec, lambda line: None)
    except UserError as error:
        return error.lines
    return ()


def _read_spec(spec: "str | Path | Mapping[str, Any]") -> tuple[str, str, Path]:
    """Return the JSON of a spec, its name in messages, and the folder that its data paths start from."""
    from keras_samplernn.spec import read_spec_text

    if isinstance(spec, str | Path):
        return read_spec_text(Path(spec)), str(spec), Path(spec).parent
    # Paths are as natural in a dictionary as text; whatever else JSON does not know is told by its field.
    return json.dumps(spec, default=str), "spec", Path.cwd()


def _start(threads: int | None = None, device: str | None = None, threads_of_an_operation: int | None = None) -> None:
    """Start TensorFlow quietly, and let Keras run on it, unless the program has chosen JAX already."""
    _prefer_tensorflow()
    start_tensorflow(threads, device, threads_of_an_operation)
    import keras

    backend = keras.backend.backend()
    if backend not in BACKENDS:
        raise UserError(
            f"Keras runs on {backend} in this program; keras_samplernn takes {' or '.join(BACKENDS)}: set KERAS_BACKEND"
            " before Keras is imported, or call this first"
        )


def _prefer_tensorflow() -> None:
    """Let Keras run on TensorFlow if it is still to be imported."""
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"
