"""What `"precision": "mixed_bfloat16"` costs in bits: the same training twice, once in each precision.

The demo's corpus (200 seconds of struck and bowed strings at 8 kHz, twenty to validate with) and a small conditional
model, frames of 16 and 4, width 48, are trained by `fit`'s own code for two epochs of the same batches from the same
seed, in a process each; only `training.precision` differs. Validation runs in the precision of the training, so that
the bits are those that `fit` prints. Each repeat takes another seed for both. A guess that takes all 256 levels for
equally likely has 8 bits.

The seconds are of the whole `fit` on this processor, compiling and validation included; they say nothing about an
accelerator.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from measuring import Figure, interleave, main, seconds, tell
from synthetic import in_fresh_process, parse

from keras_samplernn.demo import corpus as demo_corpus
from keras_samplernn.training.corpora import prepare_corpora
from keras_samplernn.training.fit import fit_spec

PRECISIONS = "float32", "mixed_bfloat16"
DIM, EPOCHS = 48, 2
MOST_BITS_APART = 0.01


def spec_of(precision: str, seed: int) -> dict[str, Any]:
    """Return the demo's spec, smaller, unmonitored, and in a precision."""
    sample_tier = demo_corpus.SPEC["tiers"][-1] | {"emb_size": 32}
    training = {"epochs": EPOCHS, "decay_steps": 600, "precision": precision, "seed": seed}
    return demo_corpus.SPEC | {
        "tier_defaults": {"dim": DIM},
        "tiers": [*demo_corpus.SPEC["tiers"][:-1], sample_tier],
        "training": demo_corpus.SPEC["training"] | training,
        "monitoring": {"every_epochs": 0},
    }


def measure(repeats: int) -> Iterator[Figure]:
    """Yield the figures."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        os.environ["KERAS_SAMPLERNN_CACHE"] = str(root / "cache")
        demo_corpus.write_demo_corpus(root)
        prepare_corpora(parse(spec_of("float32", 0), root), tell)
        seeds = {precision: iter(range(repeats)) for precision in PRECISIONS}
        fits = interleave(
            {each: lambda each=each: in_fresh_process(fit, root, each, next(seeds[each])) for each in PRECISIONS},
            repeats,
        )
    bits = {precision: [score for score, _ in values] for precision, values in fits.items()}
    apart = [abs(half - full) for half, full in zip(bits["mixed_bfloat16"], bits["float32"], strict=True)]
    case = f"D {DIM}, {EPOCHS} epochs of the demo's corpus"
    yield Figure(case, "validation bits, bfloat16 minus float32, either way", "bits", apart, at_most=MOST_BITS_APART)
    for precision, values in fits.items():
        yield Figure(f"{case}, {precision}", "validation bits", "bits", bits[precision])
        yield Figure(f"{case}, {precision}", "the whole fit", "s", [taken for _, taken in values])


def fit(root: Path, precision: str, seed: int) -> tuple[float, float]:
    """Train a run to its end; return its last validation's bits and the seconds that it took."""
    spec = parse(spec_of(precision, seed), root)
    folder = root / f"{precision}_{seed}"
    taken = seconds(lambda: fit_spec(spec, folder, tell))
    return float(pd.read_csv(folder / "metrics.csv")["validation_bits"].iloc[-1]), taken


if __name__ == "__main__":
    main(measure, __doc__, repeats=3)
