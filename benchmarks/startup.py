"""How long one waits: for help, for the first training step, and for the first second of sound.

Everything is measured in processes of their own, from their start.

- Help: `python cli.py --help`, to its end.
- First step: the command `fit` on a corpus that the cache holds (ten minutes of training files of 10 seconds, one
  of validation files), from the process' start until the figures of the first step stand in the run's TensorBoard log:
  it is begun with `--max-steps 1`, so that they are written as soon as that step is done. Importing, opening the
  corpus, building the model, compiling and the step itself are in it. Once with frames of 16 and 4, width 256, ten
  classes, batches of 32 x 1,024 samples, and once with `examples/three_tier.json`, whose steps are of 128 x 512 samples
  and width 1024. How long a further step takes stands beside, measured apart.
- First second: of each spec in `examples`, with the weights that a model begins with. From before the engine is built
  until a second of one sound is there: 16,000 samples, through the loop that `generate` uses. Starting Python,
  importing and assembling the model come before and stand apart, like a further second from the same engine.

The examples are measured once, whatever the number of repeats.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import soundfile
from measuring import Figure, main, seconds, tell
from synthetic import CLASSES, SAMPLE_RATE, SPEC, in_fresh_process, parse, synthesise

from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.streams import streams_of
from keras_samplernn.conditions.track import Track, constant
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.sound import Sound
from keras_samplernn.generation.stream import BLOCK_SAMPLES, stream_parts
from keras_samplernn.model.assembly import assemble
from keras_samplernn.training.corpora import prepare_corpora
from keras_samplernn.training.trainer import Trainer

PROJECT = Path(__file__).resolve().parent.parent
PROGRAM = PROJECT / "cli.py"
EXAMPLES = sorted((PROJECT / "examples").glob("*.json"))
FILES, FILE_SECONDS = {"train": 60, "valid": 6}, 10
LOGGED = b"bits/training"
POLL_SECONDS = 0.01


def measure(repeats: int) -> Iterator[Figure]:
    """Yield the figures."""
    helps = [seconds(lambda: _run("--help")) for _ in range(repeats + 1)]
    # The first one may read the interpreter and its packages from the disk.
    yield Figure("cli.py --help", "to its end", "s", helps[1:], at_most=0.5)
    with tempfile.TemporaryDirectory() as name:
        yield from _first_steps(Path(name), repeats)
    for example in EXAMPLES:
        yield from _first_second(example)


def _first_steps(root: Path, repeats: int) -> Iterator[Figure]:
    os.environ["KERAS_SAMPLERNN_CACHE"] = str(root / "cache")
    write_sounds(root)
    three_tier = json.loads((PROJECT / "examples" / "three_tier.json").read_text())
    cases = {
        "16/4, D 256, batch 32, T 1024, ten classes": (SPEC, repeats),
        "three_tier.json, D 1024, batch 128, T 512": (three_tier | {"data": SPEC["data"]}, 1),
    }
    for number, (case, (raw, times)) in enumerate(cases.items()):
        (root / f"{number}.json").write_text(json.dumps(raw))
        prepare_corpora(parse(raw, root), tell)
        waits = [_until_first_step(root / f"{number}.json", root / f"run_{number}_{turn}") for turn in range(times)]
        yield Figure(case, "from fit's start to the first step done", "s", waits, at_most=20)
        yield Figure(case, "a further step", "s", [in_fresh_process(time_step, raw, root)])


def _first_second(example: Path) -> Iterator[Figure]:
    raw = json.loads(example.read_text())
    before, first, further = in_fresh_process(time_sound, raw, time.time())
    yield Figure(example.name, "compiling and the first second of sound", "s", [first], at_most=15)
    yield Figure(example.name, "a further second of sound", "s", [further])
    yield Figure(example.name, "starting, importing, assembling before", "s", [before])


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, PROGRAM, *arguments], check=True, capture_output=True)


def _until_first_step(spec: Path, run: Path) -> float:
    """Start `fit`; return the seconds until its first step stands in the log, and end it."""
    command = [sys.executable, PROGRAM, "fit", spec, "--run", run, "--max-steps", "1"]
    with (run.parent / f"{run.name}.txt").open("w+") as messages:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=messages, stderr=messages)
        try:
            while not any(LOGGED in file.read_bytes() for file in run.glob("logs/*")):
                if process.poll() is not None:
                    messages.seek(0)
                    raise RuntimeError(f"fit ended without a step: {messages.read()}")
                time.sleep(POLL_SECONDS)
            return time.perf_counter() - began
        finally:
            process.kill()
            process.wait()


def write_sounds(root: Path) -> None:
    """Write wav/csv pairs to train and to validate with, older than they are: of new files the cache keeps no hash."""
    wave, conditions = synthesise(FILE_SECONDS * SAMPLE_RATE)
    rows = np.stack([conditions + ord("0"), np.full(len(conditions), ord("\n"))], axis=1).astype(np.uint8)
    for part, files in FILES.items():
        (root / part).mkdir()
        for number in range(files):
            path = root / part / f"{number:03d}.wav"
            # Another beginning each, so that no two files are the same.
            soundfile.write(path, np.roll(wave, number * SAMPLE_RATE // CLASSES), SAMPLE_RATE, subtype="PCM_16")
            rows.tofile(path.with_suffix(".csv"))
            for file in (path, path.with_suffix(".csv")):
                os.utime(file, (time.time() - 3600,) * 2)


def time_step(raw: dict[str, Any], root: Path) -> float:
    """Return the seconds of a training step that compiles nothing more."""
    spec = parse(raw, root)
    trainer = Trainer(spec, assemble(spec), prepare_corpora(spec, tell).train)
    batches = iter(trainer.batches(trainer.plan(epoch=0)))
    float(trainer.step(next(batches)).bits)
    return seconds(lambda: float(trainer.step(next(batches)).bits))


def time_sound(raw: dict[str, Any], started: float) -> tuple[float, float, float]:
    """Return the seconds from `started` to the assembled model, to a second of sound from there, and of another one."""
    spec = parse(raw, Path())
    keras.utils.set_random_seed(spec.training.seed)
    model = assemble(spec)
    before = time.time() - started
    samples = spec.audio.sample_rate
    streams, columns = streams_of(spec), None
    if streams:
        track = Track(samples, {stream.name: constant(stream, 0, samples) for stream in streams})
        columns = Columns(track, streams, spec.audio.sample_rate)
    engines = []

    def build() -> None:
        engines.append(GenerationEngine(model, Quantizer.of(spec.audio).silence, 1, BLOCK_SAMPLES))
        generate()

    def generate() -> None:
        engine = engines[0]
        weights, sound = engine.weights(), Sound("sound", "sound", samples, 1.0, columns)
        blocks = stream_parts(engine, weights, engine.silent_start(weights), [sound], seed=0)
        made = sum(len(codes) for _, codes, _ in blocks)
        if made != samples:
            raise RuntimeError(f"{made} samples were generated, not {samples}")

    return before, seconds(build), seconds(generate)


if __name__ == "__main__":
    main(measure, __doc__, repeats=3)
