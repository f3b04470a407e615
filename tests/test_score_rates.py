"""A csv with a row for each sample of a sound at another rate is read at the rate of that sound."""

import numpy as np
import pytest
import soundfile
from command_line import give

from keras_samplernn.conditions.streams import ClassesStream
from keras_samplernn.data.scores import read_score

STREAMS = (ClassesStream.of_count(3),)
ROWS = "0\n" * 400 + "1\n" * 700


def read(path, sample_rate=800):
    said = []
    track = read_score(path, STREAMS, sample_rate, said.append)
    spans = track.spans["class"]
    return track.samples, spans.starts.tolist(), spans.values.tolist(), said


def put(folder, name, samples, rate):
    soundfile.write(folder / name, np.zeros(samples), rate)


def test_rows_of_the_sound_beside_them_are_read_at_its_rate(tmp_path):
    path = tmp_path / "rain.csv"
    path.write_text(ROWS)
    assert read(path) == (1100, [0, 400], [0, 1], [])
    put(tmp_path, "rain.wav", 1100, 8000)
    assert read(path) == (
        *(110, [0, 40], [0, 1]),
        [
            f'{path}: has a row for each sample of "rain" beside it, at 8000 Hz; read at that rate, 0.14 s, not 1.38 s'
            " at 800 Hz"
        ],
    )


@pytest.mark.parametrize(("samples", "rate"), [(1099, 8000), (1100, 1000)])
def test_rows_of_another_length_or_the_same_rate_are_those_of_the_model(tmp_path, samples, rate):
    (tmp_path / "rain.csv").write_text(ROWS)
    put(tmp_path, "rain.wav", samples, rate)
    assert read(tmp_path / "rain.csv", 1000)[::3] == (1100, [])


def test_times_hold_at_every_rate(tmp_path):
    (tmp_path / "rain.txt").write_text("0\t0.1\t0\n0.1\t0.5\t1\n")
    put(tmp_path, "rain.wav", 4000, 8000)
    assert read(tmp_path / "rain.txt") == (400, [0, 80], [0, 1], [])


def test_generate_makes_as_much_sound_as_the_wav_beside_the_csv_has(home):
    (home / "rows.csv").write_text("0\n" * 2205)
    put(home, "rows.wav", 2205, 44100)
    answer = give("generate run --conditions rows.csv --out out --list", home)
    assert (answer.status, answer.out) == (0, "out/rows.wav\t0.050\tto make\n")
    assert "rows.csv: has a row for each sample" in answer.err
