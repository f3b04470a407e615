"""The picture of a sound: a spectrogram whose axes are true, and strips of what is asked for."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure

from keras_samplernn.conditions.streams import ClassesStream, NumberStream
from keras_samplernn.conditions.track import Item, Track, lay_spans
from keras_samplernn.monitoring.picture import HEIGHT, WIDTH, _draw_spectrogram, draw_sound
from keras_samplernn.monitoring.strips import ClassesStrip, NumberStrip, class_colour

RATE = 8000
VOICES = ClassesStream("class", ("reed", "flute", "breath"), named=True)
PITCH = NumberStream("f0", 100, 500, "Hz")


def track_of(samples, *streams_and_items):
    return Track(samples, {stream.name: lay_spans(stream, items, samples) for stream, items in streams_and_items})


def pixels_of(strip):
    """Return the colour of each pixel of a strip, in 8 bits."""
    return np.round(255 * strip._colours).astype(int)


def test_a_tone_is_bright_at_its_frequency_and_time():
    wave = np.zeros(2 * RATE)
    wave[RATE:] = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    picture = draw_sound(wave, RATE, None, ()).astype(int)
    assert picture.shape == (HEIGHT, WIDTH, 3)
    bright = np.argwhere((picture[..., 0] > 240) & (picture[..., 2] < 230) & (picture[..., 2] > 100))
    bright = bright[bright[:, 1] < WIDTH - 90]  # without the bar of colours
    rows, columns = bright.T
    tall = HEIGHT - 10 - 24 - 8
    assert np.median(rows) == pytest.approx(10 + tall * 3 / 4, abs=4)  # 1 of 4 kHz
    assert columns.min() == pytest.approx(50 + (WIDTH - 136) / 2, abs=8)  # the second of two seconds


def test_the_axes_are_in_seconds_kilohertz_and_decibels():
    axes = Figure().add_axes((0, 0, 1, 1))
    image = _draw_spectrogram(axes, np.zeros(2 * RATE), RATE)
    assert (axes.get_xlim(), axes.get_ylim(), image.get_clim()) == ((0, 2), (0, 4), (-80, 0))
    assert axes.get_ylabel() == "kHz" and axes.xaxis.get_major_formatter()(0.5) == "0.5 s"


def test_colours_follow_the_spans_and_blend_in_cross_fades():
    items = [Item(0, 400, 0), Item(300, 700, 1), Item(800, 1000, 2)]
    strip = ClassesStrip(VOICES, lay_spans(VOICES, items, 1000), 1000, 100)
    reed, flute, breath = (np.round(255 * class_colour(number)).astype(int) for number in range(3))
    pixels = pixels_of(strip)
    assert (pixels[:30] == reed).all() and (pixels[40:70] == flute).all() and (pixels[80:] == breath).all()
    np.testing.assert_allclose(pixels[[34, 35]].mean(axis=0), (reed + flute) / 2, atol=1)
    assert (pixels[70:80] == np.round(255 * class_colour(-1))).all()


def test_a_class_has_its_colour_in_every_picture():
    waves, items = np.zeros(RATE), [Item(0, RATE, 1)]
    alone = draw_sound(waves, RATE, track_of(RATE, (VOICES, items)), [VOICES])
    beside = draw_sound(waves, RATE, track_of(RATE, (VOICES, [Item(0, RATE // 2, 0), Item(4000, RATE, 1)])), [VOICES])
    colour = np.round(255 * class_colour(1)).astype(int)
    for picture in (alone, beside):
        assert (np.abs(picture[-20, WIDTH - 100] - colour) <= 1).all()


def test_many_classes_have_colours_of_their_own():
    assert len({tuple(np.round(class_colour(number), 2)) for number in range(-1, 60)}) == 61


def test_names_stand_in_their_spans_or_in_a_key_below():
    items = [Item(0, 600, 0), Item(600, 610, 1), Item(610, 1000, 2)]
    strip = ClassesStrip(VOICES, lay_spans(VOICES, items, 1000), 1000, 500)
    assert [number for _, number in strip._labels] == [0, 2]
    assert strip._key == [1]
    assert strip.height > ClassesStrip(VOICES, lay_spans(VOICES, items[:1], 1000), 1000, 500).height


def test_numbers_are_a_line_with_gaps():
    strip = NumberStrip(PITCH, lay_spans(PITCH, [Item(0, 500, 100.0, 300.0)], 1000), 1000, 100)
    np.testing.assert_allclose(strip._values[:50], np.linspace(100, 300, 50, endpoint=False))
    assert np.isnan(strip._values[50:]).all()


def test_streams_are_strips_of_their_own_and_the_track_may_be_longer():
    track = track_of(3 * RATE, (VOICES, [Item(0, 3 * RATE, 0)]), (PITCH, [Item(0, 100, 200.0)]))
    assert draw_sound(np.zeros(RATE), RATE, track, [VOICES, PITCH]).shape[0] > HEIGHT


@pytest.mark.parametrize("samples", [1, 100, 40 * RATE])
def test_sounds_of_any_length_and_names_of_any_script_are_drawn(samples):
    stream = ClassesStream("class", ("$x_1$", "größe", "日本語", "a" * 300), named=True)
    cuts = np.linspace(0, samples, 5).astype(int)
    items = [Item(int(a), int(b), number) for number, (a, b) in enumerate(pairwise(cuts))]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = draw_sound(np.zeros(samples), RATE, track_of(samples, (stream, items)), [stream])
    assert picture.shape == (HEIGHT, WIDTH, 3)
