"""What the 16-bit head costs beside softmax, and how much quieter near silence becomes with it.

Two models that differ in their heads alone (width 256, frames of 16 and 4; 256 codes, or 65,536) take turns within one
process: steps of training, and blocks of generation of one sound. Every case compiles before it is timed.

Then both heads learn near silence, noise of -110 dBFS, in a model so small that it takes seconds, and generate a second
of it. The noise floor is the median level of its pieces of 10 ms, as decoded, before they are written with 16 bits.
With 256 levels of mu-law, even the codes beside silence are louder than -82 dBFS. It is the median, since so short a
training leaves every code a small probability, and one that is drawn far off outweighs a second of near silence.
"""

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from measuring import Figure, interleave, main, ratios, seconds

from keras_samplernn.data.corpus import Corpus, SoundEntry
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.sound import Sound
from keras_samplernn.generation.stream import BLOCK_SAMPLES, stream_parts
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.registry import load_types
from keras_samplernn.spec import Spec, parse_spec
from keras_samplernn.training.trainer import Trainer

SAMPLE_RATE = 8000
HEADS = {"softmax": (256, {"type": "softmax"}), "coarse_fine": (65536, {"type": "coarse_fine"})}
DIM, FRAMES, BATCH_SIZE, SEQ_LEN = 256, (16, 4), 16, 512
QUIET_DBFS, QUIET_DIM, QUIET_STEPS, QUIET_BATCH, QUIET_SEQ = -110.0, 32, 400, 16, 64
PIECE = SAMPLE_RATE // 100
MOST_TIME, LEAST_DB = 1.35, 20.0
STEPS, BLOCKS, QUIET_SEEDS = 4, 4, 2


def spec_of(head: str, dim: int, batch_size: int, seq_len: int) -> Spec:
    """Return the spec of a model with a head; all else is the same."""
    q_levels, chosen = HEADS[head]
    document = {
        "preset": "paper",
        "audio": {"sample_rate": SAMPLE_RATE, "q_levels": q_levels},
        "data": {"train": "train"},
        "tier_defaults": {"dim": dim},
        "tiers": [
            *({"type": "frame_rnn", "frame_size": size} for size in FRAMES),
            {"type": "sample_mlp", "window": None},
        ],
        "head": chosen,
        "training": {"seq_len": seq_len, "batch_size": batch_size, "learning_rate": 0.01},
    }
    return parse_spec(json.dumps(document), "spec", load_types(), Path())


def trainer_of(spec: Spec, wave: np.ndarray) -> Trainer:
    """Return what trains a spec on one sound."""
    keras.utils.set_random_seed(spec.training.seed)
    tf.config.experimental.enable_op_determinism()
    codes = Quantizer.of(spec.audio).encode(wave)
    counts = np.bincount(codes, minlength=spec.audio.q_levels)
    sounds = [SoundEntry("0", 0, len(codes))]
    corpus = Corpus(Path(), sounds, codes, (), counts, {}, [], {})
    return Trainer(spec, assemble(spec), corpus)


def training_runner(head: str) -> Callable[[], float]:
    """Return a function that takes some steps and gives the seconds of one, compiled and warm."""
    samples = (STEPS + 2) * BATCH_SIZE * SEQ_LEN
    phase = np.cumsum(2 * np.pi * np.linspace(150, 600, samples) / SAMPLE_RATE)
    wave = 0.5 * np.sin(phase) + 0.02 * np.random.default_rng(0).standard_normal(samples)
    trainer = trainer_of(spec_of(head, DIM, BATCH_SIZE, SEQ_LEN), wave)
    batches = [*trainer.batches(trainer.plan(0)).take(STEPS)]

    def run() -> None:
        for batch in batches:
            trainer.step(batch).read()

    run()
    return lambda: seconds(run) / STEPS


def generation_runner(head: str) -> Callable[[], float]:
    """Return a function that generates some blocks of one sound and gives the seconds of a sample, warm."""
    spec = spec_of(head, DIM, BATCH_SIZE, SEQ_LEN)
    keras.utils.set_random_seed(0)
    engine = GenerationEngine(assemble(spec), Quantizer.of(spec.audio).silence, 1, BLOCK_SAMPLES)
    weights = engine.weights()
    start, samples = engine.silent_start(weights), BLOCKS * BLOCK_SAMPLES

    def run() -> None:
        for _ in stream_parts(engine, weights, start, [Sound("a", "a", samples, 1.0)], seed=0):
            pass

    run()
    return lambda: seconds(run) / samples


def noise_floor(head: str, seed: int) -> float:
    """Train on near silence; return the noise floor of what is generated then, in dBFS."""
    spec = spec_of(head, QUIET_DIM, QUIET_BATCH, QUIET_SEQ)
    noise = np.random.default_rng(seed).standard_normal(8 * SAMPLE_RATE)
    trainer = trainer_of(spec, 10 ** (QUIET_DBFS / 20) * noise)
    epochs = (batch for epoch in itertools.count() for batch in trainer.batches(trainer.plan(epoch)))
    for batch in itertools.islice(epochs, QUIET_STEPS):
        trainer.step(batch)
    quantizer = Quantizer.of(spec.audio)
    engine = GenerationEngine(trainer.model, quantizer.silence, 1, BLOCK_SAMPLES)
    weights = engine.weights()
    sound = Sound("quiet", "quiet", SAMPLE_RATE, 1.0)
    codes = [each for _, each, _ in stream_parts(engine, weights, engine.silent_start(weights), [sound], seed)]
    pieces = quantizer.decode(np.concatenate(codes)).astype(np.float64).reshape(-1, PIECE)
    return 10 * float(np.log10(np.median(np.mean(pieces**2, axis=1))))


def measure(repeats: int) -> Iterator[Figure]:
    """Yield the figures."""
    case = f"D {DIM}, frames {FRAMES[0]} and {FRAMES[1]}"
    for name, runner in (("training", training_runner), ("generation", generation_runner)):
        values = interleave({head: runner(head) for head in HEADS}, repeats)
        slower = ratios(values["coarse_fine"], values["softmax"])
        yield Figure(case, f"time of {name}, coarse_fine over softmax", "", slower, at_most=MOST_TIME)
    floors = {head: [noise_floor(head, seed) for seed in range(QUIET_SEEDS)] for head in HEADS}
    case = f"near silence of {QUIET_DBFS:g} dBFS, D {QUIET_DIM}, {QUIET_STEPS} steps"
    lower = [one - other for one, other in zip(floors["softmax"], floors["coarse_fine"], strict=True)]
    yield Figure(case, "noise floor of coarse_fine below softmax's", "dB", lower, at_least=LEAST_DB)
    for head, values in floors.items():
        yield Figure(case, f"noise floor, {head}", "dBFS", values)


if __name__ == "__main__":
    main(measure, __doc__, repeats=7)
