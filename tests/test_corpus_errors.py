"""Corpora that are wrong are refused with one line for each problem, before anything is begun."""

import pytest
from command_line import write_corpora, write_spec
from spoiling import conditions, cut, folder, line_of, patch, refused, refuses, remove, sound, spec, text, together

from keras_samplernn.data.inspection import AUDIO_SUFFIXES
from keras_samplernn.model.registry import load_types
from keras_samplernn.spec import load_spec
from keras_samplernn.training.corpora import prepare_corpora

CORPORA = {
    "a csv that is too short": (
        line_of("train/a.csv", 300, None),
        (
            "HOME/train/a.csv: 299 conditions for a sound of 300 samples, 1 too few; give one line for each sample of "
            "the audio file"
        ),
    ),
    "a csv that is too long": (
        conditions("train/a.csv", 301),
        (
            "HOME/train/a.csv: 301 conditions for a sound of 300 samples, 1 too many: is the first line a header?"
            " (pandas writes one, unless it is given header=False); give one line for each sample of the audio file"
        ),
    ),
    "a blank line": (
        line_of("train/a.csv", 12, ""),
        "HOME/train/a.csv:12: blank line inside the file; every condition after it would shift by one sample",
    ),
    "a header": (
        together(conditions("train/a.csv", 301), line_of("train/a.csv", 1, "label")),
        'HOME/train/a.csv:1: "label" is not a class, but the other lines are: a header? remove it',
    ),
    "the header of the stream instead of a line": (
        line_of("train/a.csv", 1, "class"),
        (
            "HOME/train/a.csv: 299 conditions for a sound of 300 samples, 1 too few; give one line for each sample of"
            " the audio file"
        ),
    ),
    "text": (
        line_of("train/a.csv", 7, "zwei"),
        'HOME/train/a.csv:7: "zwei" is not a class; write one whole number per line, 0 to 2',
    ),
    "a fraction": (
        line_of("train/a.csv", 7, "1.5"),
        "HOME/train/a.csv:7: 1.5 is a fraction; a class is a whole number, 0 to 2",
    ),
    "a negative": (line_of("train/a.csv", 7, "-1"), "HOME/train/a.csv:7: -1 is negative; classes are 0 to 2"),
    "a class out of range": (
        line_of("train/a.csv", 7, "3"),
        "HOME/train/a.csv:7: class 3 is out of range; classes are 0 to 2",
    ),
    "a sound without csv and a csv without sound": (
        remove("train/a.csv", "train/b.wav"),
        [
            "HOME/train/a.wav: has no a.csv beside it; add the csv or move the sound away",
            "HOME/train/b.csv: has no sound beside it (b.wav); add the sound or move the csv away",
        ],
    ),
    "no csv at all": (
        remove("train/a.csv", "train/b.csv"),
        (
            "HOME/train: holds 2 sounds and no condition file, but the spec has conditioning; put a file such as a csv"
            " of one class per sample, or a label track, beside each sound, or take `conditioning` out of the spec"
        ),
    ),
    "an empty folder": (
        together(remove("train"), folder("train")),
        (
            f"HOME/train: holds no audio; {', '.join(AUDIO_SUFFIXES)} are read, and the folder has no files; "
            "add sounds or name another folder"
        ),
    ),
    "two csv files of one stem": (
        text("train/a.CSV", "0\n"),
        "HOME/train/a.csv: is beside a.CSV, which has the same stem; keep one of the two",
    ),
    "a name that would take two lines": (
        text("train/a\nb\x1b[31m.wav", "x"),
        [
            "HOME/train/a\\nb\\x1b[31m.wav: has no a\\nb\\x1b[31m.csv beside it; add the csv or move the sound away",
            "HOME/train/a\\nb\\x1b[31m.wav: ends before a RIFF header; it is empty, truncated or not a WAV file: copy"
            " it again",
        ],
    ),
    "a missing folder": (remove("train"), "HOME/train: does not exist; name the folder that holds the corpus"),
    "a file in place of the folder": (
        together(remove("train"), text("train", "")),
        "HOME/train: is not a folder; name the folder that holds the corpus",
    ),
    "not a sound": (
        text("train/a.wav", "These are the voyages of the starship"),
        "HOME/train/a.wav: begins with b'Thes', which is not a WAV file; convert it or give it its true suffix",
    ),
    "a sound file that ends in its header": (
        text("train/a.wav", "RIFF"),
        "HOME/train/a.wav: ends before a RIFF header; it is empty, truncated or not a WAV file: copy it again",
    ),
    "a truncated sound": (
        cut("train/a.wav", 101),
        (
            "HOME/train/a.csv: 300 conditions for a sound of 249 samples (shorter than its header states: read to the"
            " end of the file; last bytes are part of a frame: left out), 51 too many; give one line for each sample of"
            " the audio file"
        ),
    ),
    "no samples": (sound("train/a.wav", 0), "HOME/train/a.wav: has 0 samples at 4000 Hz; move it away"),
    "blockAlign 0": (
        patch("train/a.wav", 32, "<H", 0),
        (
            "HOME/train/a.wav: has blockAlign 0, but 1 channels of 16 bits are 2 bytes; the header "
            "contradicts itself: convert the file again"
        ),
    ),
    "a sample rate of 0": (
        patch("train/a.wav", 24, "<II", 0, 0),
        (
            "HOME/train/a.wav: sample rate 0 Hz is outside 1000 to 384000 Hz; the header is damaged or the "
            "file must be converted"
        ),
    ),
    "the same sound in two formats": (
        text("train/a.flac", b"fLaC"),
        "HOME/train/a.wav: is beside a.flac, which has the same stem; keep one of the two",
    ),
    "not a compressed sound": (
        together(remove("train/a.wav"), text("train/a.mp3", "x" * 100)),
        "HOME/train/a.mp3: has no MPEG layer III frame; convert it or give it its true suffix",
    ),
    "a fraction of one sound": (
        together(remove("train/a.wav", "train/a.csv"), spec(data={"valid": 0.5})),
        "data.valid = 0.5 splits whole files, but the corpus has 1; name a folder instead, or add sounds",
    ),
    "several faults in two corpora": (
        together(
            line_of("train/a.csv", 5, "9"),
            patch("train/b.wav", 32, "<H", 0),
            line_of("valid/b.csv", 5, "x"),
            cut("valid/a.wav", 10),
        ),
        [
            "HOME/train/a.csv:5: class 9 is out of range; classes are 0 to 2",
            (
                "HOME/train/b.wav: has blockAlign 0, but 1 channels of 16 bits are 2 bytes; the header "
                "contradicts itself: convert the file again"
            ),
            (
                "HOME/valid/a.csv: 300 conditions for a sound of 295 samples (shorter than its header states: read to"
                " the end of the file), 5 too many; give one line for each sample of the audio file"
            ),
            'HOME/valid/b.csv:5: "x" is not a class; write one whole number per line, 0 to 2',
        ],
    ),
    "a fault in a corpus that is split": (
        together(spec(data={"valid": 0.5}), remove("train/a.csv"), line_of("train/b.csv", 5, "9")),
        "HOME/train/a.wav: has no a.csv beside it; add the csv or move the sound away",
    ),
}


@pytest.fixture
def home(tmp_path):
    """A spec and its corpora."""
    write_corpora(tmp_path)
    write_spec(tmp_path)
    return tmp_path


@pytest.mark.parametrize("spoil, lines", CORPORA.values(), ids=CORPORA)
def test_a_corpus_that_is_wrong_is_refused_with_all_its_problems(corpus_cache, home, spoil, lines):
    spoil(home)
    with refuses(home, lines):
        prepare_corpora(load_spec("spec.json", load_types()), lambda line: None)


@pytest.mark.parametrize("command", ["fit spec.json --run new", "check spec.json"])
@pytest.mark.parametrize("name", ["not a sound", "several faults in two corpora", "a fault in a corpus that is split"])
def test_commands_tell_it_line_by_line(corpus_cache, home, command, name):
    spoil, lines = CORPORA[name]
    spoil(home)
    refused(command, home, lines)
