"""`init`: what it finds in a folder, the spec that it writes, and what it says of it."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from command_line import done, give, listing

import keras_samplernn
from keras_samplernn.data.pairs import find_pairs, split_pairs
from keras_samplernn.model.registry import load_types
from keras_samplernn.planning import proposal, sizing
from keras_samplernn.planning.covering import File, cover_classes
from keras_samplernn.planning.naming import run_name
from keras_samplernn.planning.rate import Spectrum, choose_rate
from keras_samplernn.spec import load_spec
from keras_samplernn.spec.presets import PRESETS
from keras_samplernn.training.corpora import prepare_corpora

RATE = 8000
SPEED = 40_000  # samples a second, unless a test says otherwise


@pytest.fixture
def speeds(monkeypatch):
    """Put a speed in place of trial steps; a test may give one for each width."""
    by_dim = {}

    def estimate(spec, corpora):
        training, samples = spec.training, corpora.train.samples
        steps = -(-samples // (training.batch_size * training.seq_len))
        speed = by_dim.get(spec.tiers[0].config["dim"], SPEED)
        return SimpleNamespace(
            parameters=1000, steps_per_epoch=steps, seconds_per_step=samples / speed / steps, samples_per_second=speed
        )

    monkeypatch.setattr(proposal, "estimate", estimate)
    return by_dim


def write_wave(path: Path, wave: np.ndarray, rate: int = RATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave, rate, "PCM_24")


def write_tones(folder: Path, count: int, seconds: float = 1.0, rate: int = RATE) -> list[Path]:
    """Write tones with some noise, all different."""
    paths = [folder / f"s{number:02d}.wav" for number in range(count)]
    for number, path in enumerate(paths):
        rng = np.random.default_rng(number)
        tone = np.sin(2 * np.pi * (200 + 30 * number) * np.arange(int(seconds * rate)) / rate)
        write_wave(path, 0.3 * tone + 0.02 * rng.standard_normal(len(tone)), rate)
    return paths


def init(folder: Path, options: str = "") -> tuple[dict, dict[str, str]]:
    """Run `init` on a folder named `sounds`; return the JSON that it wrote, and its lines by what they begin with."""
    lines = done(f"init sounds {options}", folder)
    load_spec(folder / "sounds" / "spec.json", load_types())  # as `check` reads it
    written = json.loads((folder / "sounds" / "spec.json").read_text())
    return written, dict(line.partition(": ")[::2] for line in lines if ": " in line)


def test_label_tracks_become_classes_with_their_seconds(speeds, tmp_path):
    for number, path in enumerate(write_tones(tmp_path / "sounds", 12)):
        if number != 5:
            path.with_suffix(".txt").write_text("0.0\t0.25\train\n0.25\t0.5\tdoor\n0.5\t0.5\tend\n")
    written, lines = init(tmp_path)
    assert written["conditioning"] == {"classes": ["door", "rain"], "unlabelled": True}
    assert written["preset"] == "small"
    assert written["monitoring"] == {"guidance": 3.0}
    assert lines["conditions"] == "txt files beside 11 of 12 sounds; 1 sound has none and is read without"
    trained = 12 - int(re.search(r"held out: (\d+) to validate", lines["split"])[1])
    seconds = {name: float(each) for name, each in re.findall(r"(\w+) ([\d.]+) s", lines["class in training"])}
    assert sum(seconds.values()) == pytest.approx(trained, abs=0.2)
    assert seconds["rain"] == pytest.approx(seconds["door"], abs=0.11)
    assert trained / 2 - 0.1 <= seconds["none"] <= trained / 2 + 0.6
    score = (tmp_path / "sounds" / "score.txt").read_text()
    assert score == "0.000000\t0.250000\tdoor\n0.250000\t0.500000\train\n"
    assert init(tmp_path, "--overwrite") == (written, lines)  # none of what it wrote belongs to a sound


def test_the_printed_sizes_are_those_of_the_spec(speeds, tmp_path):
    write_tones(tmp_path / "sounds", 12)
    written, lines = init(tmp_path, "--minutes 5")
    training, model = written["training"], written["tier_defaults"]
    assert lines["sample rate"] == f"{written['audio']['sample_rate']} Hz, as the files have"
    assert lines["split"].startswith(f"{written['data']['valid']:g} of the files is held out")
    assert f"dim {model['dim']}, frames of 16 samples (2 ms) and 4 samples (0.5 ms); 1,000 parameters" in lines["model"]
    assert lines["batch"].startswith(f"{training['batch_size']} rows of ")
    assert f"; windows of {training['seq_len']} samples (128 ms); 1 and not 8 rows" in lines["batch"]
    assert lines["training"].startswith(f"{training['epochs']:,} epochs of 0:02 for 5 minutes (--minutes)")
    assert f"halves every {training['decay_steps']:,} steps" in lines["training"]
    assert lines["listenable"].startswith("after about 6 minutes, longer than this training: give --minutes 6 or more")
    assert written["$schema"] == "spec.schema.json"
    schema = json.loads((tmp_path / "sounds" / "spec.schema.json").read_text())
    assert schema == json.loads("\n".join(done("schema", tmp_path)))


def test_the_commands_that_follow_are_printed(speeds, tmp_path):
    write_tones(tmp_path / "Mes sons é", 2)
    lines = done("init 'Mes sons é'", tmp_path)
    assert lines[-3:] == [
        "keras-samplernn check 'Mes sons é/spec.json'",
        "keras-samplernn fit 'Mes sons é/spec.json'",
        "keras-samplernn generate runs/Mes-sons-e --seconds 10 --out Mes-sons-e-sounds",
    ]


def test_nothing_is_to_be_made_inside_the_folder_of_the_sounds(speeds, tmp_path):
    write_tones(tmp_path / "sounds", 2)
    assert done("init .", tmp_path / "sounds")[-2:] == [
        "keras-samplernn fit spec.json --run ../runs/sounds",
        "keras-samplernn generate ../runs/sounds --seconds 10 --out ../sounds-sounds",
    ]


@pytest.mark.parametrize(
    ("folder", "name"), [("rooms", "rooms"), ("Mes sons é", "Mes-sons-e"), ("Звук", "sounds"), (".a b.", "a-b")]
)
def test_any_folder_gives_a_name_that_a_spec_may_have(folder, name, tmp_path):
    (tmp_path / folder).mkdir()
    assert run_name(tmp_path / folder) == name


def test_folders_are_classes_only_if_each_sound_is_in_one(speeds, tmp_path):
    for name in ("bells", "drums"):
        write_tones(tmp_path / "sounds" / "takes" / name, 6)
    written, lines = init(tmp_path)
    assert written["conditioning"] == {"classes": ["bells", "drums"], "from": "folder"}
    assert lines["conditions"] == "each folder is a class"
    write_tones(tmp_path / "sounds" / "takes", 1)
    written, lines = init(tmp_path, "--overwrite")
    assert "conditioning" not in written
    assert lines["conditions"].endswith("only if each sound is in one: 1 sound is outside of bells, drums")


def test_numbered_folders_are_classes_by_number(speeds, tmp_path):
    for name in "012":
        write_tones(tmp_path / "sounds" / name, 4)
    assert init(tmp_path)[0]["conditioning"] == {"classes": 3, "from": "folder"}


@pytest.mark.parametrize(
    ("text", "conditioning"),
    [
        ("start,stop,class\n0.0,0.5,rain\n0.5,1.0,door\n", {"classes": ["door", "rain"]}),
        ("start,stop,voice\n0.0,0.5,b\n0.5,1.0,a\n", {"streams": {"voice": {"classes": ["a", "b"]}}}),
        (
            "seconds,pitch,loudness\n0,c4,-20\n0.5,a3,-31.5\n",
            {"streams": {"pitch": {"classes": ["a3", "c4"]}, "loudness": {"number": {"low": -31.5, "high": -20}}}},
        ),
        (
            "start;stop;key;level\n0.0;1.0;2;0>0.5\n",
            {"streams": {"key": {"classes": 3}, "level": {"number": {"low": 0, "high": 0.5}}}},
        ),
        ("0\n" * 4000 + "2\n" * 4000, {"classes": 3}),
        ("rain\n" * 4000 + "door\n" * 4000, {"classes": ["door", "rain"]}),
        ("voice\n" + "rain\n" * 4000 + "door\n" * 4000, {"streams": {"voice": {"classes": ["door", "rain"]}}}),
        ("0.5\n" * 4000 + "-1\n" * 4000, {"streams": {"value": {"number": {"low": -1, "high": 0.5}}}}),
    ],
    ids=["spans", "one named stream", "points", "numbers", "rows", "names", "header", "values"],
)
def test_a_csv_says_what_its_streams_are(speeds, tmp_path, text, conditioning):
    for path in write_tones(tmp_path / "sounds", 2):
        path.with_suffix(".csv").write_text(text)
    assert init(tmp_path)[0]["conditioning"] == conditioning


def test_label_tracks_textgrids_and_arrays_name_streams(speeds, tmp_path):
    labelled, gridded, arrayed = write_tones(tmp_path / "sounds", 3)
    labelled.with_suffix(".txt").write_text("0\t0.5\tpitch=c4 level=-20\n0.5\t1\td4; level=-3.5\n")
    tier = '"IntervalTier"\n"{}"\n0\n1\n2\n0\n0.5\n"{}"\n0.5\n1\n""\n'
    tiers = "".join(tier.format(*each) for each in (("pitch", "e4"), ("Mary K", "hello")))
    head = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n1\n<exists>\n2\n'
    gridded.with_suffix(".TextGrid").write_text(head + tiers)
    rows = np.zeros(2, [("seconds", "f8"), ("level", "f4")])
    rows["level"] = -60, np.nan
    np.save(arrayed.with_suffix(".npy"), rows)
    written, lines = init(tmp_path)
    assert written["conditioning"] == {
        "streams": {"pitch": {"classes": ["c4", "d4", "e4"]}, "level": {"number": {"low": -60, "high": -3.5}}}
    }
    assert 'not read: tier "Mary K", which cannot be a stream' in lines["conditions"]
    assert lines["conditions"].endswith("streams: pitch (3 classes), level (numbers from -60 to -3.5)")


def test_notes_of_midi_files_are_classes(speeds, tmp_path):
    mido = pytest.importorskip("mido")
    for path in write_tones(tmp_path / "sounds", 2):
        events = [
            mido.Message(kind, note=note, velocity=velocity, time=time)
            for note, velocity in ((62, 90), (60, 30))
            for kind, time in (("note_on", 0), ("note_off", 100))
        ]
        mido.MidiFile(tracks=[mido.MidiTrack(events)]).save(path.with_suffix(".mid"))
    assert init(tmp_path)[0]["conditioning"] == {
        "streams": {"pitch": {"classes": ["c4", "d4"]}, "velocity": {"number": {"low": 0, "high": 127}}}
    }


def test_texts_that_are_no_label_tracks_are_left_out_and_told(speeds, tmp_path):
    for path in write_tones(tmp_path / "sounds", 2):
        path.with_suffix(".txt").write_text("Once upon a time\n")
    lines = done("init sounds", tmp_path)
    assert lines[1].startswith("conditions: the txt files beside 2 sounds are not read")
    assert "conditioning" not in json.loads((tmp_path / "sounds" / "spec.json").read_text())
    assert not (tmp_path / "sounds" / "score.txt").exists()


def test_folders_for_validation_are_used_and_what_is_beside_them_is_told(speeds, tmp_path):
    for name, kind in (("train", "rain"), ("val", "rain"), ("test", "door"), ("old", "x")):
        (path,) = write_tones(tmp_path / "sounds" / name, 1)
        path.with_suffix(".txt").write_text(f"0\t1\t{kind}\n")
    written, lines = init(tmp_path)
    assert written["data"] == {"train": "train", "valid": "val", "test": "test"}
    assert written["conditioning"] == {"classes": ["door", "rain"]}  # those of all three
    assert lines["split"] == "by folders: train from train (1.0 s), valid from val (1.0 s), test from test (1.0 s)"
    assert lines["sounds"] == "3 sounds in sounds, 3.0 s (3 wav)"
    assert lines["not read"] == "old, since the sounds are in train, val, test"


def test_too_few_files_are_not_split(speeds, tmp_path):
    write_tones(tmp_path / "sounds", 1)
    written, lines = init(tmp_path)
    assert written["data"] == {"train": "."}
    assert lines["split"].startswith("no validation, since there is one file")
    write_tones(tmp_path / "sounds", 2)
    written, lines = init(tmp_path, "--overwrite")
    assert written["data"] == {"train": "."}
    assert "of so few files, 2, whole ones are held out, and that would be 50% of the sound" in lines["split"]


def test_no_class_is_held_out_whole(speeds, tmp_path):
    paths = write_tones(tmp_path / "sounds", 12)
    for path in paths:
        path.with_suffix(".txt").write_text("0\t1\tcommon\n")
    written, lines = init(tmp_path)
    assert lines["split"].startswith("0.1 of the files is held out: 1 to validate on"), lines
    assert written["data"] == {"train": ".", "valid": 0.1}
    (held_out,) = (path for path in paths if is_held_out(tmp_path, path))
    held_out.with_suffix(".txt").write_text("0\t1\trare\n")
    written, lines = init(tmp_path, "--overwrite")
    assert written["data"]["keep"] == [held_out.name] and len(written["data"]["hold_out"]) == 1
    assert lines["split"].endswith("; not validated, since there is only one file: rare")


@pytest.mark.parametrize("source", ["folders", "label tracks", "csv"])
def test_every_class_of_two_files_is_validated_and_heard(speeds, tmp_path, source):
    names = ("bell", "drum", "flute", "rain", "single")
    for number, path in enumerate(write_tones(tmp_path / "made", 9)):
        name = names[number // 2]
        place = tmp_path / "sounds" / (name if source == "folders" else "") / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        path.rename(place)
        if source != "folders":
            text = f"0\t1\t{name}\n" if source == "label tracks" else f"start,stop,class\n0,1.0,{name}\n"
            place.with_suffix(".txt" if source == "label tracks" else ".csv").write_text(text)
    written, lines = init(tmp_path)
    assert lines["split"].startswith("0.1 of the files is held out: 4 to validate on, 4.0 s; 5 to train on, 5.0 s; ")
    assert lines["split"].endswith("; not validated, since there is only one file: single")
    assert written["monitoring"]["sounds"] == 4
    assert lines["clips"] == "4 sounds are made in training, so that each class is heard (monitoring.sounds)"
    spec = load_spec(tmp_path / "sounds" / "spec.json", load_types())
    told = []
    corpora = prepare_corpora(spec, told.append)
    assert not [line for line in told if "never occur: " in line and not line.endswith("single")]
    counts = corpora.train.class_counts["class"], corpora.valid.class_counts["class"]
    assert counts[0].all() and counts[1][:4].all() and not counts[1][4]
    assert init(tmp_path, "--overwrite") == (written, lines)


def test_a_class_is_not_held_out_for_the_most_part():
    files = {
        "a1": File(9.0, frozenset("a")),
        "a2": File(3.0, frozenset("a")),
        "a3": File(0.5, frozenset("a")),
        "b1": File(2.0, frozenset("bc")),
        "b2": File(1.0, frozenset("b")),
    }
    assert cover_classes(files, []) == {"a2", "b2"}  # of c there is one file
    assert cover_classes(files, ["a1", "b1"]) == {"a2", "b2"}
    assert cover_classes(files, ["a3"]) == {"a3", "b2"}


def test_of_classes_with_one_file_each_nothing_is_held_out(speeds, tmp_path):
    for number, path in enumerate(write_tones(tmp_path / "sounds", 3)):
        path.with_suffix(".txt").write_text(f"0\t1\tkind{number}\n")
    written, lines = init(tmp_path)
    assert written["data"] == {"train": "."}
    assert "it takes two files of a class, and there is only one of kind0, kind1, kind2" in lines["split"]


def is_held_out(home: Path, path: Path) -> bool:
    pairs = find_pairs(home / "sounds", conditional=False).pairs
    return path.name in [pair.name for pair in split_pairs(pairs, 0.1)[1]]


def test_the_loss_of_a_lower_rate_is_what_lies_above_its_half(speeds, tmp_path):
    # 1 kHz at full level, and 11 kHz 26 dB below: all that is above 8 kHz.
    times = np.arange(2 * 44100) / 44100
    for name, decibels in (("a", -26.0), ("b", -26.0)):
        high = 10 ** (decibels / 20) * np.sin(2 * np.pi * 11_000 * times)
        write_wave(tmp_path / "sounds" / f"{name}.wav", 0.5 * (np.sin(2 * np.pi * 1000 * times) + high), 44100)
    written, lines = init(tmp_path)
    assert written["audio"] == {"sample_rate": 16000}
    told = float(re.search(r"energy or (-[\d.]+) dB \(measured in 2 of them\)", lines["sample rate"])[1])
    assert told == pytest.approx(-26, abs=1)
    assert lines["sample rate"].startswith("16000 Hz; the files have 44100 Hz; what lies above 8000 Hz is lost, 0.25%")


@pytest.mark.parametrize(
    ("rates", "highest", "share", "chosen"),
    [
        ({44100: 1.0}, 9000, 0.001, 16000),
        ({44100: 1.0}, 9000, 0.2, 22050),
        ({44100: 1.0}, 21_000, 0.2, 44100),
        ({96000: 1.0}, 40_000, 0.2, 48000),
        ({44100: 1.0}, 3000, 0.2, 8000),
        ({44100: 1.0}, 5000, 0.001, 12000),
        ({11025: 1.0}, 5000, 0.5, 11025),
        ({16000: 5.0, 48000: 1.0}, 20_000, 0.5, 16000),
    ],
)
def test_the_rate_is_as_low_as_the_sounds_allow(rates, highest, share, chosen):
    spectrum = Spectrum(np.array([100.0, highest]), np.array([1 - share, share]), 1)
    assert choose_rate(rates, spectrum) == chosen


@pytest.mark.parametrize(
    ("seconds", "rows", "window"), [(3600, 8, 1024), (64, 8, 1024), (40, 4, 1024), (9, 1, 1024), (0.099, 1, 784)]
)
def test_each_row_has_some_seconds(seconds, rows, window):
    samples = int(seconds * RATE)
    assert sizing.rows_for(samples, RATE, 8) == rows
    assert sizing.window_for(samples, rows, 1024, 16) == window
    assert sizing.rows_for(samples, RATE, 8) * RATE * sizing.LEAST_ROW_SECONDS <= max(samples, RATE * 8)


def test_a_window_is_no_longer_than_a_row():
    assert sizing.window_for(16_000, 4, 8192, 16) == 4000
    assert sizing.window_for(10, 1, 8192, 16) == 16


def test_the_learning_rate_halves_as_often_as_in_the_measured_trainings():
    # docs/sound.md: half an hour at 40,100 samples a second, every 2,000 steps; an hour, every 4,000.
    for preset, minutes in (("small", 30), ("medium", 60)):
        steps = minutes * 60 * 40_100 / (8 * 1024)
        fields = sizing.schedule_for(PRESETS[preset]["training"], round(steps))
        assert fields["decay_steps"] == pytest.approx(PRESETS[preset]["training"]["decay_steps"], rel=0.02)
        assert fields["warmup_steps"] == 200
    assert sizing.schedule_for(PRESETS["small"]["training"], 440) == {"decay_steps": 100, "warmup_steps": 22}
    assert sizing.schedule_for(PRESETS["paper"]["training"], 440) == {}
    assert sizing.schedule_for({"schedule": "cosine"}, 440) == {"decay_steps": 440}


def test_epochs_fill_the_minutes():
    assert [sizing.epochs_for(30, seconds) for seconds in (180, 7, 4000, 0.001)] == [10, 257, 1, 1000]
    assert [sizing.valid_fraction(seconds) for seconds in (0, 900, 3000, 36_000, 1e7)] == [0.1, 0.1, 0.1, 0.008, 0.001]


def test_a_slow_machine_gets_a_narrower_model(speeds, tmp_path):
    write_tones(tmp_path / "sounds", 12)
    speeds |= {256: 1000, 128: 4000, 64: 9000}
    written, lines = init(tmp_path)
    assert written["tier_defaults"] == {"dim": 64, "condition_dim": 64}
    assert written["tiers"][-1]["emb_size"] == 64
    assert "too slow for a dim of 256 (1,000 samples/s), 128 (4,000 samples/s)" in lines["model"]
    assert "more than these" not in lines["listenable"]
    paper = init(tmp_path, "--preset paper --overwrite")[0]
    assert paper["tier_defaults"] == {"dim": 1024}


def test_every_preset_has_its_minutes(speeds, tmp_path):
    assert sizing.DEFAULT_MINUTES.keys() == PRESETS.keys()
    write_tones(tmp_path / "sounds", 3)
    for preset in PRESETS:
        written, lines = init(tmp_path, f"--preset {preset} --overwrite")
        assert written["preset"] == preset
        assert f"for {sizing.DEFAULT_MINUTES[preset]:g} minutes" in lines["training"]


def test_what_stands_in_the_way_is_one_line_and_nothing_is_written(speeds, tmp_path):
    def refused(command):
        before = listing(tmp_path)
        answer = give(command, tmp_path)
        assert (answer.status, answer.out, listing(tmp_path)) == (1, "", before)
        return answer.err.splitlines()

    assert refused("init nowhere") == ["nowhere: does not exist; name the folder that holds the corpus"]
    (tmp_path / "sounds").mkdir()
    assert refused("init sounds")[0].endswith("the folder has no files; add sounds or name another folder")
    (tmp_path / "sounds" / "notes.pdf").write_text("x")
    assert refused("init sounds")[0].endswith("the folder has 1 .pdf; convert them or name another folder")
    (tmp_path / "sounds" / "bad.wav").write_text("this is not a sound")
    (line,) = refused("init sounds")
    assert line.startswith("sounds/bad.wav: begins with ")
    (tmp_path / "sounds" / "bad.wav").unlink()
    sounds = write_tones(tmp_path / "sounds", 2)
    sounds[0].with_suffix(".csv").write_text("0.0,0.5,rain\n0.5,1.0,door\n")
    (line,) = refused("init sounds")
    assert line.startswith('sounds/s00.csv:1: "0.0,0.5,rain" has 3 columns and names none; begin with a line')
    sounds[0].with_suffix(".csv").write_text("start,stop,class\n0.0,0.5,rain\n0.5,1.0,7\n")
    (line,) = refused("init sounds")
    assert line == (
        'sounds: class has names, such as "rain", and numbers, such as 7; a number cannot be the name of a class:'
        " rename it"
    )
    sounds[0].with_suffix(".csv").unlink()
    (tmp_path / "sounds" / "spec.json").write_text("mine")
    assert refused("init sounds") == ["sounds/spec.json: exists; give --overwrite to replace it, or move it away"]
    init(tmp_path, "--overwrite")


def test_a_corpus_never_holds_what_was_made_from_it(speeds, tmp_path):
    write_tones(tmp_path / "sounds", 3)
    for folder, mark in (("runs/sounds", "data_manifest.json"), ("new", "generation.json")):
        write_tones(tmp_path / "sounds" / folder / "samples", 4)
        (tmp_path / "sounds" / folder / mark).write_text("{}")
    answer = give("init sounds", tmp_path)
    assert answer.out.startswith("sounds: 3 sounds in sounds, 3.0 s (3 wav)")
    assert "runs and folders of generated sounds: left out: new, runs/sounds\n" in answer.err


def test_init_measures_this_machine(tmp_path, monkeypatch):
    """The one that takes real steps, of a model that compiles soon; with the function of programs."""
    narrow = {
        "tier_defaults": {"dim": 16, "condition_dim": 16},
        "training": {**PRESETS["small"]["training"], "seq_len": 64},
    }
    monkeypatch.setitem(PRESETS, "small", {**PRESETS["small"], **narrow})
    write_tones(tmp_path / "sounds", 2, seconds=8)
    found = keras_samplernn.init(tmp_path / "sounds", minutes=2)
    assert str(found).splitlines()[-1].startswith(f"wrote {tmp_path / 'sounds' / 'spec.json'}, ")
    training = found.fields["training"]
    measured = float(re.search(r"([\d,]+) samples/s were measured", str(found))[1].replace(",", ""))
    assert training["epochs"] == pytest.approx(120 * measured / (16 * RATE), rel=0.02, abs=1)
