"""Training: the whole step of `fit`, beside the textbook's, and beside what the machine multiplies.

Ours is the trainer that the `fit` command uses: weight norm, learned initial states, resets by row, deterministic
operations, clipped Adam with the gradients' norm, and the data pipeline on a corpus in memory. The textbook's
(textbook.py) is stock Keras layers and plain `fit` with batches cut beforehand, without weight norm and learned initial
states, operations as TensorFlow has them by default; so ours is measured without weight norm too. All are
unconditional, with one GRU a tier, 256 levels and embeddings of 256, of the same sizes, on the same synthetic wave.

Each side runs in a process of its own, one at a time. The textbook's is first tried in its four forms, L1 as Conv1D
or as Dense over concatenated embeddings, as a graph or compiled by XLA, three times for a few steps; ours is compared
with the fastest. Then, in each round, ours fits for some seconds, the textbook's does, and NumPy multiplies 2048 x 2048
float32 matrices (sgemm; the best of five). The first step of every `fit` is not timed; compiling is reported apart.

"Useful arithmetic" are the multiplications and additions that the model cannot do without: the matrix products of the
frame tiers (input, both kernels of the GRU, output) and of L2, L3 and the output of the sample tier, none for the
embedded window, which look-ups can replace; the backward pass counts twice the forward pass.
"""

import contextlib
import dataclasses
import itertools
import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from measuring import Figure, interleave, main, ratios, tell

EMB_SIZE = Q_LEVELS = 256
SAMPLE_RATE = 16000
SOUND_SAMPLES = 10 * SAMPLE_RATE
CORPUS_STEPS = 400
ROUND_SECONDS = 7.0
TRIAL_STEPS = 3
TRIALS = 3
SGEMM_SIZE = 2048


@dataclasses.dataclass(frozen=True)
class Case:
    """What is trained: frame sizes slow to fast, D, B, T; `aim`: how many times as fast as the textbook's."""

    frames: tuple[int, ...]
    dim: int
    batch_size: int
    seq_len: int
    aim: float

    def __str__(self) -> str:
        frames = "/".join(map(str, self.frames))
        return f"frames {frames}, D {self.dim}, {self.batch_size} rows of {self.seq_len}"

    @property
    def useful_operations(self) -> int:
        """Useful multiplications and additions of a step, by sample: two for each multiply-add, thrice the forward."""
        forward = 2 * self.dim**2 + self.dim * Q_LEVELS
        for frame, below in zip(self.frames, [*self.frames[1:], 1], strict=True):
            forward += (frame * self.dim + 6 * self.dim**2 + frame // below * self.dim**2) / frame
        return round(2 * 3 * forward)


CASES = (
    Case((64, 16), dim=256, batch_size=16, seq_len=1024, aim=3.5),
    Case((16, 4), dim=256, batch_size=32, seq_len=1024, aim=1.8),
    Case((64, 16), dim=1024, batch_size=8, seq_len=512, aim=2.0),
    Case((16, 4), dim=1024, batch_size=16, seq_len=512, aim=2.5),
)


@dataclasses.dataclass(frozen=True)
class Form:
    """One way to write and to run the textbook's program; see `textbook.build_textbook`."""

    l1_form: str
    xla: bool

    def __str__(self) -> str:
        return f"{self.l1_form}, {'XLA' if self.xla else 'graph'}"


FORMS = tuple(Form(l1_form, xla) for l1_form in ("convolution", "concatenation") for xla in (False, True))

OURS = {"ours": {}, "ours without weight norm": {"weight_norm": False}}
"""Ours as the defaults have it, and with the textbook's formulas: what the tiers' options are."""

Fit = Callable[[int, Callable[[float], None]], None]
"""Fits for some steps with some Keras callbacks."""


@dataclasses.dataclass(frozen=True)
class Fitted:
    """What a process tells of a `fit`: seconds a step, the mean loss, and the greatest memory it ever took, in GB."""

    step_seconds: float
    bits: float
    memory_gb: float


class Side:
    """A process that trains when told to, started and compiled.

    Args:
        start: called there with `arguments`; returns a `Fit`.

    Attributes:
        compile_seconds: of the first step, compiling included.
        last: what the last `fit` told.

    Raises:
        ChildProcessError: it died.
    """

    def __init__(self, start: Callable[..., Fit], *arguments: Any):
        context = multiprocessing.get_context("spawn")  # a forked TensorFlow does not work
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, start, arguments), daemon=True)
        self._process.start()
        theirs.close()
        self.compile_seconds: float = self._receive()

    def fit(self, steps: int) -> Fitted:
        """Fit one step untimed, then `steps`."""
        self._connection.send(steps)
        self.last: Fitted = self._receive()
        return self.last

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.join()

    def __enter__(self) -> "Side":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _receive(self) -> Any:
        try:
            return self._connection.recv()
        except EOFError:
            self._process.join()
            raise ChildProcessError(f"a training process ended with status {self._process.exitcode}") from None


class StepClock:
    """Notes when steps end."""

    def __init__(self):
        self.ends: list[float] = []
        self.bits = 0.0

    def step_ended(self, bits: float) -> None:
        """Note a step whose loss has been read, so that it is over."""
        self.bits = bits
        self.ends.append(time.perf_counter())


def _serve(connection: Connection, start: Callable[..., Fit], arguments: tuple) -> None:
    """Train as often and as long as the other end says."""
    fit = start(*arguments)
    began = time.perf_counter()
    connection.send(_run(fit, 1).ends[-1] - began)
    while True:
        try:
            steps = connection.recv()
        except EOFError:
            return
        clock = _run(fit, 1 + steps)
        # Linux counts in KiB, macOS in bytes.
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        connection.send(Fitted((clock.ends[-1] - clock.ends[0]) / steps, clock.bits, memory / 1e9))


def _run(fit: Fit, steps: int) -> StepClock:
    clock = StepClock()
    fit(steps, clock.step_ended)
    if len(clock.ends) != steps:
        raise RuntimeError(f"{len(clock.ends)} of {steps} steps were done: the data ran out")
    return clock


def start_ours(case: Case, tier_options: dict[str, Any]) -> Fit:
    """Set a training up as the `fit` command does; each call of the result goes through an epoch's plan of its own.

    Args:
        case: what is trained.
        tier_options: of all tiers that know them, laid over the defaults.
    """
    from keras_samplernn.quiet import start_tensorflow

    start_tensorflow()
    import keras
    import tensorflow as tf

    from keras_samplernn.data.corpus import Corpus, SoundEntry
    from keras_samplernn.model.assembly import assemble
    from keras_samplernn.model.registry import load_types
    from keras_samplernn.spec import parse_spec
    from keras_samplernn.training.trainer import Trainer

    document = {
        "preset": "paper",
        "audio": {"sample_rate": SAMPLE_RATE, "q_levels": Q_LEVELS},
        "data": {"train": "train"},
        "tier_defaults": {"dim": case.dim} | tier_options,
        "tiers": [
            *({"type": "frame_rnn", "frame_size": frame} for frame in case.frames),
            {"type": "sample_mlp", "emb_size": EMB_SIZE, "window": None},
        ],
        "training": {"seq_len": case.seq_len, "batch_size": case.batch_size},
    }
    spec = parse_spec(json.dumps(document), "spec", load_types(), Path())
    codes = synthesise_codes(case)
    starts = range(0, len(codes), SOUND_SAMPLES)
    corpus = Corpus(
        folder=Path(),
        sounds=[SoundEntry(str(start), start, min(SOUND_SAMPLES, len(codes) - start)) for start in starts],
        codes=codes,
        streams=(),
        code_counts=np.bincount(codes, minlength=Q_LEVELS),
        class_counts={},
        lost=[],
        manifest={},
    )
    keras.utils.set_random_seed(spec.training.seed)
    tf.config.experimental.enable_op_determinism()
    trainer = Trainer(spec, assemble(spec, spec.training.precision), corpus)
    epochs = itertools.count()

    def fit(steps: int, step_ended: Callable[[float], None]) -> None:
        for batch in trainer.batches(trainer.plan(next(epochs))).take(steps):
            sums = trainer.step(batch)
            step_ended(float(sums.bits) / int(sums.samples))

    return fit


def start_textbook(case: Case, form: Form) -> Fit:
    """Set the textbook's training up."""
    from keras_samplernn.quiet import start_tensorflow

    start_tensorflow()
    import keras
    from textbook import build_textbook, compile_textbook, textbook_batches

    keras.utils.set_random_seed(123)
    model = build_textbook(
        case.frames, case.dim, case.batch_size, case.seq_len, EMB_SIZE, Q_LEVELS, l1_form=form.l1_form
    )
    compile_textbook(model, form.xla)
    batches = textbook_batches(synthesise_codes(case), case.frames[0], case.batch_size, case.seq_len)

    def fit(steps: int, step_ended: Callable[[float], None]) -> None:
        callback = keras.callbacks.LambdaCallback(on_train_batch_end=lambda _, logs: step_ended(float(logs["loss"])))
        model.fit(batches.take(steps), callbacks=[callback], verbose=0, shuffle=False)

    return fit


def synthesise_codes(case: Case) -> np.ndarray:
    """Return uint8 codes of a gliding chord with noise, enough for `CORPUS_STEPS` steps."""
    from keras_samplernn.data.quantization import Quantizer

    samples = (CORPUS_STEPS + 2) * case.batch_size * case.seq_len
    seconds = np.arange(SOUND_SAMPLES) / SAMPLE_RATE
    phase = 2 * np.pi * (150 * seconds + 10 * seconds**2)
    noise = np.random.default_rng(0).standard_normal(SOUND_SAMPLES)
    wave = 0.5 * np.sin(phase) + 0.25 * np.sin(2.5 * phase) + 0.02 * noise
    return np.resize(Quantizer("mu-law", Q_LEVELS).encode(wave).astype(np.uint8), samples)


def sgemm_rate() -> float:
    """Return what NumPy reaches on float32 matrices, in operations a second; the best of five products."""
    left, right = np.random.default_rng(0).standard_normal((2, SGEMM_SIZE, SGEMM_SIZE)).astype(np.float32)
    product = np.empty_like(left)
    times = []
    for _ in range(6):  # the first wakes the threads
        began = time.perf_counter()
        np.matmul(left, right, out=product)
        times.append(time.perf_counter() - began)
    return 2 * SGEMM_SIZE**3 / min(times[1:])


def measure_case(case: Case, repeats: int) -> Iterator[Figure]:
    """Measure one case; its processes have ended when it is through."""
    name, samples = str(case), case.batch_size * case.seq_len
    with contextlib.ExitStack() as stack:
        textbook, speeds = _fastest_textbook(case, stack)
        tell(f"{name}: compiling ours")
        sides = {label: stack.enter_context(Side(start_ours, case, options)) for label, options in OURS.items()}
        sides["the textbook's"] = textbook
        steps = {
            side: min(max(2, round(ROUND_SECONDS / side.fit(TRIAL_STEPS).step_seconds)), CORPUS_STEPS - 1)
            for side in sides.values()
        }
        runs = {label: lambda side=side: samples / side.fit(steps[side]).step_seconds for label, side in sides.items()}
        values = interleave(runs | {"sgemm": sgemm_rate}, repeats)
    for label in OURS:
        speedups = ratios(values[label], values["the textbook's"])
        yield Figure(name, f"speed over the textbook's, {label}", "", speedups, at_least=case.aim)
        useful = [case.useful_operations * speed for speed in values[label]]
        figure = f"useful arithmetic over sgemm, {label}"
        yield Figure(name, figure, "", ratios(useful, values["sgemm"]), at_least=0.65)
    yield Figure(name, "sgemm", "GFLOP/s", [rate / 1e9 for rate in values["sgemm"]])
    for label, side in sides.items():
        yield Figure(name, f"samples per second, {label}", "samples/s", values[label])
        yield Figure(name, f"first step, compiling included, {label}", "s", [side.compile_seconds])
        yield Figure(name, f"memory at most, {label}", "GB", [side.last.memory_gb])
        yield Figure(name, f"loss in the last round, {label}", "bits", [side.last.bits])
    for form, speed in speeds.items():
        yield Figure(name, f"trial of the textbook's, {form}", "samples/s", [speed])


def _fastest_textbook(case: Case, stack: contextlib.ExitStack) -> tuple[Side, dict[str, float]]:
    """Try the textbook's in all its forms, in turn; the fastest stays. Return it and each form's samples a second."""
    tell(f"{case}: compiling the textbook's in its forms")
    sides = {str(form): stack.enter_context(Side(start_textbook, case, form)) for form in FORMS}
    trials = {form: lambda side=side: side.fit(TRIAL_STEPS).step_seconds for form, side in sides.items()}
    seconds = interleave(trials, TRIALS)
    # The best of each: a busy moment must not decide between them.
    speeds = {form: case.batch_size * case.seq_len / min(times) for form, times in seconds.items()}
    fastest = max(speeds, key=speeds.__getitem__)
    for form, side in sides.items():
        if form != fastest:
            side.close()
    return sides[fastest], speeds


def measure(repeats: int) -> Iterator[Figure]:
    """Measure all the cases, one after the other."""
    for case in CASES:
        yield from measure_case(case, repeats)


if __name__ == "__main__":
    main(measure, __doc__, repeats=5)
