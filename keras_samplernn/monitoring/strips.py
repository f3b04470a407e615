"""Strips below a spectrogram: what is asked for at each moment, as colours with names, or as a line."""

import colorsys
from typing import Any

import numpy as np

from keras_samplernn.conditions.streams import NONE, ClassesStream, NumberStream, Stream
from keras_samplernn.conditions.track import Spans

FONT = {"fontsize": 8, "parse_math": False}  # names may have dollars in them
_HEIGHT, _KEY_HEIGHT = 24, 18  # pixels
_LETTER = 7.5  # pixels, about the widest that names have on average
_LONGEST = 24
_NOTHING = np.array((0.93, 0.93, 0.93))
# Okabe and Ito's colours, which the colour-blind can tell apart.
_FIRST_COLOURS = ("e69f00", "56b4e9", "009e73", "f0e442", "0072b2", "d55e00", "cc79a7")
_GOLDEN = 0.618034


def class_colour(number: int) -> np.ndarray:
    """Return the colour of a class of a stream, `(3,)` RGB in [0, 1]: the same in all pictures; grey for none."""
    if number == NONE:
        return _NOTHING
    if number < len(_FIRST_COLOURS):
        return np.frombuffer(bytes.fromhex(_FIRST_COLOURS[number]), np.uint8) / 255
    # Neighbours in number are far apart in hue.
    return np.array(colorsys.hsv_to_rgb(number * _GOLDEN % 1, 0.45 + 0.4 * (number % 2), 0.9))


def strip_of(stream: Stream, spans: Spans, samples: int, width: int) -> "ClassesStrip | NumberStrip":
    """Return the strip of a stream; see `ClassesStrip`."""
    return (ClassesStrip if isinstance(stream, ClassesStream) else NumberStrip)(stream, spans, samples, width)


class ClassesStrip:
    """The classes of a sound: colours that blend where classes cross-fade, with their names.

    A name stands in its span, if there is room; names that found room in no span stand in a key below the strip.

    Args:
        stream: of classes.
        spans: of the sound.
        samples: its length.
        width: of the strip in pixels.

    Attributes:
        height: in pixels, with the key.
    """

    def __init__(self, stream: ClassesStream, spans: Spans, samples: int, width: int):
        self._stream, self._width = stream, width
        places = ((np.arange(width) + 0.5) * samples / width).astype(np.int64)
        at = np.searchsorted(spans.starts, places, side="right") - 1
        ends = np.append(spans.starts[1:], samples)
        passed = ((places - spans.starts[at]) / (ends - spans.starts)[at])[:, None]  # of each pixel's span
        palette = np.stack([class_colour(number) for number in range(NONE, len(stream.classes))])
        colours = (palette[each[at] - NONE] for each in (spans.values, spans.targets))
        value, target = colours
        self._colours = value + (target - value) * passed  # (width, 3)
        # The classes that are seen, and the names that fit into their spans: (middle in pixels, class).
        self._labels: list[tuple[float, int]] = []
        firsts = np.flatnonzero(np.diff(at, prepend=-1))
        for first, last in zip(firsts, np.append(firsts[1:], width), strict=True):
            number = int(spans.values[at[first]])
            if not spans.moves[at[first]] and number != NONE and self._pixels(number) <= last - first:
                self._labels.append(((first + last) / 2, number))
        labelled = {number for _, number in self._labels}
        seen = dict.fromkeys(spans.values[at[firsts]].tolist())
        self._key = [number for number in seen if number != NONE and number not in labelled]
        self.height = _HEIGHT + _KEY_HEIGHT * bool(self._key)

    def draw(self, axes: Any) -> None:
        """Draw into matplotlib's axes, `width` by `height` pixels."""
        axes.set(xlim=(0, self._width), ylim=(self.height, 0), yticks=[])
        axes.axis("off")
        image = np.broadcast_to(self._colours, (_HEIGHT, *self._colours.shape))
        axes.imshow(image, extent=(0, self._width, _HEIGHT, 0), aspect="auto", interpolation="nearest")
        axes.set_ylim(self.height, 0)
        for middle, number in self._labels:
            dark = class_colour(number) @ (0.3, 0.6, 0.1) < 0.5
            style = {"color": "white" if dark else "black", "ha": "center", "va": "center_baseline"}
            axes.text(middle, _HEIGHT / 2, self._name(number), **style, **FONT)
        place = 0.0
        for count, number in enumerate(self._key):
            more = f"and {len(self._key) - count} more"
            room = self._width - (count + 1 < len(self._key)) * (len(more) + 1) * _LETTER
            text, middle = self._name(number), _HEIGHT + _KEY_HEIGHT / 2 + 1
            fits = place + 14 + self._pixels(number) <= room
            axes.text(place + 14 * fits, middle, text if fits else more, va="center_baseline", **FONT)
            if not fits:
                break
            axes.add_patch(_square(place, middle, class_colour(number)))
            place += 14 + self._pixels(number) + 8

    def _name(self, number: int) -> str:
        name = self._stream.classes[number]
        return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"

    def _pixels(self, number: int) -> float:
        return (len(self._name(number)) + 1) * _LETTER


class NumberStrip:
    """The numbers of a sound as a line from the stream's `low` to its `high`; there is none where they are unknown.

    Args:
        stream: of numbers.
        spans: of the sound.
        samples: its length.
        width: of the strip in pixels.

    Attributes:
        height: in pixels.
    """

    height = _HEIGHT

    def __init__(self, stream: NumberStream, spans: Spans, samples: int, width: int):
        self._stream, self._width = stream, width
        places = (np.arange(width) * samples / width).astype(np.int64)
        at = np.searchsorted(spans.starts, places, side="right") - 1
        ends = np.append(spans.starts[1:], samples)
        passed = (places - spans.starts[at]) / (ends - spans.starts)[at]
        self._values = spans.values[at] + (spans.targets[at] - spans.values[at]) * passed

    def draw(self, axes: Any) -> None:
        """Draw into matplotlib's axes, `width` by `height` pixels."""
        low, high = self._stream.low, self._stream.high
        margin = (high - low) / 12
        axes.plot(np.arange(self._width), np.clip(self._values, low, high), color="black", linewidth=1)
        axes.set(xlim=(0, self._width), ylim=(low - margin, high + margin), xticks=[], yticks=[low, high])
        axes.tick_params(labelsize=6)


def _square(left: float, middle: float, colour: np.ndarray) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((left, middle - 5), 10, 10, facecolor=colour, edgecolor="none")
