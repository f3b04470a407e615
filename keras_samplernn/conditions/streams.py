"""The condition streams of a spec: classes and numbers, each with its name."""

from collections.abc import Sequence
from dataclasses import dataclass

from keras_samplernn.errors import UserError, nearest
from keras_samplernn.spec import Spec

NONE = -1
"""The class of a sample of which a file says nothing."""
ONE_STREAM = "class"
"""The name of the stream of a spec with `conditioning.classes`."""


@dataclass(frozen=True)
class ClassesStream:
    """A stream that is one of several classes at each sample, or none.

    Attributes:
        name: of the stream.
        classes: the names of the classes, or their numbers as text.
        named: whether the classes have names.
        position: whether the model is told where in its span a sample stands.
        neighbours: whether the model is told the class of the span before and of the span after.
        gaps: the class of samples of which a file says nothing; -1: none.
        from_folder: whether the class of a sound is the name of its folder.
    """

    name: str
    classes: tuple[str, ...]
    named: bool = False
    position: bool = False
    neighbours: bool = False
    gaps: int = NONE
    from_folder: bool = False

    @classmethod
    def of_count(cls, count: int, name: str = ONE_STREAM) -> "ClassesStream":
        """Return a stream of the classes 0 to count - 1."""
        return cls(name, tuple(map(str, range(count))))


@dataclass(frozen=True)
class NumberStream:
    """A stream that is a number at each sample, or none.

    Attributes:
        name: of the stream.
        low: the least number; those below are taken for it.
        high: the greatest number; those above are taken for it.
        unit: of the numbers, for messages.
    """

    name: str
    low: float
    high: float
    unit: str = ""


Stream = ClassesStream | NumberStream


def figure_of(stream: ClassesStream, name: str) -> str:
    """Return what a figure of a class is called: by its name, and by that of its stream if the spec names streams."""
    return name if stream.name == ONE_STREAM else f"{stream.name}_{name}"


Streams = tuple[Stream, ...]


def streams_of(spec: Spec) -> Streams:
    """Return the streams of a spec, in its order; none if the model is unconditional."""
    conditioning = spec.conditioning
    if conditioning is None:
        return ()
    streams = {ONE_STREAM: conditioning} if conditioning.streams is None else conditioning.streams
    return tuple(_stream(name, fields) for name, fields in streams.items())


def _stream(name: str, fields) -> Stream:
    if (number := getattr(fields, "number", None)) is not None:
        return NumberStream(name, number.low, number.high, number.unit)
    named = not isinstance(fields.classes, int)
    classes = tuple(fields.classes) if named else tuple(map(str, range(fields.classes)))
    gaps = NONE if fields.gaps is None else classes.index(str(fields.gaps))
    return ClassesStream(name, classes, named, fields.position, fields.neighbours, gaps, fields.from_ == "folder")


def dropout_shares(spec: Spec) -> tuple[float, float]:
    """Return the share of training pieces in which a stream is none, and in which what comes later is unknown."""
    if spec.conditioning is None:
        return 0.0, 0.0
    looks_ahead = any(stream.position or stream.neighbours for stream in classes_streams(streams_of(spec)))
    return spec.conditioning.dropout, spec.conditioning.lookahead_dropout if looks_ahead else 0.0


def stream_from_folder(stream: Stream) -> bool:
    """Return whether the class of a sound is the name of its folder."""
    return isinstance(stream, ClassesStream) and stream.from_folder


def classes_streams(streams: Sequence[Stream]) -> tuple[ClassesStream, ...]:
    """Return the streams of classes among streams."""
    return tuple(stream for stream in streams if isinstance(stream, ClassesStream))


def classes_stream_named(streams: Sequence[Stream], name: str, place: str) -> ClassesStream:
    """Return the stream of classes of a name; UserError, which begins with `place`, if there is none."""
    stream, found = stream_named(streams, name, place), classes_streams(streams)
    if stream not in found:
        remedy = f"streams of classes are {', '.join(each.name for each in found)}" if found else "leave it out"
        raise UserError(f'{place}: "{name}" is a stream of numbers; {remedy}')
    return stream


def stream_named(streams: Sequence[Stream], name: str, place: str) -> Stream:
    """Return the stream of a name; UserError, which begins with `place`, if there is none."""
    for stream in streams:
        if stream.name == name:
            return stream
    names = [each.name for each in streams]
    shown = f'"{name}"' if isinstance(name, str) else repr(name)
    raise UserError(
        f"{place}: {shown} is not a stream; streams are {', '.join(names)}{nearest(str(name)[:100], names)}"
    )


def describe_classes(stream: ClassesStream) -> str:
    """Return the classes of a stream, their names or the range of their numbers, as messages list them."""
    if not stream.named:
        return f"0 to {len(stream.classes) - 1}"
    more = len(stream.classes) - 10
    return ", ".join(stream.classes[:10]) + (f" and {more} more" if more > 0 else "")
