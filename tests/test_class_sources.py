"""What says the class of a sound in a corpus: a file beside it, a folder around it, or nothing."""

import re
import shutil

import numpy as np
import pytest
import soundfile
from command_line import done, write_spec
from condition_files import write
from score_formats import npy
from score_home import LOUDNESS, PITCH, streams, waves_of, write_sounds
from spoiling import refused
from untrained import write_run

from keras_samplernn import UserError, load_run
from keras_samplernn.model.registry import load_types
from keras_samplernn.spec import load_spec
from keras_samplernn.training.corpora import prepare_named

FOLDERS = {"classes": ["bell", "horn"], "from": "folder"}


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


def test_a_sound_outside_the_folders_of_its_classes_is_scored_with_its_class(tmp_path, capsys):
    write_sounds(tmp_path / "train", "bell/a.wav", "horn/b.wav")
    write_sounds(tmp_path / "loose", "c.wav")
    write_spec(tmp_path, data={"train": "train", "valid": None}, conditioning=FOLDERS)
    write_run(tmp_path / "run", tmp_path / "spec.json")
    run, loose = load_run(tmp_path / "run"), tmp_path / "loose/c.wav"
    remedy = (
        f'{loose}: lies in no folder that is named after a class of "class", which are bell, horn; move it into one, or'
        ' in Python give its class with it: score(file, "bell"), or prime_conditions="bell"'
    )
    for given in (run.score, run.evaluate):
        with pytest.raises(UserError, match=f"^{re.escape(remedy)}$"):
            given(loose)
    assert run.score(loose, "bell").shape == (400,)
    # The same bytes under the same name in folders of two classes.
    for name in ("bell", "horn"):
        (tmp_path / name / "deep").mkdir(parents=True)
        shutil.copy(loose, tmp_path / name / "deep")
        figures = run.evaluate(tmp_path / name / "deep/c.wav")
        assert [*figures["bits_per_sample_of_class"]] == [name]
        assert figures["bits_per_sample"] == pytest.approx(run.score(loose, name).mean(), abs=1e-5)
    assert run.generate("horn", seconds=0.01, prime=loose, prime_conditions="bell").shape == (40,)


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
