"""The `generate` command: as many samples as asked for, the same bytes again, and a record of how each was made."""

import itertools
import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import (
    RATE,
    bytes_of,
    done,
    give,
    listing,
    write_conditions,
    write_named_conditions,
    write_sound,
    write_spec,
)
from faults import killed_at
from untrained import write_run

from keras_samplernn.data.wav_writer import WavWriter
from keras_samplernn.errors import UserError
from keras_samplernn.generation import record as record_module
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.record import JOURNAL, RECORD, Record, read_record
from keras_samplernn.generation.request import Request, check_request
from keras_samplernn.run_folder import open_run
from keras_samplernn.training.raw_weights import check_raw_weights

LENGTHS = (0, 1, 3, 4, 6, 2048, 2051)


@pytest.fixture(scope="module")
def home(corpus_cache, tmp_path_factory):
    """Indexes of condition files, and runs nobody has trained: `runs/free` and, newer and conditional, `runs/tiny`."""
    home = tmp_path_factory.mktemp("generate")
    write_spec(home)
    write_spec(home, "free.json", name="free", conditioning=None)
    for name, spec in (("free", "free"), ("tiny", "spec")):
        write_run(home / "runs" / name, home / f"{spec}.json")
    write_named_conditions(home, LENGTHS)
    (home / "index.txt").write_text("".join(f"n{samples}.csv\n" for samples in LENGTHS))
    (home / "few.txt").write_text("n6.csv\nn3.csv\n")
    return home


def test_a_sound_has_exactly_as_many_samples_as_its_csv_has_rows(home, tmp_path):
    lines = done(f"generate --conditioning-index index.txt --out {tmp_path}/new/out", home)
    assert sorted(lines) == sorted(f"{tmp_path}/new/out/n{samples}.wav" for samples in LENGTHS)
    for samples in LENGTHS:
        info = soundfile.info(tmp_path / f"new/out/n{samples}.wav")
        assert (info.frames, info.samplerate, info.channels, info.subtype) == (samples, RATE, 1, "PCM_16")
    record = json.loads((tmp_path / "new/out/generation.json").read_text())
    assert set(record) == {f"n{samples}.wav" for samples in LENGTHS}
    assert record["n6.wav"]["checkpoint"] == "step-0000000002-validated"


def test_an_unconditional_run_gives_as_many_sounds_as_asked_for(home, tmp_path):
    lines = done(f"generate runs/free --seconds 0.0105 --count 3 --out {tmp_path}", home)
    assert lines == [f"{tmp_path}/sound_{number:03d}.wav" for number in range(3)]
    waves = [soundfile.read(line)[0] for line in lines]
    assert [len(wave) for wave in waves] == [42, 42, 42]
    assert not np.array_equal(waves[0], waves[1])


def test_the_same_command_gives_the_same_bytes_and_another_seed_others(home, tmp_path):
    command = "generate runs/tiny --conditioning-index index.txt"
    found = []
    for options in ("", "--seed 1 --overwrite", "--overwrite"):
        done(f"{command} --out {tmp_path} {options}", home)
        found.append(bytes_of(tmp_path))
    assert found[0] == found[2] and found[0]["n2051.wav"] != found[1]["n2051.wav"]


def test_several_temperatures_name_the_files_and_change_nothing_else(home, tmp_path):
    command = "generate runs/tiny --conditioning-index few.txt --batch-size 4 --temperature 0.8"
    done(f"{command} --out {tmp_path / 'one'}", home)
    done(f"{command} --temperature 0 --temperature 1 --temperature 0.8 --out {tmp_path / 'three'}", home)
    one, three = bytes_of(tmp_path / "one"), bytes_of(tmp_path / "three")
    assert set(one) == {"n3.wav", "n6.wav"}
    assert set(three) == {f"n{samples}_t{temperature}.wav" for samples in (3, 6) for temperature in ("0", "0.8", "1")}
    assert all(one[f"n{samples}.wav"] == three[f"n{samples}_t0.8.wav"] for samples in (3, 6))


def test_temperatures_that_hardly_differ_have_files_of_their_own(home, tmp_path):
    done(f"generate runs/free --seconds 0.001 --temperature 0.8 --temperature 0.80000001 --out {tmp_path}", home)
    assert set(bytes_of(tmp_path)) == {"sound_000_t0.8.wav", "sound_000_t0.80000001.wav"}


def test_a_sound_is_the_same_whatever_its_neighbours(home, tmp_path):
    (home / "alone.txt").write_text("n2051.csv\n")
    (home / "turned.txt").write_text("".join(reversed((home / "index.txt").read_text().splitlines(keepends=True))))
    found = []
    for index in ("alone", "turned"):
        done(f"generate runs/tiny --conditioning-index {index}.txt --batch-size 2 --out {tmp_path / index}", home)
        found.append(bytes_of(tmp_path / index)["n2051.wav"])
    assert found[0] == found[1]


@pytest.mark.parametrize("run, asked", [("tiny", "--conditioning-index index.txt"), ("free", "--seconds 0.1")])
def test_a_primer_changes_what_follows_and_is_no_part_of_it(home, tmp_path, run, asked):
    write_sound(home / "primer.wav", 61)
    if run == "free":
        (home / "primer.csv").unlink()
    command = f"generate runs/{run} {asked}"
    done(f"{command} --out {tmp_path / 'plain'}", home)
    done(f"{command} --prime primer.wav --out {tmp_path / 'primed'}", home)
    plain, primed = bytes_of(tmp_path / "plain"), bytes_of(tmp_path / "primed")
    assert {name: len(content) for name, content in plain.items()} == {n: len(c) for n, c in primed.items()}
    assert plain != primed


def test_sounds_go_to_out_alone_wherever_their_conditions_lie(home, tmp_path):
    place, victim = tmp_path / "place", tmp_path / "victim"
    (place / "out").mkdir(parents=True)
    for path in (tmp_path / "above.csv", tmp_path / "absolute.csv", tmp_path / "target.csv"):
        write_conditions(path, 3)
    (place / "link.csv").symlink_to(tmp_path / "target.csv")
    (place / "index.txt").write_text(f"../above.csv\n{tmp_path}/absolute.csv\nlink.csv\n")
    # What would lead out of it: links under every name that is written.
    victim.write_text("kept")
    for name in ("above.wav", ".above.wav.partial", "link.wav", "generation.json", ".generation.json.partial", JOURNAL):
        (place / "out" / name).symlink_to(victim)
    before = listing(tmp_path)
    command = f"generate {home / 'runs/tiny'} --conditioning-index {place / 'index.txt'} --out {place / 'out'}"
    assert len(done(f"{command} --overwrite", tmp_path)) == 3
    made = {f"place/out/{name}" for name in ("above.wav", "absolute.wav", "link.wav", "generation.json")}
    after = listing(tmp_path)
    assert {path for path in after if path.startswith("place/out/")} == made
    kept = {path: content for path, content in before.items() if not path.startswith("place/out/")}
    assert {path: content for path, content in after.items() if path not in made} == kept
    assert not any((tmp_path / path).is_symlink() for path in made)


def test_names_of_files_may_be_no_text(home, tmp_path):
    run = tmp_path / os.fsdecode(b"Kl\xe4nge")
    write_run(run, home / "spec.json")
    lines = done(f"generate '{run}' --conditioning-index few.txt --out '{run}/out'", home)
    assert sorted(lines) == [f"{run}/out/n3.wav", f"{run}/out/n6.wav"]
    record = json.loads((run / "out/generation.json").read_text())
    assert record["n3.wav"]["run"] == str(run)


def test_a_broken_off_generation_leaves_whole_sounds_only(home, tmp_path, monkeypatch):
    def stop_at_the_third(self, name, entry):
        if len([*tmp_path.glob("*.wav")]) == 2:
            raise KeyboardInterrupt
        add(self, name, entry)

    add = Record.add
    monkeypatch.setattr(Record, "add", stop_at_the_third)
    answer = give(f"generate runs/tiny --conditioning-index index.txt --batch-size 3 --out {tmp_path}", home)
    assert answer.status == 128 + signal.SIGINT
    left = {path.name for path in tmp_path.iterdir()} - {RECORD}
    assert len(left) == 2
    assert all(soundfile.info(tmp_path / name).frames == int(name[1:-4]) for name in left)


@pytest.fixture
def silent_engine(monkeypatch):
    """An engine that computes nothing."""

    def advance(self, weights, carry, *_):
        return np.zeros((self.rows, self.block_samples), np.int32), carry

    monkeypatch.setattr(GenerationEngine, "advance", advance)


def bytes_written() -> int:
    """Return how many bytes this process has written, to files or elsewhere."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["wchar"])


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not count what is written")
def test_what_is_written_is_proportional_to_the_number_of_sounds(home, tmp_path, silent_engine):
    written = []
    for count in (100, 1000):
        before = bytes_written()
        done(f"generate runs/free --seconds 0.001 --count {count} --out {tmp_path / str(count)}", home)
        written.append(bytes_written() - before)
        assert len(json.loads((tmp_path / str(count) / RECORD).read_text())) == count
    assert written[1] < 11 * written[0]


def killed(folder, name, entries=1):
    """Leave what a command that was killed leaves after `entries` sounds, the last line of its journal cut short."""
    lines = [json.dumps({f"{name}{number}.wav": {"seed": number}}) for number in range(entries)]
    (folder / JOURNAL).write_text("".join(f"{line}\n" for line in lines) + lines[0][:9])


def test_what_a_killed_command_noted_is_kept_by_the_next_one(tmp_path):
    killed(tmp_path, "x", entries=2)
    with Record(tmp_path, overwrite=False) as record:
        record.add("a.wav", {"seed": 7})
    noted = {"x0.wav": {"seed": 0}, "x1.wav": {"seed": 1}, "a.wav": {"seed": 7}}
    assert json.loads((tmp_path / RECORD).read_text()) == noted
    killed(tmp_path, "a")
    killed(tmp_path, "x")
    with Record(tmp_path, overwrite=True):
        pass
    assert json.loads((tmp_path / RECORD).read_text()) == noted
    assert not (tmp_path / JOURNAL).exists()


def test_a_kill_at_any_operation_on_the_disk_loses_one_note_at_most(tmp_path):
    def make(out):
        with Record(out, overwrite=False) as record:
            for name in ("a.wav", "b.wav", "c.wav"):
                with WavWriter(out / name, RATE) as writer:
                    writer.write(np.zeros(4))
                record.add(name, {"seed": 1})

    for number in itertools.count():
        out = tmp_path / str(number)
        out.mkdir()
        with killed_at(number):
            make(out)
        made = {path.name for path in out.glob("?.wav")}
        assert not (out / RECORD).exists() or json.loads((out / RECORD).read_text()).keys() == made
        if not (out / JOURNAL).exists() and (out / RECORD).exists():
            break
        with Record(out, overwrite=False):
            pass  # as the next command begins and ends
        noted = read_record(out / RECORD)
        assert noted.keys() <= made and len(made) - len(noted) <= 1
    assert number > 30


def test_finished_sounds_are_noted_whatever_ends_the_command(home, tmp_path, monkeypatch):
    add, added = Record.add, []

    def stop_at_the_third(self, name, entry):
        if len(added) == 2:
            raise KeyboardInterrupt
        added.append(name)
        add(self, name, entry)

    monkeypatch.setattr(Record, "add", stop_at_the_third)
    answer = give(f"generate runs/tiny --conditioning-index index.txt --batch-size 1 --out {tmp_path}", home)
    assert answer.status == 128 + signal.SIGINT
    assert list(json.loads((tmp_path / RECORD).read_text())) == added
    assert not (tmp_path / JOURNAL).exists()


def test_a_record_that_cannot_be_merged_leaves_the_journal(tmp_path):
    line = r"generation.json: is not what `generate` writes; give --overwrite, or"
    with pytest.raises(UserError, match=line), Record(tmp_path, overwrite=False) as record:
        record.add("a.wav", {"seed": 1})
        (tmp_path / RECORD).write_text("[]")
    assert (tmp_path / RECORD).read_text() == "[]"
    with Record(tmp_path, overwrite=True):
        pass
    assert json.loads((tmp_path / RECORD).read_text()) == {"a.wav": {"seed": 1}}


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_record_that_is_too_large_is_told_and_never_replaced(home, tmp_path, monkeypatch, overwrite):
    (tmp_path / RECORD).write_text(json.dumps({"a.wav": {"seed": 1}}))
    (tmp_path / JOURNAL).write_text(json.dumps({"b.wav": {"seed": 1}}) + "\n")
    before = listing(tmp_path)
    monkeypatch.setattr(record_module, "MOST_BYTES", 44)
    line = "generation.json: has more than 0 MB; give --out another folder"
    options = "--overwrite" * overwrite
    answer = give(f"generate {home}/runs/free --seconds 0.01 --out . {options}", tmp_path)
    assert (answer.status, answer.err) == (1, f"{line}\n")
    assert listing(tmp_path) == before


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_record_that_grows_too_large_keeps_all_entries(tmp_path, monkeypatch, overwrite):
    monkeypatch.setattr(record_module, "MOST_BYTES", 60)
    for number in range(2):
        killed(tmp_path, f"before{number}")
        with Record(tmp_path, overwrite) as record:
            record.add(f"{number}.wav", {})
    assert json.loads((tmp_path / RECORD).read_text()).keys() == {"before00.wav", "0.wav", "before10.wav", "1.wav"}


def test_a_condition_file_that_asks_for_more_than_a_wav_holds_is_told_beforehand(home, tmp_path, monkeypatch):
    monkeypatch.setattr("keras_samplernn.generation.scores.MOST_SAMPLES", 2047)
    with pytest.raises(UserError) as raised:
        check_request(open_run(home / "runs/tiny"), Request(tmp_path, home / "index.txt"), print, check_raw_weights)
    assert raised.value.lines == tuple(
        f"{home}/n{samples}.csv: asks for {samples:,} samples, and a WAV file holds 2,047 at most; cut it into several"
        for samples in (2048, 2051)
    )
