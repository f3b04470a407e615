"""An estimate of what training a spec takes, measured on a few steps that are not kept."""

import dataclasses
import itertools
import resource
import sys
import time

from keras_samplernn.conditions.streams import classes_streams
from keras_samplernn.data.corpus import Corpus
from keras_samplernn.machine import FLOAT_BYTES
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.memory import (
    SMALLER_WINDOWS,
    check_training_memory,
    copies_in_training,
    telling_exhaustion,
    weights_in,
)
from keras_samplernn.progress import format_duration
from keras_samplernn.spec import Spec
from keras_samplernn.training.corpora import Corpora
from keras_samplernn.training.trainer import Trainer

TRIAL_STEPS = 4
TRIAL_SECONDS = 20.0


@dataclasses.dataclass(frozen=True)
class CorpusFigures:
    """The size of a corpus, its entropy and its classes.

    Attributes:
        sounds: number of sounds.
        samples: number of samples of all sounds.
        seconds: length of all sounds.
        unigram_entropy_bits: see `Corpus`.
        class_shares: for each stream of classes, the share of each class in the samples, from 0 to 1, by its name.
    """

    sounds: int
    samples: int
    seconds: float
    unigram_entropy_bits: float
    class_shares: dict[str, dict[str, float]]

    @classmethod
    def of(cls, corpus: Corpus, spec: Spec) -> "CorpusFigures":
        """Return the figures of a spec's corpus."""
        shares = {
            stream.name: dict(
                zip(stream.classes, (corpus.class_counts[stream.name] / corpus.samples).tolist(), strict=True)
            )
            for stream in classes_streams(corpus.streams)
        }
        return cls(
            len(corpus.sounds),
            corpus.samples,
            corpus.samples / spec.audio.sample_rate,
            corpus.unigram_entropy_bits,
            shares,
        )


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What training a spec takes on this machine.

    Attributes:
        corpora: the figures of `train` and, if the spec names them, of `valid` and `test`.
        parameters: number of the model's parameters.
        weight_copies: how often training holds them.
        batch_size: windows of a step.
        seq_len: samples of a window.
        steps_per_epoch: steps of the first epoch; others differ by a few.
        epochs: number of epochs in the spec.
        seconds_per_step: time of the fastest trial step, without compiling.
        peak_memory_bytes: the most memory that this process has taken.
    """

    corpora: dict[str, CorpusFigures]
    parameters: int
    weight_copies: int
    batch_size: int
    seq_len: int
    steps_per_epoch: int
    epochs: int
    seconds_per_step: float
    peak_memory_bytes: int

    @property
    def seconds_per_epoch(self) -> float:
        """Seconds of an epoch without its validation."""
        return self.seconds_per_step * self.steps_per_epoch

    @property
    def samples_per_second(self) -> float:
        """Training samples per second."""
        return self.corpora["train"].samples / self.seconds_per_epoch

    def __str__(self) -> str:
        """Return the lines that the `check` command prints."""
        lines = []
        for name, corpus in self.corpora.items():
            lines.append(
                f"{name}: {corpus.sounds:,} sounds, {corpus.samples:,} samples, {format_duration(corpus.seconds)};"
                f" unigram entropy {corpus.unigram_entropy_bits:.3f} bits per sample"
            )
            for stream, shares in corpus.class_shares.items():
                told = ", ".join(f"{stream} {label} {share:.1%}" for label, share in shares.items())
                lines.append(f"{name}: {told}")
        megabytes = FLOAT_BYTES * self.parameters / 1e6
        lines += [
            f"model: {self.parameters:,} parameters, {megabytes:,.1f} MB; with Adam"
            f" {self.weight_copies * megabytes:,.1f} MB",
            f"epoch: {self.steps_per_epoch:,} steps of {self.batch_size} x {self.seq_len} samples",
            f"step: {self.seconds_per_step:.3f} s here; {self.samples_per_second:,.0f} samples/s",
            f"time: {format_duration(self.seconds_per_epoch)} an epoch,"
            f" {format_duration(self.seconds_per_epoch * self.epochs)} for {self.epochs} epochs, without validation",
            f"memory: {self.peak_memory_bytes / 1e9:.2f} GB at most in these steps",
        ]
        return "\n".join(lines)


def estimate(spec: Spec, corpora: Corpora) -> Estimate:
    """Take a few trial steps of a spec's training.

    Raises:
        UserError: the machine or the device has too little memory.
    """
    check_training_memory(spec)
    model = assemble(spec, spec.training.precision)
    trainer = Trainer(spec, model, corpora.varied)
    plan = trainer.plan(epoch=0)
    with telling_exhaustion(spec.name, f"{plan.lanes} windows of {plan.seq_len} samples", SMALLER_WINDOWS):
        seconds = _seconds_per_step(trainer)
    # Linux counts in KiB, macOS in bytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Estimate(
        {name: CorpusFigures.of(corpus, spec) for name, corpus in corpora.present().items()},
        weights_in(model),
        copies_in_training(spec),
        plan.lanes,
        plan.seq_len,
        plan.steps,
        spec.training.epochs,
        seconds,
        peak,
    )


def _seconds_per_step(trainer: Trainer) -> float:
    """Return the time of the fastest of a few training steps after the first, which compiles."""
    batches = itertools.chain.from_iterable(itertools.repeat(trainer.batches(trainer.plan(epoch=0))))
    trainer.step(next(batches)).read()
    times, began = [], time.perf_counter()
    while len(times) < TRIAL_STEPS and (not times or time.perf_counter() - began < TRIAL_SECONDS):
        batch, start = next(batches), time.perf_counter()
        trainer.step(batch).read()
        times.append(time.perf_counter() - start)
    return min(times)
