"""The input pipeline beside the training that it feeds, and training on 1 hour beside training on 100 hours.

The model has frames of 16 and 4, width 256, an embedding of 256 and ten classes; batches are of 32 windows of 1,024
samples, at 16 kHz. Corpora are synthesised in the form that the cache has, in sounds of 10 seconds; the 100 hours take
11.5 GB of disk while it runs.

- Pipeline over training: an epoch's batches are iterated alone, and then the same epoch is trained on, in
  turns in one process; each is counted from its first batch's end on, and compiling is done before.
- 100 hours over 1 hour: the same number of steps is trained in a process of its own each, in turns. Before each run the
  100 hours are dropped from the system's page cache, so that they come from the disk, while the single hour stays in
  memory, where it is after an epoch. Counted are the steps after the first few.
- Resident memory is the private one (RssAnon) after those steps: the mapped arrays are the system's page cache and
  not the program's. What is allowed is the list of 36,000 sounds. VmRSS, which counts mapped pages too, stands beside.
- After that the next epoch's batches are iterated alone, from the first one on: of the 100 hours they come from the
  disk.
- Planning an epoch of the 100 hours cuts 36,000 sounds into segments, shuffles them and lays them on the lanes.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import keras
import tensorflow as tf
from measuring import Figure, interleave, main, ratios, tell
from synthetic import SPEC, forget_pages, in_fresh_process, parse, write_prepared

from keras_samplernn.conditions.streams import streams_of
from keras_samplernn.data.corpus import Corpus
from keras_samplernn.data.plan import Plan
from keras_samplernn.model.assembly import assemble
from keras_samplernn.training.trainer import Trainer

HOURS = (1, 100)
SOUND_SECONDS = 10
PIPELINE_BATCHES = 800
TRAINING_STEPS = 16
WARM_STEPS = 3
# The private memory that 100 hours may take above 1 hour, in MB: no more than this varies, the list of sounds included.
ALLOWED_MB = 64
CASE = "16/4, D 256, batch 32, T 1024, ten classes"


def measure(repeats: int) -> Iterator[Figure]:
    """Yield the figures."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        folders = {hours: root / f"{hours}_hours" for hours in HOURS}
        for hours, folder in folders.items():
            tell(f"writing {hours} h")
            write_prepared(folder, parse(SPEC, root), 3600 * hours, SOUND_SECONDS)
            forget_pages(folder)  # lest the system still writes while something is timed
        yield from _over_training(in_fresh_process(take_turns, folders[HOURS[0]], repeats))
        yield from _over_one_hour(folders, repeats)


def _over_training(speeds: dict[str, list[float]]) -> Iterator[Figure]:
    faster = ratios(speeds["pipeline"], speeds["training"])
    yield Figure(CASE, "pipeline over training", "", faster, at_least=20)
    yield Figure(CASE, "input pipeline alone", "samples/s", speeds["pipeline"])
    yield Figure(CASE, "training", "samples/s", speeds["training"])


def _over_one_hour(folders: dict[int, Path], repeats: int) -> Iterator[Figure]:
    few, many = HOURS
    found: dict[int, list[dict[str, float]]] = {hours: [] for hours in HOURS}

    def run(hours: int) -> float:
        if hours == many:
            forget_pages(folders[hours])
        found[hours].append(in_fresh_process(train, folders[hours]))
        return found[hours][-1]["speed"]

    speeds = interleave({str(hours): lambda hours=hours: run(hours) for hours in HOURS}, repeats)
    case = f"{many} h beside {few} h"
    slower = ratios(speeds[str(many)], speeds[str(few)])
    yield Figure(case, "training speed over training speed", "", slower, at_least=0.95)
    for field, words, allowed in [("RssAnon", "private", ALLOWED_MB), ("VmRSS", "mapped pages included", None)]:
        if field in found[few][0]:
            pairs = zip(found[many], found[few], strict=True)
            grown = [one[field] - other[field] for one, other in pairs]
            yield Figure(case, f"resident memory more, {words}", "MB", grown, at_most=allowed)
            yield Figure(f"{few} h", f"resident memory, {words}", "MB", [each[field] for each in found[few]])
    for hours in HOURS:
        yield Figure(f"{hours} h", "training", "samples/s", speeds[str(hours)])
        alone = [each["pipeline"] for each in found[hours]]
        yield Figure(f"{hours} h", "input pipeline alone, another epoch from its start", "samples/s", alone)
        yield Figure(f"{hours} h", "planning an epoch", "s", [each["planning"] for each in found[hours]])


def make_trainer(folder: Path) -> Trainer:
    """Make a model ready to train on a prepared corpus, as `fit` does it."""
    spec = parse(SPEC, folder)
    keras.utils.set_random_seed(spec.training.seed)
    tf.config.experimental.enable_op_determinism()
    return Trainer(spec, assemble(spec), Corpus.open(folder, streams_of(spec)))


def take_turns(folder: Path, repeats: int) -> dict[str, list[float]]:
    """Return samples per second of the pipeline alone and of training, turn by turn."""
    trainer = make_trainer(folder)
    plan = trainer.plan(epoch=0)
    samples_per_step = plan.lanes * plan.seq_len

    def iterate() -> float:
        batches = iter(trainer.batches(plan).take(PIPELINE_BATCHES))
        next(batches)
        began = perf_counter()
        return samples_per_step * sum(1 for _ in batches) / (perf_counter() - began)

    runs = {"pipeline": iterate, "training": lambda: train_steps(trainer, plan, 1, TRAINING_STEPS)}
    interleave(runs, 1)
    return interleave(runs, repeats)


def train_steps(trainer: Trainer, plan: Plan, first_step: int, steps: int) -> float:
    """Return the samples per second of so many steps, without those up to `first_step`, counted from 1."""
    ends = []
    for batch in trainer.batches(plan).take(steps):
        float(trainer.step(batch).bits)
        ends.append(perf_counter())
    ends = ends[first_step - 1 :]
    return plan.lanes * plan.seq_len * (len(ends) - 1) / (ends[-1] - ends[0])


def train(folder: Path) -> dict[str, float]:
    """Train some steps, then iterate another epoch's first batches.

    Returns:
        Samples per second of training and of the pipeline alone, the seconds that planning takes, and resident memory
        after training in MB.
    """
    trainer = make_trainer(folder)
    plan = trainer.plan(epoch=0)
    speed = train_steps(trainer, plan, WARM_STEPS, WARM_STEPS + TRAINING_STEPS)
    figures = {"speed": speed, **resident_mb()}
    began = perf_counter()
    plan = trainer.plan(epoch=1)
    planned = perf_counter()
    batches = sum(1 for _ in trainer.batches(plan).take(PIPELINE_BATCHES))
    speed = batches * plan.lanes * plan.seq_len / (perf_counter() - planned)
    return figures | {"planning": planned - began, "pipeline": speed}


def resident_mb() -> dict[str, float]:
    """Return this process' RssAnon and VmRSS in MB; nothing where the system is not Linux."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    values = dict(line.split(":", maxsplit=1) for line in lines)
    # The kernel's kB are of 1024 bytes.
    return {name: int(values[name].split()[0]) * 1024 / 1e6 for name in ("RssAnon", "VmRSS") if name in values}


if __name__ == "__main__":
    main(measure, __doc__, repeats=3)
