"""The `check` command: what a spec's training will take, measured on a few steps that nothing is kept of."""

import itertools
import resource
import sys
import time
from collections.abc import Iterator, Mapping

from keras_samplernn.machine import FLOAT_BYTES
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.memory import (
    ADAM_COPIES,
    SMALLER_WINDOWS,
    check_training_memory,
    telling_exhaustion,
    weights_in,
)
from keras_samplernn.progress import format_duration
from keras_samplernn.spec import Spec
from keras_samplernn.training.corpora import Corpora
from keras_samplernn.training.trainer import Trainer

TRIAL_STEPS = 4
TRIAL_SECONDS = 20.0


def estimate(spec: Spec, tier_types: Mapping[str, type], corpora: Corpora) -> Iterator[str]:
    """Yield, line by line, what the corpora hold, how large the model is, and what training takes here."""
    check_training_memory(spec, tier_types)
    for name, corpus in corpora.present().items():
        seconds = corpus.samples / spec.audio.sample_rate
        yield (
            f"{name}: {len(corpus.sounds):,} sounds, {corpus.samples:,} samples, {format_duration(seconds)};"
            f" unigram entropy {corpus.unigram_entropy_bits:.3f} bits per sample"
        )
        if spec.classes:
            shares = corpus.class_counts / corpus.samples
            yield f"{name}: " + ", ".join(
                f"class {label} {share:.1%}" for label, share in zip(spec.class_names, shares, strict=True)
            )
    model = assemble(spec, tier_types, spec.training.precision)
    weights, megabytes = weights_in(model), FLOAT_BYTES * weights_in(model) / 1e6
    yield f"model: {weights:,} parameters, {megabytes:,.1f} MB; with Adam {ADAM_COPIES * megabytes:,.1f} MB"
    trainer = Trainer(spec, model, corpora.train)
    plan = trainer.plan(epoch=0)
    yield f"epoch: {plan.steps:,} steps of {plan.lanes} x {plan.seq_len} samples"
    with telling_exhaustion(spec.name, f"{plan.lanes} windows of {plan.seq_len} samples", SMALLER_WINDOWS):
        seconds = _seconds_per_step(trainer)
    yield f"step: {seconds:.3f} s here; {corpora.train.samples / (plan.steps * seconds):,.0f} samples/s"
    yield (
        f"time: {format_duration(seconds * plan.steps)} an epoch,"
        f" {format_duration(seconds * plan.steps * spec.training.epochs)} for {spec.training.epochs} epochs,"
        " without validation"
    )
    # Linux counts in KiB, macOS in bytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    yield f"memory: {peak / 1e9:.2f} GB at most in these steps"


def _seconds_per_step(trainer: Trainer) -> float:
    """Time training steps, the first one (which compiles) apart; the fastest of a few."""
    batches = itertools.chain.from_iterable(itertools.repeat(trainer.batches(trainer.plan(epoch=0))))
    trainer.model.train_on_batch(*next(batches))
    times, began = [], time.perf_counter()
    while len(times) < TRIAL_STEPS and (not times or time.perf_counter() - began < TRIAL_SECONDS):
        batch, start = next(batches), time.perf_counter()
        trainer.model.train_on_batch(*batch)
        times.append(time.perf_counter() - start)
    return min(times)
