"""What `check` prints of a spec: its figures, and a verdict on them."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from keras_samplernn.checking.smaller import Smaller, try_smaller
from keras_samplernn.checking.verdict import LONG_SECONDS, Costs, costs_of, verdict_on
from keras_samplernn.machine import FLOAT_BYTES
from keras_samplernn.progress import format_duration
from keras_samplernn.spec import Spec
from keras_samplernn.training.corpora import Corpora
from keras_samplernn.training.estimate import Estimate, estimate
from keras_samplernn.training.figures import ClassFigures, CorpusFigures

MOST_CLASSES = 20


@dataclasses.dataclass(frozen=True)
class Report(Estimate):
    """The estimate of a spec, and what is to be said of it.

    Attributes:
        costs: what the spec asks for that takes time.
        smaller: what a smaller spec would take, if this one takes long; None: it does not, or is small already.
    """

    costs: Costs
    smaller: Smaller | None

    @property
    def verdict(self) -> list[str]:
        """The sentences of the verdict: the time in all first, then warnings, the most important first."""
        return verdict_on(self, self.costs, self.smaller)

    def to_json(self) -> dict[str, Any]:
        """Return all figures and the verdict as JSON values."""
        figures = dataclasses.asdict(self)
        derived = ("seconds_per_epoch", "seconds_in_all", "samples_per_second", "row_seconds", "memory_limit_bytes")
        return {
            **figures,
            **{name: getattr(self, name) for name in derived},
            "frame_milliseconds": [self.milliseconds(size) for size in self.frame_sizes],
            "window_milliseconds": self.milliseconds(self.sample_window),
            "gradient_milliseconds": self.milliseconds(self.seq_len),
            "verdict": self.verdict,
        }

    def __str__(self) -> str:
        """Return the lines that the `check` command prints."""
        lines = [line for name, corpus in self.corpora.items() for line in _lines_of(name, corpus)]
        megabytes = FLOAT_BYTES * self.parameters / 1e6
        frames = ", ".join(f"{self.milliseconds(size):.3g}" for size in self.frame_sizes[:-1])
        whose = "machine" if self.container_bytes is None else "container"
        lines += [
            f"model: {self.parameters:,} parameters, {megabytes:,.1f} MB; with Adam"
            f" {self.weight_copies * megabytes:,.1f} MB",
            f"reach: frames of {frames} ms; the last tier reads {self.milliseconds(self.sample_window):.3g} ms;"
            f" gradients flow through {self.milliseconds(self.seq_len):.3g} ms",
            f"epoch: {self.steps_per_epoch:,} steps of {self.batch_size} x {self.seq_len} samples",
            f"rows: {self.row_seconds:.2f} s of sound in each of the {self.batch_size}, an epoch",
            f"step: {self.seconds_per_step:.3f} s here, on {self.cores} core{'s' * (self.cores > 1)};"
            f" {self.samples_per_second:,.0f} samples/s",
            f"time: {format_duration(self.seconds_per_epoch)} an epoch,"
            f" {format_duration(self.seconds_in_all)} for {self.epochs} epochs, without validation",
            f"memory: {self.peak_memory_bytes / 1e9:.2f} GB at most in these steps, of the"
            f" {self.memory_limit_bytes / 1e9:,.1f} GB of this {whose}",
        ]
        return "\n".join([*lines, *(f"verdict: {sentence}" for sentence in self.verdict)])


def report_on(spec: Spec, corpora: Corpora) -> Report:
    """Take trial steps of a spec, and of a smaller one if it takes long.

    Raises:
        UserError: the machine or the device has too little memory.
    """
    found = estimate(spec, corpora)
    smaller = try_smaller(spec, corpora) if found.seconds_in_all > LONG_SECONDS else None
    fields = {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
    return Report(**fields, costs=costs_of(spec), smaller=smaller)


def _lines_of(name: str, corpus: CorpusFigures) -> Iterator[str]:
    yield (
        f"{name}: {corpus.sounds:,} sounds, {corpus.samples:,} samples, {format_duration(corpus.seconds)};"
        f" unigram entropy {corpus.unigram_entropy_bits:.3f} bits per sample"
    )
    for stream, classes in corpus.classes.items():
        yield from _lines_of_classes(f"{name}: {stream}", classes, corpus.class_shares[stream])


def _lines_of_classes(place: str, classes: Mapping[str, ClassFigures], shares: Mapping[str, float]) -> Iterator[str]:
    for label, figures in [*classes.items()][:MOST_CLASSES]:
        spans = f"{figures.spans:,} span{'s' * (figures.spans != 1)}"
        if figures.spans:
            spans += f" of {figures.median_seconds:.2f} s (median), {figures.longest_seconds:.2f} s at most"
        yield f"{place} {label}: {figures.seconds:,.1f} s ({shares[label]:.1%}) in {spans}"
    if len(classes) > MOST_CLASSES:
        yield f"{place}: and {len(classes) - MOST_CLASSES:,} more classes; --json has them all"
