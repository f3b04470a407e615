"""Folders as users have them: what is left out of them is told, and so is what sounds wrong though it is valid."""

import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import RATE, give, write_conditions, write_corpora, write_sound, write_spec
from untrained import write_run

from keras_samplernn.conditions.streams import ClassesStream, streams_of
from keras_samplernn.data.audio import read_sound
from keras_samplernn.data.inspection import AUDIO_SUFFIXES
from keras_samplernn.data.pairs import conditions_beside, find_pairs, split_pairs
from keras_samplernn.errors import UserError, condensed
from keras_samplernn.generation.values import values_of
from keras_samplernn.model.registry import load_types
from keras_samplernn.spec import load_spec
from keras_samplernn.training.corpora import prepare_corpora, prepare_named

COMPOSED, SPLIT = "fl\u00fbte", "flu\u0302te"


@pytest.fixture
def home(corpus_cache, tmp_path):
    """A spec and its corpora; enough of each class, so that nothing is told of them."""
    for number, corpus in enumerate(("train", "valid")):
        (tmp_path / corpus).mkdir()
        write_sound(tmp_path / corpus / "a.wav", 3 * RATE + 150, seed=number)
        write_sound(tmp_path / corpus / "b.wav", 3 * RATE + 300, seed=2 + number)
    write_spec(tmp_path, audio={"q_levels": 256})
    return tmp_path


def prepare(home, **options):
    """Prepare the corpora of the spec; return them, and what was told without the folder's name."""
    told = []
    corpora = prepare_corpora(load_spec(home / "spec.json", load_types()), told.append, **options)
    return corpora, [line.replace(str(home), "HOME") for line in told]


def problems_of(home, **options):
    with pytest.raises(UserError) as raised:
        prepare(home, **options)
    return [line.replace(str(home), "HOME") for line in raised.value.lines]


def without_conditions(home):
    """Make the corpora unconditional."""
    write_spec(home, conditioning=None, audio={"q_levels": 256})
    for table in home.glob("*/*.csv"):
        table.unlink()


def change(home, name, function):
    """Change the wave of a sound."""
    wave, rate = soundfile.read(home / name)
    soundfile.write(home / name, function(wave), rate, "FLOAT")


def test_nothing_is_told_of_a_corpus_in_order(home):
    assert prepare(home)[1] == []


def dangling(home):
    (home / "train/c.wav").symlink_to(home / "nowhere.wav")
    (home / "train/d.csv").symlink_to("../.git/annex/objects/x")


def loop(home):
    (home / "train/inner").mkdir()
    (home / "train/inner/again").symlink_to(home / "train")


def hidden(home):
    for name in ("._a.wav", ".b.csv", ".DS_Store"):
        (home / "train" / name).write_bytes(b"x")
    (home / "train/.old").mkdir()
    (home / "train/.old/c.wav").write_bytes(b"x")
    (home / "train/.git").mkdir()


def unread(home):
    for name in ("c.m4a", "c.csv", "d.M4A", "e.wma", "f.mp4", "g.voc", "notes.txt"):
        (home / "train" / name).write_bytes(b"x")


LEFT_OUT = {
    "formats that are not read": (
        unread,
        [
            "train: .m4a files are not read: left out; convert them: ffmpeg -i NAME.m4a NAME.wav: c.m4a, d.M4A",
            "train: .wma files are not read: left out; convert them: ffmpeg -i NAME.wma NAME.wav: e.wma",
            "train: .mp4 files are not read: left out; convert them: ffmpeg -i NAME.mp4 NAME.wav: f.mp4",
            "train: .voc files are not read: left out; convert them: ffmpeg -i NAME.voc NAME.wav: g.voc",
        ],
        True,
    ),
    "links that lead nowhere": (dangling, ["train: links that lead nowhere: left out: c.wav, d.csv"], True),
    "a link that leads back": (
        loop,
        ["train: links to folders that are read already: not followed: inner/again"],
        False,
    ),
    "hidden files": (
        hidden,
        [
            "train: hidden folders with sounds: left out: .old",
            "train: hidden files: left out: ._a.wav, .b.csv",
        ],
        False,
    ),
    "pipes": (
        lambda home: [os.mkfifo(home / "train" / name) for name in ("c.wav", "c.csv", "notes.txt")],
        ["train: pipes, sockets and devices: left out: c.csv, c.wav"],
        True,
    ),
    "csv files that nobody asks for": (
        lambda home: write_spec(home, conditioning=None, audio={"q_levels": 256}),
        [
            f"{name}: condition files beside sounds: not read, since no stream of the spec is read from files: a.csv,"
            " b.csv"
            for name in ("train", "valid")
        ],
        False,
    ),
    "files of 0 bytes": (
        lambda home: [(home / "train" / name).touch() for name in ("c.wav", "c.csv", "d.mp3")],
        ["train: files of 0 bytes: left out: c.wav, d.mp3"],
        True,
    ),
}


@pytest.mark.parametrize("kind", LEFT_OUT)
def test_what_is_left_out_of_a_folder_is_told(home, kind):
    make, lines, lost = LEFT_OUT[kind]
    make(home)
    corpora, told = prepare(home)
    assert sorted(told) == sorted(lines)
    assert [sound.name for sound in corpora.train.sounds] == ["a.wav", "b.wav"]
    if lost:
        assert sorted(problems_of(home, strict=True)) == sorted(lines)
    else:
        prepare(home, strict=True)


def test_what_is_left_out_of_a_folder_that_is_split_is_told_once_and_with_each_part_alone(home):
    write_spec(home, data={"train": "train", "valid": 0.5}, audio={"q_levels": 256})
    (home / "train/c.m4a").write_bytes(b"x")
    left_out = ".m4a files are not read: left out; convert them: ffmpeg -i NAME.m4a NAME.wav: c.m4a"
    assert [line for line in prepare(home)[1] if "left out" in line] == [f"train: {left_out}"]
    assert problems_of(home, strict=True) == [f"train: {left_out}"]
    for part in ("train", "valid"):
        told = []
        prepare_named(load_spec(home / "spec.json", load_types()), part, told.append)
        assert f"{part}: {left_out}" in told


READ = f"{', '.join(AUDIO_SUFFIXES)} are read"
NO_CSV = (
    "holds 1 sounds and no condition file, but the spec has conditioning; put a file such as a csv of one class per"
    " sample, or a label track, beside each sound, or"
    " take `conditioning` out of the spec"
)
NO_PAIRS = {
    "links that lead nowhere": (
        lambda folder: (folder / "a.wav").symlink_to("nowhere.wav"),
        [
            f"holds no audio; {READ}, and the folder has no files; add sounds or name another folder",
            "links that lead nowhere: left out: a.wav",
        ],
    ),
    "csv files": (
        lambda folder: [(folder / name).write_text("0\n") for name in ("a.csv", "b.CSV")],
        [f"holds no audio; {READ}, and the folder has 2 .csv alone; put the sounds beside them or name another folder"],
    ),
    "files of 0 bytes": (
        lambda folder: [(folder / name).touch() for name in ("a.csv", "a.wav", "b.mp3", "c.wav")],
        [
            f"holds no audio; {READ}, and the folder has 2 .wav of 0 bytes, 1 .mp3 of 0 bytes; copy them again or name"
            " another folder",
            "files of 0 bytes: left out: a.wav, b.mp3, c.wav",
        ],
    ),
    "a csv that is a link that leads nowhere": (
        lambda folder: (
            [write_sound(folder / "a.wav", 100), (folder / "a.csv").unlink()]
            and (folder / "a.csv").symlink_to("nowhere.csv")
        ),
        [NO_CSV, "links that lead nowhere: left out: a.csv"],
    ),
}


@pytest.mark.parametrize("kind", NO_PAIRS)
def test_a_folder_without_pairs_is_refused_with_the_true_reason(tmp_path, kind):
    make, lines = NO_PAIRS[kind]
    make(tmp_path)
    with pytest.raises(UserError) as raised:
        find_pairs(tmp_path, conditional=True)
    assert raised.value.lines == tuple(f"{tmp_path}: {line}" for line in lines)


def test_what_cannot_be_read_is_told_with_all_other_problems(home, monkeypatch):
    for name in ("closed/c.wav", "d.wav"):
        (home / "train" / name).parent.mkdir(exist_ok=True)
        write_sound(home / "train" / name, 100)
    (home / "train/d.csv").unlink()
    (home / "train/b.csv").write_text("x\n")
    scandir, stat = os.scandir, Path.stat

    def refusing(function, closed):
        def refuse(path, **options):
            if str(path).endswith(closed):
                raise PermissionError(13, os.strerror(13), str(path))
            return function(path, **options)

        return refuse

    monkeypatch.setattr(os, "scandir", refusing(scandir, "closed"))
    monkeypatch.setattr(Path, "stat", refusing(stat, "d.wav"))
    remedy = "cannot be read (Permission denied); see to its permissions or move it away"
    assert problems_of(home) == [
        f"HOME/train/d.wav: {remedy}",
        f"HOME/train/closed: {remedy}",
        'HOME/train/b.csv:1: "x" is not a class; write one whole number per line, 0 to 2',
    ]


def valid_to_train(home):
    (home / "valid").rename(home / "old")
    (home / "valid").symlink_to("train")
    return "valid", "train"


def train_to_test(home):
    (home / "train").rename(home / "test")
    (home / "train").symlink_to("test")
    return "test", "test"


def inside_train(home):
    (home / "train/more").symlink_to(home / "valid")
    return "valid", "valid"


def elsewhere_in_both(home):
    (home / "far").mkdir()
    write_sound(home / "far/c.wav", 300)
    for name in ("train", "valid"):
        (home / name / "linked").symlink_to(home / "far")
    return "valid", "far"


@pytest.mark.parametrize("make", [valid_to_train, train_to_test, inside_train, elsewhere_in_both])
def test_corpora_that_share_a_folder_over_links_are_refused(home, make):
    name, both = make(home)
    write_spec(home, data={"train": "train", "valid": "valid", **({"test": "test"} if name == "test" else {})})
    assert problems_of(home) == [
        f'data.{name} = "HOME/{name}" shares files with data.train = "HOME/train", since links to folders are followed:'
        f" both read HOME/{both}; give folders that share none"
    ]


def test_a_linked_folder_is_read(home, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    write_sound(elsewhere / "c.wav", 400)
    (home / "train/linked").symlink_to(elsewhere)
    corpora, told = prepare(home)
    assert [sound.name for sound in corpora.train.sounds] == ["a.wav", "b.wav", "linked/c.wav"]
    assert told == []


def test_a_part_that_is_missing_is_told_and_refused_where_it_is_to_be(home):
    write_spec(home, conditioning=None, audio={"q_levels": 256})
    content = (home / "train/a.wav").read_bytes()
    (home / "train/a.wav").write_bytes(content[:-101])
    line = "train: shorter than its header states: read to the end of the file: a.wav (101 bytes missing)"
    assert line in prepare(home)[1]
    assert line in prepare(home)[1]  # from the cache too
    assert problems_of(home, strict=True) == [line]
    answer = give("check spec.json --strict", home)
    assert (answer.status, answer.out) == (1, "")
    assert answer.err.splitlines().count(line) == 1
    assert answer.err.splitlines()[-1] == line
    assert give("check spec.json", home).status == 0


def test_all_kinds_of_problems_of_a_corpus_come_at_once(home):
    write_sound(home / "train/c.wav", 100)
    (home / "train/c.csv").unlink()
    (home / "train/d.csv").write_text("0\n")
    (home / "train/e.wav").write_bytes(b"no sound")
    (home / "train/e.csv").write_text("7\n")
    (home / "valid/a.csv").write_text("0;\n")
    assert problems_of(home) == [
        "HOME/train/c.wav: has no c.csv beside it; add the csv or move the sound away",
        "HOME/train/d.csv: has no sound beside it (d.wav); add the sound or move the csv away",
        "HOME/train/e.wav: ends before a RIFF header; it is empty, truncated or not a WAV file: copy it again",
        "HOME/train/e.csv:1: class 7 is out of range; classes are 0 to 2",
        'HOME/valid/a.csv:1: "0;" ends with the delimiter ";"; write the class alone on each line',
    ]


def test_many_files_with_one_fault_are_one_line_and_a_count(home):
    for number in range(300):
        (home / f"train/{number:03}.wav").write_bytes(b"hello, hello, hello, hello")
        (home / f"train/{number:03}.csv").write_text("0\n")
    answer = give("check spec.json", home)
    told = [line.replace(str(home), "HOME") for line in answer.err.splitlines()]
    assert answer.status == 1
    assert told == [
        "HOME/train/000.wav: begins with b'hell', which is not a WAV file; convert it or give it its true suffix (and"
        " 299 more like it: 001.wav, 002.wav, 003.wav, ...; --all lists them)"
    ]
    assert len(give("check spec.json --all", home).err.splitlines()) == 300


@pytest.mark.parametrize(
    ("lines", "kinds"),
    [
        ([f"a/{n}.csv: {n} conditions for a sound of {2 * n} samples, {n} too few" for n in range(5)], 1),
        ([f'a b/{n}.csv:{n}: "x{n}" is not a class' for n in range(5)], 1),
        ([f"{n}.wav: has no {n}.csv beside it; add it" for n in range(5)], 1),
        ([f"{name}: is empty" for name in "abc"], 3),
        (5 * ["a.csv:1: blank line"], 1),
        ([f"spec.json: {name} is wrong" for name in ("alpha", "beta", "gamma", "delta")], 4),
    ],
)
def test_lines_that_say_the_same_are_told_as_one(lines, kinds):
    assert len(condensed(lines)) == kinds


def test_the_same_name_in_two_forms_of_unicode_is_one(home):
    for stem in ("a", "b"):
        (home / f"train/{stem}.wav").unlink()
        (home / f"train/{stem}.csv").unlink()
    write_sound(home / f"train/{COMPOSED}.wav", 400)
    (home / f"train/{COMPOSED}.csv").rename(home / f"train/{SPLIT}.csv")
    write_sound(home / f"train/{SPLIT}2.wav", 400)
    corpora, _ = prepare(home)
    assert [sound.name for sound in corpora.train.sounds] == [f"{COMPOSED}.wav", f"{COMPOSED}2.wav"]


def test_two_sounds_whose_names_differ_in_unicode_form_alone_are_told(home):
    for stem in (COMPOSED, SPLIT):
        write_sound(home / f"train/{stem}.wav", 400)
    for problem, suffix in zip(problems_of(home), ("wav", "csv"), strict=True):
        told, name = unicodedata.normalize("NFC", problem), f"{COMPOSED}.{suffix}"
        assert told == f"HOME/train/{name}: is beside {name}, which has the same stem; keep one of the two"


def test_the_split_is_the_same_in_each_form_of_unicode(tmp_path):
    sides = []
    for form in ("NFC", "NFD"):
        folder = tmp_path / form
        folder.mkdir()
        for number in range(40):
            (folder / unicodedata.normalize(form, f"\u00e9tude {number}.wav")).write_bytes(b"x")
        train, valid = split_pairs(find_pairs(folder, conditional=False).pairs, 0.3)
        sides.append(([pair.name for pair in train], [pair.name for pair in valid]))
    assert sides[0] == sides[1]


def test_folders_are_the_same_in_each_form_of_unicode(home):
    for form in (COMPOSED, SPLIT):
        (home / "train" / form).mkdir()
    write_sound(home / f"train/{COMPOSED}/c.wav", 400)
    (home / f"train/{COMPOSED}/c.csv").rename(home / f"train/{SPLIT}/c.csv")
    (home / "train").rename(home / SPLIT)
    write_spec(home, data={"train": COMPOSED, "valid": "valid"}, audio={"q_levels": 256})
    assert [sound.name for sound in prepare(home)[0].train.sounds] == ["a.wav", "b.wav", f"{COMPOSED}/c.wav"]


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        (["a.mp3.wav", "a.mp3.csv"], {"a.mp3.wav": "a.mp3.csv"}),
        (["a.mp3.wav", "a.mp3.wav.csv"], {"a.mp3.wav": "a.mp3.wav.csv"}),
        (["a.wav.wav", "a.wav.csv"], {"a.wav.wav": "a.wav.csv"}),
        (["a.wav", "a.csv", "a.wav.wav", "a.wav.csv"], {"a.wav": "a.csv", "a.wav.wav": "a.wav.csv"}),
        (["a.flac.WAV", "a.wav", "A.Flac.csv", "a.flac.csv"], {"a.flac.WAV": "a.flac.csv"}),
        (["a.wav", "a.wav.csv"], {"a.wav": "a.wav.csv"}),
    ],
)
def test_a_csv_of_the_whole_stem_goes_before_one_that_is_named_after_its_sound(tmp_path, names, pairs):
    for name in names:
        (tmp_path / name).write_text("x")
    found = {pair.name: pair.conditions.name for pair in find_pairs(tmp_path, conditional=True).pairs}
    assert found == pairs
    assert {name: [path.name for path in conditions_beside(tmp_path / name)] for name in pairs} == {
        name: [table] for name, table in pairs.items()
    }


def test_a_csv_that_is_named_after_a_sound_that_is_missing_names_it(home):
    (home / "train/c.flac.csv").write_text("0\n")
    assert problems_of(home) == [
        "HOME/train/c.flac.csv: has no sound beside it (c.flac); add the sound or move the csv away"
    ]


def test_a_primer_with_two_csv_files_is_refused_as_a_corpus_is(tmp_path):
    write_sound(tmp_path / "p.wav", 50)
    write_conditions(tmp_path / "p.wav.csv", 50)
    with pytest.raises(UserError) as raised:
        read_sound(tmp_path / "p.wav", RATE, (ClassesStream.of_count(3),), print)
    assert raised.value.lines == (
        f"{tmp_path}/p.wav.csv: is beside p.csv, which has the same stem; keep one of the two",
    )


@pytest.mark.parametrize("table", ["a.CSV", "a.wav.csv", "a.WAV.Csv"])
def test_a_csv_may_be_named_after_its_sound_in_any_case(home, table):
    (home / "train/a.csv").rename(home / "train" / table)
    assert prepare(home)[1] == []


def test_a_primer_and_its_csv_may_have_suffixes_in_any_case_and_names_in_any_form(corpus_cache, tmp_path):
    write_corpora(tmp_path)
    write_spec(tmp_path)
    write_run(tmp_path / "run", tmp_path / "spec.json")
    write_conditions(tmp_path / f"{SPLIT}.csv", 20)
    (tmp_path / "index.txt").write_text(f"{COMPOSED}.csv\n")
    write_sound(tmp_path / "up.wav", 50)
    (tmp_path / "up.wav").rename(tmp_path / "UP.WAV")
    (tmp_path / "up.csv").rename(tmp_path / "UP.Csv")
    write_sound(tmp_path / f"{SPLIT}2.wav", 50)
    write_conditions(tmp_path / "c.wav.csv", 20)
    (tmp_path / "index.txt").write_text(f"{COMPOSED}.csv\nc.wav.csv\n")
    for primer in ("UP.WAV", f"{COMPOSED}2.wav"):
        answer = give(f"generate run --conditioning-index index.txt --prime {primer} --out out-{primer}", tmp_path)
        assert answer.status == 0, answer.err
        assert sorted(path.name for path in (tmp_path / f"out-{primer}").glob("*.wav")) == ["c.wav", f"{SPLIT}.wav"]


SUSPICIOUS = {
    "silence": (lambda wave: 0 * wave, "train: silent: a.wav"),
    "channels that cancel each other": (
        lambda wave: np.stack([wave, -wave], axis=1),
        "train: silent after mixing, since the channels cancel each other: use one of them: a.wav",
    ),
    "a recording that is overdriven": (
        lambda wave: np.clip(5 * wave, -1, 1),
        "train: distorted, more than 1 % of the samples stand at full scale: a.wav",
    ),
    **{
        f"floats of the size of integers of {bits} bits": (
            lambda wave, factor=2.0 ** (bits - 1): factor * wave,
            f"train: not scaled to [-1, 1]: divide the samples by {1 << bits - 1}: a.wav",
        )
        for bits in (16, 24, 32)
    },
    "an offset": (
        lambda wave: wave + 0.1,
        "train: offset from zero (DC): a high-pass filter removes it: a.wav (+0.1",
    ),
}


@pytest.mark.parametrize("kind", SUSPICIOUS)
def test_what_sounds_wrong_though_it_is_valid_is_told(home, kind):
    function, line = SUSPICIOUS[kind]
    change(home, "train/a.wav", function)
    told = prepare(home)[1]
    assert [each for each in told if each.startswith(line)], told


def test_a_corpus_of_silence_is_told(home):
    for name in ("a", "b"):
        change(home, f"train/{name}.wav", lambda wave: 0 * wave)
    assert prepare(home)[1] == ["train: silent: a.wav, b.wav", "train: all 2 sounds are silent"]


def test_names_of_classes_are_the_same_in_each_form_of_unicode(home):
    write_spec(home, conditioning={"classes": [SPLIT, "oboe"]}, audio={"q_levels": 256})
    spec = load_spec(home / "spec.json", load_types())
    (stream,) = streams_of(spec)
    assert stream.classes == (COMPOSED, "oboe")
    assert values_of([SPLIT, COMPOSED, "oboe"], stream, "conditions").tolist() == [0, 0, 1]
    write_spec(home, conditioning={"classes": [SPLIT, COMPOSED]})
    with pytest.raises(UserError, match="is given 2 times; class names must be distinct"):
        load_spec(home / "spec.json", load_types())


def test_a_class_of_less_than_a_second_and_one_of_nearly_everything_are_told(home):
    for name in ("a", "b"):
        lines = ["0"] * len((home / f"train/{name}.csv").read_text().split())
        lines[:10] = ["1"] * 10
        (home / f"train/{name}.csv").write_text("\n".join(lines))
    assert [line for line in prepare(home)[1] if line.startswith("train")] == [
        "train: 1 of 3 classes never occur: 2",
        "train: less than a second of a class: 1 (0.01 s)",
        "train: nearly everything is of one class: 0 (99.9% of the samples)",
    ]


COPIES = {
    "the same": lambda wave: wave,
    "quieter": lambda wave: 0.6 * wave,
    "another format": lambda wave: np.round(wave * 127) / 127,
    "some milliseconds less": lambda wave: wave[80:],
    "some milliseconds of silence before": lambda wave: np.concatenate([np.zeros(60), wave]),
}


@pytest.mark.parametrize("kind", COPIES)
def test_a_sound_that_is_in_training_and_in_validation_is_told(home, kind):
    without_conditions(home)
    wave = np.cumsum(np.random.default_rng(1).normal(size=4 * RATE)) / 200
    wave = 0.5 * (wave - wave.mean()) * np.abs(np.sin(np.arange(len(wave)) / 900)) / np.abs(wave - wave.mean()).max()
    soundfile.write(home / "train/c.wav", wave, RATE)
    soundfile.write(home / "valid/copy.wav", COPIES[kind](wave), RATE)
    told = prepare(home)[1]
    assert told == [
        "valid: nearly the same as a sound in train, so that its figures say less: copy.wav (c.wav)",
    ]


def test_sounds_of_one_speaker_are_no_copies(home):
    rng = np.random.default_rng(3)
    without_conditions(home)
    for number in range(6):
        wave = np.convolve(rng.normal(size=RATE), np.hanning(9))[:RATE] * np.hanning(RATE) / 10
        soundfile.write(home / ("train" if number % 2 else "valid") / f"{number}.wav", wave, RATE)
    assert prepare(home)[1] == []


def test_files_whose_permissions_forbid_reading_do_not_hide_other_problems(home, monkeypatch):
    from keras_samplernn.data.hashes import RememberedHashes

    sha256 = RememberedHashes.sha256

    def closed(self, path):
        if path.name == "a.wav" and path.parent.name == "train":
            raise UserError(f"{path}: {os.strerror(13)}; make it readable or move it away")
        return sha256(self, path)

    monkeypatch.setattr(RememberedHashes, "sha256", closed)
    (home / "train/b.csv").write_text("x\n")
    assert problems_of(home) == [
        "HOME/train/a.wav: Permission denied; make it readable or move it away",
        'HOME/train/b.csv:1: "x" is not a class; write one whole number per line, 0 to 2',
    ]
