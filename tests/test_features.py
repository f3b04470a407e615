"""Features of a sound are right in size and in time, and the command writes them beside the sounds."""

import json
import sys

import numpy as np
import pytest
import soundfile
from command_line import done, give, listing

from keras_samplernn import progress
from keras_samplernn.conditions import features
from keras_samplernn.conditions.features import FEATURES, compute_features, feature_track, number_stream
from keras_samplernn.conditions.points import join_points
from keras_samplernn.conditions.streams import ClassesStream, NumberStream
from keras_samplernn.errors import UserError

RATES = (1000, 8000, 22050, 44100)
NAMES = ("loudness", "f0", "centroid", "onset")


def seconds_of(rate: int, seconds: float = 1.0) -> np.ndarray:
    return np.arange(round(rate * seconds)) / rate


def sine(hertz: float, rate: int, seconds: float = 1.0, peak: float = 0.5) -> np.ndarray:
    return (peak * np.sin(2 * np.pi * hertz * seconds_of(rate, seconds) + 0.4)).astype(np.float32)


def saw(hertz: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    partials = range(1, int(rate / 2.1 // hertz) + 1)
    return sum(sine(hertz * partial, rate, seconds, 0.3 / partial) for partial in partials)


def noise(samples: int, root_mean_square: float = 0.1, seed: int = 0) -> np.ndarray:
    return (root_mean_square * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("samples", [0, 1, 9, 10, 700, 1001])
def test_a_table_has_a_row_for_each_hundredth_of_a_second_that_begins_in_the_sound(rate, samples):
    table = compute_features(noise(samples), rate, NAMES)
    rows = -(-samples * 100 // rate)
    assert table.shape == (rows,) and table.dtype.names == ("seconds", *NAMES)
    assert table["seconds"].dtype == np.float64 and table["loudness"].dtype == np.float32
    np.testing.assert_array_less(table["seconds"], max(samples / rate, 1e-9))
    np.testing.assert_allclose(table["seconds"], np.arange(rows) / 100, atol=1 / rate)
    np.testing.assert_array_equal(table["seconds"] * rate % 1, 0)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 96000])
@pytest.mark.parametrize("hertz", [41, 50, 110, 220, 441, 880, 1500, 1990])
@pytest.mark.parametrize("sound", [sine, saw])
def test_f0_is_right_within_one_percent_from_the_first_row_to_the_last(rate, hertz, sound):
    f0 = compute_features(sound(hertz, rate, 0.3), rate, ["f0"])["f0"]
    np.testing.assert_allclose(f0, hertz, rtol=0.01)


def test_f0_follows_a_glide_without_delay():
    rate, times = 22050, seconds_of(22050, 2)
    wave = 0.3 * np.sin(2 * np.pi * 220 * (np.exp2(times) - 1) / np.log(2))  # an octave a second, from 220 Hz
    table = compute_features(wave.astype(np.float32), rate, ["f0"])
    inside = slice(3, -3)
    late = table["seconds"][inside] - np.log2(table["f0"][inside] / 220)
    assert np.abs(late).max() < 0.005


@pytest.mark.parametrize("wave", [np.zeros(8000, np.float32), noise(8000), sine(100, 8000, peak=0.001)])
def test_f0_of_silence_noise_and_faint_hum_is_not_known(wave):
    assert np.isnan(compute_features(wave, 8000, ["f0"])["f0"]).all()


def test_f0_is_not_known_between_two_notes():
    wave = np.concatenate([sine(220, 16000), np.zeros(8000, np.float32), sine(330, 16000)])
    table = compute_features(wave, 16000, ["f0"])
    known = ~np.isnan(table["f0"])
    assert known[table["seconds"] < 0.98].all() and known[table["seconds"] > 1.52].all()
    assert not known[(table["seconds"] > 1.03) & (table["seconds"] < 1.47)].any()


@pytest.mark.parametrize("rate", RATES[1:])
@pytest.mark.parametrize("decibels", [0, -6, -20, -60])
def test_loudness_is_the_root_mean_square_from_the_first_row_to_the_last(rate, decibels):
    wave = sine(440, rate, peak=10 ** (decibels / 20))
    loudness = compute_features(wave, rate, ["loudness"])["loudness"]
    np.testing.assert_allclose(loudness, decibels - 10 * np.log10(2), atol=0.5)


def test_the_loudness_of_silence_is_the_floor():
    assert (compute_features(np.zeros(100, np.float32), 1000, ["loudness"])["loudness"] == -80).all()


@pytest.mark.parametrize("rate", RATES[1:])
@pytest.mark.parametrize("at", [0.5, 0.503, 0.507])
def test_a_step_in_loudness_is_where_it_is_heard(rate, at):
    wave = np.where(seconds_of(rate) < at, 0.01, 1) * sine(2 * rate / 16, rate)
    table = compute_features(wave.astype(np.float32), rate, ["loudness"])
    power = 10 ** (table["loudness"] / 10)
    half = power[-1] / 2
    crossing = int(np.flatnonzero(power < half)[-1])
    share = (half - power[crossing]) / (power[crossing + 1] - power[crossing])
    assert abs(table["seconds"][crossing] + 0.01 * share - at) < 0.001


@pytest.mark.parametrize("rate", RATES[1:])
def test_the_centroid_of_two_tones_lies_between_them_by_their_amplitudes(rate):
    wave = sine(1000, rate, peak=0.3) + sine(2000, rate, peak=0.1)
    np.testing.assert_allclose(compute_features(wave, rate, ["centroid"])["centroid"], 1250, rtol=0.03)


def test_the_centroid_of_silence_is_not_known():
    assert np.isnan(compute_features(np.zeros(800, np.float32), 8000, ["centroid"])["centroid"]).all()


@pytest.mark.parametrize("rate", RATES[1:])
@pytest.mark.parametrize("kind", ["click", "noise", "note"])
def test_an_onset_is_strongest_in_the_row_where_it_begins(rate, kind):
    offsets = []
    for start in np.random.default_rng(2).integers(0.3 * rate, 0.7 * rate, 20):
        wave = 0.001 * noise(rate) / 0.1
        if kind == "click":
            wave[start] = 0.5
        elif kind == "noise":
            wave[start:] += noise(rate - start)
        else:
            wave[start:] += saw(220, rate)[: rate - start]
        table = compute_features(wave, rate, ["onset"])
        onset = table["onset"][3:]  # the sound itself begins in the first row
        assert 0.5 < onset.max() <= 1
        offsets.append(table["seconds"][3:][onset.argmax()] - start / rate)
    # Rows are 10 ms apart, so that none can be nearer than 5 ms to every onset; in the mean they are in time.
    assert np.abs(offsets).max() < 0.0085 and abs(np.mean(offsets)) < 0.004


def test_an_onset_in_a_row_is_found_in_that_row():
    wave = 0.0003 * noise(16000) / 0.1
    wave[160 * 30] = 0.5
    assert compute_features(wave, 16000, ["onset"])["onset"][3:].argmax() == 27


def test_a_sound_that_begins_at_once_has_an_onset_there_and_none_at_its_end():
    onset = compute_features(saw(220, 16000), 16000, ["onset"])["onset"]
    assert onset.argmax() == 0 and onset[0] > 0.7
    assert onset[5:].max() < 0.2


@pytest.mark.parametrize("wave", [np.zeros(16000, np.float32), noise(16000), sine(50, 16000)])
def test_what_goes_on_has_no_onsets(wave):
    onset = compute_features(wave, 16000, ["onset"])["onset"][5:]
    assert np.median(onset) < 0.2 and onset.max() < 0.4


@pytest.mark.parametrize("name", NAMES)
def test_blocks_make_no_difference(name, monkeypatch):
    wave = np.concatenate([saw(220, 8000), noise(4000), saw(330, 8000)])
    whole = compute_features(wave, 8000, [name])[name]
    monkeypatch.setattr(features, "_BLOCK_ROWS", 7)
    monkeypatch.setattr("keras_samplernn.conditions.pitch._ROWS", 7)
    np.testing.assert_allclose(compute_features(wave, 8000, [name])[name], whole, rtol=1e-4, atol=1e-5)


def spread(spans, samples):
    """Return the number at each sample, NaN for none."""
    ends = np.append(spans.starts[1:], samples)
    return np.concatenate(
        [
            value + (target - value) * np.arange(end - start) / (end - start)
            for start, end, value, target in zip(spans.starts, ends, spans.values, spans.targets, strict=True)
        ]
    )


def test_points_are_joined_by_lines_and_hold_where_none_comes_next():
    none = np.nan
    stream = NumberStream("loudness", 0, 9)
    spans = join_points(stream, np.array([0, 4, 8, 12, 16, 20]), np.array([0, 4, none, none, 8, 6], np.float32), 22)
    expected = [0, 1, 2, 3, 4, 4, 4, 4, *[none] * 8, 8, 7.5, 7, 6.5, 6, 6]
    np.testing.assert_array_equal(spread(spans, 22), expected)
    assert spans.starts[0] == 0 and (np.diff(spans.starts) > 0).all()
    assert spans.values.dtype == spans.targets.dtype == np.float32 and spans.starts.dtype == np.int64


@pytest.mark.parametrize(("values", "expected"), [([], []), ([3], [3, 3]), ([np.nan], [np.nan] * 2)])
def test_one_point_or_none(values, expected):
    spans = join_points(
        NumberStream("loudness", 0, 9), np.arange(len(values)), np.array(values, np.float32), len(expected)
    )
    heard = spread(spans, 2) if values else spans.starts
    np.testing.assert_array_equal(heard, expected)


def test_a_recording_as_the_score_gives_its_features_and_says_nothing_of_other_streams():
    streams = (
        ClassesStream("words", ("a", "b")),
        ClassesStream("room", ("small", "large"), gaps=1),
        NumberStream("f0", 40, 2000, "Hz"),
        NumberStream("brightness", 0, 1),
        NumberStream("loudness", -60, 0, "dB"),
    )
    wave = sine(220, 22050, 0.5)
    track = feature_track(wave, 22050, streams)
    assert track.samples == len(wave) and list(track.spans) == [stream.name for stream in streams]
    np.testing.assert_allclose(spread(track.spans["f0"], len(wave)), 220, rtol=0.01)
    np.testing.assert_allclose(spread(track.spans["loudness"], len(wave)), -9.03, atol=0.5)
    assert track.spans["words"].values.tolist() == [-1] and track.spans["room"].values.tolist() == [1]
    assert np.isnan(track.spans["brightness"].values).all()


def test_a_model_without_features_takes_no_recording_as_the_score():
    with pytest.raises(UserError) as error:
        feature_track(np.zeros(10, np.float32), 1000, (ClassesStream("f0", ("a", "b")), NumberStream("joy", 0, 1)))
    assert error.value.lines == (
        "the streams f0, joy are not heard in a recording, only numbers with the names loudness, f0, centroid, onset"
        " are; give a condition file instead",
    )


@pytest.mark.parametrize(
    ("name", "numbers", "bounds"),
    [
        ("loudness", np.linspace(-50.6, -9.4, 1001), {"low": -51, "high": -9, "unit": "dB"}),
        ("centroid", [1234.0], {"low": 1230, "high": 1240, "unit": "Hz"}),
        ("loudness", [-20.0], {"low": -20, "high": -19, "unit": "dB"}),
        ("onset", [0.061, 0.07], {"low": 0.06, "high": 0.07}),
    ],
)
def test_ranges_are_rounded_outwards(name, numbers, bounds):
    assert number_stream(name, np.array(numbers)) == {"number": bounds}


# The command.


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two sounds, the second stereo and of another rate in a folder of its own."""
    monkeypatch.setattr(progress, "PLAIN_SECONDS", float("inf"))  # however slow the machine
    (tmp_path / "sounds/low").mkdir(parents=True)
    soundfile.write(tmp_path / "sounds/a.wav", saw(440, 16000), 16000, "FLOAT")
    stereo = np.repeat(saw(110, 8000, 0.5)[:, None], 2, axis=1)
    soundfile.write(tmp_path / "sounds/low/b.wav", stereo, 8000, "PCM_24")
    return tmp_path


def test_features_writes_a_table_beside_each_sound_and_prints_the_streams(folder):
    answer = give("features sounds --streams f0,loudness,centroid,onset", folder)
    assert answer.status == 0
    assert answer.err == "mixed down to mono: sounds/low/b.wav (2 channels)\nsounds: wrote 2 npy files\n"
    table = np.load(folder / "sounds/low/b.npy", allow_pickle=False)
    assert table.dtype.names == ("seconds", "f0", "loudness", "centroid", "onset") and len(table) == 50
    np.testing.assert_allclose(table["f0"], 110, rtol=0.01)
    expected = compute_features(saw(440, 16000), 16000, ["f0", "loudness", "centroid", "onset"])
    np.testing.assert_array_equal(np.load(folder / "sounds/a.npy"), expected)
    assert sorted(path.name for path in (folder / "sounds").iterdir()) == ["a.npy", "a.wav", "low"]
    *lines, text = answer.out.split("\n", 4)
    assert [line.split("\t")[:2] for line in lines] == [
        ["f0", "Hz"],
        ["loudness", "dB"],
        ["centroid", "Hz"],
        ["onset", "-"],
    ]
    assert lines[0] == "f0\tHz\t109.98 to 439.93 (1st to 99th percentile)"
    streams = json.loads("{" + text + "}")["conditioning"]["streams"]
    assert streams["f0"] == {"number": {"low": 109, "high": 440, "unit": "Hz"}}
    assert list(streams) == ["f0", "loudness", "centroid", "onset"] and "unit" not in streams["onset"]["number"]


def test_features_computes_loudness_and_f0_unless_told_otherwise(folder):
    done("features sounds", folder)
    assert np.load(folder / "sounds/a.npy").dtype.names == ("seconds", "loudness", "f0")


def test_features_leaves_sounds_with_conditions_out(folder):
    (folder / "sounds/a.npy").write_bytes(b"mine")
    (folder / "sounds/low/b.wav.csv").write_text("0\n")
    before = listing(folder)
    answer = give("features sounds", folder)
    assert (answer.status, answer.out) == (0, "")
    assert answer.err == (
        "left out, since they have an npy file (1; --overwrite): a.wav\n"
        "left out, since they have another condition file (1): low/b.wav\n"
        "sounds: no sounds are left to compute features of\n"
    )
    assert listing(folder) == before


def test_overwrite_replaces_an_npy_file_and_adds_none_beside_another_condition_file(folder):
    (folder / "sounds/a.npy").write_bytes(b"mine")
    (folder / "sounds/low/b.txt").write_text("0\t1\tlow\n")
    answer = give("features sounds --overwrite", folder)
    assert answer.status == 0
    assert answer.err == (
        "left out, since they have another condition file (1): low/b.wav\nsounds: wrote 1 npy files\n"
    )
    assert len(np.load(folder / "sounds/a.npy")) == 100 and not (folder / "sounds/low/b.npy").exists()


def test_what_is_not_known_at_any_time_is_told_and_has_no_stream(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(8000), 8000)
    assert done("features .", tmp_path) == [
        "loudness\tdB\t-80.00 to -80.00 (1st to 99th percentile)",
        "f0\tHz\tnot known at any time",
        '"conditioning": {',
        '  "streams": {',
        '    "loudness": {',
        '      "number": {',
        '        "low": -80,',
        '        "high": -79,',
        '        "unit": "dB"',
        "      }",
        "    }",
        "  }",
        "}",
    ]


def test_all_files_that_cannot_be_read_are_told_together_and_nothing_is_written(folder):
    (folder / "sounds/bad.wav").write_bytes(b"not a sound at all")
    (folder / "sounds/worse.wav").write_bytes(b"fLaC is not what this says")
    soundfile.write(folder / "sounds/empty.wav", np.zeros(0), 8000)
    before = listing(folder)
    answer = give("features sounds", folder)
    assert (answer.status, answer.out) == (1, "")
    assert answer.err == (
        "sounds/bad.wav: begins with b'not ', which is not a WAV file; convert it or give it its true suffix\n"
        "sounds/worse.wav: begins with b'fLaC', which is not a WAV file; it looks like a .flac file: give it that"
        " suffix\n"
        "sounds/empty.wav: has 0 samples; move it away\n"
    )
    assert listing(folder) == before


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            "features sounds --streams loudnes,f0",
            'streams: "loudnes" is not a feature (loudness, f0, centroid, onset); did you mean "loudness"?\n',
        ),
        ("features sounds --streams ''", 'streams: "" is not a feature (loudness, f0, centroid, onset)\n'),
        ("features nowhere", "nowhere: does not exist; name the folder that holds the corpus\n"),
    ],
)
def test_what_is_asked_for_wrongly_is_one_line(folder, command, message):
    answer = give(command, folder)
    assert (answer.status, answer.out, answer.err) == (1, "", message)


def test_one_sound_in_two_formats_is_refused(folder):
    soundfile.write(folder / "sounds/a.flac", saw(440, 16000), 16000)
    answer = give("features sounds", folder)
    assert answer.status == 1
    assert answer.err == "sounds/a.wav: is beside a.flac, which has the same stem; keep one of the two\n"


def test_where_librosa_is_missing_the_command_that_installs_it_is_told(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "librosa", None)
    answer = give("features sounds --streams f0,onset,centroid", folder)
    assert (answer.status, answer.out) == (1, "")
    assert answer.err == (
        "onset, centroid: computed with librosa, which is not installed; pip install 'keras-samplernn[features]'\n"
    )
    assert give("features sounds --streams f0,loudness", folder).status == 0


def test_a_file_that_cannot_be_written_is_told_and_not_left_in_part(folder, monkeypatch):
    (folder / "sounds/a.npy").mkdir()
    answer = give("features sounds --overwrite", folder)
    assert answer.status == 1
    assert answer.err.splitlines()[-1].startswith("sounds/a.npy: cannot be written: ")
    assert not list((folder / "sounds").glob(".*"))


def test_the_help_names_every_feature(folder):
    assert ", ".join(FEATURES) in " ".join(give("features --help", folder).out.split())
