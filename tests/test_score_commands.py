"""The command `generate` under scores and recordings."""

import hashlib
import json
import shutil

import numpy as np
import pytest
import soundfile
from command_line import bytes_of, done
from condition_files import write
from score_home import RATE, waves_of
from spoiling import refused

LENGTHS = {
    "several files": ("several --conditions a.txt --conditions b.csv", {"a.wav": 300, "b.wav": 250}),
    "files of a shell's pattern": ("several --conditions a.txt b.csv", {"a.wav": 300, "b.wav": 250}),
    "a file and an index": ("several --conditions a.txt --conditioning-index index.txt", {"a.wav": 300, "b.wav": 250}),
    "a recording": ("loud --like door.wav", {"door.wav": 250}),
    "a recording, cut": ("loud --like door.wav --seconds 0.1", {"door.wav": 100}),
    "a recording, of several streams": ("both --like door.wav --seconds 0.3", {"door.wav": 300}),
}


@pytest.mark.parametrize("kind", LENGTHS)
def test_a_sound_is_as_long_as_its_score(score_home, tmp_path, kind):
    asked, lengths = LENGTHS[kind]
    done(f"generate {asked} --out {tmp_path}", score_home)
    assert {name: len(wave) for name, wave in waves_of(tmp_path).items()} == lengths
    assert set(json.loads((tmp_path / "generation.json").read_text())) == {*lengths}


def test_files_of_a_shells_pattern_need_no_run(score_home, tmp_path):
    home = tmp_path / "home"
    (home / "runs").mkdir(parents=True)
    shutil.copytree(score_home / "several", home / "runs/several")
    for name in ("a.txt", "b.csv"):
        shutil.copy(score_home / name, home)
    done("generate --conditions a.txt b.csv --out out", home)
    assert waves_of(home / "out").keys() == {"a.wav", "b.wav"}


def test_the_record_names_the_score_and_its_bytes_and_only_what_it_asks_for_counts(score_home, tmp_path):
    score = tmp_path / "a.txt"
    shutil.copy(score_home / "a.txt", score)
    command = f"generate several --conditions {score} --out {tmp_path}/out"
    done(command, score_home)
    noted = json.loads((tmp_path / "out/generation.json").read_text())["a.wav"]
    assert noted["conditions"] == str(score)
    assert noted["conditions_file_sha256"] == hashlib.sha256(score.read_bytes()).hexdigest()
    before = (tmp_path / "out/a.wav").stat().st_mtime_ns
    score.write_text(score.read_text().replace("0.1\t", "0.100\t"))  # the same, in other bytes
    done(command, score_home)
    assert (tmp_path / "out/a.wav").stat().st_mtime_ns == before
    (tmp_path / "moved").mkdir()
    moved = shutil.move(score, tmp_path / "moved")
    done(f"generate several --conditions {moved} --out {tmp_path}/out", score_home)
    assert (tmp_path / "out/a.wav").stat().st_mtime_ns == before


def test_the_record_of_a_sound_like_another_names_that(score_home, tmp_path):
    done(f"generate loud --like door.wav --out {tmp_path}", score_home)
    noted = json.loads((tmp_path / "generation.json").read_text())["door.wav"]
    assert noted["conditions"] == str(score_home / "door.wav")
    assert noted["conditions_file_sha256"] == hashlib.sha256((score_home / "door.wav").read_bytes()).hexdigest()


def test_seconds_cut_a_score_or_continue_it_and_leave_the_rest_as_it_is(score_home, tmp_path):
    found = []
    for number, option in enumerate(("", "--seconds 0.15", "--seconds 0.5")):
        done(f"generate several --conditions a.txt {option} --out {tmp_path}/{number}", score_home)
        found.append(waves_of(tmp_path / str(number))["a.wav"])
    whole, cut, longer = found
    assert (len(whole), len(cut), len(longer)) == (300, 150, 500)
    np.testing.assert_array_equal(cut, whole[:150])
    np.testing.assert_array_equal(longer[:300], whole)


def test_what_a_recording_asks_for_is_heard_by_the_model(score_home, tmp_path):
    tone, _ = soundfile.read(score_home / "door.wav")
    soundfile.write(tmp_path / "door.wav", tone[::-1], 44100)
    for out, recording in (("one", "door.wav"), ("other", tmp_path / "door.wav")):
        done(f"generate loud --like {recording} --out {tmp_path}/{out}", score_home)
    assert bytes_of(tmp_path / "one") != bytes_of(tmp_path / "other")


def test_guidance_of_strength_one_is_none_to_the_byte_and_a_stronger_one_is_not(score_home, tmp_path):
    found = {}
    for out, options in {
        "none": "",
        "one": "--guidance 1",
        "three": "--guidance 3",
        "stream": "--guidance 3 --guidance-stream pitch",
    }.items():
        done(f"generate several --conditions a.txt {options} --out {tmp_path / out}", score_home)
        found[out] = bytes_of(tmp_path / out)
    assert found["none"] == found["one"]
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


@pytest.fixture(scope="module")
def home_with_faults(score_home, tmp_path_factory):
    """A copy of the folder, with scores that cannot be generated."""
    home = tmp_path_factory.mktemp("faults") / "home"
    shutil.copytree(score_home, home)
    for name, text in {
        "bad.txt": "0.0\t0.1\tpitch=c5 velocity=20\n",
        "bad.csv": "start,stop,pitch\n0.0,0.25,e44\n",
        "score": "0.0\t0.1\tc4\n",
        "p.csv": "pitch\n" + "c4\n" * 100,
        "p.txt": "0.0\t0.1\tc4\n",
    }.items():
        write(home / name, text)
    soundfile.write(home / "p.wav", np.zeros(100), RATE)
    return home


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_score_that_cannot_be_generated_is_refused(home_with_faults, kind):
    asked, lines = COMMANDS[kind]
    refused(f"generate {asked} --out out", home_with_faults, lines)
