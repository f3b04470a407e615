"""The verdict of `check`: from figures to sentences, without measuring anything.

Each threshold says why it is where it is. They are for ears and patience: a spec that crosses one still trains.
"""

import dataclasses
from collections.abc import Iterator

from keras_samplernn.checking.smaller import Smaller
from keras_samplernn.conditions.streams import ONE_STREAM
from keras_samplernn.data.notes import first_few
from keras_samplernn.generation.long_spans import MOST_TIMES_LONGEST
from keras_samplernn.spec import Spec
from keras_samplernn.training.estimate import Estimate
from keras_samplernn.training.figures import ClassFigures

# Half a working day: what runs longer is begun in the evening, or not as it is.
LONG_SECONDS = 4 * 3600.0
# Training takes more memory than the first steps: validation, sounds and checkpoints come on top.
MOST_OF_MEMORY = 0.8
# A row shorter than this never carries a state over a second of sound.
LEAST_ROW_SECONDS = 1.0
# With fewer, a hundred epochs are a thousand steps: the presets train for several thousand.
LEAST_STEPS_AN_EPOCH = 10
# Half a minute is known by heart after 16 epochs, four minutes are not after 6; the least of which a result was judged
# by ear is 200 s (docs/sound.md).
LEAST_SECONDS = 180.0
# The class is heard, but hardly with any variety.
LEAST_CLASS_SECONDS = 1.0


@dataclasses.dataclass(frozen=True)
class Costs:
    """What a spec asks for that takes time in every step.

    Attributes:
        own_continuations: see the field of the spec.
        remat: whether activations are computed again for the gradients.
    """

    own_continuations: int = 0
    remat: bool = False


def costs_of(spec: Spec) -> Costs:
    """Return the costs of a spec."""
    return Costs(spec.training.own_continuations, spec.training.remat_samples is not None)


def verdict_on(estimate: Estimate, costs: Costs, smaller: Smaller | None) -> list[str]:
    """Return the sentences on an estimate: the time in all, and then warnings, the most important first.

    Args:
        estimate: of a spec.
        costs: of the spec.
        smaller: what a smaller spec would take; None: it was not measured.
    """
    warnings = [
        *_on_memory(estimate),
        *_on_sound(estimate),
        *_on_rows(estimate),
        *_on_reach(estimate),
        *_on_classes(estimate),
        *_on_validation(estimate),
        *_on_spans(estimate),
    ]
    time = _on_time(estimate, smaller)
    if not warnings and estimate.seconds_in_all <= LONG_SECONDS:
        return [f"all is well: {time}"]
    return [time, *_on_savings(estimate, costs), *warnings]


def duration(seconds: float) -> str:
    """Write a duration as a person says it: `54 h`, `2.5 h`, `12 min`, `40 s`."""
    for unit, name in ((3600.0, "h"), (60.0, "min")):
        if seconds >= unit:
            amount = seconds / unit
            return (
                f"{amount:.0f} {name}" if amount >= 10 or round(amount, 1) == round(amount) else f"{amount:.1f} {name}"
            )
    return f"{seconds:.0f} s"


def _on_time(estimate: Estimate, smaller: Smaller | None) -> str:
    """Say how long training takes in all, and what would take less if that is long."""
    seconds, epochs = estimate.seconds_in_all, estimate.epochs
    said = f"{duration(seconds)} in all, for {epochs:,} epoch{'s' * (epochs > 1)} without validation"
    if seconds <= LONG_SECONDS:
        return said
    if smaller is not None and smaller.seconds_in_all < seconds:
        said = f"{said}; {smaller} would take {duration(smaller.seconds_in_all)} (measured)"
        seconds = smaller.seconds_in_all
    if seconds > LONG_SECONDS and epochs > 1:
        fewer = max(int(LONG_SECONDS * epochs / seconds), 1)
        said += f"; {fewer:,} epoch{'s' * (fewer > 1)} of that would take {duration(seconds * fewer / epochs)}"
    return said


def _on_savings(estimate: Estimate, costs: Costs) -> Iterator[str]:
    """Say what takes time in each step and may be left out, where training is long."""
    if estimate.seconds_in_all <= LONG_SECONDS:
        return
    if costs.own_continuations:
        passes = costs.own_continuations + 1
        yield (
            f"to save time: training.own_continuations = {costs.own_continuations} runs the model {passes} times in"
            " each step; 0 runs it once"
        )
    if costs.remat and 2 * estimate.peak_memory_bytes < estimate.memory_limit_bytes:
        yield (
            "to save time: training.remat_samples computes activations twice, and less than half of the memory is in"
            " use; try without it"
        )


def _on_memory(estimate: Estimate) -> Iterator[str]:
    share = estimate.peak_memory_bytes / estimate.memory_limit_bytes
    if share > MOST_OF_MEMORY:
        yield (
            f"memory: these steps took {share:.0%} of what there is, and validation and sounds come on top; lower"
            " training.batch_size, or set training.remat_samples"
        )


def _on_sound(estimate: Estimate) -> Iterator[str]:
    seconds = estimate.corpora["train"].seconds
    if seconds < LEAST_SECONDS:
        yield (
            f"{duration(seconds)} of training sound is too little: the model learns it by heart, and validation soon"
            " rises; add sounds, ten minutes or more if you can (where it was measured, four minutes instead of half a"
            " minute were worth 0.3 bits: docs/sound.md)"
        )


def _on_rows(estimate: Estimate) -> Iterator[str]:
    steps, row = estimate.steps_per_epoch, estimate.row_seconds
    short = row < LEAST_ROW_SECONDS
    if not short and steps >= LEAST_STEPS_AN_EPOCH:
        return
    said = [f"each of the {estimate.batch_size:,} rows has {row:.2f} s of sound"] if short else []
    if steps < LEAST_STEPS_AN_EPOCH:
        said.append(f"an epoch has {steps:,} update{'s' * (steps > 1)}")
    remedy, fitting = "add sounds", _fitting_batch(estimate)
    if fitting is not None:
        seconds = estimate.corpora["train"].seconds
        updates = round(seconds * estimate.sample_rate / (fitting * estimate.seq_len))
        remedy = (
            f"training.batch_size = {fitting} gives rows of {seconds / fitting:.2f} s and about {updates:,} updates an"
            " epoch"
        )
    yield f"{' and '.join(said)}; {remedy}"


def _fitting_batch(estimate: Estimate) -> int | None:
    """Return the largest power of two below the batch size that gives rows and updates enough; None if none does."""
    seconds = estimate.corpora["train"].seconds
    least = max(LEAST_ROW_SECONDS, LEAST_STEPS_AN_EPOCH * estimate.seq_len / estimate.sample_rate)
    sizes = (1 << power for power in reversed(range((estimate.batch_size - 1).bit_length())))
    return next((size for size in sizes if seconds >= size * least), None)


def _on_reach(estimate: Estimate) -> Iterator[str]:
    top = estimate.frame_sizes[0]
    if estimate.seq_len < 2 * top:
        yield (
            f"training.seq_len = {estimate.seq_len} is one frame of the slowest tier, through which no gradient flows"
            f" in time; try {8 * top}"
        )


def _on_classes(estimate: Estimate) -> Iterator[str]:
    for stream, classes in estimate.corpora["train"].classes.items():
        absent = [_called(stream, name) for name, figures in classes.items() if not figures.spans]
        if absent:
            yield f"never heard in training, so that nothing can be asked of it: {first_few(absent)}"
        little = [
            f"{_called(stream, name)} ({figures.seconds:.2f} s)"
            for name, figures in classes.items()
            if 0 < figures.seconds < LEAST_CLASS_SECONDS
        ]
        if little:
            yield f"hardly heard in training: {first_few(little)}"


def _on_validation(estimate: Estimate) -> Iterator[str]:
    """Name the classes that training has and validation has not."""
    if (valid := estimate.corpora.get("valid")) is None:
        return
    for stream, classes in estimate.corpora["train"].classes.items():
        missing = [
            _called(stream, name)
            for name, figures in classes.items()
            if figures.spans and not valid.classes[stream][name].spans
        ]
        if missing:
            yield (
                f"not in the validation sounds, so that nothing tells how well it is learned: {first_few(missing)}; let"
                " data.valid have a sound of each class"
            )


def _on_spans(estimate: Estimate) -> Iterator[str]:
    """Name the classes that validation or test asks for at far greater length than training has them."""
    trained = estimate.corpora["train"].classes
    for name, corpus in estimate.corpora.items():
        longer = [
            f"{_called(stream, label)} ({figures.longest_seconds:.2f} s, and {heard.longest_seconds:.2f} s in training)"
            for stream, classes in corpus.classes.items()
            for label, figures in classes.items()
            if _is_too_long(figures, heard := trained[stream][label])
        ]
        if longer:
            yield (
                f"{name} has spans of more than {MOST_TIMES_LONGEST:g} times the longest in training, which come out as"
                f" noise: {first_few(longer)}"
            )


def _is_too_long(asked: ClassFigures, heard: ClassFigures) -> bool:
    """Return whether a class is asked for at far greater length than it was heard."""
    return 0 < MOST_TIMES_LONGEST * heard.longest_seconds < asked.longest_seconds


def _called(stream: str, label: str) -> str:
    return label if stream == ONE_STREAM else f"{stream} {label}"
