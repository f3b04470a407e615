"""The tensors that an exported model takes and returns: their names, types, shapes, columns and meanings."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from keras_samplernn.conditions.layout import SHARES, TIMES, class_columns, number_columns
from keras_samplernn.conditions.streams import NumberStream, Stream, classes_streams
from keras_samplernn.generation.engine import Carry, GenerationEngine

LAST_SAMPLE = "last_sample"


class Tensor(NamedTuple):
    """A tensor of an exported model.

    Attributes:
        name: within its group; of a state, the signature has it after "state_".
        dtype: as TensorFlow and NumPy name it.
        shape: every size is fixed.
        range: of its values, as text.
        meaning: one line.
        columns: names of the last axis, if it has any.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    range: str
    meaning: str
    columns: tuple[str, ...] = ()


class Layout(NamedTuple):
    """All tensors of an exported model.

    Attributes:
        state: taken and returned.
        controls: taken; none of an unconditional model.
        uniforms: taken.
        temperature: taken.
        samples: returned.
    """

    state: tuple[Tensor, ...]
    controls: tuple[Tensor, ...]
    uniforms: Tensor
    temperature: Tensor
    samples: Tensor


def layout_of(engine: GenerationEngine, start: Carry, preemphasis: bool) -> Layout:
    """Return the tensors of an engine that is exported.

    Args:
        engine: without guidance; its classes may fade.
        start: of the engine's rows.
        preemphasis: whether the spec asks for it, so that decoding has a state.
    """
    rows, samples, parts = engine.rows, engine.block_samples, engine.model.head.parts
    return Layout(
        (*_states(engine, start), *([_last_sample(rows)] if preemphasis else [])),
        controls_of(engine.model.streams, rows, samples),
        Tensor("uniforms", "float32", (rows, samples, len(parts)), "0 to below 1", "random numbers", tuple(parts)),
        Tensor("temperature", "float32", (rows,), "0 and above", "divides the logits; 0 takes the likeliest sample"),
        Tensor("samples", "float32", (rows, samples), "-1 to 32767/32768", "multiples of 1/32768, as in a 16-bit wav"),
    )


def controls_of(streams: Sequence[Stream], rows: int, samples: int) -> tuple[Tensor, ...]:
    """Return the controls of a block; they are the arrays of `Conditions`."""
    if not streams:
        return ()
    shape = rows, samples
    controls = [Tensor("exists", "float32", shape, "0 or 1", "1 for a sample of the sound, 0 past its end")]
    classes, numbers = tuple(each.name for each in class_columns(streams)), number_names(streams)
    fading = tuple(stream.name for stream in classes_streams(streams))
    if classes:
        each = "-1 to the number of classes - 1", "the class of each column, -1 for none"
        controls.append(Tensor("classes", "int32", (*shape, len(classes)), *each, classes))
    if numbers:
        each = "-1 to 1", "numbers between their bounds, and where in its span a sample stands; 0 is unknown"
        controls.append(Tensor("numbers", "float32", (*shape, len(numbers)), *each, numbers))
    if fading:
        each = "-1 to the number of classes - 1", "the class that each stream of classes fades to"
        controls.append(Tensor("targets", "int32", (*shape, len(fading)), *each, fading))
        each = "0 to below 1", "the share of that class; 0 where nothing fades"
        controls.append(Tensor("weights", "float32", (*shape, len(fading)), *each, fading))
    return tuple(controls)


def number_names(streams: Sequence[Stream]) -> tuple[str, ...]:
    """Return a name for each column of numbers, in the order of `number_columns`."""
    names: list[str] = []
    for stream in streams:
        if isinstance(stream, NumberStream):
            names += [f"{stream.name}_known", stream.name]
        elif stream.position:
            names += [f"{stream.name}_share_{number}" for number in range(SHARES)]
            names += [f"{stream.name}_{word}_{seconds}" for word in ("since", "until") for seconds in TIMES]
    assert len(names) == sum(columns.width for columns in number_columns(streams))
    return tuple(names)


def _states(engine: GenerationEngine, start: Carry) -> list[Tensor]:
    def state(name: str, array: Any, values: str, meaning: str) -> Tensor:
        return Tensor(name, str(array.dtype.name), tuple(array.shape), values, meaning)

    levels = engine.model.q_levels
    history = state("history", start.history, f"0 to {levels - 1}", "the codes of the last samples, the oldest first")
    return [history] + [
        state(f"tier_{number}_{part}", array, "finite", f"of tier {number} ({tier.frame_size} samples a step)")
        for number, (tier, arrays) in enumerate(zip(engine.model.tiers, start.states, strict=True))
        for part, array in enumerate(arrays)
    ]


def _last_sample(rows: int) -> Tensor:
    return Tensor(LAST_SAMPLE, "float64", (rows,), "finite", "the last sample before it was clipped and rounded")
