"""`evaluate` scores the newest run, single sounds, each file and each sample."""

import json
import os
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from command_line import LENGTHS, done, give, write_sound
from spoiling import refused

from keras_samplernn import UserError, load_run
from keras_samplernn.training import file_bits
from keras_samplernn.training.file_bits import FileBits, check_dump


@pytest.fixture(scope="module")
def scored(tiny_home, tmp_path_factory):
    """The tiny run, and a copy of its sounds, one of them in a folder."""
    folder = tmp_path_factory.mktemp("scored")
    shutil.copytree(tiny_home / "valid", folder / "sounds")
    (folder / "sounds/deep").mkdir()
    write_sound(folder / "sounds/deep/c.wav", 50, seed=3)
    return load_run(tiny_home / "run"), folder


def test_the_bits_of_files_and_samples_are_those_of_each_sound_alone(scored):
    run, folder = scored
    figures = run.evaluate(folder / "sounds", per_file=True, dump=folder / "bits.npz")
    assert [(each["file"], each["samples"]) for each in figures["files"]] == [
        *((f"{name}.wav", samples) for name, samples in LENGTHS.items()),
        ("deep/c.wav", 50),
    ]
    total = sum(each["bits_per_sample"] * each["samples"] for each in figures["files"])
    assert total / figures["samples"] == pytest.approx(figures["bits_per_sample"], abs=1e-9)
    with np.load(folder / "bits.npz") as dumped:
        assert sorted(dumped.files) == ["a.wav", "b.wav", "deep/c.wav"]
        for each in figures["files"]:
            bits, alone = dumped[each["file"]], run.score(folder / "sounds" / each["file"])
            assert bits.dtype == np.float32
            np.testing.assert_allclose(bits, alone, atol=1e-5)
            assert each["bits_per_sample"] == pytest.approx(alone.mean(), abs=1e-5)
    assert sorted(path.name for path in folder.iterdir()) == ["bits.npz", "sounds"]


def test_a_single_sound_is_scored_with_its_condition_file(scored):
    run, folder = scored
    figures = run.evaluate(folder / "sounds/b.wav", per_file=True)
    assert figures["samples"] == LENGTHS["b"]
    assert figures["bits_per_sample"] == pytest.approx(run.score(folder / "sounds/b.wav").mean(), abs=1e-5)
    assert [each["file"] for each in figures["files"]] == ["b.wav"]
    assert "files" not in run.evaluate(folder / "sounds/b.wav")


def test_a_dump_is_replaced_where_that_is_said(scored, tmp_path):
    run, folder = scored
    dump = tmp_path / "bits.npz"
    dump.write_text("older")
    with pytest.raises(UserError, match="give --overwrite to replace it"):
        run.evaluate(folder / "sounds/b.wav", dump=dump)
    for _ in range(2):
        run.evaluate(folder / "sounds/b.wav", dump=dump, overwrite=True)
    with np.load(dump) as dumped:
        assert dumped["b.wav"].shape == (LENGTHS["b"],)


def test_of_a_single_sound_it_is_not_said_which_classes_a_corpus_lacks(scored, capsys):
    run, folder = scored
    (folder / "one").mkdir()
    write_sound(folder / "one/c.wav", 50, seed=3)
    run.evaluate(folder / "one/c.wav")
    assert capsys.readouterr().err == ""
    run.evaluate(folder / "one")
    assert "2 of 3 classes never occur: 1, 2" in capsys.readouterr().err


def test_the_newest_run_is_taken_and_named(home):
    (home / "runs").mkdir()
    for number, name in enumerate(("wide", "run")):
        (home / name).rename(home / "runs" / name)
        for path in (home / "runs" / name / "spec.json", home / "runs" / name / "checkpoints"):
            os.utime(path, (10**9 + number, 10**9 + number))
    # The spec of a corpus beside them is no run, though it is newer.
    (home / "runs/corpus").mkdir()
    shutil.copy(home / "spec.json", home / "runs/corpus")
    answer = give("evaluate --json --per-file --dump bits.npz", home)
    assert (answer.status, answer.err) == (0, "runs/run: is the run that was trained last\n")
    assert json.loads(answer.out)["files"][0]["file"] == "a.wav"
    assert (home / "bits.npz").is_file()
    lines = done("evaluate runs/run --per-file", home)
    assert [line.partition(" bits per sample of ")[2] for line in lines[-2:]] == [
        "a.wav, 300 samples",
        "b.wav, 437 samples",
    ]


REFUSED = {
    "a dump that is there": (
        "evaluate run --dump index.txt",
        "index.txt: exists; give --overwrite to replace it, or give --dump another file",
    ),
    "a dump that is a folder": (
        "evaluate run --dump valid --overwrite",
        "valid: exists; give --dump another file",
    ),
    "a dump in no folder": (
        "evaluate run --dump none/bits.npz",
        "none: does not exist; make the folder, or give --dump another one",
    ),
    "a sound that is none": (
        "evaluate run --data index.txt",
        'index.txt: ".txt" is not read as audio; convert it to one of .wav, .flac, .ogg, .mp3',
    ),
    "a sound without conditions": (
        "evaluate run --data alone.wav",
        "alone.wav: has no alone.csv beside it; a conditional run needs the sound's conditions there",
    ),
}


@pytest.mark.parametrize(("command", "line"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_scored_or_written_is_told_before_anything_is_scored(home, command, line):
    shutil.copy(home / "valid/a.wav", home / "alone.wav")
    refused(command, home, line)


def test_one_of_several_workers_cannot_dump(tmp_path):
    with pytest.raises(UserError, match="each worker knows the bits of its own files only"):
        check_dump(tmp_path / "bits.npz", SimpleNamespace(workers=2))


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, monkeypatch):
    corpus = SimpleNamespace(sounds=[SimpleNamespace(name="a.wav", start=0, samples=3)], samples=3)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(file_bits.os, "pwrite", full)
    dump = tmp_path / "bits.npz"
    told = r"bits\.npz: cannot be written: No space left on device"
    with pytest.raises(UserError, match=told), FileBits(corpus, dump).keeping() as bits:
        bits.add(0, 0, np.ones(3))
    assert not [*tmp_path.iterdir()]


def test_names_that_are_no_utf_8_can_be_dumped(tmp_path):
    corpus = SimpleNamespace(sounds=[SimpleNamespace(name="\udce4.wav", start=0, samples=2)], samples=2)
    with FileBits(corpus, tmp_path / "bits.npz").keeping() as bits:
        bits.add(0, 0, np.zeros(1))
        bits.add(0, 1, np.ones(1))
    with np.load(tmp_path / "bits.npz") as dumped:
        assert dumped["\\udce4.wav"].tolist() == [0, 1]
