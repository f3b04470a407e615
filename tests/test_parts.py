"""A corpus is prepared part by part: what is done is done once, whoever does it and however it ends."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from command_line import give, write_corpora, write_sound, write_spec
from side_by_side import SETTINGS, count_sounds

from keras_samplernn.data import claims, parts, prepared_part, sharing
from keras_samplernn.data.cache import cache_folder, clear_cache, list_cache, loose_parts
from keras_samplernn.data.claims import Claim, claimed
from keras_samplernn.data.corpus import prepare_corpus, prepare_shard
from keras_samplernn.data.pairs import Pair, find_pairs
from keras_samplernn.data.parts import divide
from keras_samplernn.data.preparation import write_part
from keras_samplernn.errors import UserError
from keras_samplernn.shard import Shard

SAMPLES, SOUNDS = 400, 12
# A pair of 400 samples is estimated at some more, by its header.
MOST = 4 * 450


def silent(*_):
    pass


@pytest.fixture(autouse=True)
def small_parts(tmp_path, monkeypatch):
    """A cache of its own, and parts of a few sounds."""
    monkeypatch.setenv("KERAS_SAMPLERNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(parts, "MOST_SAMPLES", MOST)


@pytest.fixture
def sounds(tmp_path):
    """A folder of pairs, older than they are, so that their hashes are remembered."""
    folder = tmp_path / "sounds"
    folder.mkdir()
    for number in range(SOUNDS):
        write_sound(folder / f"{number:02d}.wav", SAMPLES, seed=number)
    grow_old(folder)
    return folder


def grow_old(folder):
    for path in folder.iterdir():
        os.utime(path, (time.time() - 100,) * 2)


@pytest.fixture
def written(monkeypatch):
    """The names of the sounds of each part that is decoded in this process."""
    written = []

    def write(pairs, *arguments):
        written.append([pair.name for pair in pairs])
        return write_part(pairs, *arguments)

    monkeypatch.setattr(prepared_part, "write_part", write)
    return written


def pairs_in(folder):
    return find_pairs(folder, True).pairs


def prepare(folder, **options):
    return prepare_corpus(pairs_in(folder), SETTINGS, silent, **options)


def test_parts_are_neighbours_and_of_a_limited_size():
    pairs = [Pair(f"{number:05d}.wav", Path(f"/nowhere/{number}.wav"), None) for number in range(4000)]
    groups = divide(pairs, {})
    assert [pair for part in groups for pair in part.pairs] == pairs
    # Of nothing that is there, each is estimated at 1.
    sizes = [len(part.pairs) for part in groups]
    assert MOST // 8 < np.mean(sizes) <= MOST
    assert max(sizes) <= MOST
    # What is missing at one place moves no end elsewhere.
    without = divide([*pairs[:2000], *pairs[2001:]], {})
    assert len({part.claim for part in groups} - {part.claim for part in without}) <= 2
    assert not {part.claim for part in groups} & {part.claim for part in divide(pairs, {"speed": 2})}


def test_a_corpus_of_many_parts_is_that_of_one(sounds, monkeypatch, written):
    many, told = prepare(sounds), []
    assert len(many.manifest["parts"]) == len(written) > 2
    assert [name for names in written for name in names] == [sound.name for sound in many.sounds]
    clear_cache()
    monkeypatch.setattr(parts, "MOST_SAMPLES", 1 << 30)
    monkeypatch.setattr(parts, "_random", lambda name: 1.0)
    one = prepare_corpus(pairs_in(sounds), SETTINGS, told.append)
    assert len(one.manifest["parts"]) == 1
    assert {**one.manifest, "parts": []} == {**many.manifest, "parts": []}
    assert one.manifest["notes"] == told != []
    np.testing.assert_array_equal(one.codes[:], many.codes[:])
    for sound, other in zip(one.sounds, many.sounds, strict=True):
        np.testing.assert_array_equal(sound.columns.piece(0, SAMPLES).classes, other.columns.piece(0, SAMPLES).classes)


def test_an_edited_file_prepares_its_part_anew_and_no_other(sounds, written):
    before = prepare(sounds)
    written.clear()
    write_sound(sounds / "05.wav", SAMPLES, seed=99)
    after = prepare(sounds)
    assert [names for names in written if "05.wav" in names] == written
    assert len(written) == 1
    assert not np.array_equal(before.codes[:], after.codes[:])


def test_what_is_interrupted_goes_on_after_its_last_whole_part(sounds, monkeypatch):
    done = []

    def killed(pairs, *arguments):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(pairs)
        return write_part(pairs, *arguments)

    monkeypatch.setattr(prepared_part, "write_part", killed)
    with pytest.raises(KeyboardInterrupt):
        prepare(sounds)
    assert loose_parts([])[0] == 2
    whole = len(done)
    done.append(None)  # so that it is not 2
    again = prepare(sounds)
    assert len(done) - 1 == len(again.manifest["parts"]) > whole
    assert not list(cache_folder().glob(".*"))


def test_shares_are_all_of_it_and_each_is_done_once(sounds, written):
    pairs = pairs_in(sounds)
    counts = [prepare_shard(pairs, SETTINGS, Shard(number, 3)) for number in (1, 2, 3)]
    every = counts[0][1]
    assert sum(own for own, _ in counts) == every == len(written)
    assert list_cache() == []
    assert len(prepare(sounds).manifest["parts"]) == every == len(written)
    assert loose_parts(list_cache())[0] == 0


def test_a_share_reads_no_file_of_another(sounds, monkeypatch):
    pairs, read = pairs_in(sounds), []
    digest = prepared_part.RememberedHashes.sha256
    monkeypatch.setattr(
        prepared_part.RememberedHashes, "sha256", lambda self, path: (read.append(path), digest(self, path))[1]
    )
    prepare_shard(pairs, SETTINGS, Shard(2, 2))
    own = {pair.audio for part in divide(pairs, SETTINGS.to_dict())[1::2] for pair in part.pairs}
    assert {path for path in read if path.suffix == ".wav"} == own


def test_all_problems_of_all_parts_come_in_order_and_whole_parts_stay(sounds):
    for name in ("01.csv", "10.csv"):
        (sounds / name).write_text("7\n")
    with pytest.raises(UserError) as raised:
        prepare(sounds, known=["known"])
    assert [line.rpartition("/")[2].split(":")[0] for line in raised.value.lines] == ["known", "01.csv", "10.csv"]
    assert list_cache() == []
    assert loose_parts([])[0] > 0
    write_sound(sounds / "01.wav", SAMPLES, seed=1)
    write_sound(sounds / "10.wav", SAMPLES, seed=10)
    assert len(prepare(sounds).sounds) == SOUNDS


def test_two_side_by_side_do_nothing_twice(sounds, tmp_path):
    context = multiprocessing.get_context("spawn")
    begin, counted = context.Barrier(2), context.Value("i", 0)
    arguments = sounds, MOST, str(tmp_path / "cache"), begin, counted
    both = [context.Process(target=count_sounds, args=arguments) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    assert counted.value == SOUNDS
    assert not list(cache_folder().glob(".*"))


def test_a_claim_is_one_process_and_is_free_when_that_has_died(tmp_path):
    cache_folder().mkdir()
    code = "import sys, time\nfrom keras_samplernn.data.claims import claimed\n"
    code += "with claimed('0' * 32) as claim:\n    print(claim.name, flush=True)\n    time.sleep(60)\n"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "HELD\n"
        with claimed("0" * 32) as claim, claimed("1" * 32) as other:
            assert (claim, other) == (Claim.TAKEN, Claim.HELD)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with claimed("0" * 32) as claim:
        assert claim is Claim.HELD
    assert not list(cache_folder().iterdir())


def test_without_locks_a_part_is_prepared_rather_twice_than_never(sounds, monkeypatch, written):
    def no_locks(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(claims.fcntl, "flock", no_locks)
    with claimed("0" * 32) as claim, claimed("0" * 32) as other:
        assert (claim, other) == (Claim.UNKNOWN, Claim.UNKNOWN)
    assert prepare(sounds).samples == SOUNDS * SAMPLES
    assert not list(cache_folder().glob(".*"))


def test_what_another_process_has_claimed_is_waited_for_and_taken_over(sounds, monkeypatch, written):
    """The other one dies after a while: its claim is free, and its staged files are removed."""
    first, *_ = divide(pairs_in(sounds), SETTINGS.to_dict())
    waits, theirs = [], claimed(first.claim)

    def wait(seconds):
        waits.append(len(written))
        if len(waits) == 3:
            theirs.__exit__(None, None, None)

    monkeypatch.setattr(sharing.time, "sleep", wait)
    assert theirs.__enter__() is Claim.HELD
    made = prepare(sounds)
    every = len(made.manifest["parts"])
    assert waits == [every - 1] * 3
    assert len(written) == every
    assert written[-1] == [pair.name for pair in first.pairs]


def test_what_a_killed_process_has_staged_is_removed_by_the_next(sounds):
    made = prepare(sounds)
    key = made.manifest["parts"][0]["key"]
    folder = cache_folder() / f"part-{key}"
    staged = cache_folder() / f".staged-part-{key}-0"
    folder.rename(staged)
    assert prepare(sounds).samples == made.samples
    assert not staged.exists()
    assert folder.is_dir()


def test_the_command_prepares_on_all_cores_and_says_where_it_is(tmp_path, monkeypatch):
    write_corpora(tmp_path)
    write_spec(tmp_path)
    answers = [give(f"prepare spec.json --shard {number}/2", tmp_path) for number in (1, 2)]
    assert [answer.out for answer in answers] == [
        "shard 1/2: 2 of 4 parts are prepared\n",
        "shard 2/2: 2 of 4 parts are prepared\n",
    ]
    answer = give("prepare spec.json", tmp_path)
    train, valid = answer.out.splitlines()
    assert answer.status == 0
    entries = {str(entry.folder): entry for entry in list_cache()}
    for line, name in ((train, "train"), (valid, "valid")):
        said, _, folder = line.rpartition(" in ")
        entry = entries[folder]
        assert said.startswith(f"{name}: {len(entry.manifest['sounds'])} sounds, {entry.manifest['samples']} samples, ")
        assert said.endswith(" MB")
    assert give("prepare spec.json", tmp_path).out == answer.out


@pytest.mark.parametrize("share", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2"])
def test_a_share_that_is_none_is_refused(tmp_path, share):
    answer = give(f"prepare spec.json --shard {share}", tmp_path)
    assert answer.status == 2
    assert "is not a part of the work" in answer.err or "does not exist" in answer.err


def test_several_processes_prepare_what_one_does(sounds, monkeypatch):
    alone = prepare(sounds)
    clear_cache()
    shown = []
    together = prepare(sounds, processes=2, show=lambda done, total: shown.append((done, total)))
    assert together.manifest == alone.manifest
    np.testing.assert_array_equal(together.codes[:], alone.codes[:])
    totals = {total for _, total in shown}
    assert len(totals) == 1
    assert [done for done, _ in shown] == sorted(done for done, _ in shown)
    assert shown[-1][0] == shown[-1][1]


def test_problems_come_from_several_processes_as_from_one(sounds):
    (sounds / "01.csv").write_text("7\n")
    (sounds / "08.wav").write_bytes(b"no sound")
    told = []
    for processes in (1, 2):
        clear_cache()
        with pytest.raises(UserError) as raised:
            prepare(sounds, processes=processes)
        told.append(raised.value.lines)
    assert told[0] == told[1]
    assert len(told[0]) == 2


def test_a_cache_that_cannot_be_written_ends_several_processes_with_one_line(sounds, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KERAS_SAMPLERNN_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError) as raised:
        prepare(sounds, processes=2)
    (line,) = raised.value.lines
    assert line.startswith(f"{tmp_path}/file/cache: cannot be written: ")
