"""Training sounds in several folders: one corpus, with names that stay unique."""

import json
from pathlib import Path

import pytest
from command_line import give, write_sound, write_spec

from keras_samplernn.data.folders import find_in_folders, names_of
from keras_samplernn.errors import UserError
from keras_samplernn.model.registry import load_types
from keras_samplernn.spec import differences, load_spec
from keras_samplernn.training.corpora import prepare_corpora


@pytest.fixture
def home(tmp_path):
    """Folders `a/speech` and `b/speech`, each with `0.wav`, one of them with `1.wav`; and a spec of both."""
    for folder, count in (("a/speech", 2), ("b/speech", 1)):
        (tmp_path / folder).mkdir(parents=True)
        for number in range(count):
            write_sound(tmp_path / folder / f"{number}.wav", 300 + number, seed=len(folder) + number)
    write_spec(tmp_path, data={"train": ["a/speech", "b/speech"], "valid": None})
    return tmp_path


def prepare(home):
    told = []
    return prepare_corpora(load_spec(home / "spec.json", load_types()), told.append), told


def problems_of(home):
    with pytest.raises(UserError) as raised:
        prepare(home)
    return [line.replace(str(home), "HOME") for line in raised.value.lines]


def test_names_are_those_of_the_folders_as_far_as_they_differ():
    assert names_of([Path("/x/a"), Path("/x/b")]) == ["a", "b"]
    assert names_of([Path("/x/a/wav"), Path("/x/b/wav")]) == ["a/wav", "b/wav"]
    assert names_of([Path("/a/x/wav"), Path("/b/x/wav"), Path("/c")]) == ["a/x/wav", "b/x/wav", "c"]


def test_one_corpus_is_made_of_them(home):
    corpora, _ = prepare(home)
    assert [sound.name for sound in corpora.train.sounds] == ["a/speech/0.wav", "a/speech/1.wav", "b/speech/0.wav"]
    assert corpora.train.samples == 300 + 301 + 300


def test_a_list_of_one_folder_is_that_folder(home):
    write_spec(home, "one.json", data={"train": ["a/speech"], "valid": None})
    write_spec(home, "plain.json", data={"train": "a/speech", "valid": None})
    one, plain = (load_spec(home / name, load_types()) for name in ("one.json", "plain.json"))
    assert one.data.train == [plain.data.train]
    assert differences(one, plain) == []
    corpora = [prepare_corpora(spec, lambda line: None) for spec in (one, plain)]
    assert corpora[0].train.folder == corpora[1].train.folder
    assert corpora[0].train.sounds[0].name == "0.wav"


def test_a_fraction_splits_over_all_of_them(home):
    write_spec(home, data={"train": ["a/speech", "b/speech"], "valid": 0.3})
    corpora, _ = prepare(home)
    names = [sound.name for corpus in (corpora.train, corpora.valid) for sound in corpus.sounds]
    assert sorted(names) == ["a/speech/0.wav", "a/speech/1.wav", "b/speech/0.wav"]


def test_what_is_left_out_is_told_with_its_folder(home):
    (home / "b/speech/2.wav").touch()
    _, told = prepare(home)
    assert "train: files of 0 bytes: left out: b/speech/2.wav" in told


def test_problems_of_all_folders_come_together(home):
    (home / "a/speech/1.csv").unlink()
    (home / "b/speech/0.csv").unlink()
    write_sound(home / "b/speech/1.wav", 10, seed=1)
    assert [line.split(";")[0] for line in problems_of(home)] == [
        "HOME/a/speech/1.wav: has no 1.csv beside it",
        "HOME/b/speech/0.wav: has no 0.csv beside it",
    ]
    write_spec(home, data={"train": ["a/speech", "no", "none"], "valid": None})
    assert problems_of(home) == [
        "HOME/no: does not exist; name the folder that holds the corpus",
        "HOME/none: does not exist; name the folder that holds the corpus",
        "HOME/a/speech/1.wav: has no 1.csv beside it; add the csv or move the sound away",
    ]


def test_folders_that_share_files_over_links_are_refused(home):
    write_spec(home, data={"train": ["a/speech", "b/speech"], "valid": None})
    (home / "b/speech/linked").symlink_to(home / "a/speech")
    assert problems_of(home) == [
        'data.train.1 = "HOME/b/speech" shares files with data.train.0 = "HOME/a/speech", since links to folders'
        " are followed: both read HOME/a/speech; give folders that share none"
    ]


@pytest.mark.parametrize(
    ("train", "line"),
    [
        ([], "data.train = [] must be a path or a list of 1 to 1000 values, each a path"),
        (
            ["a/speech", 3],
            'data.train = ["a/speech", 3] must be a path or a list of 1 to 1000 values, each a path',
        ),
    ],
)
def test_a_list_that_is_wrong_is_refused(home, train, line):
    write_spec(home, data={"train": train, "valid": "a"})
    assert problems_of(home) == [f"HOME/spec.json: {line}"]


def test_a_class_is_the_name_of_a_folder_inside_the_corpus_only(home):
    """The folder itself may give it, and what lies around it may not."""
    conditioning = {"classes": ["a", "b", "speech"], "from": "folder"}
    write_spec(home, data={"train": ["a/speech", "b/speech"], "valid": None}, conditioning=conditioning)
    counts = prepare(home)[0].train.class_counts["class"]
    assert counts.tolist() == [0, 0, 901]
    conditioning["classes"] = ["a", "b"]
    write_spec(home, data={"train": ["a/speech", "b/speech"], "valid": None}, conditioning=conditioning)
    assert all("lies in no folder that is named after a class" in line for line in problems_of(home))


def test_a_run_inside_one_of_them_is_refused(home):
    answer = give("fit spec.json --run b/speech/run", home)
    assert answer.status == 1
    assert f"is inside data.train.1 = {home}/b/speech, and its sounds would become part of the corpus" in answer.err


def test_a_single_folder_of_several_keeps_its_own_names(home):
    found = find_in_folders([home / "a/speech"], True)
    assert [pair.name for pair in found.pairs] == ["0.wav", "1.wav"]
    assert json.loads((home / "spec.json").read_text())["data"]["train"] == ["a/speech", "b/speech"]
