"""Training and generation on an accelerator, beside the time of their matrix products alone.

The tiers, the training step and the loop of generation run on Keras' JAX backend, in one process and without
TensorFlow. The model has frames of 16 and 4, one GRU a tier, an embedding of 256 and ten classes.

- Training is the step of `fit`, with its optimizer, on a batch that is on the device: no corpus is read.
- Generation is the loop of `generate` in blocks of 2,048 samples, the transfer of each block to and from the device
  included. "mixed_bfloat16" is the model that is trained in it, with logits in float32; `generate` has no such option.
- The products alone are those of the traced program, with the same shapes, dtypes and loops, and nothing else: no
  gates, no look-ups, no softmax, no optimizer. What leads from one product in a loop to the next is the least that
  keeps them in order.

Each time is the median of five repeats, which take turns with those of the products, after a first call that compiles.
A repeat waits for the device at its end. Products in float32 have the precision that JAX gives them by default, which
is TF32 on NVIDIA's devices from Ampere on; `JAX_DEFAULT_MATMUL_PRECISION=highest` gives all bits.
"""

import argparse
import dataclasses
import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"
if importlib.util.find_spec("jax") is None:
    sys.exit("accelerator.py: jax is not installed; install jax, or jax[cuda12] where there is an NVIDIA GPU")

import jax
import keras
import numpy as np
from measuring import Figure, interleave, line_of, machine, ratios, report_of, seconds, tell
from products import operations_of, products_of, products_runner
from report import accelerator_section

from keras_samplernn import SampleRNN
from keras_samplernn.backend import traced
from keras_samplernn.conditions.layout import nothing
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.stream import BLOCK_SAMPLES
from keras_samplernn.model.assembly import assemble
from keras_samplernn.plugins.frame_rnn import FrameRNN
from keras_samplernn.plugins.sample_mlp import SampleMLP
from keras_samplernn.plugins.softmax import Softmax
from keras_samplernn.spec import Spec, Types, parse_spec
from keras_samplernn.training.optimizer import build_optimizer
from keras_samplernn.training.step import Step, Values

FRAMES, EMB_SIZE, Q_LEVELS, CLASSES = (16, 4), 256, 256, 10
PRECISIONS = "float32", "mixed_bfloat16"
REPEATS = 5
TYPES = Types({"frame_rnn": FrameRNN, "sample_mlp": SampleMLP}, {"softmax": Softmax})


@dataclasses.dataclass(frozen=True)
class Case:
    """What is measured: training if `sounds` is 0, else generation of so many sounds."""

    dim: int
    precision: str
    batch_size: int
    seq_len: int
    sounds: int = 0

    def __str__(self) -> str:
        if self.sounds:
            return f"generation, D {self.dim}, {self.precision}, {self.sounds} sound{'s' * (self.sounds > 1)}"
        return f"training, D {self.dim}, {self.precision}, {self.batch_size} rows of {self.seq_len}"

    def spec(self) -> Spec:
        """Return the spec of the model and its training."""
        document = {
            "preset": "paper",
            "audio": {"q_levels": Q_LEVELS},
            "data": {"train": "unused"},
            "conditioning": {"classes": CLASSES},
            "tier_defaults": {"dim": self.dim},
            "tiers": [
                *({"type": "frame_rnn", "frame_size": frame} for frame in FRAMES),
                {"type": "sample_mlp", "emb_size": EMB_SIZE, "window": None},
            ],
            "training": {"seq_len": self.seq_len, "batch_size": self.batch_size},
        }
        return parse_spec(json.dumps(document), "spec", TYPES, ".")


@dataclasses.dataclass(frozen=True)
class Program:
    """A program that is measured.

    Attributes:
        call: starts it once; returns arrays that are there when it is done.
        parts: its matrix products.
        samples: samples of a call, in all rows of a batch or for each sound.
    """

    call: Callable[[], Any]
    parts: list
    samples: int


def training(case: Case, model: SampleRNN) -> Program:
    """Return the training step, which goes on from the weights and states of the step before."""
    spec, rows = case.spec(), case.batch_size
    optimizer = build_optimizer(spec, model)
    step = Step(model, optimizer, spec.training.remat_samples)
    rng = np.random.default_rng(0)
    batch = {
        "codes": rng.integers(0, Q_LEVELS, (rows, model.lookback + case.seq_len), "int32"),
        "conditions": rng.integers(0, CLASSES, (rows, case.seq_len), "int32"),
        "reset": np.zeros(rows, "int32"),
        "valid": np.full(rows, case.seq_len, "int32"),
    }
    batch = jax.device_put(batch)
    values = Values(
        *([each.value for each in own] for own in (model.trainable_variables, model.non_trainable_variables)),
        [each.value for each in optimizer.variables],
        [tuple(keras.ops.zeros((rows, *shape), "float32") for shape in tier.state_shapes) for tier in model.tiers],
    )
    parts, compiled = products_of(step, values, batch), traced(step)

    def call() -> Any:
        nonlocal values
        values, sums = compiled(values, batch)
        return values, sums

    return Program(call, parts, rows * case.seq_len)


def generation(case: Case, model: SampleRNN) -> Program:
    """Return the loop for a block, which goes on from the block before."""
    engine = GenerationEngine(model, Q_LEVELS // 2, case.sounds, BLOCK_SAMPLES)
    weights = engine.weights()
    carry = start = engine.silent_start(weights)
    uniforms = np.random.default_rng(0).random((case.sounds, engine.block_samples, 1), dtype=np.float32)
    conditions = nothing(model.streams, uniforms.shape[:2], fades=False)
    conditions.exists[:], conditions.classes[:] = 1, 0
    frames = case.sounds, engine.frames
    begins, temperatures = np.zeros(frames, np.int32), np.ones(frames, np.float32)

    def call() -> Any:
        nonlocal carry
        codes, carry = engine.advance(weights, carry, start, begins, conditions, uniforms, temperatures)
        return codes, carry

    block = weights.prepared, carry, start, conditions, begins, uniforms, temperatures, None
    return Program(call, products_of(engine._advance_block, *block), engine.block_samples)


def measure(case: Case, budget: float) -> Iterator[Figure]:
    """Yield the figures of a case; its program and the products alone take `budget` seconds each, and compiling."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    make = generation if case.sounds else training
    program = make(case, assemble(case.spec(), case.precision))
    runs = {"program": program.call, "products": products_runner(program.parts)}
    first = seconds(lambda: jax.block_until_ready(program.call()))
    values = interleave({name: _repeat(run, budget) for name, run in runs.items()}, REPEATS)
    own, alone = values["program"], values["products"]
    if case.sounds:
        rate, what, unit, scale = "samples per second and sound", "a sample of every sound", "us", program.samples / 1e6
    else:
        rate, what, unit, scale = "samples per second", "a step", "ms", 1e-3
    operations = operations_of(program.parts)
    yield Figure(str(case), rate, "1/s", [program.samples / each for each in own])
    yield Figure(str(case), what, unit, [each / scale for each in own])
    yield Figure(str(case), f"{what}, matrix products alone", unit, [each / scale for each in alone])
    yield Figure(str(case), "time over that of the products alone", "", ratios(own, alone))
    yield Figure(str(case), "arithmetic of the products", "TFLOP/s", [operations / each / 1e12 for each in own])
    yield Figure(str(case), "first call, compiling included", "s", [first])


def _repeat(run: Callable[[], Any], budget: float) -> Callable[[], float]:
    """Return a function that calls a program for its share of a budget in seconds, and gives the seconds of a call."""

    def timed(calls: int) -> float:
        began = time.perf_counter()
        for _ in range(calls):
            result = run()
        jax.block_until_ready(result)
        return (time.perf_counter() - began) / calls

    timed(1)
    calls = max(1, round(budget / REPEATS / timed(1)))
    return lambda: timed(calls)


def cases_of(options: argparse.Namespace) -> list[Case]:
    """Return what is measured, the most important first: a run that is cut off lacks the last."""
    sizes = [0, *options.sounds]
    return [
        Case(dim, precision, options.batch_size, options.seq_len, sounds)
        for group in (sizes[:1], sizes[1:])
        for precision in options.precisions
        for sounds in group
        for dim in options.dims
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--dims", type=_positive, nargs="+", default=[256, 1024], help="widths of all tiers (default: %(default)s)")
    add("--precisions", choices=PRECISIONS, nargs="+", default=PRECISIONS, help="(default: %(default)s)")
    add("--sounds", type=_positive, nargs="+", default=[1, 16, 256], help="generated at once (default: %(default)s)")
    add("--batch-size", type=_positive, default=128, help="rows of a training batch (default: %(default)s)")
    add("--seq-len", type=_positive, default=512, help="samples of a row (default: %(default)s)")
    add("--seconds", type=float, default=2.0, help="for each time that is measured (default: %(default)s)")
    add("--total-seconds", type=float, default=270.0, help="after these no case is begun (default: %(default)s)")
    add("--json", type=Path, help="file for the figures, written after each case, so that a run that is cut off counts")
    options = parser.parse_args()
    if options.seq_len % FRAMES[0]:
        parser.error(f"--seq-len {options.seq_len} is not a multiple of {FRAMES[0]}, the largest frame")
    return options


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 on")
    return int(text)


def main() -> None:
    """Measure what is asked for; print a table in markdown."""
    options, began = _options(), time.perf_counter()
    device = jax.devices()[0]
    before = machine() | {"jax": jax.__version__, "device": f"{device.device_kind} ({device.platform})"}
    before["products"] = jax.config.jax_default_matmul_precision or "default"
    tell("  ".join(f"{name} {value}" for name, value in before.items()))
    report = report_of(__doc__, before, []) | {"left_out": {}}
    for case in cases_of(options):
        if time.perf_counter() - began > options.total_seconds:
            report["left_out"][str(case)] = f"the {options.total_seconds:g} seconds were up"
        else:
            try:
                figures = list(measure(case, options.seconds))
            except jax.errors.JaxRuntimeError as error:
                if "RESOURCE_EXHAUSTED" not in str(error):
                    raise
                figures, report["left_out"][str(case)] = [], "the device has too little memory"
            for figure in figures:
                tell(line_of(figure))
            report["figures"] += report_of(__doc__, before, figures)["figures"]
        if options.json:
            write(options.json, report)
    print("\n\n".join(accelerator_section(report)))


def write(path: Path, report: dict[str, Any]) -> None:
    """Write a report whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(report, indent=1))
    part.replace(path)


if __name__ == "__main__":
    main()
