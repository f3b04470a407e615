"""The picture of a sound."""

import numpy as np

from keras_samplernn.monitoring.spectrogram import FLOOR_DB, spectrogram_db, spectrogram_image


def test_a_full_scale_sine_stands_at_0_db_in_its_own_bin_and_silence_at_the_floor():
    time = np.arange(4000)
    levels = spectrogram_db(np.sin(2 * np.pi * 32 / 512 * time))
    assert levels.shape == ((4000 - 512) // 128 + 1, 257)
    np.testing.assert_array_equal(levels.argmax(axis=1), 32)
    np.testing.assert_allclose(levels.max(axis=1), 0, atol=0.1)
    assert (spectrogram_db(np.zeros(4000)) == FLOOR_DB).all()


def test_low_frequencies_are_at_the_bottom_of_the_picture():
    image = spectrogram_image(np.sin(2 * np.pi * 4 / 512 * np.arange(4000)))
    assert image.dtype == np.uint8
    brightness = image.sum(axis=(1, 2))
    assert brightness.argmax() == len(image) - 1 - 4


def test_a_sound_shorter_than_a_window_still_has_a_picture():
    assert spectrogram_image(np.zeros(10)).shape == (257, 1, 3)
