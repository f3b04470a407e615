"""Scores as users write them: recordings with label tracks lead to a new piece, and every format to the same sound."""

import json

import numpy as np
import pytest
import soundfile
from command_line import bytes_of, done, write_spec
from condition_files import write
from score_formats import WRITERS, Note, label_track, midi, npy, rows, seconds
from score_home import CONDITIONINGS, PITCH, RATE, waves_of

from keras_samplernn import load_run
from keras_samplernn.model.registry import load_types
from keras_samplernn.spec import load_spec
from keras_samplernn.training.corpora import prepare_named


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
    assert [line.partition(": class ")[2].partition(":")[0] for line in checked[1:3]] == ["pluck", "pipe"]
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
def test_the_same_score_in_every_format_gives_the_same_bytes(score_home, tmp_path, name):
    run, writers = load_run(score_home / name), FORMATS[name]
    sounds = {}
    for file, write_score in writers.items():
        sounds[file] = run.generate(write_score(tmp_path / file, NOTES, END), name="score").tobytes()
    assert len(sounds["spans.csv"]) == 4 * END
    assert [file for file, sound in sounds.items() if sound != sounds["spans.csv"]] == []
    later = (*NOTES[:-1], NOTES[-1]._replace(start=150))
    path = writers["spans.csv"](tmp_path / "later.csv", later, END)
    assert run.generate(path, name="score").tobytes() != sounds["spans.csv"]


def test_the_command_writes_the_same_bytes_for_two_formats(score_home, tmp_path):
    for file in ("spans.csv", "labels.txt"):
        folder = tmp_path / file
        folder.mkdir()
        WRITERS[file](folder / f"score{folder.suffix}", NOTES, END)
        done(f"generate several --conditions {folder}/score{folder.suffix} --out {folder}", score_home)
    assert bytes_of(tmp_path / "spans.csv") == bytes_of(tmp_path / "labels.txt")
    (wave,) = waves_of(tmp_path / "labels.txt").values()
    np.testing.assert_array_equal(load_run(score_home / "several").generate(tmp_path / "spans.csv/score.csv"), wave)


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
