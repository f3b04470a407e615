import contextlib
import errno
import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from condition_files import CLASS, stream_of
from faults import operations, watched

from keras_samplernn.conditions.streams import ClassesStream, NumberStream
from keras_samplernn.data import corpus as corpus_module
from keras_samplernn.data import hashes, preparation, prepared_part, quantization
from keras_samplernn.data.cache import clear_cache, list_cache, part_name, staged_entry
from keras_samplernn.data.corpus import Corpus, prepare_corpus
from keras_samplernn.data.decoding import decode_files
from keras_samplernn.data.inspection import AUDIO_SUFFIXES, inspect_audio
from keras_samplernn.data.manifest import read_manifest, read_part_manifest
from keras_samplernn.data.pairs import Pair, find_pairs, split_pairs
from keras_samplernn.data.preparation import CorpusSettings, write_part
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.errors import UserError

RATE = 8000
MU_LAW = Quantizer("mu-law", 256)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("own_cache")
    monkeypatch.setenv("KERAS_SAMPLERNN_CACHE", str(folder))
    return folder


def wave_of(number, samples):
    return np.sin(np.arange(samples) * (0.01 + 0.01 * number)) * 0.9


def add_sound(folder, name, samples=100, classes=None, rate=RATE, wave=None, subtype="FLOAT"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave_of(len(name), samples) if wave is None else wave, rate, subtype=subtype)
    if classes is not None:
        path.with_suffix(".csv").write_text("\n".join(map(str, classes)))
    return path


def settings(classes=0, quantizer=MU_LAW, rate=RATE):
    return CorpusSettings(rate, quantizer, (stream_of(classes),) if classes else ())


def classes_of(corpus):
    """Return the class of each sample of a corpus, sound after sound."""
    return np.concatenate([sound.columns.piece(0, sound.samples).classes[:, 0] for sound in corpus.sounds])


def found(folder, conditional):
    """Return the pairs in a folder; UserError with all problems."""
    found = find_pairs(folder, conditional)
    if found.problems:
        raise UserError(*found.problems)
    return found.pairs


def lines_of(call, *args, **kwargs):
    with pytest.raises(UserError) as raised:
        call(*args, **kwargs)
    return list(raised.value.lines)


def test_pairs_are_found_recursively_and_sorted(tmp_path):
    for name in ("b.wav", "a/z.WAV", "a/b.wav", ".hidden/x.wav", "._b.wav"):
        add_sound(tmp_path, name, classes=[0] * 100)
    pairs = found(tmp_path, True)
    assert [pair.name for pair in pairs] == ["a/b.wav", "a/z.WAV", "b.wav"]
    assert pairs[1].conditions == tmp_path / "a" / "z.csv"
    assert [pair.conditions for pair in found(tmp_path, False)] == [None] * 3


def test_a_folder_that_cannot_be_looked_into_is_not_passed_over(tmp_path, monkeypatch):
    add_sound(tmp_path, "a.wav")
    add_sound(tmp_path, "private/b.wav")
    scandir = os.scandir

    def closed(folder):
        if Path(folder).name == "private":
            raise PermissionError(errno.EACCES, "Permission denied", folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", closed)
    assert lines_of(found, tmp_path, False) == [
        f"{tmp_path}/private: cannot be read (Permission denied); see to its permissions or move it away"
    ]


def test_all_problems_of_a_folder_are_raised_together(tmp_path):
    add_sound(tmp_path, "a.wav", classes=[0] * 100)
    add_sound(tmp_path, "b.wav")
    add_sound(tmp_path, "x.flac", classes=[0] * 100, subtype="PCM_16")
    add_sound(tmp_path, "x.wav")
    (tmp_path / "index.csv").write_text("a.csv")
    assert lines_of(found, tmp_path, True) == [
        f"{tmp_path}/x.wav: is beside x.flac, which has the same stem; keep one of the two",
        f"{tmp_path}/b.wav: has no b.csv beside it; add the csv or move the sound away",
        f"{tmp_path}/index.csv: has no sound beside it (index.wav); add the sound or move the csv away",
    ]


def test_folders_without_sounds_are_refused_with_what_they_hold(tmp_path):
    reads = f"holds no audio; {', '.join(AUDIO_SUFFIXES)} are read, and the folder has"
    assert lines_of(found, tmp_path, False) == [f"{tmp_path}: {reads} no files; add sounds or name another folder"]
    for name in ("a.m4a", "b.m4a", "c.csv"):
        (tmp_path / name).touch()
    assert lines_of(found, tmp_path, False) == [
        f"{tmp_path}: {reads} 2 .m4a; convert them or name another folder",
        f"{tmp_path}: .m4a files are not read: left out; convert them: ffmpeg -i NAME.m4a NAME.wav: a.m4a, b.m4a",
    ]
    assert lines_of(found, tmp_path / "no", False) == [
        f"{tmp_path}/no: does not exist; name the folder that holds the corpus"
    ]
    assert lines_of(found, tmp_path / "c.csv", False) == [
        f"{tmp_path}/c.csv: is not a folder; name the folder that holds the corpus"
    ]


def test_a_folder_of_nothing_but_empty_files_is_refused_with_the_true_reason(tmp_path):
    for name in ("a.wav", "b.flac", "notes.txt"):
        (tmp_path / name).touch()
    assert lines_of(found, tmp_path, False) == [
        f"{tmp_path}: holds no audio; {', '.join(AUDIO_SUFFIXES)} are read, and the folder has 1 .wav of 0 bytes, 1"
        " .flac of 0 bytes, 1 .txt; copy them again or name another folder",
        f"{tmp_path}: files of 0 bytes: left out: a.wav, b.flac",
    ]


def test_a_conditional_corpus_without_any_csv_is_one_problem(tmp_path):
    for number in range(9):
        add_sound(tmp_path, f"{number}.wav")
    (line,) = lines_of(found, tmp_path, True)
    assert line.startswith(f"{tmp_path}: holds 9 sounds and no condition file, but the spec has conditioning; put a")


def pairs_named(count):
    return [Pair(f"{number:04}.wav", None, None) for number in range(count)]


def test_the_split_holds_whole_files_and_stays_when_files_come_and_go():
    pairs = pairs_named(2000)
    train, valid = split_pairs(pairs, 0.1)
    assert sorted([*train, *valid], key=lambda pair: pair.name) == pairs
    assert 150 < len(valid) < 250
    assert train == sorted(train, key=lambda pair: pair.name)
    half_train, half_valid = split_pairs(pairs[::2], 0.1)
    assert set(half_train) <= set(train)
    assert set(half_valid) <= set(valid)


@pytest.mark.parametrize("fraction", [1e-9, 0.5, 1 - 1e-9])
@pytest.mark.parametrize("count", [2, 3, 10])
def test_neither_side_of_a_split_is_empty(count, fraction):
    train, valid = split_pairs(pairs_named(count), fraction)
    assert train
    assert valid
    assert len(train) + len(valid) == count


def test_a_single_file_cannot_be_split():
    (line,) = lines_of(split_pairs, pairs_named(1), 0.25)
    assert line.startswith("data.valid = 0.25 splits whole files, but the corpus has 1; name a folder")


def test_files_that_are_named_go_where_they_are_to_go():
    pairs = pairs_named(20)
    train, valid = split_pairs(pairs, 0.3)
    there, back = train[3].name, valid[0].name
    new_train, new_valid = split_pairs(pairs, 0.3, [there], [back])
    assert {pair.name for pair in new_valid} == ({pair.name for pair in valid} | {there}) - {back}
    assert sorted([*new_train, *new_valid], key=lambda pair: pair.name) == pairs
    assert lines_of(split_pairs, pairs, 0.3, ["gone.wav"]) == [
        "data.hold_out: gone.wav: there is no such file in data.train; remove the name, or put the file back"
    ]
    assert lines_of(split_pairs, pairs, 0.3, (), [pair.name for pair in valid]) == [
        "data.hold_out and data.keep leave no file to validate on; remove some of the names"
    ]


@pytest.mark.parametrize("q_levels", [16, 256, 1024])
def test_prepared_arrays_are_the_quantized_files_end_to_end(tmp_path, monkeypatch, q_levels):
    monkeypatch.setattr(quantization, "_BLOCK_SAMPLES", 64)
    lengths = {"a.wav": 100, "b/c.wav": 1, "d.wav": 333}
    for name, length in lengths.items():
        add_sound(tmp_path, name, length, classes=np.arange(length) % 3)
    quantizer = Quantizer("linear", q_levels)
    corpus = prepare_corpus(found(tmp_path, True), settings(4, quantizer), say=lambda _: None)
    assert [(sound.name, sound.start, sound.samples) for sound in corpus.sounds] == [
        ("a.wav", 0, 100),
        ("b/c.wav", 100, 1),
        ("d.wav", 101, 333),
    ]
    expected = np.concatenate([quantizer.encode(soundfile.read(tmp_path / name)[0]) for name in lengths])
    np.testing.assert_array_equal(corpus.codes[:], expected)
    assert corpus.codes.dtype == (np.uint8 if q_levels <= 256 else np.uint16)
    np.testing.assert_array_equal(classes_of(corpus), np.concatenate([np.arange(n) % 3 for n in lengths.values()]))
    np.testing.assert_array_equal(corpus.code_counts, np.bincount(expected, minlength=q_levels))
    assert corpus.class_counts.keys() == {CLASS}
    np.testing.assert_array_equal(corpus.class_counts[CLASS], [146, 144, 144, 0])
    assert corpus.samples == 434
    assert json.loads(json.dumps(corpus.manifest)) == corpus.manifest


def test_every_problem_of_every_file_is_raised_together_and_nothing_is_kept(tmp_path, own_cache):
    add_sound(tmp_path, "a.wav", classes=[0] * 99)
    add_sound(tmp_path, "b.wav", classes=[0, 1, 5] + [0] * 97)
    add_sound(tmp_path, "c.wav", wave=np.zeros(0), classes=[])
    add_sound(tmp_path, "d.wav", wave=np.full(100, np.nan), classes=["x"] * 100)
    truncated = add_sound(tmp_path, "e.wav", classes=[0] * 100)
    truncated.write_bytes(truncated.read_bytes()[:-100])
    (tmp_path / "f.wav").write_text("not audio")
    (tmp_path / "f.csv").write_text("0")
    add_sound(tmp_path, "g.wav", classes=[0] * 100)
    lines = lines_of(prepare_corpus, found(tmp_path, True), settings(3), print)
    assert [line.removeprefix(f"{tmp_path}/").split(";")[0] for line in lines] == [
        "a.csv: 99 conditions for a sound of 100 samples, 1 too few",
        "b.csv:3: class 5 is out of range",
        f"c.wav: has 0 samples at {RATE} Hz",
        "d.wav: sample 0 is nan, which is not finite",
        'd.csv:1: "x" is not a class',
        "e.csv: 100 conditions for a sound of 75 samples (shorter than its header states: read to the end of the file),"
        " 25 too many",
        "f.wav: ends before a RIFF header",
    ]
    assert list_cache() == []
    assert [path.name for path in own_cache.iterdir()] in ([], ["hashes"])


def test_what_was_done_to_sounds_is_said_in_a_line_a_kind(tmp_path):
    for number in range(5):
        wave = np.stack([wave_of(number, 200)] * 2, axis=1)
        wave[7:9] = [[1.5], [-1.5]]
        add_sound(tmp_path, f"{number}.wav", wave=wave)
    add_sound(tmp_path, "fast.wav", 400, rate=16000)
    said = []
    corpus = prepare_corpus(found(tmp_path, False), settings(), said.append)
    assert said == [
        "mixed down to mono: 0.wav (2 channels), 1.wav (2 channels), 2.wav (2 channels) and 2 more",
        "clipped to [-1, 1]: 0.wav (2 of 200 samples), 1.wav (2 of 200 samples), 2.wav (2 of 200 samples) and 2 more",
        f"resampled to {RATE} Hz: fast.wav (16000 Hz)",
    ]
    assert (corpus.streams, corpus.class_counts) == ((), {})
    assert [sound.columns for sound in corpus.sounds] == [None] * 6
    assert corpus.sounds[-1].samples == 200
    again = []
    prepare_corpus(found(tmp_path, False), settings(), again.append)
    assert again == said


def test_conditions_follow_a_resampled_sound(tmp_path):
    add_sound(tmp_path, "a.wav", 400, rate=16000, classes=[0] * 200 + [1] * 200)
    corpus = prepare_corpus(found(tmp_path, True), settings(2), say=lambda _: None)
    np.testing.assert_array_equal(classes_of(corpus), [0] * 100 + [1] * 100)


def test_classes_that_never_occur_are_named(tmp_path):
    add_sound(tmp_path, "a.wav", classes=["e"] * 100)
    said = []
    prepare_corpus(found(tmp_path, True), settings(("a", "e", "open o")), said.append)
    assert said == [
        "2 of 3 classes never occur: a, open o",
        "less than a second of a class: e (0.01 s)",
        "nearly everything is of one class: e (100.0% of the samples)",
    ]


def test_a_corpus_is_prepared_once_and_again_when_anything_changes(tmp_path, monkeypatch):
    prepared = []

    def write(*arguments):
        prepared.append(arguments)
        return write_part(*arguments)

    monkeypatch.setattr(prepared_part, "write_part", write)
    path = add_sound(tmp_path, "a.wav", classes=[0] * 100)
    table = path.with_suffix(".csv")

    def prepare(**changes):
        before = len(prepared)
        prepare_corpus(found(tmp_path, True), settings(**{"classes": 2, **changes}), say=lambda _: None)
        return len(prepared) - before

    assert prepare() == 1
    assert prepare() == 0
    os.utime(path)
    assert prepare() == 0
    table.write_text("\n".join("1" * 100))
    assert prepare() == 1
    add_sound(tmp_path, "a.wav", wave=np.ones(100) * 0.5)
    assert prepare() == 1
    assert prepare(quantizer=Quantizer("linear", 256)) == 1
    assert prepare(rate=4000) == 1
    assert prepare(classes=3) == 1
    path.rename(tmp_path / "b.wav")
    table.rename(tmp_path / "b.csv")
    assert prepare() == 1


def part_of(corpus):
    """Return the folder of the first part of a corpus."""
    return corpus.folder.with_name(part_name(corpus.manifest["parts"][0]["key"]))


@pytest.mark.parametrize("name", ["codes", "stream_00_starts", "stream_00_values", "stream_00_targets"])
def test_a_damaged_cache_entry_is_prepared_anew(tmp_path, name):
    add_sound(tmp_path, "a.wav", classes=[0] * 40 + [1] * 60)
    pairs = found(tmp_path, True)
    corpus = prepare_corpus(pairs, settings(2), print)
    codes, classes = corpus.codes[:].copy(), classes_of(corpus)
    assert (part_of(corpus) / f"{name}_000.bin").is_file()
    (part_of(corpus) / f"{name}_000.bin").write_bytes(b"short")
    again = prepare_corpus(pairs, settings(2), print)
    np.testing.assert_array_equal(again.codes[:], codes)
    np.testing.assert_array_equal(classes_of(again), classes)


def test_an_entry_that_is_no_folder_is_replaced(tmp_path, own_cache):
    add_sound(tmp_path, "a.wav")
    pairs = found(tmp_path, False)
    corpus = prepare_corpus(pairs, settings(), print)
    folders = corpus.folder, part_of(corpus)
    for folder in folders:
        shutil.rmtree(folder)
        folder.write_text("mine")
    assert prepare_corpus(pairs, settings(), print).samples == 100
    assert [path.name for path in own_cache.iterdir() if path not in folders] in ([], ["hashes"])


def sound_entry(**changes):
    digest = "0123456789abcdef" * 4
    sound = {"name": "a", "start": 0, "samples": 3, "sha256": digest, "conditions_sha256": digest}
    return sound | {"profile": "00" * 64, "spans": [2, 1]} | changes


STREAMS = (ClassesStream(CLASS, ("rain", "door"), named=True), NumberStream("loudness", -60.0, 0.0))


def manifest(**changes):
    return {
        "format": 3,
        "settings": json.loads(json.dumps(CorpusSettings(RATE, Quantizer("linear", 2), STREAMS).to_dict())),
        "samples": 5,
        "sounds": [sound_entry(), sound_entry(name="\udcff", start=3, samples=2, conditions_sha256=None)],
        "code_counts": [1, 4],
        "class_counts": {CLASS: [3, 2]},
        "parts": [{"key": "0123456789abcdef" * 2, "sounds": 2}],
        "notes": ["clipped to [-1, 1]: \udcff"],
        "lost": [],
    } | changes


def part_manifest(**changes):
    remarks = [["clipped to [-1, 1]", False, ["\udcff"]]]
    return {key: value for key, value in manifest().items() if key not in ("parts", "notes", "lost")} | {
        "remarks": remarks,
        **changes,
    }


def settings_with(**changes):
    return manifest(settings=manifest()["settings"] | changes)


WRONG_MANIFESTS = {
    "nothing": "",
    "lists without end": "[" * 100_000,
    "a list": [manifest()],
    "a number": 7,
    "null": None,
    "an empty object": {},
    "a list of settings": manifest(settings=[256]),
    "levels that are text": settings_with(q_levels="2"),
    "levels of another corpus": settings_with(q_levels=256),
    "streams by name": settings_with(streams={CLASS: 2}),
    "streams of another corpus": settings_with(streams=manifest()["settings"]["streams"][:1]),
    "classes of another corpus": manifest(class_counts={CLASS: [3, 1, 1]}),
    "class counts of another stream": manifest(class_counts={"loudness": [3, 2]}),
    "class counts of no stream": manifest(class_counts=[3, 2]),
    "spans without end": manifest(sounds=[sound_entry(samples=5, spans=[float("inf"), 1])]),
    "samples that are true": manifest(samples=True),
    "samples without end": manifest(samples=float("inf")),
    "samples of another corpus": manifest(samples=6),
    "sounds by name": manifest(sounds={"a": sound_entry()}),
    "sounds that are numbers": manifest(sounds=[3, 2]),
    "a sound without its place": manifest(sounds=[{"name": "a", "samples": 5}]),
    "a sound elsewhere": manifest(sounds=[sound_entry(start=1, samples=5)]),
    "a name that is a number": manifest(sounds=[sound_entry(name=1, samples=5)]),
    "a hash that is text": manifest(sounds=[sound_entry(sha256="?", samples=5)]),
    "a count of many digits": manifest(code_counts=[0, 10**30]),
    "counts in lists": manifest(code_counts=[[1], [4]]),
    "a note that is a number": manifest(notes=[1]),
    "parts of other sounds": manifest(parts=[{"key": "0123456789abcdef" * 2, "sounds": 1}]),
    "a part elsewhere": manifest(parts=[{"key": "../" * 10 + "ab", "sounds": 2}]),
    "a part of a corpus": part_manifest(),
}
WRONG_PARTS = {
    "a corpus": manifest(),
    "a remark that is a number": part_manifest(remarks=[1]),
    "a remark without names": part_manifest(remarks=[["clipped", False]]),
    "samples of another part": part_manifest(samples=6),
}


def test_a_manifest_is_read_as_it_was_written(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps(manifest()))
    assert read_manifest(tmp_path) == manifest()
    (tmp_path / "manifest.json").write_text(json.dumps(part_manifest()))
    assert read_part_manifest(tmp_path) == part_manifest()


@pytest.mark.parametrize("wrong", WRONG_PARTS.values(), ids=WRONG_PARTS)
def test_any_other_manifest_of_a_part_is_refused(tmp_path, wrong):
    (tmp_path / "manifest.json").write_text(json.dumps(wrong))
    with pytest.raises(ValueError):
        read_part_manifest(tmp_path)


@pytest.mark.parametrize("wrong", WRONG_MANIFESTS.values(), ids=WRONG_MANIFESTS)
def test_any_other_manifest_is_refused(tmp_path, wrong):
    (tmp_path / "manifest.json").write_text(wrong if isinstance(wrong, str) else json.dumps(wrong))
    with pytest.raises(ValueError):
        read_manifest(tmp_path)


def test_an_entry_of_other_streams_is_prepared_anew(tmp_path):
    add_sound(tmp_path, "a.wav", classes=[0] * 100)
    pairs = found(tmp_path, True)
    corpus = prepare_corpus(pairs, settings(2), print)
    other = corpus.manifest["sounds"][0] | {"spans": []}
    wrong = corpus.manifest | {"settings": settings().to_dict(), "sounds": [other], "class_counts": {}}
    (corpus.folder / "manifest.json").write_text(json.dumps(wrong))
    assert prepare_corpus(pairs, settings(2), print).manifest == corpus.manifest


def test_an_entry_with_another_manifest_is_not_listed_and_prepared_anew(tmp_path):
    add_sound(tmp_path, "a.wav")
    pairs = found(tmp_path, False)
    corpus = prepare_corpus(pairs, settings(), print)
    (corpus.folder / "manifest.json").write_text(json.dumps([corpus.manifest]))
    assert list_cache() == []
    assert prepare_corpus(pairs, settings(), print).manifest == corpus.manifest
    assert len(list_cache()) == 1


@pytest.mark.parametrize("table", ["[]", '{"PATH": 1}', '{"PATH": [1, 2, 3]}', "[" * 100_000])
def test_remembered_hashes_that_are_something_else_are_forgotten(tmp_path, own_cache, table):
    path = add_sound(tmp_path, "a.wav")
    past = time.time_ns() - 10**11
    os.utime(path, ns=(past, past))
    digest = hashes.RememberedHashes("0").sha256(path)
    status = path.stat()
    wrong = table.replace("PATH", str(path)).replace("1, 2", f"{status.st_size}, {status.st_mtime_ns}")
    (own_cache / "hashes").mkdir()
    (own_cache / "hashes" / "0.json").write_text(wrong)
    remembered = hashes.RememberedHashes("0")
    assert remembered.sha256(path) == digest
    remembered.save()
    assert json.loads((own_cache / "hashes" / "0.json").read_text())[str(path)][2] == digest


def test_an_entry_that_another_process_commits_meanwhile_is_kept(tmp_path, own_cache, monkeypatch):
    add_sound(tmp_path, "a.wav")
    pairs = found(tmp_path, False)
    (prepare_corpus(pairs, settings(), print).folder / "manifest.json").write_text("[]")
    theirs = []

    def late(folder, streams):
        """Look at the damaged entry, which another process replaces at this moment."""
        monkeypatch.undo()
        monkeypatch.setenv("KERAS_SAMPLERNN_CACHE", str(own_cache))
        theirs.append(prepare_corpus(pairs, settings(), print).folder.stat().st_ino)
        raise ValueError("damaged")

    monkeypatch.setattr(Corpus, "open", late)
    assert prepare_corpus(pairs, settings(), print).folder.stat().st_ino == theirs[0]
    assert not list(own_cache.glob(".*"))


def test_an_entry_that_is_cleared_at_once_is_named(tmp_path, own_cache, monkeypatch):
    add_sound(tmp_path, "a.wav")

    @contextlib.contextmanager
    def cleared_at_once(*arguments, **named_arguments):
        with staged_entry(*arguments, **named_arguments) as staged:
            yield staged
        clear_cache()

    monkeypatch.setattr(corpus_module, "staged_entry", cleared_at_once)
    (line,) = lines_of(prepare_corpus, found(tmp_path, False), settings(), print)
    assert line.startswith(f"{own_cache}/")
    assert line.endswith(": No such file or directory; if the cache was cleared just now, try again")


def test_clearing_keeps_what_a_preparation_stages_and_says_so(tmp_path, own_cache):
    said = []
    with staged_entry(own_cache / part_name("0" * 32), is_whole=Path.is_dir) as staged:
        (staged / "codes_000.bin").write_bytes(b"0123")
        (own_cache / ".staged-killed").mkdir()
        (own_cache / ("1" * 32)).mkdir()
        (own_cache / ("1" * 32) / "manifest.json").write_bytes(b"0123456")
        (own_cache / part_name("2" * 32)).mkdir()
        assert clear_cache(said.append) == 7
        assert (staged / "codes_000.bin").exists()
    assert said == [
        f"{own_cache}: a corpus is being prepared, and its unfinished files were kept; clear the cache again afterwards"
    ]
    kept = [".staged-killed", part_name("0" * 32), part_name("2" * 32)]
    assert sorted(path.name for path in own_cache.iterdir()) == kept
    assert clear_cache(said.append) == 4
    assert len(said) == 1
    assert not list(own_cache.iterdir())


def test_a_sound_that_vanishes_is_not_told_as_a_fault_of_the_cache(tmp_path, own_cache, monkeypatch):
    path = add_sound(tmp_path, "a.wav")

    def vanished(*_):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))

    monkeypatch.setattr(preparation, "to_mono_at_rate", vanished)
    with pytest.raises(FileNotFoundError):
        prepare_corpus(found(tmp_path, False), settings(), print)
    assert not list(own_cache.glob(".*"))


@contextlib.contextmanager
def failing_once_at(number):
    """Let the operation of that number, counted from 0, find the disk full, and no later one."""
    left = number

    def before(kind):
        nonlocal left
        left -= 1
        if left == -1 and kind in ("open", "write", "mkdir", "fsync", "rename"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with watched(before):
        yield


def test_an_operation_that_finds_the_disk_full_is_told_as_a_fault_of_the_cache(tmp_path, own_cache, monkeypatch):
    # The one is more than a file's buffer and written at once, the other is written when the file is closed.
    for name, samples in {"a.wav": 20_000, "b.wav": 100}.items():
        add_sound(tmp_path, name, samples, classes=[0] * samples)
    pairs = found(tmp_path, True)
    recordings = [*decode_files([inspect_audio(pair.audio) for pair in pairs])]
    monkeypatch.setattr(preparation, "decode_files", lambda infos: iter(recordings))

    def prepare():
        return prepare_corpus(pairs, settings(2), say=lambda _: None)

    kinds, told = operations(prepare), 0
    for number, kind in enumerate(kinds):
        clear_cache()
        try:
            with failing_once_at(number):
                assert prepare().samples == 20_100
        except UserError as error:
            told += 1
            (line,) = error.lines
            assert line.startswith(str(own_cache)), kind
            assert line.endswith(
                ": cannot be written: No space left on device; free space on its disk or set KERAS_SAMPLERNN_CACHE to"
                " another folder"
            )
        assert not list(own_cache.glob(".*"))
    assert told > 9


def test_a_constant_corpus_has_an_entropy_of_0_without_a_sign(tmp_path):
    add_sound(tmp_path, "a.wav", wave=np.zeros(100))
    corpus = prepare_corpus(found(tmp_path, False), settings(), say=lambda _: None)
    assert f"{corpus.unigram_entropy_bits:.3f}" == "0.000"


def test_a_known_file_is_not_read_again_and_a_changed_one_is(tmp_path, monkeypatch):
    path = add_sound(tmp_path, "a.wav")
    past = time.time_ns() - 10**11
    os.utime(path, ns=(past, past))
    remembered = hashes.RememberedHashes("0")
    digest = remembered.sha256(path)
    remembered.save()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(past, past))
    assert hashes.RememberedHashes("0").sha256(path) == digest
    os.utime(path)
    assert hashes.RememberedHashes("0").sha256(path) != digest


def test_a_file_changed_just_now_is_not_remembered(tmp_path):
    path = add_sound(tmp_path, "a.wav")
    remembered = hashes.RememberedHashes("0")
    digest = remembered.sha256(path)
    stamp = path.stat().st_mtime_ns
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(stamp, stamp))
    assert remembered.sha256(path) != digest


def test_clearing_the_cache_leaves_what_is_not_ours(tmp_path, own_cache):
    add_sound(tmp_path, "a.wav")
    prepare_corpus(found(tmp_path, False), settings(), print)
    (own_cache / ".staged-killed").mkdir()
    (own_cache / "thesis").mkdir()
    (own_cache / "thesis" / "chapter.txt").write_text("mine")
    (entry,) = list_cache()
    assert entry.size_bytes > 100
    assert entry.manifest["samples"] == 100
    assert clear_cache() >= entry.size_bytes
    assert [path.name for path in own_cache.rglob("*")] == ["thesis", "chapter.txt"]
    assert list_cache() == []


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    add_sound(tmp_path, "a.wav")
    monkeypatch.setenv("KERAS_SAMPLERNN_CACHE", str(tmp_path / "a.wav" / "cache"))
    (line,) = lines_of(prepare_corpus, found(tmp_path, False), settings(), print)
    assert line.startswith(f"{tmp_path}/a.wav/cache: cannot be written: ")
    assert line.endswith("; set KERAS_SAMPLERNN_CACHE to another folder")
