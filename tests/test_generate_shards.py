"""Generation for job arrays: shards are together what one command makes, and finished sounds are not made again."""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import bytes_of, done, give, listing, write_named_conditions, write_sound, write_spec
from faults import Killed, watched
from untrained import write_run

from keras_samplernn.generation.devices import gathered
from keras_samplernn.generation.out_lock import lock_of
from keras_samplernn.generation.record import JOURNAL, Record
from keras_samplernn.shard import Shard

LENGTHS = (0, 3, 6, 500, 700, 1100)
ASKED = "generate runs/tiny --conditioning-index index.txt"


@pytest.fixture(scope="module")
def home(corpus_cache, tmp_path_factory):
    """Runs that nobody has trained, `runs/tiny` and the unconditional `runs/free`, and an index of condition files."""
    home = tmp_path_factory.mktemp("shards")
    write_spec(home)
    write_spec(home, "free.json", name="free", conditioning=None)
    write_run(home / "runs/tiny", home / "spec.json")
    write_run(home / "runs/free", home / "free.json")
    write_named_conditions(home, LENGTHS)
    (home / "index.txt").write_text("".join(f"n{samples}.csv\n" for samples in LENGTHS))
    return home


@pytest.fixture(scope="module")
def whole(home, tmp_path_factory):
    """What one command makes."""
    out = tmp_path_factory.mktemp("whole")
    done(f"{ASKED} --out {out}", home)
    return out


def recorded(folder: Path, *names: str) -> dict:
    """Return the entries of records, which have no sound in common."""
    entries = [json.loads((folder / name).read_text()) for name in names]
    assert len({name for each in entries for name in each}) == sum(map(len, entries))
    return {name: entry for each in entries for name, entry in each.items()}


@pytest.fixture
def made(monkeypatch):
    """The names of the sounds that are made, noted as they are recorded."""
    names, add = [], Record.add

    def note(self, name, entry):
        names.append(name)
        add(self, name, entry)

    monkeypatch.setattr(Record, "add", note)
    return names


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        (ASKED, 3),
        ("generate runs/free --seconds 0.05 --count 3 --temperature 0.7 --temperature 1.2", 2),
        (f"{ASKED} --candidates 2 --by likelihood --seconds 0.1", 2),
    ],
    ids=["index", "count-temperatures", "candidates"],
)
def test_shards_are_together_what_one_command_makes(home, tmp_path, whole, asked, count):
    if asked != ASKED:
        whole = tmp_path / "whole"
        done(f"{asked} --out {whole}", home)
    for number in range(count, 0, -1):
        done(f"{asked} --shard {number}/{count} --out {tmp_path}/parts", home)
    assert bytes_of(tmp_path / "parts") == bytes_of(whole)
    records = [f"generation-{number}of{count}.json" for number in range(1, count + 1)]
    assert recorded(tmp_path / "parts", *records) == recorded(whole, "generation.json")
    names = {path.name for path in (tmp_path / "parts").iterdir()}
    assert names == {*bytes_of(whole), *records}


def test_what_is_finished_is_not_made_again(home, whole, tmp_path, made):
    for number in (1, 2):
        done(f"{ASKED} --shard {number}/2 --out {tmp_path}", home)
    before = listing(tmp_path)
    made.clear()
    # Another number of shards finds what was made, and so does the command without shards, which gathers the records.
    answer = give(f"{ASKED} --shard 3/3 --out {tmp_path}", home)
    assert (answer.status, answer.out) == (0, "")
    assert answer.err == f"{tmp_path}: nothing to do: shard 3/3 has 4 of 6 sounds, of which 4 are finished\n"
    assert give(f"{ASKED} --out {tmp_path}", home).err == f"{tmp_path}: nothing to do: 6 of 6 sounds are finished\n"
    after = listing(tmp_path)
    assert after.keys() - before.keys() == {"generation-3of3.json", "generation.json"}
    assert {name: after[name] for name in before} == before
    assert not made
    assert recorded(tmp_path, "generation.json") == recorded(whole, "generation.json")


@pytest.mark.parametrize("named", [1, 2])
def test_a_command_that_was_killed_makes_only_the_rest(home, whole, tmp_path, made, monkeypatch, named):
    """Killed when two sounds are noted, and one or both of them have their names."""
    add, added, dead = Record.add, [], []

    def dying(self, name, entry):
        dead.extend(["before the third note"] * (len(added) == 2))
        add(self, name, entry)
        added.append(name)
        dead.extend(["after the second note"] * (len(added) == 2 and named == 1))

    def refuse(kind):
        if dead:
            raise Killed

    with monkeypatch.context() as patched, watched(refuse), contextlib.suppress(Killed):
        patched.setattr(Record, "add", dying)
        give(f"{ASKED} --out {tmp_path}", home)
    finished = bytes_of(tmp_path)
    assert len(finished) == named
    assert (tmp_path / JOURNAL).exists()
    made.clear()
    lines = done(f"{ASKED} --out {tmp_path}", home)
    assert {Path(line).name for line in lines} == set(made) == bytes_of(whole).keys() - finished.keys()
    assert bytes_of(tmp_path) == bytes_of(whole)
    assert recorded(tmp_path, "generation.json") == recorded(whole, "generation.json")


def test_a_wav_that_was_changed_is_told_and_made_again_when_it_is_gone(home, whole, tmp_path, made):
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    wav = tmp_path / "n6.wav"
    wav.write_bytes(wav.read_bytes()[:-1] + b"\x01")
    before = listing(tmp_path)
    line = (
        f"{wav}: was changed after it was made, its sha256 is not the one that is recorded; remove it to have it made"
        " again, or give --overwrite, or --out another folder\n"
    )
    for options in ("", "--list", "--shard 1/1"):
        answer = give(f"{ASKED} {options} --out {tmp_path}", home)
        assert (answer.status, answer.out, answer.err) == (1, "", line)
    assert listing(tmp_path) == before
    wav.unlink()
    assert done(f"{ASKED} --out {tmp_path}", home) == [str(wav)]
    assert made == ["n6.wav"]
    assert bytes_of(tmp_path) == bytes_of(whole)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--seed 1", "was made with seed 0, and 1 is asked for"),
        ("--temperature 0.5", "was made with temperature 1.0, and 0.5 is asked for"),
        ("--batch-size 2", "was made with batch_size 8, and 2 is asked for"),
        ("--seconds 0.001", "was made with samples {samples}, and 4 is asked for"),
        ("--prime primer.wav", "was made from another primer"),
        (
            "--candidates 2 --by likelihood --batch-size 8",
            'was made with candidates null, and {{"takes": 2, "by": "likelihood", "stream": "class"}} is asked for',
        ),
    ],
)
def test_sounds_of_another_request_are_told_and_kept(home, whole, options, told):
    write_sound(home / "primer.wav", 20)
    before = listing(whole)
    answer = give(f"{ASKED} {options} --all --out {whole}", home)
    lines = [f"{whole}/n{n}.wav: {told.format(samples=n)}; give --overwrite, or --out another folder" for n in LENGTHS]
    assert (answer.status, answer.err.splitlines()) == (1, lines)
    assert listing(whole) == before


def test_changed_conditions_a_changed_run_and_other_versions_are_told(home, tmp_path, monkeypatch):
    shutil.copytree(home, tmp_path, dirs_exist_ok=True)
    asked = "generate runs/tiny --conditions n6.csv --out out"
    done(asked, tmp_path)
    shutil.copytree(tmp_path / "runs/tiny", tmp_path / "moved")
    assert done(f"{asked.replace('runs/tiny', 'moved')}", tmp_path) == [], "the place of a run does not matter"

    def told():
        answer = give(asked, tmp_path)
        assert answer.status == 1
        return answer.err.removeprefix("out/n6.wav: ").removesuffix("; give --overwrite, or --out another folder\n")

    conditions = (tmp_path / "n6.csv").read_text()
    (tmp_path / "n6.csv").write_text("1\n" * 6)
    assert told() == "was made from other conditions"
    (tmp_path / "n6.csv").write_text(conditions)
    versions = {"keras": "0.1"}
    with monkeypatch.context() as patched:
        patched.setattr("keras_samplernn.generation.request.environment", lambda: versions)
        assert told().startswith("was made with ")
    shutil.rmtree(tmp_path / "runs/tiny")
    write_run(
        tmp_path / "runs/tiny",
        tmp_path / "spec.json",
        lambda model: model.weights[0].assign_add(model.weights[0] * 0 + 1),
    )
    assert told() == "was made from weights or a spec of the run that have changed since"


def test_sounds_that_another_shard_made_otherwise_are_told(home, tmp_path):
    done(f"{ASKED} --shard 1/2 --seed 1 --out {tmp_path}", home)
    answer = give(f"{ASKED} --shard 2/2 --out {tmp_path}", home)
    assert answer.status == 1
    assert "was made with seed 1, and 0 is asked for; give --overwrite, or --out another folder" in answer.err


def test_list_prints_what_a_shard_would_make_and_makes_nothing(home, tmp_path):
    out = tmp_path / "out"
    asked = f"{ASKED} --shard 2/2 --out {out}"
    answer = give(f"{asked} --list", home)
    assert answer.out.splitlines() == [f"{out}/n500.wav\t0.125\tto make", f"{out}/n700.wav\t0.175\tto make"]
    assert answer.err == f"{out}: shard 2/2 has 2 of 6 sounds, of which 0 are finished\n"
    assert not out.exists()
    done(asked, home)
    (out / "n500.wav").unlink()
    before = listing(out)
    assert done(f"{asked} --list", home) == [f"{out}/n500.wav\t0.125\tto make", f"{out}/n700.wav\t0.175\tfinished"]
    assert listing(out) == before


def test_a_shard_without_sounds_succeeds(home, tmp_path):
    for options in ("", "--list"):
        answer = give(f"{ASKED} --shard 7/7 {options} --out {tmp_path}/out", home)
        assert (answer.status, answer.out) == (0, "")
        assert answer.err.endswith("there are 6 sounds, and shard 7/7 has none of them\n")
    assert not (tmp_path / "out").exists()


def test_shards_of_one_division_share_a_folder_and_others_do_not(home, tmp_path):
    with contextlib.ExitStack() as held:
        lock, folder = os.open(lock_of(tmp_path, Shard(1, 2)), os.O_CREAT), os.open(tmp_path, os.O_RDONLY)
        for descriptor, kind in ((lock, fcntl.LOCK_EX), (folder, fcntl.LOCK_SH)):
            held.callback(os.close, descriptor)
            fcntl.flock(descriptor, kind)
        done(f"{ASKED} --shard 2/2 --out {tmp_path}", home)
        for options, who in (
            ("", "another `generate` is writing there;"),
            ("--shard 1/2", "another `generate --shard 1/2` is writing there;"),
            ("--shard 1/3", "another `generate` is writing there, one of 2 shards;"),
        ):
            answer = give(f"{ASKED} {options} --out {tmp_path}", home)
            assert answer.err.splitlines()[-1] == f"{tmp_path}: {who} wait for it, or give --out another folder"
            assert answer.status == 1
    done(f"{ASKED} --shard 1/2 --out {tmp_path}", home)  # what a killed command left locks nobody out
    assert not [*tmp_path.glob(".*")]


ON_TWO_DEVICES = """
import sys, threading
import tensorflow as tf

cpu, = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from keras_samplernn.commands import main
from keras_samplernn.generation.engine import GenerationEngine

used, advance = set(), GenerationEngine.advance

def noting(self, weights, carry, *arguments):
    codes, carry = advance(self, weights, carry, *arguments)
    used.add((threading.current_thread().name, carry.history.device[-5:]))
    return codes, carry

GenerationEngine.advance = noting
main()
assert len(used) == 2 and {device for _, device in used} == {"CPU:0", "CPU:1"}, used
"""


def test_two_devices_make_the_same_bytes_as_one(home, whole, tmp_path):
    command = [sys.executable, "-c", ON_TWO_DEVICES, *ASKED.split(), "--out", str(tmp_path)]
    subprocess.run(command, cwd=home, check=True, env={**os.environ, "KERAS_BACKEND": "tensorflow"}, timeout=300)
    assert bytes_of(tmp_path) == bytes_of(whole)


def test_what_fails_on_one_device_ends_the_others_and_is_raised():
    ended = []

    def endless():
        try:
            while True:
                yield 1
        finally:
            ended.append("endless")

    def failing():
        yield 2
        raise MemoryError("too small")

    pieces = gathered([endless, failing])
    with pytest.raises(MemoryError, match="too small"):
        for _ in pieces:
            pass
    assert ended == ["endless"]
