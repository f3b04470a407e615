"""What monitoring and checkpoints take of a run's time, under the settings that a spec has by default.

A run is trained by `fit`'s own code. The time spent in monitoring (TensorBoard's log, and the sounds that are generated
and shown beside the real ones, the engine's compiling included) and in checkpoints (writing, forcing to the disk,
pruning) is taken by timers around these functions; what else is done meanwhile stands still, so that this is what a run
would be shorter without them.

- One hour of sound: frames of 16 and 4, width 256, ten classes, batches of 32 windows of 1,024 samples, 16 kHz. The
  run that is timed has epochs of a few steps, so that it is over in a minute; from it come the seconds of each event
  and the samples per second of training. The shares are then calculated for the first ten epochs of a run on one hour:
  ten times 57.6 million samples at that speed; a checkpoint at every epoch's end and every `checkpoint_minutes` within
  it; a log every 50 steps and one at every epoch's end; sounds by the clock, the first ones of which compile; opening
  and closing the monitor once. Validation, which would make the shares smaller, is left out of the run's time.
- The demo's corpus and model (200 seconds at 8 kHz, width 96, five epochs), with monitoring as a spec has it by
  default: nothing is calculated. The whole `fit` on the prepared corpus is timed, its compiling and its validation
  included, without starting Python. It is the hard case: its epochs take seconds, and compiling the sounds' engine is
  not spread over hours.
"""

import contextlib
import functools
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from measuring import Figure, main, seconds, tell
from synthetic import SAMPLE_RATE, SPEC, in_fresh_process, parse, write_prepared

from keras_samplernn.conditions.streams import streams_of
from keras_samplernn.data.corpus import Corpus
from keras_samplernn.demo import corpus as demo_corpus
from keras_samplernn.monitoring.monitor import Monitor
from keras_samplernn.monitoring.schedule import next_due
from keras_samplernn.monitoring.sounds import SoundsInTraining
from keras_samplernn.training import fit
from keras_samplernn.training.corpora import Corpora, prepare_corpora
from keras_samplernn.training.points import EVERY_STEPS
from keras_samplernn.training.session import Session

HOUR_SAMPLES = 3600 * SAMPLE_RATE
EPOCHS, STEPS_AN_EPOCH = 10, 4
VALID_SOUNDS = 3
MONITORING_PERCENT, CHECKPOINT_PERCENT = 5, 2
# Whatever is done for monitoring; `log` is what happens again and again.
MONITORING = {
    "open": [
        *((Monitor, "__init__"), (Monitor, "log_about"), (Monitor, "log_real"), (Monitor, "__exit__")),
        (SoundsInTraining, "__init__"),
    ],
    "log": [(Monitor, "log_figures")],
    "sounds": [(SoundsInTraining, "show")],
}
CHECKPOINTS = {"checkpoint": [(Session, "_save")]}


class Stopwatch:
    """Notes how long each call of some functions takes; one that another of them calls is part of that one.

    Attributes:
        seconds: of each call, by the name it is noted under.
    """

    def __init__(self):
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self._running = False

    def wrapped(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that does the same and is timed."""

        @functools.wraps(function)
        def timed(*arguments: Any, **options: Any) -> Any:
            if self._running:
                return function(*arguments, **options)
            self._running, began = True, time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                self._running = False
                self.seconds[name].append(time.perf_counter() - began)

        return timed

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Time what is monitoring and what is checkpoints, and the assembling of models."""
        with contextlib.ExitStack() as stack:
            places = [(name, *place) for name, found in (MONITORING | CHECKPOINTS).items() for place in found]
            for name, owner, attribute in [*places, ("assemble", fit, "assemble")]:
                timed = self.wrapped(name, getattr(owner, attribute))
                stack.enter_context(mock.patch.object(owner, attribute, timed))
            yield

    def noted(self) -> dict[str, list[float]]:
        """Return the seconds by name. The first model is the training's, a second one is made for the sounds."""
        found = dict(self.seconds)
        found["open"] = [*found["open"], *found.pop("assemble")[1:]]
        return found


def measure(repeats: int) -> Iterator[Figure]:
    """Yield the figures of both cases."""
    yield from _one_hour([in_fresh_process(train_short_epochs) for _ in range(repeats)])
    yield from _demo([in_fresh_process(train_demo) for _ in range(repeats)])


def _one_hour(runs: list[dict[str, Any]]) -> Iterator[Figure]:
    case = "16/4, D 256, batch 32, T 1024, one hour of sound"
    shares = [_shares_of_an_hour(run) for run in runs]
    yield Figure(case, "monitoring", "% of the run", [share[0] for share in shares], at_most=MONITORING_PERCENT)
    yield Figure(case, "checkpoints", "% of the run", [share[1] for share in shares], at_most=CHECKPOINT_PERCENT)
    yield Figure(case, "training", "samples/s", [run["speed"] for run in runs])
    yield from _events(case, runs)
    yield Figure(case, "the next sounds, compiled already", "s", [run["sounds"][-1] for run in runs])


def _shares_of_an_hour(run: dict[str, Any]) -> tuple[float, float]:
    """Return the per cent that monitoring and checkpoints take of the first epochs of a run on one hour."""
    epoch, logs = HOUR_SAMPLES / run["speed"], HOUR_SAMPLES / run["step_samples"] / EVERY_STEPS + 1
    due, again = next_due(0, run["minutes"]), 0
    while (due := next_due(due, run["minutes"])) < EPOCHS * epoch:
        again += 1
    sounds = run["sounds"][0] + again * run["sounds"][-1]
    monitoring = sum(run["open"]) + sounds + EPOCHS * logs * statistics.mean(run["log"])
    saves = epoch // (60 * run["checkpoint_minutes"]) + 1
    checkpoints = EPOCHS * saves * statistics.mean(run["checkpoint"])
    whole = EPOCHS * epoch + monitoring + checkpoints
    return 100 * monitoring / whole, 100 * checkpoints / whole


def _demo(runs: list[dict[str, Any]]) -> Iterator[Figure]:
    case = "demo, monitoring by default"
    monitoring = [100 * sum(sum(run[name]) for name in MONITORING) / run["whole"] for run in runs]
    checkpoints = [100 * sum(sum(run[name]) for name in CHECKPOINTS) / run["whole"] for run in runs]
    yield Figure(case, "monitoring", "% of the run", monitoring, at_most=MONITORING_PERCENT)
    yield Figure(case, "checkpoints", "% of the run", checkpoints, at_most=CHECKPOINT_PERCENT)
    yield Figure(case, "the whole fit", "s", [run["whole"] for run in runs])
    yield from _events(case, runs)


def _events(case: str, runs: list[dict[str, Any]]) -> Iterator[Figure]:
    yield Figure(case, "opening and closing the monitor", "s", [sum(run["open"]) for run in runs])
    yield Figure(case, "a log", "ms", [1000 * statistics.mean(run["log"]) for run in runs])
    yield Figure(case, "the first sounds, compiling included", "s", [run["sounds"][0] for run in runs])
    yield Figure(case, "a checkpoint", "s", [statistics.mean(run["checkpoint"]) for run in runs])


def train_short_epochs() -> dict[str, Any]:
    """Train epochs of a few steps until sounds were made twice; return the seconds by name, speed and settings."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        spec = parse(SPEC | {"monitoring": {"every_epochs": 1}}, root)
        step_samples = spec.training.batch_size * spec.training.seq_len
        samples = STEPS_AN_EPOCH * step_samples
        sound_seconds = spec.monitoring.seconds
        write_prepared(root / "train", spec, samples / SAMPLE_RATE, samples / SAMPLE_RATE)
        write_prepared(root / "valid", spec, VALID_SOUNDS * sound_seconds, sound_seconds)
        train, valid = (Corpus.open(root / name, streams_of(spec)) for name in ("train", "valid"))
        corpora = Corpora(train, valid, None, train)
        watch = Stopwatch()
        with watch.watching(), mock.patch.object(fit, "prepare_corpora", lambda *_: corpora):
            run = fit.fit_spec(spec, root / "run", tell, epochs=EPOCHS)
            rows = (run.folder / "metrics.csv").read_text().splitlines()
    column = rows[0].split(",").index("samples_per_second")
    return {
        **watch.noted(),
        "speed": statistics.median(float(speed) for row in rows[1:] if (speed := row.split(",")[column])),
        "step_samples": step_samples,
        "minutes": spec.monitoring.minutes,
        "checkpoint_minutes": spec.training.checkpoint_minutes,
    }


def train_demo() -> dict[str, Any]:
    """Train the demo's spec with default monitoring; return the seconds by name and of the whole."""
    with tempfile.TemporaryDirectory() as name, mock.patch.dict(os.environ, KERAS_SAMPLERNN_CACHE=f"{name}/cache"):
        root = Path(name)
        demo_corpus.write_demo_corpus(root / "corpus")
        raw = {key: value for key, value in demo_corpus.SPEC.items() if key != "monitoring"}
        spec = parse(raw, root / "corpus")
        prepare_corpora(spec, tell)
        watch = Stopwatch()
        with watch.watching():
            whole = seconds(lambda: fit.fit_spec(spec, root / "run", tell))
    return {**watch.noted(), "whole": whole}


if __name__ == "__main__":
    main(measure, __doc__, repeats=1)
