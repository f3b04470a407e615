"""Time per sample of the compiled loop over that of its matrix products alone.

The floor is a NumPy loop that does every matrix product of the textbook's per-sample path, with the same shapes and the
same number of threads, and nothing else: for each top frame the top tier's recurrent and output product; for each lower
frame its input-kernel, recurrent and output product; for each sample L2, L3 and output. No gates, no look-ups, no
softmax, no drawing. (A second recurrent layer's kernel counts as an input kernel.) A ratio below 1 means that folding
products away saved more than all of that costs.

Loop and floor take turns within one process. Every case compiles before it is timed.

Then what more streams of conditions cost, beside a model with one: whole sounds, the columns made on the host included.

Then the loop in short blocks, as a live stream calls it, beside the same samples in the command's blocks: what a call
costs beside its samples, and whether sound at 16 kHz is made faster than it is heard. Last, the same of the preset
`small`, told a class, its position and its neighbours.
"""

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
from measuring import Figure, interleave, main, ratios, seconds

from keras_samplernn import SampleRNN
from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.layout import nothing
from keras_samplernn.conditions.streams import ClassesStream, NumberStream, Stream
from keras_samplernn.conditions.track import Spans, Track
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.sound import Sound
from keras_samplernn.generation.stream import BLOCK_SAMPLES, stream_parts
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.registry import load_types
from keras_samplernn.plugins.frame_rnn import FrameRNN
from keras_samplernn.plugins.sample_mlp import SampleMLP
from keras_samplernn.plugins.softmax import Softmax
from keras_samplernn.spec import parse_spec

Q_LEVELS, CLASSES = 256, 10
FRAMES = (16, 4)
LIVE_BLOCK_SAMPLES, LIVE_RATE = 256, 16000
GATES = {"GRU": 3, "LSTM": 4}
# Width and sounds, and what the time per sample may be over the floor's.
BASIC = {(256, 1): 1.2, (1024, 1): 1.2, (256, 16): 1.5, (1024, 16): 1.1}
# Options beside the plain model of width 256 and one sound: what each may cost.
OPTIONS = {
    "ten classes": ({"classes": CLASSES}, 1.1),
    "no weight norm": ({"weight_norm": False}, None),
    "h0 not learned": ({"learn_h0": False}, None),
    "window 16": ({"window": 16}, None),
    "embedding 16": ({"emb_size": 16}, None),
    "GRU x2": ({"n_rnn": 2}, None),
    "GRU x2, skip": ({"n_rnn": 2, "skip_conn": True}, None),
}


def build_model(
    dim, frames=FRAMES, classes=0, streams=(), weight_norm=True, emb_size=256, window=None, **options
) -> SampleRNN:
    """Assemble a model with the weights that it starts with."""
    keras.utils.set_random_seed(0)
    tiers = [FrameRNN(frame, dim=dim, weight_norm=weight_norm, **options) for frame in frames]
    sample = SampleMLP(dim, emb_size=emb_size, window=window, weight_norm=weight_norm)
    if not streams and classes:
        streams = (ClassesStream.of_count(classes),)
    return SampleRNN([*tiers, sample], Q_LEVELS, streams, head=Softmax())


def loop_runner(
    model: SampleRNN, rows: int, precision: str = "float32", block_samples: int = BLOCK_SAMPLES
) -> Callable[[], float]:
    """Return a function that generates a block and gives its seconds per step of all rows, compiled and warm."""
    engine = GenerationEngine(model, Q_LEVELS // 2, rows, block_samples, precision)
    weights = engine.weights()
    start = engine.silent_start(weights)
    rng = np.random.default_rng(0)
    uniforms = rng.random((rows, engine.block_samples, 1), dtype=np.float32)
    conditions = None
    if model.streams:
        conditions = nothing(model.streams, (rows, engine.block_samples), fades=False)
        conditions.exists[:], conditions.classes[:] = 1, 0
    frames = rows, engine.frames
    arguments = np.zeros(frames, np.int32), conditions, uniforms, np.ones(frames, np.float32)
    carry = start

    def run() -> float:
        nonlocal carry
        began = carry
        _, carry = engine.advance(weights, began, start, *arguments)
        return 0.0

    def timed() -> float:
        return seconds(run) / engine.block_samples

    timed()
    return timed


def floor_runner(dim: int, rows: int, frames=FRAMES, rnn_type: str = "GRU", n_rnn: int = 1) -> Callable[[], float]:
    """Return a function that does the products of a block and gives their seconds per step of all rows."""
    rng = np.random.default_rng(0)

    def product(inputs: int, units: int) -> Callable[[], np.ndarray]:
        x = rng.standard_normal((rows, inputs), dtype=np.float32)
        matrix = rng.standard_normal((inputs, units), dtype=np.float32)
        out = np.empty((rows, units), np.float32)
        return lambda: np.dot(x, matrix, out=out)

    gates = GATES[rnn_type] * dim
    levels = []
    for number, (frame, below) in enumerate(zip(frames, [*frames[1:], 1], strict=True)):
        kernels = n_rnn - (number == 0)
        products = [product(dim, gates) for _ in range(kernels + n_rnn)]
        levels.append((frame, [*products, product(dim, frame // below * dim)]))
    levels.append((1, [product(dim, dim), product(dim, dim), product(dim, Q_LEVELS)]))
    # In the order in which the loop does them: slow tiers first, then what lies below.
    schedule = [
        each for sample in range(frames[0]) for frame, products in levels if sample % frame == 0 for each in products
    ]
    steps = BLOCK_SAMPLES // frames[0]

    def run() -> None:
        for _ in range(steps):
            for each in schedule:
                each()

    run()
    return lambda: seconds(run) / (steps * frames[0])


def measure(repeats: int) -> Iterator[Figure]:
    """Yield the figures of all cases."""
    for (dim, rows), aim in BASIC.items():
        yield from _over_floor(f"D {dim}, {rows} sound{'s' * (rows > 1)}", build_model(dim), dim, rows, aim, repeats)
    four = {"frames": (64, 16, 4), "rnn_type": "LSTM", "n_rnn": 2}
    case = "four tiers 64/16/4, LSTM x2, D 256, 1 sound"
    yield from _over_floor(case, build_model(256, **four), 256, 1, 1.5, repeats, **four)
    yield from _options(repeats)
    yield from _streams(repeats)
    yield from _live(repeats)
    yield from _preset(repeats)


def _over_floor(
    case: str, model: SampleRNN, dim: int, rows: int, aim: float, repeats: int, **shape
) -> Iterator[Figure]:
    runs = {"loop": loop_runner(model, rows), "floor": floor_runner(dim, rows, **shape)}
    values = interleave(runs, repeats)
    yield Figure(case, "time per sample over the floor's", "", ratios(values["loop"], values["floor"]), at_most=aim)
    yield Figure(case, "samples per second and sound", "1/s", [1 / value for value in values["loop"]])


def _options(repeats: int) -> Iterator[Figure]:
    runs = {"plain": loop_runner(build_model(256), 1)}
    runs |= {name: loop_runner(build_model(256, **options), 1) for name, (options, _) in OPTIONS.items()}
    values = interleave(runs, repeats)
    for name, (_, aim) in OPTIONS.items():
        case = f"D 256, 1 sound, {name}"
        yield Figure(case, "time over the plain model's", "", ratios(values[name], values["plain"]), at_most=aim)


def sound_runner(model: SampleRNN, rows: int, track: Track) -> Callable[[], float]:
    """Return a function that generates a sound in every row and gives its seconds per step, compiled and warm."""
    columns = Columns(track, model.streams, LIVE_RATE)
    engine = GenerationEngine(model, Q_LEVELS // 2, rows, BLOCK_SAMPLES, fades=columns.fades)
    weights = engine.weights()
    start = engine.silent_start(weights)

    def run() -> None:
        sounds = [Sound(str(row), str(row), track.samples, 1.0, columns) for row in range(rows)]
        for _ in stream_parts(engine, weights, start, sounds, seed=0):
            pass

    run()
    return lambda: seconds(run) / track.samples


def track_of(streams: Sequence[Stream], fades: bool = False) -> Track:
    """Return a score of two blocks in which every stream changes every 500 samples."""
    rng, samples = np.random.default_rng(0), 2 * BLOCK_SAMPLES

    def spans_of(stream: Stream) -> Spans:
        starts = np.arange(0, samples, 500)
        if isinstance(stream, ClassesStream):
            values = rng.integers(0, CLASSES, len(starts)).astype(np.int32)
        else:
            values = rng.random(len(starts), dtype=np.float32)
        return Spans(starts, values, np.roll(values, -1) if fades else values)

    return Track(samples, {stream.name: spans_of(stream) for stream in streams})


def _streams(repeats: int) -> Iterator[Figure]:
    one = ClassesStream.of_count(CLASSES)
    cases = {
        "one stream": ((one,), False, None),
        "eight streams": (
            (
                *(ClassesStream.of_count(CLASSES, f"class_{number}") for number in range(4)),
                *(NumberStream(f"number_{number}", 0, 1) for number in range(4)),
            ),
            False,
            1.15,
        ),
        "one stream, position": ((dataclasses.replace(one, position=True),), False, None),
        "one stream, position and neighbours": (
            (dataclasses.replace(one, position=True, neighbours=True),),
            False,
            None,
        ),
        "one stream, cross-fades": ((one,), True, None),
    }
    for rows in (1, 16):
        runs = {
            name: sound_runner(
                build_model(256, streams=streams),
                rows,
                track_of(streams, fades),
            )
            for name, (streams, fades, _) in cases.items()
        }
        values = interleave(runs, repeats)
        base = values.pop("one stream")
        for name, times in values.items():
            case = f"D 256, {rows} sound{'s' * (rows > 1)}, {name}"
            yield Figure(case, "time over one stream of classes", "", ratios(times, base), at_most=cases[name][2])


def _live(repeats: int) -> Iterator[Figure]:
    model = build_model(256)
    runs = {block: loop_runner(model, 1, block_samples=block) for block in (BLOCK_SAMPLES, LIVE_BLOCK_SAMPLES)}
    values = interleave(runs, repeats)
    case, live = f"D 256, 1 sound, blocks of {LIVE_BLOCK_SAMPLES}", values[LIVE_BLOCK_SAMPLES]
    yield Figure(case, f"time over blocks of {BLOCK_SAMPLES}", "", ratios(live, values[BLOCK_SAMPLES]))
    share = [value * LIVE_RATE for value in live]
    yield Figure(case, f"seconds for a second of sound at {LIVE_RATE // 1000} kHz", "s", share, at_most=1)


def _preset(repeats: int) -> Iterator[Figure]:
    conditioning = {"classes": CLASSES, "position": True, "neighbours": True}
    text = json.dumps({"preset": "small", "data": {"train": "unused"}, "conditioning": conditioning})
    model = assemble(parse_spec(text, "spec", load_types(), "."))
    timed = sound_runner(model, 1, track_of(model.streams))
    share = [timed() * LIVE_RATE for _ in range(repeats)]
    case = "preset small, 1 sound, a class with position and neighbours"
    yield Figure(case, f"seconds for a second of sound at {LIVE_RATE // 1000} kHz", "s", share, at_most=0.5)


if __name__ == "__main__":
    main(measure, __doc__, repeats=15)
