"""Scores as users write them: from label tracks, folders and recordings to a new piece, by commands and in Python."""

import csv
import json

import numpy as np
import pytest
import soundfile
from command_line import bytes_of, done, give, listing, outcome, write_spec
from condition_files import write
from score_formats import WRITERS, Note, label_track, midi, npy, rows, seconds
from spoiling import refused
from untrained import write_run

from keras_samplernn import Control, UserError, load_run
from keras_samplernn.model.registry import load_types
from keras_samplernn.spec import load_spec
from keras_samplernn.training.corpora import prepare_named

RATE = 1000  # a row of the formats' tests is a millisecond
PITCH = {"classes": ["c4", "e4", "g4"]}
LOUDNESS = {"number": {"low": -60, "high": 0, "unit": "dB"}}


def streams(**streams):
    return {"classes": None, "streams": streams}


CONDITIONINGS = {
    "one": PITCH,
    "several": streams(pitch=PITCH, velocity={"number": {"low": 0, "high": 127}}),
    "loud": streams(loudness=LOUDNESS),
    "both": streams(pitch=PITCH, loudness=LOUDNESS),
    "free": None,
}


@pytest.fixture(scope="module")
def home(corpus_cache, tmp_path_factory):
    """Runs that nobody has trained, some scores, and a recording."""
    home = tmp_path_factory.mktemp("scores")
    for name, conditioning in CONDITIONINGS.items():
        write_spec(home, f"{name}.json", name=name, audio={"sample_rate": RATE}, conditioning=conditioning)
        write_run(home / name, home / f"{name}.json")
    write(home / "a.txt", "0.0\t0.1\tc4\n0.1\t0.3\tpitch=e4 velocity=90\n")
    write(home / "b.csv", "start,stop,pitch,velocity\n0.0,0.25,c4,1>100\n")
    write(home / "index.txt", "b.csv\n")
    (home / "other").mkdir()
    write(home / "other/A.csv", "start,stop,pitch\n0.0,0.2,g4\n")
    tone = np.sin(np.arange(11025) / 20) * np.linspace(0, 0.9, 11025)
    soundfile.write(home / "door.wav", np.stack([tone, tone], axis=1), 44100)
    return home


def waves_of(folder):
    return {path.name: soundfile.read(path, dtype="float32")[0] for path in sorted(folder.glob("*.wav"))}


# From recordings with label tracks to a new piece


def pluck(hz, samples, rate, rng):
    time = np.arange(samples) / rate
    return np.exp(-3 * time) * sum(np.sin(2 * np.pi * hz * k * time + rng.random()) / k for k in (1, 2, 3))


def pipe(hz, samples, rate, rng):
    time = np.arange(samples) / rate
    return np.sin(2 * np.pi * hz * time + rng.random()) + 0.05 * rng.standard_normal(samples)


def write_recording(path, labels, gain, rng, rate=44100):
    """Write a second in stereo, with the label track that says of it (begin, end, label)."""
    wave = np.zeros((rate, 2))
    for begin, end, label in labels:
        for name, instrument, hz in (("pluck", pluck, 330), ("pipe", pipe, 220)):
            if name in label:
                first, last = int(begin * rate), int(end * rate)
                wave[first:last] += instrument(hz, last - first, rate, rng)[:, None] * (gain, 0.2)
    soundfile.write(path, 0.2 * wave, rate)
    write(path.with_suffix(".txt"), "".join(f"{begin:.6f}\t{end:.6f}\t{label}\n" for begin, end, label in labels))


LABELS = (
    ((0, 0.45, "pluck"), (0.55, 1, "pipe")),  # a gap
    ((0, 0.6, "pluck"), (0.5, 1, "pipe")),  # an overlap
    ((0, 0.4, "pipe"), (0.4, 0.7, "pipe>pluck"), (0.7, 1, "pluck")),
)


def test_twelve_labelled_recordings_lead_to_a_new_piece_with_a_cross_fade_by_commands_alone(corpus_cache, tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "sounds").mkdir()
    for number in range(12):
        write_recording(tmp_path / f"sounds/{number:02}.wav", LABELS[number % 3], 0.5 + number / 24, rng)
    write_spec(
        tmp_path,
        name="piece",
        audio={"sample_rate": 8000, "q_levels": 64},
        data={"train": "sounds", "valid": 0.2},
        conditioning={"classes": ["pluck", "pipe"]},
        training={"seq_len": 64, "batch_size": 4},
    )
    write(tmp_path / "piece.txt", "0.0\t3.0\tpluck\n2.0\t12.0\tpipe\n15.0\t20.0\tpluck\n")
    (tmp_path / "plain").mkdir()
    write(tmp_path / "plain/piece.txt", "0.0\t3.0\tpluck\n3.0\t12.0\tpipe\n15.0\t20.0\tpluck\n")

    checked = done("check spec.json", tmp_path)
    assert "train: class pluck " in checked[1] and "pipe " in checked[1]
    assert done("fit spec.json --run run --max-steps 40", tmp_path) == ["run"]
    assert done("generate run --conditions piece.txt --out new", tmp_path) == ["new/piece.wav"]
    done("generate run --conditions plain/piece.txt --seconds 3 --out short", tmp_path)

    info = soundfile.info(tmp_path / "new/piece.wav")
    assert (info.frames, info.samplerate, info.channels) == (20 * 8000, 8000, 1)
    wave, plain = (waves_of(tmp_path / folder)["piece.wav"] for folder in ("new", "short"))
    assert all(np.std(second) > 0.01 for second in wave.reshape(20, 8000))
    assert len(plain) == 3 * 8000
    np.testing.assert_array_equal(wave[: 2 * 8000], plain[: 2 * 8000])
    assert (wave[2 * 8000 : 3 * 8000] != plain[2 * 8000 :]).any()
    record = json.loads((tmp_path / "new/generation.json").read_text())
    assert record["piece.wav"].items() >= {"guidance": 1, "guidance_stream": None, "seed": 0, "batch_size": 1}.items()


# One score in every format

NOTES = (Note(5, 60, "e4", 100), Note(60, 90, "c4", 30), Note(120, 200, "g4", 77))
END = 230


def single_rows(notes, end, empty="none"):
    return "".join(f"{pitch or empty}\n" for pitch, _ in rows(notes, end))


def single_textgrid(path, notes, end):
    """Write a TextGrid of two tiers, of which one belongs to the stream."""
    return write(path, WRITERS["long.TextGrid"](path, notes, end).read_text().replace('"pitch"', '"class"'))


SINGLE = {
    "header.csv": lambda path, notes, end: write(path, "class\n" + single_rows(notes, end)),
    "numbers.npy": lambda path, notes, end: npy(
        path, np.array([-1 if pitch is None else PITCH["classes"].index(pitch) for pitch, _ in rows(notes, end)])
    ),
    "spans.csv": lambda path, notes, end: write(
        path,
        "start,stop,class\n"
        + "".join(f"{seconds(note.start)},{seconds(note.stop)},{note.pitch}\n" for note in notes)
        + f"{seconds(end)},{seconds(end)},\n",
    ),
    "labels.txt": lambda *score: label_track(*score, label="{0.pitch}"),
    "notes.mid": midi,
    "long.TextGrid": single_textgrid,
}
FORMATS = {"several": WRITERS, "one": SINGLE}


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_score_in_every_format_gives_the_same_bytes(home, tmp_path, name):
    run, writers = load_run(home / name), FORMATS[name]
    sounds = {}
    for file, write_score in writers.items():
        sounds[file] = run.generate(write_score(tmp_path / file, NOTES, END), name="score").tobytes()
    assert len(sounds["spans.csv"]) == 4 * END
    assert [file for file, sound in sounds.items() if sound != sounds["spans.csv"]] == []
    later = (*NOTES[:-1], NOTES[-1]._replace(start=150))
    path = writers["spans.csv"](tmp_path / "later.csv", later, END)
    assert run.generate(path, name="score").tobytes() != sounds["spans.csv"]


def test_the_command_writes_the_same_bytes_for_two_formats(home, tmp_path):
    for file in ("spans.csv", "labels.txt"):
        folder = tmp_path / file
        folder.mkdir()
        WRITERS[file](folder / f"score{folder.suffix}", NOTES, END)
        done(f"generate several --conditions {folder}/score{folder.suffix} --out {folder}", home)
    assert bytes_of(tmp_path / "spans.csv") == bytes_of(tmp_path / "labels.txt")
    (wave,) = waves_of(tmp_path / "labels.txt").values()
    np.testing.assert_array_equal(load_run(home / "several").generate(tmp_path / "spans.csv/score.csv"), wave)


def conditions_of(corpus):
    """Return what is asked for in each sound, by its name, as bytes."""
    found = {}
    for sound in corpus.sounds:
        conditions = sound.columns.piece(0, sound.samples)
        found[sound.name] = tuple(None if each is None else each.tobytes() for each in conditions)
    return found


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_score_in_every_format_is_the_same_in_training(corpus_cache, tmp_path, name):
    (tmp_path / "train").mkdir()
    for number, (file, write_score) in enumerate(FORMATS[name].items()):
        sound = tmp_path / f"train/{number:02}.wav"
        soundfile.write(sound, np.sin(np.arange(END) / (2 + number)), RATE)
        write_score(sound.with_suffix("." + file.rpartition(".")[2]), NOTES, END)
    write_spec(
        tmp_path, audio={"sample_rate": RATE}, data={"train": "train", "valid": None}, conditioning=CONDITIONINGS[name]
    )
    found = conditions_of(prepare_named(load_spec(tmp_path / "spec.json", load_types()), "train", print))
    assert len(found) == len(FORMATS[name]) and len({*found.values()}) == 1


# What says the class of a sound

FOLDERS = {"classes": ["bell", "horn"], "from": "folder"}


def write_sounds(folder, *names):
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, 0.3 * np.sin(np.arange(400) * (0.1 + 0.05 * number)), 4000)


def asked_in(folder, conditioning):
    """Return the classes and numbers of each sound's samples, as the model is given them."""
    write_spec(folder, data={"train": "train", "valid": None}, conditioning=conditioning)
    corpus = prepare_named(load_spec(folder / "spec.json", load_types()), "train", print)
    return {sound.name: sound.columns.piece(0, sound.samples) for sound in corpus.sounds}


def test_the_class_of_a_sound_may_be_the_name_of_a_folder_around_it(tmp_path):
    write_sounds(tmp_path / "train", "bell/a.wav", "horn/muted/b.wav", "horn/bell/c.wav")
    found = asked_in(tmp_path, FOLDERS)
    assert {name: each.classes.T.tolist() for name, each in found.items()} == {
        "bell/a.wav": [400 * [0]],
        "horn/bell/c.wav": [400 * [0]],
        "horn/muted/b.wav": [400 * [1]],
    }


def test_a_folder_outside_the_corpus_gives_no_class(tmp_path):
    home = tmp_path / "bell"
    write_sounds(home / "train", "horn/a.wav", "hron/b.wav")
    with pytest.raises(UserError, match=r"hron/b.wav: lies in no folder that is named after a class"):
        asked_in(home, FOLDERS)


def test_one_stream_may_be_of_folders_and_another_of_files(tmp_path):
    write_sounds(tmp_path / "train", "bell/a.wav", "horn/b.wav")
    write(tmp_path / "train/bell/a.txt", "0.0\t0.05\te4\n")
    write(tmp_path / "train/horn/b.csv", "start,stop,pitch\n0.05,0.1,c4\n")
    found = asked_in(tmp_path, streams(timbre=FOLDERS, pitch=PITCH | {"gaps": "g4"}))
    assert found["bell/a.wav"].classes.tolist() == 200 * [[0, 1]] + 200 * [[0, 2]]
    assert found["horn/b.wav"].classes.tolist() == 200 * [[1, 2]] + 200 * [[1, 0]]


def test_a_corpus_of_folders_trains_and_its_scores_name_the_class(tmp_path):
    write_sounds(tmp_path / "train", "bell/a.wav", "horn/b.wav")
    write_spec(tmp_path, data={"train": "train", "valid": None}, conditioning=FOLDERS)
    done("fit spec.json --run run --max-steps 3", tmp_path)
    write(tmp_path / "score.txt", "0.0\t0.05\thorn\n")
    done("generate run --conditions score.txt --prime train/bell/a.wav --out out", tmp_path)
    assert len(waves_of(tmp_path / "out")["score.wav"]) == 200


def test_a_sound_without_labels_trains_where_the_spec_says_so_and_is_none(tmp_path):
    write_sounds(tmp_path / "train", "a.wav", "b.wav")
    write(tmp_path / "train/a.txt", "0.0\t0.1\tc4\n")
    found = asked_in(tmp_path, PITCH | {"unlabelled": True})
    assert found["a.wav"].classes.tolist() == 400 * [[0]] and found["b.wav"].classes.tolist() == 400 * [[-1]]
    assert found["b.wav"].exists.all()
    found = asked_in(tmp_path, streams(pitch=PITCH | {"gaps": "e4"}, loudness=LOUDNESS) | {"unlabelled": True})
    assert found["b.wav"].classes.tolist() == 400 * [[1]] and not found["b.wav"].numbers.any()
    done("fit spec.json --run run --max-steps 3", tmp_path)
    write(tmp_path / "score.txt", "0.0\t0.05\tc4\n")
    done("generate run --conditions score.txt --prime train/b.wav --out out", tmp_path)
    assert load_run(tmp_path / "run").score(tmp_path / "train/b.wav").shape == (400,)


CORPORA = {
    "a folder that is no class": (
        FOLDERS,
        ("bell/a.wav", "hron/b.wav", "c.wav"),
        {},
        [
            'HOME/train/c.wav: lies in no folder that is named after a class of "class", which are bell, horn; move it'
            " into one",
            'HOME/train/hron/b.wav: lies in no folder that is named after a class of "class", which are bell, horn;'
            ' move it into one; did you mean "horn"?',
        ],
    ),
    "a sound without a file, where a stream needs one": (
        streams(timbre=FOLDERS, pitch=PITCH),
        ("bell/a.wav", "bell/b.wav"),
        {"bell/a.txt": "0.0\t0.1\tc4\n"},
        ["HOME/train/bell/b.wav: has no b.txt beside it; add the txt or move the sound away"],
    ),
    "sounds without labels": (
        PITCH,
        ("a.wav", "b.wav"),
        {},
        [
            "HOME/train: holds 2 sounds and no condition file, but the spec has conditioning; put a file such as a csv"
            " of one class per sample, or a label track, beside each sound, or take `conditioning` out of the spec"
        ],
    ),
    "two files for a sound": (
        PITCH,
        ("a.wav",),
        {"a.csv": 400 * "c4\n", "a.txt": "0.0\t0.1\tc4\n"},
        ["HOME/train/a.txt: is beside a.csv, which has the same stem; keep one of the two"],
    ),
    "a label that is no class": (
        PITCH,
        ("a.wav",),
        {"a.txt": "0.0\t0.1\tc5\n"},
        ['HOME/train/a.txt:1: "c5" is not a class; classes are c4, e4, g4'],
    ),
    "labels of a longer sound": (
        PITCH,
        ("a.wav",),
        {"a.txt": "0.0\t0.3\tc4\n"},
        [
            "HOME/train/a.txt:1: lasts until 0.300 s, but the sound ends at 0.100 s; end it there, or is it the file of"
            " another sound?"
        ],
    ),
}


@pytest.mark.parametrize("kind", CORPORA)
def test_what_does_not_say_the_class_of_a_sound_is_refused(tmp_path, kind):
    conditioning, sounds, files, lines = CORPORA[kind]
    write_sounds(tmp_path / "train", *sounds)
    for name, text in files.items():
        write(tmp_path / "train" / name, text)
    write_spec(tmp_path, data={"train": "train", "valid": None}, conditioning=conditioning)
    refused("check spec.json", tmp_path, lines)


@pytest.mark.parametrize(
    ("file", "content", "row"),
    [
        ("a.csv", "c4\n" * 800, "line"),
        ("a.csv", "class\n" + "c4\n" * 800, "line"),
        ("a.npy", np.zeros(800, int), "row"),
    ],
    ids=["rows", "header", "npy"],
)
def test_rows_for_another_rate_than_that_of_the_sound_are_told(tmp_path, file, content, row):
    (tmp_path / "train").mkdir()
    soundfile.write(tmp_path / "train/a.wav", np.sin(np.arange(4410) / 9), 44100)
    (npy if file == "a.npy" else write)(tmp_path / "train" / file, content)
    write_spec(tmp_path, audio={"sample_rate": 8000}, data={"train": "train", "valid": None}, conditioning=PITCH)
    refused(
        "check spec.json",
        tmp_path,
        f"HOME/train/{file}: 800 conditions for a sound of 4410 samples, as many as for 8000 Hz, but the sound has"
        f" 44100 Hz: write it for the sound's rate; give one {row} for each sample of the audio file",
    )


# The command `generate`

LENGTHS = {
    "several files": ("several --conditions a.txt --conditions b.csv", {"a.wav": 300, "b.wav": 250}),
    "a file and an index": ("several --conditions a.txt --conditioning-index index.txt", {"a.wav": 300, "b.wav": 250}),
    "a recording": ("loud --like door.wav", {"door.wav": 250}),
    "a recording, cut": ("loud --like door.wav --seconds 0.1", {"door.wav": 100}),
    "a recording, of several streams": ("both --like door.wav --seconds 0.3", {"door.wav": 300}),
}


@pytest.mark.parametrize("kind", LENGTHS)
def test_a_sound_is_as_long_as_its_score(home, tmp_path, kind):
    asked, lengths = LENGTHS[kind]
    done(f"generate {asked} --out {tmp_path}", home)
    assert {name: len(wave) for name, wave in waves_of(tmp_path).items()} == lengths
    assert set(json.loads((tmp_path / "generation.json").read_text())) == {*lengths}


def test_seconds_cut_a_score_or_continue_it_and_leave_the_rest_as_it_is(home, tmp_path):
    found = []
    for number, option in enumerate(("", "--seconds 0.15", "--seconds 0.5")):
        done(f"generate several --conditions a.txt {option} --out {tmp_path}/{number}", home)
        found.append(waves_of(tmp_path / str(number))["a.wav"])
    whole, cut, longer = found
    assert (len(whole), len(cut), len(longer)) == (300, 150, 500)
    np.testing.assert_array_equal(cut, whole[:150])
    np.testing.assert_array_equal(longer[:300], whole)


def test_what_a_recording_asks_for_is_heard_by_the_model(home, tmp_path):
    tone, _ = soundfile.read(home / "door.wav")
    soundfile.write(tmp_path / "door.wav", tone[::-1], 44100)
    for out, recording in (("one", "door.wav"), ("other", tmp_path / "door.wav")):
        done(f"generate loud --like {recording} --out {tmp_path}/{out}", home)
    assert bytes_of(tmp_path / "one") != bytes_of(tmp_path / "other")


def test_guidance_of_strength_one_is_none_to_the_byte_and_a_stronger_one_is_not(home, tmp_path):
    found = {}
    for out, options in {
        "none": "",
        "one": "--guidance 1",
        "three": "--guidance 3",
        "again": "--guidance 3",
        "stream": "--guidance 3 --guidance-stream pitch",
    }.items():
        done(f"generate several --conditions a.txt {options} --out {tmp_path / out}", home)
        found[out] = bytes_of(tmp_path / out)
    assert found["none"] == found["one"] and found["three"] == found["again"]
    assert len({found[out]["a.wav"] for out in ("none", "three", "stream")}) == 3
    assert {len(waves["a.wav"]) for waves in found.values()} == {len(found["none"]["a.wav"])}
    record = json.loads((tmp_path / "stream/generation.json").read_text())["a.wav"]
    assert (record["guidance"], record["guidance_stream"]) == (3, "pitch")


LIKE = "only numbers with the names loudness, f0, centroid, onset are; give a condition file instead"
COMMANDS = {
    "two files of one stem": (
        "several --conditions a.txt --conditions other/A.csv",
        'other/A.csv: has the stem of a.txt, both would be written to "A.wav"; rename one',
    ),
    "a file twice": (
        "several --conditions b.csv --conditions b.csv",
        "b.csv: is given twice; give it once",
    ),
    "a class that is unknown": (
        "several --conditions bad.txt --conditions bad.csv",
        [
            'bad.csv: has the stem of bad.txt, both would be written to "bad.wav"; rename one',
            'bad.txt:1: pitch: "c5" is not a class; classes are c4, e4, g4',
            'bad.csv:2: pitch: "e44" is not a class; classes are c4, e4, g4; did you mean "e4"?',
        ],
    ),
    "a recording as a condition file": (
        "loud --conditions door.wav",
        'door.wav: ".wav" is not a format of conditions; formats are .csv, .txt, .textgrid, .mid, .midi, .npy',
    ),
    "a file without a suffix": (
        "several --conditions score",
        "score: has no suffix of a format; formats are .csv, .txt, .textgrid, .mid, .midi, .npy",
    ),
    "a file that is missing": (
        "several --conditions none.txt",
        "none.txt: No such file or directory; give the path of a readable text file",
    ),
    "a condition file as a recording": (
        "loud --like a.txt",
        'a.txt: ".txt" is not read as audio; convert it to one of .wav, .flac, .ogg, .mp3',
    ),
    "a recording for streams that are not heard": (
        "several --like door.wav",
        f"the streams pitch, velocity are not heard in a recording, {LIKE}",
    ),
    "a recording for an unconditional run": (
        "free --seconds 1 --like door.wav",
        "free: is an unconditional run and was called with --like; give --seconds and --count",
    ),
    "a primer with two condition files": (
        "several --conditions a.txt --prime p.wav",
        "p.txt: is beside p.csv, which has the same stem; keep one of the two",
    ),
    "guidance of an unconditional run": (
        "free --seconds 1 --guidance 3",
        "--guidance: the run is unconditional, and there is nothing to guide; leave it out",
    ),
    "guidance in int8": (
        "several --conditions a.txt --guidance 3 --precision int8",
        "--guidance: --precision int8 makes one row at a time; leave one of the two out",
    ),
    "guidance of numbers alone": (
        "loud --like door.wav --guidance 3",
        "--guidance: the run has no stream of classes, and was trained without conditioning.condition_dropout; leave it"
        " out, or train with condition_dropout",
    ),
    "guidance by an unknown stream": (
        "several --conditions a.txt --guidance 3 --guidance-stream pich",
        '--guidance-stream: "pich" is not a stream; streams are pitch, velocity; did you mean "pitch"?',
    ),
    "guidance by a stream of numbers": (
        "several --conditions a.txt --guidance 3 --guidance-stream velocity",
        '--guidance-stream: "velocity" is a stream of numbers; streams of classes are pitch',
    ),
    "guidance by the only stream, of numbers": (
        "loud --like door.wav --guidance-stream loudness",
        '--guidance-stream: "loudness" is a stream of numbers; leave it out',
    ),
}


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_score_that_cannot_be_generated_is_refused(home, kind):
    for name, text in {
        "bad.txt": "0.0\t0.1\tpitch=c5 velocity=20\n",
        "bad.csv": "start,stop,pitch\n0.0,0.25,e44\n",
        "score": "0.0\t0.1\tc4\n",
        "p.csv": "pitch\n" + "c4\n" * 100,
        "p.txt": "0.0\t0.1\tc4\n",
    }.items():
        write(home / name, text)
    soundfile.write(home / "p.wav", np.zeros(100), RATE)
    asked, lines = COMMANDS[kind]
    refused(f"generate {asked} --out out", home, lines)


# Python


@pytest.fixture(scope="module")
def run(home):
    return load_run(home / "both")


@pytest.fixture(scope="module")
def one(home):
    return load_run(home / "one")


PITCHES = ["c4"] * 20 + ["g4"] * 40
SAME = {
    "names": {"pitch": PITCHES, "loudness": -20},
    "numbers": {"loudness": -20.0, "pitch": [0] * 20 + [2] * 40},
    "arrays": {"pitch": np.repeat([0, 2], [20, 40]), "loudness": np.full(60, -20)},
    "an array of names": {"pitch": np.array(PITCHES), "loudness": [-20] * 60},
}
NOTHING = {
    "nothing": {},
    "None": {"pitch": None, "loudness": None},
    "none and NaN": {"pitch": "none", "loudness": np.nan},
    "lists of None": {"pitch": [None] * 60, "loudness": [None] * 60},
}


def test_a_dictionary_of_streams_may_hold_names_numbers_arrays_and_single_values(run, tmp_path):
    file = write(tmp_path / "s.csv", "start,stop,pitch,loudness\n0.0,0.02,c4,-20\n0.02,0.06,g4,-20\n")
    expected = run.generate(file, name="x")
    for kind, conditions in SAME.items():
        np.testing.assert_array_equal(run.generate(conditions, name="x"), expected, err_msg=kind)
        whole = np.concatenate([*run.stream(conditions, name="x", block_samples=16)])
        np.testing.assert_array_equal(whole, expected, err_msg=kind)
    for kind, conditions in NOTHING.items():
        length = {} if kind.startswith("lists") else {"seconds": 0.06}
        nothing = run.generate(conditions, name="x", **length)
        np.testing.assert_array_equal(nothing, run.generate({}, name="x", seconds=0.06), err_msg=kind)
        assert (nothing != expected).any()


def test_none_may_stand_between_values(run):
    rows = {"pitch": ["c4", None, "g4"] * 20, "loudness": [-20, None, -3.5] * 20}
    same = {"pitch": ["c4", "none", "g4"] * 20, "loudness": [-20, np.nan, -3.5] * 20}
    np.testing.assert_array_equal(run.generate(rows), run.generate(same))
    assert (run.generate(rows) != run.generate({"pitch": ["c4"] * 60})).any()


def test_a_stream_takes_dictionaries_and_controls(run):
    controls = [{"pitch": "c4"}, Control({"pitch": ["e4"] * 30, "loudness": -1}, 0.5), {"loudness": [-3.0] * 5}]
    blocks = [*run.stream(iter(controls), block_samples=20)]
    assert sum(map(len, blocks)) == 20 + 30 + 5
    single = np.concatenate([*run.stream({"pitch": "c4", "loudness": -3}, seconds=0.05, block_samples=20)])
    np.testing.assert_array_equal(single, run.generate({"pitch": "c4", "loudness": -3}, seconds=0.05))
    hotter = np.concatenate([*run.stream(Control({"pitch": "c4", "loudness": -3}, 2.0), seconds=0.05)])
    assert len(hotter) == 50 and (hotter != single).any()


def test_a_sound_is_scored_under_a_dictionary(run):
    wave = 0.3 * np.sin(np.arange(30, dtype="float32"))
    bits = run.score(wave, {"pitch": "c4", "loudness": -3})
    np.testing.assert_array_equal(bits, run.score(wave, {"pitch": [0] * 30, "loudness": np.full(30, -3.0)}))
    assert bits.shape == (30,) and (bits != run.score(wave, {"pitch": "g4"})).any()


def wave(samples=30):
    return np.zeros(samples, "float32")


BOTH = "the run has the streams pitch, loudness; give a dictionary of values by these names"
CALLS = {
    "an unknown stream": (
        lambda run: run.generate({"pich": 1}, seconds=1),
        'conditions: "pich" is not a stream; streams are pitch, loudness; did you mean "pitch"?',
    ),
    "a stream that is not named by text": (
        lambda run: run.generate({1: 1}, seconds=1),
        "conditions: 1 is not a stream; streams are pitch, loudness",
    ),
    "streams of different lengths": (
        lambda run: run.generate({"pitch": [0, 1], "loudness": [1.0, 2.0, 3.0]}),
        "conditions: have different lengths: pitch 2, loudness 3; give a value for each sample, or one for all",
    ),
    "an unknown class": (
        lambda run: run.generate({"pitch": "c5"}, seconds=1),
        'conditions["pitch"]: "c5" is not a class; classes are c4, e4, g4',
    ),
    "a class out of range": (
        lambda run: run.generate({"pitch": [0, 3]}),
        'conditions["pitch"][1]: 3 is not a class; classes are c4, e4, g4',
    ),
    "lists of different lengths": (
        lambda run: run.generate({"pitch": [None, "c4", [1]]}),
        'conditions["pitch"]: has more than one dimension; give one class for each sample',
    ),
    "what is neither a class nor None": (
        lambda run: run.generate({"pitch": [None, {}]}),
        'conditions["pitch"][1]: {} is not a class; classes are c4, e4, g4',
    ),
    "an unknown class beside None": (
        lambda run: run.generate({"pitch": [None, "c4", "c5"]}),
        'conditions["pitch"][2]: "c5" is not a class; classes are c4, e4, g4',
    ),
    "a name as a number": (
        lambda run: run.generate({"loudness": "x"}, seconds=1),
        'conditions["loudness"]: "x" is not a number',
    ),
    "an infinite number": (
        lambda run: run.generate({"loudness": [1, np.inf]}),
        'conditions["loudness"][1]: inf is not a number',
    ),
    "a table": (
        lambda run: run.generate({"pitch": [[0]]}),
        'conditions["pitch"]: has more than one dimension; give one class for each sample',
    ),
    "no length": (
        lambda run: run.generate({"pitch": 0}),
        "conditions: has no length; give seconds, or a value for each sample",
    ),
    "two lengths": (
        lambda run: run.generate({"pitch": [0, 1]}, seconds=1),
        "conditions: has values for each sample, and seconds are given; give one of the two",
    ),
    "a value without its stream": (lambda run: run.generate(0, seconds=1), f"conditions: {BOTH}"),
    "a name without its stream": (
        lambda run: run.generate("c4", seconds=1),
        'conditions: "c4" is no file of conditions, and the run has the streams pitch, loudness; give a dictionary of'
        " values",
    ),
    "guidance that is no strength": (
        lambda run: run.generate({}, seconds=1, guidance=-1),
        "guidance = -1: is not a finite number of at least 0",
    ),
    "guidance by an unknown stream": (
        lambda run: run.generate({}, seconds=1, guidance=2, guidance_stream="pich"),
        'guidance_stream: "pich" is not a stream; streams are pitch, loudness; did you mean "pitch"?',
    ),
    "a control without its stream": (
        lambda run: [*run.stream([{"pitch": "c4"}, 0])],
        f"control 1: {BOTH}",
    ),
    "a control of an unknown stream": (
        lambda run: [*run.stream([{"pitch": "c4"}, {"ptch": 0}])],
        'control 1: "ptch" is not a stream; streams are pitch, loudness; did you mean "pitch"?',
    ),
    "a control of different lengths": (
        lambda run: [*run.stream([{"pitch": [0], "loudness": [1.0, 2.0]}])],
        "control 0: its streams have different lengths; give as many values for each",
    ),
    "a control of an unknown class": (
        lambda run: [*run.stream([Control({"pitch": "c5"})])],
        'control 0["pitch"]: "c5" is not a class; classes are c4, e4, g4',
    ),
    "what is no control": (
        lambda run: run.stream(0, seconds=1),
        "controls: 0 is neither a control nor an iterable of controls",
    ),
    "too few conditions of a wave": (
        lambda run: run.score(wave(), {"pitch": ["c4"] * 29}),
        f"wave: 29 conditions for a sound of 30 samples at {RATE} Hz; give one for each sample",
    ),
    "an unknown stream of a wave": (
        lambda run: run.score(wave(), {"ptch": 0}),
        'conditions of wave: "ptch" is not a stream; streams are pitch, loudness; did you mean "pitch"?',
    ),
}


@pytest.mark.parametrize("kind", CALLS)
def test_conditions_that_are_wrong_are_refused_in_python(run, kind):
    call, line = CALLS[kind]
    with pytest.raises(UserError) as raised:
        call(run)
    assert raised.value.lines == (line,)


def test_a_name_that_is_no_class_is_no_file_either(one):
    np.testing.assert_array_equal(one.generate({"class": "e4"}, seconds=0.02), one.generate("e4", seconds=0.02))
    with pytest.raises(UserError) as raised:
        one.generate("c44", seconds=1)
    assert raised.value.lines == (
        'conditions: "c44" is no file of conditions, and not a class; classes are c4, e4, g4; did you mean "c4"?',
    )


# Specs

SPECS = {
    "a stream of both kinds": (
        streams(p={"classes": 2, "number": {"low": 0, "high": 1}}),
        'conditioning.streams.p = {"classes": 2, "number": {"low": 0, "high": 1}}: has both classes and a number; give'
        " one of the two",
    ),
    "a stream of neither kind": (
        streams(p={}),
        "conditioning.streams.p = {}: has neither classes nor a number; give one of the two",
    ),
    "a field that is misspelt": (
        streams(p={"clases": 2}),
        'conditioning.streams.p.clases is not a field of conditioning.streams.p; did you mean "classes"?',
    ),
    "the position in a number": (
        streams(p={"number": {"low": 0, "high": 1}, "position": True}),
        'conditioning.streams.p = {"number": {"low": 0, "high": 1}, "position": true}: position belongs to a stream of'
        " classes; remove it",
    ),
    "a range that does not rise": (
        streams(p={"number": {"low": 1, "high": 1}}),
        'conditioning.streams.p.number = {"low": 1, "high": 1}: low = 1 is not below high = 1',
    ),
    "a range without an end": (
        streams(p={"number": {"low": 1}}),
        "conditioning.streams.p.number.high is missing; give a number",
    ),
    "a range of text": (
        streams(p={"number": {"low": "a", "high": 1}}),
        'conditioning.streams.p.number.low = "a" must be a number',
    ),
    "too many streams": (
        streams(**{f"s{number}": {"classes": 2} for number in range(17)}),
        'conditioning.streams = {"s0": {"classes": 2}, "s1": {"classes": 2}, "s2": {"classe… must be an object with 1'
        " to 16 entries or null",
    ),
    "no streams": (streams(), "conditioning.streams = {} must be an object with 1 to 16 entries or null"),
    "a name in capitals": (
        streams(P={"classes": 2}),
        "conditioning.streams.P: the name must be 1 to 40 small letters, digits or underscores, the first a letter",
    ),
    "a name of two words": (
        streams(**{"a b": {"classes": 2}}),
        'conditioning.streams["a b"]: the name must be 1 to 40 small letters, digits or underscores, the first a'
        " letter",
    ),
    "a name that means a time": (
        streams(start={"classes": 2}),
        'conditioning = {"classes": null, "streams": {"start": {"classes": 2}}}: stream "start" has the name of a'
        " column of times in a csv; choose another name",
    ),
    "gaps that are no class": (
        streams(p=PITCH | {"gaps": "c5"}),
        'conditioning.streams.p = {"classes": ["c4", "e4", "g4"], "gaps": "c5"}: gaps = "c5" is not a class; classes'
        " are c4, e4, g4",
    ),
    "gaps that are out of range": (
        {"gaps": 3},
        'conditioning = {"classes": 3, "gaps": 3}: gaps = 3 is not a class; classes are 0, 1, 2',
    ),
    "classes and streams": (
        {"classes": 2, "streams": {"p": {"classes": 2}}},
        'conditioning = {"classes": 2, "streams": {"p": {"classes": 2}}}: has both classes and streams; give one of the'
        " two",
    ),
    "neither classes nor streams": (
        {"classes": None},
        'conditioning = {"classes": null}: has neither classes nor streams; give one of the two',
    ),
    "a field of classes beside streams": (
        streams(p={"classes": 2}) | {"neighbours": True},
        'conditioning = {"classes": null, "streams": {"p": {"classes": 2}}, "neighb…: neighbours belongs to a stream'
        " of classes; move it into one",
    ),
    "a share of more than all": (
        {"condition_dropout": 1.5},
        "conditioning.condition_dropout = 1.5 must be a number from 0 to 1 or null",
    ),
    "a share of less than nothing": (
        streams(p=PITCH) | {"lookahead_dropout": -0.1},
        "conditioning.lookahead_dropout = -0.1 must be a number from 0 to 1",
    ),
    "another source of a class": (
        {"from": "folders"},
        'conditioning.from = "folders" must be "file" or "folder"; did you mean "folder"?',
    ),
}


@pytest.mark.parametrize("kind", SPECS)
def test_streams_that_are_wrong_in_a_spec_are_refused(tmp_path, kind):
    conditioning, line = SPECS[kind]
    write_spec(tmp_path, conditioning=conditioning)
    refused("check spec.json", tmp_path, f"spec.json: {line}")


# Training

HIDDEN = streams(pitch=PITCH | {"position": True, "neighbours": True}, timbre={"classes": 2}, loudness=LOUDNESS) | {
    "condition_dropout": 0.5,
    "lookahead_dropout": 0.5,
}


@pytest.fixture(scope="module")
def trained(corpus_cache, tmp_path_factory):
    """A run of two epochs with three streams that are none at times."""
    folder = tmp_path_factory.mktemp("trained")
    for corpus in ("train", "valid"):
        write_sounds(folder / corpus, "a.wav", "b.wav")
        for name, pitch in (("a", "c4>e4"), ("b", "g4")):
            table = f"start,stop,pitch,timbre,loudness\n0.0,0.03,{pitch},1,-40>-3\n0.05,0.1,c4,,-10\n"
            write(folder / corpus / f"{name}.csv", table)
    write_spec(folder, conditioning=HIDDEN)
    done("fit spec.json --run whole", folder)
    return folder


def test_a_run_whose_streams_are_none_at_times_goes_on_as_if_it_had_not_stopped(trained):
    done("fit spec.json --run halves --max-steps 33", trained)
    answer = give("fit spec.json --run halves", trained)
    assert "halves: continues after step 33" in answer.err.splitlines()
    halves, whole = outcome(trained / "halves"), outcome(trained / "whole")
    assert halves[:2] == whole[:2]  # the weights and all that the optimizer and the states hold
    assert halves[3][-1] == whole[3][-1]


def test_the_bits_of_every_class_of_every_stream_are_told(trained):
    (line,) = done("evaluate whole --json", trained)
    figures = json.loads(line)
    assert list(figures) == [
        *("bits_per_sample", "unigram_entropy_bits", "samples"),
        *("bits_per_sample_of_pitch", "bits_per_sample_of_timbre"),
    ]
    assert figures["samples"] == 800
    bits = {stream: figures[f"bits_per_sample_of_{stream}"] for stream in ("pitch", "timbre")}
    # In a cross-fade, a sample counts to the class that it fades from.
    assert list(bits["pitch"]) == ["c4", "g4"] and list(bits["timbre"]) == ["1"]
    assert done("evaluate whole", trained) == [
        f"{figures['bits_per_sample']:.4f} bits per sample over 800 samples",
        f"{figures['unigram_entropy_bits']:.4f} bits is the unigram entropy of their codes",
        *(f"{value:.4f} bits per sample of {s} {name}" for s in bits for name, value in bits[s].items()),
    ]
    rows = list(csv.DictReader((trained / "whole/metrics.csv").open()))
    columns = [f"validation_bits_{stream}_{name}" for stream in bits for name in bits[stream]]
    assert [column for column in rows[-1] if column.startswith("validation_bits")] == ["validation_bits", *columns]
    best = min(rows, key=lambda row: float(row["validation_bits"]))
    found = [value for stream in bits for value in bits[stream].values()]
    np.testing.assert_allclose([float(best[column]) for column in columns], found, rtol=1e-4)


def test_a_run_with_several_streams_writes_nothing_when_it_scores(trained):
    before = listing(trained)
    done("evaluate whole --data train --json", trained)
    assert listing(trained) == before
