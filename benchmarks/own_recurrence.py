"""A tier with a recurrence of its own beside `frame_rnn` with a GRU: the time of a step of training.

The tier is the light GRU that docs/tiers.md writes, read from that page: `scan_steps` loops over what depends on the
step before, and a window's other products are one each. The same tier with the inherited `sequence`, a loop over
`step`, and `frame_rnn` with one GRU take turns with it within one process. The models differ in their frame tiers
alone. Every case compiles before it is timed.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from measuring import Figure, interleave, main, ratios, seconds

from keras_samplernn import Inputs, Tier
from keras_samplernn.data.corpus import Corpus, SoundEntry
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.registry import load_types
from keras_samplernn.spec import parse_spec
from keras_samplernn.training.trainer import Trainer

PAGE = Path(__file__).resolve().parents[1] / "docs" / "tiers.md"
SAMPLE_RATE, FRAMES, BATCH_SIZE, SEQ_LEN, STEPS = 8000, (16, 4), 16, 512, 4
DIMS = (128, 256)
MOST_TIME = 1.2


def tier_of_the_page() -> type[Tier]:
    """Return the class that the page writes."""
    written: dict = {"__name__": "frame_light_gru"}
    exec(re.search(r"`frame_light_gru\.py`.*?```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[1], written)
    return written["FrameLightGRU"]


def step_alone(own: type[Tier]) -> Callable[..., tuple[Any, tuple]]:
    """Return the step of a tier whose author does not override `sequence`: a window of one, as the page's step is."""

    def step(self: Tier, inputs: Inputs, state: tuple, prepared: Any) -> tuple[Any, tuple]:
        outputs, state = own.sequence(self, inputs.map(lambda x: x[:, None]), state, prepared)
        return outputs[:, 0], state

    return step


def training_runner(tier: str, dim: int) -> Callable[[], float]:
    """Return a function that takes some steps and gives the seconds of one, compiled and warm."""
    own = tier_of_the_page()
    looped = type("LoopedLightGRU", (own,), {"step": step_alone(own), "sequence": Tier.sequence})
    types = load_types()
    types = types._replace(tiers=types.tiers | {"light_gru": own, "light_gru_looped": looped})
    document = {
        "audio": {"sample_rate": SAMPLE_RATE},
        "data": {"train": "train"},
        "tier_defaults": {"dim": dim},
        "tiers": [*({"type": tier, "frame_size": size} for size in FRAMES), {"type": "sample_mlp"}],
        "training": {"seq_len": SEQ_LEN, "batch_size": BATCH_SIZE},
    }
    spec = parse_spec(json.dumps(document), "spec", types, Path())
    keras.utils.set_random_seed(0)
    tf.config.experimental.enable_op_determinism()
    samples = (STEPS + 2) * BATCH_SIZE * SEQ_LEN
    codes = Quantizer.of(spec.audio).encode(0.5 * np.sin(np.arange(samples) * 0.3))
    counts = np.bincount(codes, minlength=spec.audio.q_levels)
    trainer = Trainer(
        spec, assemble(spec), Corpus(Path(), [SoundEntry("0", 0, samples)], codes, (), counts, {}, [], {})
    )
    batches = [*trainer.batches(trainer.plan(0)).take(STEPS)]

    def run() -> None:
        for batch in batches:
            trainer.step(batch).read()

    run()
    return lambda: seconds(run) / STEPS


def measure(repeats: int) -> Iterator[Figure]:
    """Yield the figures."""
    for dim in DIMS:
        case = f"D {dim}, frames {FRAMES[0]} and {FRAMES[1]}"
        tiers = ("frame_rnn", "light_gru", "light_gru_looped")
        times = interleave({tier: training_runner(tier, dim) for tier in tiers}, repeats)
        own = ratios(times["light_gru"], times["frame_rnn"])
        yield Figure(case, "time of a step, light GRU of docs/tiers.md over frame_rnn's GRU", "", own, MOST_TIME)
        looped = ratios(times["light_gru_looped"], times["frame_rnn"])
        yield Figure(case, "time of a step, the same with the inherited loop over frame_rnn's GRU", "", looped)


if __name__ == "__main__":
    main(measure, __doc__, repeats=7)
