"""A sound as a picture: its spectrogram with axes, and below it what is asked for at each moment."""

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_samplernn.conditions.streams import NumberStream, Stream
from keras_samplernn.conditions.track import Track
from keras_samplernn.monitoring.spectrogram import COLOURS, FLOOR_DB, spectrogram_db
from keras_samplernn.monitoring.strips import FONT, strip_of

WIDTH, HEIGHT = 800, 300  # pixels
_DPI = 100
_WINDOW_SECONDS = 0.032
_MOST_FRAMES = 1400
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 86, 10, 8  # pixels around everything
_TIMES, _GAP = 24, 6  # pixels of the seconds below the spectrogram, and between strips
_LONGEST = 10  # letters of a stream's name


def draw_sound(wave: np.ndarray, sample_rate: int, track: Track | None, streams: Sequence[Stream]) -> np.ndarray:
    """Return an RGB picture, `(height, WIDTH, 3)` uint8: `HEIGHT` pixels high, or more with several streams.

    Args:
        wave: `(n,)` in [-1, 1], at least one sample.
        sample_rate: in Hz.
        track: what is asked for, of at least n samples; None: nothing.
        streams: of the model; the track has spans for each.
    """
    # Here, since a command that draws nothing need not wait for it.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width = WIDTH - _LEFT - _RIGHT
    cut = track and track.of_length(len(wave), streams)
    strips = [(each, strip_of(each, cut.spans[each.name], len(wave), width)) for each in streams] if cut else []
    heights = [strip.height + _GAP for _, strip in strips]
    height = HEIGHT + sum(heights[1:])
    tall = height - _TOP - _TIMES - sum(heights) - _BOTTOM
    figure = Figure(figsize=(WIDTH / _DPI, height / _DPI), dpi=_DPI, facecolor="white")
    canvas = FigureCanvasAgg(figure)

    def place(left: float, top: float, width: float, tall: float) -> Any:
        return figure.add_axes((left / WIDTH, 1 - (top + tall) / height, width / WIDTH, tall / height))

    image = _draw_spectrogram(place(_LEFT, _TOP, width, tall), wave, sample_rate)
    bar = figure.colorbar(image, cax=place(WIDTH - _RIGHT + 12, _TOP, 12, tall))
    bar.ax.tick_params(labelsize=8)
    bar.set_label("dB", fontsize=8)
    top = _TOP + tall + _TIMES
    for stream, strip in strips:
        axes = place(_LEFT, top, width, strip.height)
        strip.draw(axes)
        unit = f" ({stream.unit})" if isinstance(stream, NumberStream) and stream.unit else ""
        name = stream.name if len(stream.name) <= _LONGEST else f"{stream.name[: _LONGEST - 1]}…"
        figure.text((WIDTH - _RIGHT + 12) / WIDTH, 1 - (top + 12) / height, name + unit, va="center_baseline", **FONT)
        top += strip.height + _GAP
    with warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes.
        warnings.filterwarnings("ignore", "Glyph")
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _draw_spectrogram(axes: Any, wave: np.ndarray, sample_rate: int) -> Any:
    """Draw a spectrogram with seconds and kHz; return what its colours belong to."""
    from matplotlib.colors import LinearSegmentedColormap

    window = 2 ** round(math.log2(_WINDOW_SECONDS * sample_rate))
    levels = spectrogram_db(wave, window, max(window // 4, math.ceil(len(wave) / _MOST_FRAMES)))
    image = axes.imshow(
        levels.T,
        origin="lower",
        aspect="auto",
        extent=(0, len(wave) / sample_rate, 0, sample_rate / 2000),
        cmap=LinearSegmentedColormap.from_list("level", COLOURS / 255),
        vmin=FLOOR_DB,
        vmax=0,
    )
    axes.xaxis.set_major_formatter("{x:g} s")
    axes.tick_params(labelsize=8)
    axes.set_ylabel("kHz", fontsize=8)
    return image
