"""The model of a checkpoint, told by the names and shapes of its arrays, which must be exactly those of that model."""

import itertools
import re
from collections.abc import Iterable, Mapping

from keras_samplernn.errors import UserError
from keras_samplernn.spec import MOST_LEVELS
from keras_samplernn.theano.architecture import GATES, STATES, UNUSED, Architecture, FrameLevel, Shape

Shapes = Mapping[str, Shape]
MOST_LAYERS, MOST_FRAME_TIERS, _MOST_SHOWN = 5, 15, 4


class _Unlike(Exception):
    """The names and shapes are not those of a model of the original; the message says why."""


def read_architecture(shapes: Shapes, place: str, remedy: str) -> Architecture:
    """Return the model that arrays of these names and shapes are of.

    Args:
        shapes: by name.
        place: start of the message.
        remedy: end of the message.

    Raises:
        UserError: one line: they are not those of a model of the original, or of one that this program does not have.
    """
    try:
        found = _derive(shapes)
        _compare(found, shapes)
        _check_that_we_have(found)
    except _Unlike as error:
        raise UserError(f"{place}: {error}; {remedy}") from None
    return found


def _derive(shapes: Shapes) -> Architecture:
    prefixes = [name.removesuffix(".h0") for name in shapes if re.fullmatch(r"\w*FrameLevel\w*\.h0", name)]
    if not prefixes or "SampleLevel.Output.W0" not in shapes:
        raise _Unlike(f"has no frame tier or no sample tier, but {_some(shapes)}")
    if len(prefixes) > MOST_FRAME_TIERS:
        raise _Unlike(f"has {len(prefixes)} frame tiers, and a model has at most {MOST_FRAME_TIERS}")
    tops = [prefix for prefix in prefixes if f"{prefix}.InputExpand.W0" not in shapes]
    if len(tops) != 1:
        raise _Unlike(f"has {len(tops)} frame tiers without InputExpand, and a top tier alone has none: {_some(tops)}")
    rows = {prefix: _rows_of_input(shapes, prefix, prefix in tops) for prefix in prefixes}
    prefixes.sort(key=lambda prefix: (prefix not in tops, -rows[prefix]))
    dim, q_levels = _at(shapes, "SampleLevel.L2.W0", 0), _at(shapes, "SampleLevel.Output.W0", 1)
    emb_size = _at(shapes, "SampleLevel.Embedding", 1) if "SampleLevel.Embedding" in shapes else 0
    levels, frame_size, dim_below = [], 1, dim
    for prefix in reversed(prefixes):
        ratio, rest = divmod(_at(shapes, f"{prefix}.Output.W0", 1), dim_below)
        if rest or not ratio:
            raise _Unlike(f"{prefix}.Output.W0 does not give contexts of the width {dim_below} of the tier below")
        frame_size *= ratio
        level = _level_of(shapes, prefix, prefix in tops, frame_size, ratio, dim_below)
        _check_input(prefix, rows[prefix], level)
        levels.insert(0, level)
        dim_below = level.dim
    weight_norm = any(name.endswith(".g0") for name in shapes)
    return Architecture(tuple(levels), dim, emb_size, q_levels, weight_norm)


def _rnn_type_of(shapes: Shapes, prefix: str) -> str:
    kinds = [kind for kind in GATES if f"{prefix}.{kind}1.Step.Input.W0" in shapes]
    if len(kinds) != 1:
        raise _Unlike(f"{prefix} has {'both GRU and LSTM' if kinds else 'neither GRU nor LSTM'}")
    return kinds[0]


def _rows_of_input(shapes: Shapes, prefix: str, is_top: bool) -> int:
    """Return the width of what a tier reads of a frame."""
    reader = f"{_rnn_type_of(shapes, prefix)}1.Step.Input" if is_top else "InputExpand"
    return _at(shapes, f"{prefix}.{reader}.W0", 0)


def _level_of(shapes: Shapes, prefix: str, is_top: bool, frame_size: int, ratio: int, dim_below: int) -> FrameLevel:
    rnn_type, layers = _rnn_type_of(shapes, prefix), _at(shapes, f"{prefix}.h0", 0)
    if layers > MOST_LAYERS:
        raise _Unlike(f"{prefix}.h0 is of {layers} layers, and the original has at most {MOST_LAYERS}")
    dim = _at(shapes, f"{prefix}.h0", 1) // STATES[rnn_type]
    if not dim:
        raise _Unlike(f"{prefix}.h0 is too narrow for a state of {rnn_type}")
    skips = any(name.startswith(f"{prefix}.{rnn_type}2+inpskip.") for name in shapes)
    return FrameLevel(prefix, rnn_type, layers, skips, dim, frame_size, is_top, ratio, dim_below)


def _check_input(prefix: str, rows: int, level: FrameLevel) -> None:
    """Raise _Unlike if a tier reads more of a step than its frame, as conditional forks do."""
    if rows > level.frame_size:
        raise _Unlike(
            f"{prefix} reads {rows} numbers a step and its frames have {level.frame_size} samples; the other"
            f" {rows - level.frame_size} are of conditions, as in conditional forks, and no name tells how they are"
            " coded, so it cannot be imported"
        )


def _compare(found: Architecture, shapes: Shapes) -> None:
    """Raise _Unlike unless names and shapes are exactly those of a model."""
    expected = found.shapes()
    if any(f".{UNUSED}." in name for name in shapes):
        expected |= found.unused_shapes()
    if missing := [name for name in expected if name not in shapes]:
        raise _Unlike(f"lacks {_some(missing)}")
    if unknown := [name for name in shapes if name not in expected]:
        raise _Unlike(f"has {_some(unknown)}, which the original has not; it may be of a fork")
    for name, shape in expected.items():
        if shapes[name] != shape:
            raise _Unlike(f"{name} has the shape {shapes[name]}, where the other arrays ask for {shape}")


def _check_that_we_have(found: Architecture) -> None:
    """Raise _Unlike for a model of the original that cannot be one of ours."""
    top, sizes = found.frame_levels[0], [*(level.frame_size for level in found.frame_levels), 1]
    if any(above == below for above, below in itertools.pairwise(sizes)):
        raise _Unlike(f"has tiers of {', '.join(map(str, sizes))} samples a step, and here frame sizes must differ")
    if top.frame_size > top.dim:
        raise _Unlike(
            f"{top.name} reads frames of {top.frame_size} samples with a dim of {top.dim}, and here they go through"
            " an input Linear of that width, which must not be narrower than the frame"
        )
    if not 2 <= found.q_levels <= MOST_LEVELS:
        raise _Unlike(f"has {found.q_levels} levels, and here there are 2 to {MOST_LEVELS}")


def _at(shapes: Shapes, name: str, axis: int) -> int:
    """Return the length of an axis of a matrix."""
    if name not in shapes:
        raise _Unlike(f"lacks {name}")
    if len(shapes[name]) != 2:
        raise _Unlike(f"{name} has the shape {shapes[name]}, and is a matrix in the original")
    return shapes[name][axis]


def _some(names: Iterable[str]) -> str:
    names = sorted(names)
    return ", ".join(names[:_MOST_SHOWN]) + (
        f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    )
