"""How soon a control is heard while the model plays, and whether it ever falls behind.

    python benchmarks/live.py [--precision int8] [--seconds 20] [--long 600]

A model of three tiers (frames of 16 and 4, ten classes, 16 kHz, weights that no training has made) plays into an output
that takes blocks as a sound device does: on time, and silence if there is none. Every tenth of a second or so, at a
random moment, a class is asked for. The delay is the time from then until the first sample that hears it is played; it
lacks what the device itself adds. With `--long`, the model of width 256 plays that many seconds in blocks of 128 while
another process keeps a core busy.
"""

import argparse
import functools
import json
import multiprocessing
import threading
import time
from pathlib import Path

import numpy as np

from keras_samplernn.conditions.streams import streams_of
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.performance import Performance
from keras_samplernn.live.desk import Desk
from keras_samplernn.live.instrument import Instrument
from keras_samplernn.live.resampling import Resampler
from keras_samplernn.live.ring import Ring
from keras_samplernn.live.words import Message, Setting
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.registry import load_types
from keras_samplernn.quiet import start_tensorflow
from keras_samplernn.spec import parse_spec

RATE, CLASSES = 16_000, 10
BLOCKS = 64, 128, 256, 512, 1024
WIDTHS = 256, 512
COLUMNS = (
    *("width", "precision", "block", "lasts", "control to sound, median", "95 %", "longest"),
    *("time of a block over its length", "underruns"),
)


class Timed(Instrument):
    """An instrument that notes from which sample on each message is heard."""

    heard_from: dict

    def _hear(self, message: Message) -> None:
        self.heard_from[id(message)] = self.samples
        super()._hear(message)


@functools.cache
def model_of(width: int):
    """Return a model of a width, and its spec."""
    document = {
        "name": "live",
        "audio": {"sample_rate": RATE},
        "data": {"train": "train"},
        "conditioning": {"classes": CLASSES},
        "tier_defaults": {"dim": width},
        "tiers": [
            {"type": "frame_rnn", "frame_size": 16},
            {"type": "frame_rnn", "frame_size": 4},
            {"type": "sample_mlp", "window": 16},
        ],
    }
    spec = parse_spec(json.dumps(document), "spec", load_types(), Path())
    return assemble(spec), spec


def performance_of(width: int, precision: str, block: int) -> tuple[Performance, tuple, Quantizer]:
    """Return a performance whose engine is compiled."""
    model, spec = model_of(width)
    quantizer = Quantizer.of(spec.audio)
    engine = GenerationEngine(model, quantizer.silence, 1, block, precision)
    weights = engine.weights()

    def fresh() -> Performance:
        return Performance(engine, weights, quantizer, RATE, ["live"])

    fresh().advance([None])
    return fresh(), streams_of(spec), quantizer


def play(width: int, precision: str, block: int, seconds: float, ahead: int) -> tuple[np.ndarray, int, float]:
    """Play for some seconds; return the delays in seconds, the underruns, and the time of a block over its length."""
    performance, streams, quantizer = performance_of(width, precision, block)
    ring, desk = Ring(ahead, 1), Desk(streams, 1, print)
    took = []
    advance = performance.advance

    def timed_advance(conditions):
        began = time.perf_counter()
        codes = advance(conditions)
        took.append(time.perf_counter() - began)
        return codes

    performance.advance = timed_advance
    instrument = Timed(performance, streams, RATE, quantizer, desk, ring, Resampler(RATE, RATE, 1), lambda path: None)
    instrument.heard_from = {}
    asked, starts = {}, []
    stopped = threading.Event()

    def ask() -> None:
        rng = np.random.default_rng(0)
        while not stopped.wait(rng.uniform(0.05, 0.15)):
            message = Message(None, Setting(streams[0], int(rng.integers(CLASSES))))
            asked[id(message)] = time.monotonic(), message
            desk.put(message)

    instrument.start()
    ring.wait()
    asker = threading.Thread(target=ask, daemon=True)
    asker.start()
    began = time.monotonic()
    for number in range(round(seconds * RATE / block)):
        time.sleep(max(began + number * block / RATE - time.monotonic(), 0))
        starts.append((time.monotonic(), ring.underruns))
        ring.take(block)
    stopped.set()
    asker.join()
    instrument.stop()
    delays = []
    for key, (when, _) in asked.items():
        sample = instrument.heard_from.get(key)
        # Underruns move all that follows; they are counted on their own, and delays are taken where there were none.
        if sample is not None and sample // block < len(starts) and starts[sample // block][1] == 0:
            delays.append(starts[sample // block][0] + sample % block / RATE - when)
    return np.array(delays), ring.underruns, float(np.median(took)) * RATE / block


def busy() -> None:
    """Keep a core busy."""
    while True:
        np.linalg.svd(np.random.rand(60, 60))


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--precision", choices=["float32", "int8"], default="float32", help="of the weights")
    parser.add_argument("--seconds", type=float, default=20, help="of each case")
    parser.add_argument("--long", type=float, default=0, help="seconds beside a busy process; 0: not at all")
    parser.add_argument("--threads", type=int, default=1, help="of an operation; the command gives it one")
    parser.add_argument("--ahead", type=int, default=2, help="blocks that are generated ahead")
    parser.add_argument("--only-long", action="store_true", help="leave out the table")
    arguments = parser.parse_args()
    start_tensorflow(threads_of_an_operation=arguments.threads)
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + " --- |" * len(COLUMNS))
    for width in () if arguments.only_long else WIDTHS:
        for block in BLOCKS:
            row(width, arguments.precision, block, arguments.seconds, arguments.ahead)
    if arguments.long:
        process = multiprocessing.get_context("spawn").Process(target=busy, daemon=True)
        process.start()
        print(f"\n{arguments.long:g} s beside a busy process:\n")
        row(256, arguments.precision, 128, arguments.long, arguments.ahead)
        process.terminate()


def row(width: int, precision: str, block: int, seconds: float, ahead: int) -> None:
    """Measure and print one case."""
    delays, underruns, share = play(width, precision, block, seconds, ahead)
    figures = [f"{1000 * np.percentile(delays, each):.0f} ms" if len(delays) else "" for each in (50, 95, 100)]
    cells = [width, precision, block, f"{1000 * block / RATE:.0f} ms", *figures, f"{share:.2f}", underruns]
    print("|", " | ".join(map(str, cells)), "|", flush=True)


if __name__ == "__main__":
    main()
