"""What a user gets wrong is answered with one line a problem, on stderr, and nothing is written."""

import errno
import fcntl
import json
import os
import pwd
import shutil
import struct
from pathlib import Path

import pytest
from command_line import give, listing, write_conditions, write_corpora, write_sound, write_spec

from keras_samplernn.errors import UserError
from keras_samplernn.generation import files as generation
from keras_samplernn.run_folder import RunFolder

WRITE_ELSEWHERE = "see to its permissions or choose another folder"
CHECKPOINT = "run/checkpoints/step-0000000002-validated"


@pytest.fixture(scope="module")
def template(corpus_cache, tmp_path_factory):
    """A spec, its corpora, a conditional run `run` and an unconditional one `free` of other widths, 2 steps each."""
    home = tmp_path_factory.mktemp("template") / "home"
    home.mkdir()
    write_corpora(home)
    write_spec(home)
    write_spec(home, "free.json", conditioning=None, data={"valid": None}, tiers=frames(4, dim=5))
    (home / "index.txt").write_text("valid/a.csv\nvalid/b.csv\n")
    for name, spec in (("run", "spec"), ("free", "free")):
        assert give(f"fit {spec}.json --run {name} --max-steps 2", home).status == 0
    return home


@pytest.fixture
def home(template, tmp_path):
    """The template, for one test to spoil. Paths in runs are absolute, and go on naming the template's corpora."""
    return Path(shutil.copytree(template, tmp_path / "home"))


def frames(*sizes, **fields):
    stack = [{"type": "frame_rnn", "frame_size": size} | fields for size in sizes]
    return [*stack, {"type": "sample_mlp", "dim": 6, "emb_size": 4}]


# How a home is spoiled: each returns a function of it.
def nothing():
    return lambda home: None


def spec(**sections):
    return lambda home: write_spec(home, **sections)


def text(path, content):
    def spoil(home):
        (home / path).parent.mkdir(exist_ok=True)
        (home / path).write_bytes(content if isinstance(content, bytes) else content.encode())

    return spoil


def sound(path, samples):
    return lambda home: write_sound(home / path, samples)


def conditions(path, samples):
    return lambda home: write_conditions(home / path, samples)


def remove(*paths):
    def spoil(home):
        for path in paths:
            shutil.rmtree(home / path) if (home / path).is_dir() else (home / path).unlink()

    return spoil


def folder(path):
    return lambda home: (home / path).mkdir(parents=True)


def loop(path):
    return lambda home: (home / path).symlink_to(path)


def copy(source, target):
    return lambda home: shutil.copy(home / source, home / target)


def cut(path, size):
    """Cut bytes off a file's end."""
    return lambda home: os.truncate(home / path, (home / path).stat().st_size - size)


def patch(path, offset, layout, *values):
    """Overwrite bytes of a file."""

    def spoil(home):
        content = bytearray((home / path).read_bytes())
        struct.pack_into(layout, content, offset, *values)
        (home / path).write_bytes(content)

    return spoil


def line_of(path, number, words):
    """Replace a line of a file; None takes it out."""

    def spoil(home):
        lines = (home / path).read_text().splitlines()
        lines[number - 1 : number] = [] if words is None else [words]
        (home / path).write_text("\n".join(lines) + "\n")

    return spoil


def changed(path, **fields):
    """Change top-level fields of a JSON file."""
    return lambda home: (home / path).write_text(json.dumps(json.loads((home / path).read_text()) | fields))


def together(*steps):
    def spoil(home):
        for step in steps:
            step(home)

    return spoil


SPECS = {
    "a frame size that does not divide": (
        spec(tiers=frames(16, 6)),
        "spec.json: tiers[1].frame_size = 6 does not divide tiers[0].frame_size = 16; try 2, 4 or 8",
    ),
    "a sequence that no frame fills": (
        spec(training={"seq_len": 18}),
        "spec.json: training.seq_len = 18 is not a multiple of tiers[0].frame_size = 4; try 16 or 20",
    ),
    "a tier that is not installed": (
        spec(tiers=[{"type": "frame_rn", "frame_size": 4}, {"type": "sample_mlp"}]),
        'spec.json: tiers[0].type = "frame_rn" is not installed; did you mean "frame_rnn"?'
        " Installed: frame_rnn, sample_mlp",
    ),
    "all mistakes at once": (
        text(
            "spec.json",
            '{"name": "my run", "nmae": "x", "audio": {"sample_rate": "16000", "q_type": "mulaw", "q_levels": 1},'
            ' "data": {"train": "train", "valid": 1.5}, "data": {"trian": "train", "valid": 1.5},'
            ' "tiers": [{"type": "frame_rnn", "frame_size": 4, "drpout": 0.1, "n_rnn": 9},'
            ' {"type": "nothing"}], "training": {"seq_len": 16.5, "seed": NaN, "epochs": true}}',
        ),
        [
            "spec.json: data is given more than once; keep one of them",
            "spec.json: training.seed is not a finite number; NaN, Infinity and overflows are refused",
            (
                'spec.json: name = "my run" must be 1 to 100 letters, digits, dots, dashes or underscores, the '
                "first a letter or digit"
            ),
            'spec.json: audio.sample_rate = "16000" must be a whole number from 1000 to 384000',
            'spec.json: audio.q_type = "mulaw" must be "linear", "mu-law" or "a-law"; did you mean "mu-law"?',
            "spec.json: audio.q_levels = 1 must be a whole number from 2 to 65536",
            "spec.json: data.train is missing; give a path",
            "spec.json: data.valid = 1.5 must be a path, a number above 0 and below 1 or null",
            'spec.json: data.trian is not a field of data; did you mean "train"?',
            "spec.json: training.seq_len = 16.5 must be a whole number from 1 to 1048576",
            "spec.json: training.epochs = true must be a whole number from 1 to 1000000",
            'spec.json: nmae is not a field of the spec; did you mean "name"?',
            "spec.json: tiers[0].n_rnn = 9 must be a whole number from 1 to 5",
            'spec.json: tiers[0].drpout is not a field of frame_rnn; did you mean "dropout"?',
            'spec.json: tiers[1].type = "nothing" is not installed. Installed: frame_rnn, sample_mlp',
        ],
    ),
    "no file": (
        remove("spec.json"),
        "spec.json: cannot be read (No such file or directory); give the path of a spec",
    ),
    "a folder": (
        together(remove("spec.json"), folder("spec.json")),
        "spec.json: cannot be read (Is a directory); give the path of a spec",
    ),
    "an empty file": (
        text("spec.json", ""),
        "spec.json:1:1: the file is empty; a spec is one JSON object, in braces { }",
    ),
    "broken JSON": (
        text("spec.json", '{"data": {"train": "train",}\n'),
        "spec.json:1:28: a comma stands before a closing bracket; remove it",
    ),
    "a list": (text("spec.json", "[1, 2]"), "spec.json: a spec is one JSON object, in braces { }"),
    "an empty object": (text("spec.json", "{}"), 'spec.json: data is missing; give an object with "train"'),
    "a folder whose name is no text": (
        spec(data={"valid": "\udcff"}),
        "spec.json: data.valid holds \\u0000 or half a surrogate pair, which no text may hold",
    ),
    "bytes that are no text": (
        text("spec.json", b"{\n\xff}"),
        "spec.json:2: is not UTF-8 text; save it in that encoding",
    ),
}
CORPORA = {
    "a csv that is too short": (
        line_of("train/a.csv", 300, None),
        (
            "HOME/train/a.csv: 299 conditions for a sound of 300 samples; give one line for each sample of "
            "the audio file"
        ),
    ),
    "a csv that is too long": (
        conditions("train/a.csv", 301),
        (
            "HOME/train/a.csv: 301 conditions for a sound of 300 samples; give one line for each sample of "
            "the audio file"
        ),
    ),
    "a blank line": (
        line_of("train/a.csv", 12, ""),
        "HOME/train/a.csv:12: blank line inside the file; every condition after it would shift by one sample",
    ),
    "a header": (
        line_of("train/a.csv", 1, "class"),
        ('HOME/train/a.csv:1: "class" is not a class; write one whole number per line, 0 to 2; a header? remove it'),
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
            "HOME/train: holds 2 sounds and no csv, but the spec has conditioning; put a csv of one class per"
            " sample beside each sound, or take `conditioning` out of the spec"
        ),
    ),
    "an empty folder": (
        together(remove("train"), folder("train")),
        (
            "HOME/train: holds no audio; .wav, .flac, .ogg, .mp3 are read, and the folder has no files; "
            "add sounds or name another folder"
        ),
    ),
    "two csv files of one stem": (
        text("train/a.CSV", "0\n"),
        "HOME/train/a.csv: is beside a.CSV, which has the same stem; keep one of the two",
    ),
    "a name that would take two lines": (
        text("train/a\nb\x1b[31m.wav", "x"),
        "HOME/train/a\\nb\\x1b[31m.wav: has no a\\nb\\x1b[31m.csv beside it; add the csv or move the sound away",
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
    "an empty sound file": (
        text("train/a.wav", ""),
        "HOME/train/a.wav: ends before a RIFF header; it is empty, truncated or not a WAV file: copy it again",
    ),
    "a truncated sound": (
        cut("train/a.wav", 101),
        "HOME/train/a.wav: is truncated: its header states 600 bytes of samples, 499 are there; copy it again",
    ),
    "no samples": (sound("train/a.wav", 0), "HOME/train/a.wav: has 0 samples at 4000 Hz; move it away"),
    "blockAlign 0": (
        patch("train/a.wav", 32, "<H", 0),
        (
            "HOME/train/a.wav: has blockAlign 0, but 1 channels of 16 bits are 2 bytes; the header "
            "contradicts itself: convert the file again"
        ),
    ),
    "a byte rate that is not the sample rate's": (
        patch("train/a.wav", 28, "<I", 4000),
        (
            "HOME/train/a.wav: has byte rate 4000, but 4000 Hz of 2 bytes are 8000; the header contradicts "
            "itself: convert the file again"
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
            "HOME/valid/a.wav: is truncated: its header states 600 bytes of samples, 590 are there; copy it again",
            'HOME/valid/b.csv:5: "x" is not a class; write one whole number per line, 0 to 2',
        ],
    ),
    "a fault in a corpus that is split": (
        together(spec(data={"valid": 0.5}), remove("train/a.csv"), line_of("train/b.csv", 5, "9")),
        "HOME/train/a.wav: has no a.csv beside it; add the csv or move the sound away",
    ),
}
GENERATE = "generate run --conditioning-index index.txt --out out"
COMMANDS = {
    # The index
    "an index that names missing files and two of one stem": (
        text("index.txt", "valid/a.csv\nvalid/c.csv\ntrain/a.csv\nvalid/bb.csv\n"),
        GENERATE,
        [
            'index.txt:2: "valid/c.csv" is not a file; did you mean "b.csv"?',
            'index.txt:3: "train/a.csv" has the stem of line 1, both would be written to "a.wav"; rename one',
            'index.txt:4: "valid/bb.csv" is not a file; did you mean "b.csv"?',
        ],
    ),
    "condition files with faults": (
        together(line_of("valid/a.csv", 4, "x"), line_of("valid/b.csv", 5, "7")),
        GENERATE,
        [
            'valid/a.csv:4: "x" is not a class; write one whole number per line, 0 to 2',
            "valid/b.csv:5: class 7 is out of range; classes are 0 to 2",
        ],
    ),
    "an empty index": (text("index.txt", "\n\n"), GENERATE, "index.txt: is empty; list one condition file per line"),
    "no index": (
        remove("index.txt"),
        GENERATE,
        "index.txt: No such file or directory; give the path of a readable text file",
    ),
    "a folder as index": (
        nothing(),
        "generate run --conditioning-index valid --out out",
        "valid: Is a directory; give the path of a readable text file",
    ),
    # The run
    "a run that is none": (
        nothing(),
        "generate valid --conditioning-index index.txt --out out",
        "valid: is no run directory, it holds no spec.json; give a folder that `fit` made",
    ),
    "a run that is a file": (
        nothing(),
        "generate index.txt --conditioning-index index.txt --out out",
        "index.txt: is no run directory, it holds no spec.json; give a folder that `fit` made",
    ),
    "a run that is missing": (
        nothing(),
        "generate runs/x --conditioning-index index.txt --out out",
        "runs/x: is no run directory, it holds no spec.json; give a folder that `fit` made",
    ),
    "no run to be found": (
        nothing(),
        "generate --conditioning-index index.txt --out out",
        "HOME/runs: holds no run; train with `fit` first, or give a run directory",
    ),
    "a run without checkpoint": (
        remove("run/checkpoints"),
        GENERATE,
        "run/checkpoints: holds no checkpoint yet; train with `fit` first",
    ),
    "weights that are damaged": (
        patch(f"{CHECKPOINT}/weights.npz", 200, "<I", 99),
        GENERATE,
        "run/checkpoints/step-0000000002-validated/weights.npz: is damaged, its size or sha256 is not the manifest's; "
        "restore the file from a copy, or begin anew with `fit --restart`",
    ),
    "weights that are cut": (
        cut(f"{CHECKPOINT}/weights.npz", 9),
        GENERATE,
        "run/checkpoints/step-0000000002-validated/weights.npz: is damaged, its size or sha256 is not the manifest's; "
        "restore the file from a copy, or begin anew with `fit --restart`",
    ),
    "weights that are missing": (
        remove(f"{CHECKPOINT}/weights.npz"),
        GENERATE,
        "run/checkpoints/step-0000000002-validated/weights.npz: cannot be read (No such file or directory); "
        "restore the file from a copy, or begin anew with `fit --restart`",
    ),
    "a manifest that is damaged": (
        text(f"{CHECKPOINT}/manifest.json", "{"),
        GENERATE,
        "run/checkpoints/step-0000000002-validated/manifest.json: is damaged; "
        "restore the file from a copy, or begin anew with `fit --restart`",
    ),
    "a manifest of something else": (
        text(f"{CHECKPOINT}/manifest.json", "[]"),
        GENERATE,
        "run/checkpoints/step-0000000002-validated/manifest.json: is damaged; "
        "restore the file from a copy, or begin anew with `fit --restart`",
    ),
    "a run whose spec is broken": (
        text("run/spec.json", "{"),
        GENERATE,
        "run/spec.json:1:2: the file ends before the spec does; a bracket } or ] is missing",
    ),
    "a run whose spec was changed by hand": (
        changed("run/spec.json", tiers=frames(4, dim=7)),
        GENERATE,
        (
            "run/checkpoints/step-0000000002-validated/weights.npz: does not hold what the run's spec asks for; the"
            " spec or the file was changed by hand: restore it, or train anew"
        ),
    ),
    # What is asked of it
    "a conditional run asked for seconds": (
        nothing(),
        "generate run --seconds 1 --count 2 --out out",
        (
            "run: is a conditional run and was asked without --conditioning-index and with --seconds and with"
            " --count; give --conditioning-index alone: the condition files say how long each sound is"
        ),
    ),
    "a conditional run asked for a count": (
        nothing(),
        f"{GENERATE} --count 2",
        (
            "run: is a conditional run and was asked with --count; give --conditioning-index alone: the "
            "condition files say how long each sound is"
        ),
    ),
    "an unconditional run with an index": (
        nothing(),
        "generate free --conditioning-index index.txt --out out",
        "free: is an unconditional run and was asked with --conditioning-index; give --seconds and --count",
    ),
    "an unconditional run without a length": (
        nothing(),
        "generate free --out out",
        "free: is an unconditional run and was asked without --seconds; give --seconds and --count",
    ),
    "a sound longer than a file can be": (
        nothing(),
        "generate free --seconds 1e9 --out out",
        (
            "--seconds 1e+09: a WAV file holds 536870 seconds at most at 4000 Hz; ask for shorter sounds, and"
            " --count of them"
        ),
    ),
    "a length that is hardly a number": (
        nothing(),
        "generate free --seconds 1e305 --out out",
        (
            "--seconds 1e+305: a WAV file holds 536870 seconds at most at 4000 Hz; ask for shorter sounds, and"
            " --count of them"
        ),
    ),
    "a folder of sounds that is a link to itself": (
        loop("loop"),
        f"{GENERATE[:-3]}loop",
        "loop: cannot be written: File exists; choose another folder",
    ),
    "a run that is a link to itself": (
        loop("loop"),
        "fit spec.json --run loop",
        "loop: cannot be written: File exists; choose another folder",
    ),
    "several sounds at once in int8": (
        nothing(),
        f"{GENERATE} --precision int8 --batch-size 4",
        "--batch-size 4: --precision int8 makes one sound at a time; leave --batch-size out, or --precision",
    ),
    "a primer that is missing": (
        nothing(),
        f"{GENERATE} --prime c.wav",
        "c.wav: No such file or directory; give the path of a readable audio file",
    ),
    "a primer that is no sound": (
        nothing(),
        f"{GENERATE} --prime index.txt",
        'index.txt: ".txt" is not read as audio; convert it to one of .wav, .flac, .ogg, .mp3',
    ),
    "a primer without csv": (
        remove("train/a.csv"),
        f"{GENERATE} --prime train/a.wav",
        "train/a.wav: has no a.csv beside it; a conditional run needs the sound's conditions there",
    ),
    "a primer of another length than its csv": (
        line_of("train/a.csv", 3, None),
        f"{GENERATE} --prime train/a.wav",
        "train/a.csv: 299 conditions for a sound of 300 samples; give one line for each sample of the audio file",
    ),
    "a primer without samples": (
        sound("silence.wav", 0),
        f"{GENERATE} --prime silence.wav",
        "silence.wav: has 0 samples; a primer has one at least",
    ),
    # The output
    "a name with control characters": (
        together(text("a\x1b[2Jb.csv", "0\n"), text("index.txt", "a\x1b[2Jb.csv\n")),
        GENERATE,
        'index.txt:1: "a?[2Jb.csv" holds a control character; rename the file',
    ),
    "sounds that would take the place of what is read": (
        together(text("out/a.wav", "0\n"), text("out/generation.json", "a.wav\n")),
        "generate run --conditioning-index out/generation.json --out out --overwrite",
        [
            "out/a.wav: is read and would be overwritten; give --out another folder",
            "out/generation.json: is read and would be overwritten; give --out another folder",
        ],
    ),
    "a sound that would take its primer's place": (
        together(copy("valid/a.wav", "sound_000.wav"), text("link/x", "")),
        "generate free --seconds 0.01 --prime sound_000.wav --out link/.. --overwrite",
        "sound_000.wav: is read and would be overwritten; give --out another folder",
    ),
    "a sound on whose way to the disk an input lies": (
        together(text("out/.a.wav.partial", "0\n"), text("out/index.txt", "../valid/a.csv\n.a.wav.partial\n")),
        "generate run --conditioning-index out/index.txt --out out --overwrite",
        "out/.a.wav.partial: is read and would be overwritten; give --out another folder",
    ),
    "a sound whose name would be too long": (
        together(text(f"{'x' * 250}.csv", "0\n"), text("index.txt", f"{'x' * 250}.csv\n")),
        GENERATE,
        f"out/{'x' * 250}.wav: would have a name of more than 255 bytes; give its condition file a shorter one",
    ),
    "a generation.json of somebody else": (
        text("out/generation.json", "[" * 100_000),
        GENERATE,
        "out/generation.json: is not what `generate` writes; give --overwrite, or --out another folder",
    ),
    "sounds that exist": (
        together(text("out/a.wav", "x"), text("out/b.wav", "x")),
        GENERATE,
        [
            "out/a.wav: exists; give --overwrite, or --out another folder",
            "out/b.wav: exists; give --overwrite, or --out another folder",
        ],
    ),
    "an output folder that is a file": (text("out", ""), GENERATE, "out: is not a folder; give --out a folder"),
    "an output folder below a file": (
        text("out", ""),
        f"{GENERATE}/below",
        "out/below: cannot be written: Not a directory; choose another folder",
    ),
    "faults in everything": (
        together(text("out", ""), line_of("valid/a.csv", 4, "x"), remove("train/a.csv", "run/checkpoints")),
        f"{GENERATE} --prime train/a.wav",
        [
            'valid/a.csv:4: "x" is not a class; write one whole number per line, 0 to 2',
            "train/a.wav: has no a.csv beside it; a conditional run needs the sound's conditions there",
            "out: is not a folder; give --out a folder",
            "run/checkpoints: holds no checkpoint yet; train with `fit` first",
        ],
    ),
    # fit
    "a run of another spec": (
        spec(tiers=frames(4, dim=8), training={"seed": 5, "epochs": 9}),
        "fit spec.json --run run",
        [
            (
                "run: was begun with another spec: tiers[0].dim: 6 -> 8; restore the spec, give --run another "
                "folder, or begin anew with --restart (the old run is kept)"
            ),
            (
                "run: was begun with another spec: training.seed: 123 -> 5; restore the spec, give --run another "
                "folder, or begin anew with --restart (the old run is kept)"
            ),
        ],
    ),
    "a folder that holds something else": (
        text("notes/a.txt", "x"),
        "fit spec.json --run notes",
        "notes: exists and is no run directory; give --run another folder",
    ),
    "a restart of something else": (
        text("notes/a.txt", "x"),
        "fit spec.json --run notes --restart",
        "notes: exists and is no run directory; give --run another folder",
    ),
    "a run that is a text": (
        nothing(),
        "fit spec.json --run index.txt",
        "index.txt: exists and is no run directory; give --run another folder",
    ),
    "a run below a file": (
        nothing(),
        "fit spec.json --run index.txt/run",
        "index.txt/run: cannot be written: Not a directory; choose another folder",
    ),
    "a run among the sounds": (
        nothing(),
        "fit spec.json --run valid/run",
        (
            "valid/run: lies inside data.valid = HOME/valid, where a run's sounds would be taken for the "
            "corpus'; give --run a folder elsewhere"
        ),
    ),
    "a checkpoint that is damaged": (
        patch(f"{CHECKPOINT}/training.npz", 200, "<I", 99),
        "fit spec.json --run run --max-steps 3",
        "run/checkpoints/step-0000000002-validated/training.npz: is damaged, its size or sha256 is not the manifest's; "
        "restore the file from a copy, or begin anew with `fit --restart`",
    ),
    "first weights of another shape": (
        nothing(),
        "fit spec.json --run new --init-from free",
        (
            'free: its weights do not fit the spec: conditioning: null -> {"classes": 3}, tiers[0].dim: 5 -> '
            "6; --init-from takes a run of the same tiers, q_levels and number of classes"
        ),
    ),
    "first weights from no run": (
        nothing(),
        "fit spec.json --run new --init-from valid",
        "valid: is no run directory, it holds no spec.json; give a folder that `fit` made",
    ),
    "first weights without checkpoint": (
        remove("free/checkpoints"),
        "fit spec.json --run run --restart --init-from free",
        "free/checkpoints: holds no checkpoint yet; train with `fit` first",
    ),
    # evaluate
    "nothing held out": (
        nothing(),
        "evaluate free",
        "free: its spec names neither test nor validation files; give --data",
    ),
    "sounds without csv to score": (
        remove("valid/a.csv", "valid/b.csv"),
        "evaluate run --data valid --json",
        (
            "valid: holds 2 sounds and no csv, but the spec has conditioning; put a csv of one class per "
            "sample beside each sound, or take `conditioning` out of the spec"
        ),
    ),
    "no folder to score": (
        nothing(),
        "evaluate run --data corpus",
        "corpus: does not exist; name the folder that holds the corpus",
    ),
    "a run without checkpoint to score": (
        remove("run/checkpoints"),
        "evaluate run",
        "run/checkpoints: holds no checkpoint yet; train with `fit` first",
    ),
    "a run to score that is none": (
        nothing(),
        "evaluate valid",
        "valid: is no run directory, it holds no spec.json; give a folder that `fit` made",
    ),
}
CLOSED = [
    (".", 0o555, "fit spec.json --run new", "new: cannot be written: Permission denied; " + WRITE_ELSEWHERE),
    (
        "run",
        0o555,
        "fit spec.json --run run",
        "run/metrics.csv: cannot be written: Permission denied; " + WRITE_ELSEWHERE,
    ),
    ("run", 0o555, f"{GENERATE[:-3]}run/out", "run/out: cannot be written: Permission denied; " + WRITE_ELSEWHERE),
    ("spec.json", 0, "fit spec.json", "spec.json: cannot be read (Permission denied); give the path of a spec"),
    ("train/a.wav", 0, "fit spec.json", "HOME/train/a.wav: Permission denied; make it readable or move it away"),
    ("run", 0, GENERATE, "run/spec.json: Permission denied; see to its permissions"),
]


def refused(command, home, lines):
    """Hold a command to its answer: the lines (HOME for the folder), status 1, nothing on stdout or on the disk."""
    before = listing(home)
    answer = give(command, home)
    assert answer.err.replace(str(home), "HOME").splitlines() == ([lines] if isinstance(lines, str) else lines)
    assert (answer.status, answer.out) == (1, "")
    assert listing(home) == before


@pytest.mark.parametrize("spoil, lines", SPECS.values(), ids=SPECS)
def test_a_spec_that_is_wrong_begins_no_run(home, spoil, lines):
    spoil(home)
    refused("fit spec.json --run new", home, lines)


@pytest.mark.parametrize("spoil, lines", CORPORA.values(), ids=CORPORA)
def test_a_corpus_that_is_wrong_begins_no_run(home, spoil, lines):
    spoil(home)
    refused("fit spec.json --run new", home, lines)


@pytest.mark.parametrize("spoil, command, lines", COMMANDS.values(), ids=COMMANDS)
def test_a_command_that_cannot_be_done_writes_nothing(home, spoil, command, lines):
    spoil(home)
    refused(command, home, lines)


def test_a_run_that_another_fit_trains_is_left_alone(home):
    line = "run: another fit is training this run; wait for it, stop it, or give --run another folder"
    with (home / "run/.lock").open() as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        refused("fit spec.json --run run --max-steps 3", home, [line])
        refused("fit spec.json --run run --restart", home, [line])


def test_a_run_that_another_fit_moves_away_meanwhile_is_not_locked_twice(home, monkeypatch):
    run, flock = RunFolder(home / "run", None), fcntl.flock

    def late(stream, how):
        """Lock, after a fit with --restart has begun anew in the same place."""
        monkeypatch.undo()
        run.set_aside()
        (home / "run").mkdir()
        (home / "run/.lock").touch()
        flock(stream, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(UserError, match="another fit is training this run"), run.locked():
        pass


def test_a_folder_that_another_generate_writes_to_is_left_alone(home):
    (home / "out").mkdir()
    line = "out: another `generate` is writing there; wait for it, or give --out another folder"
    other = os.open(home / "out", os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    refused(GENERATE, home, line)
    os.close(other)
    assert give(GENERATE, home).status == 0


def test_sounds_that_another_generate_made_meanwhile_are_kept(home, monkeypatch):
    load_chosen = generation.load_chosen

    def slowly(*arguments):
        """Load the weights while another command generates the same."""
        monkeypatch.undo()
        assert give(GENERATE, home).status == 0
        return load_chosen(*arguments)

    monkeypatch.setattr(generation, "load_chosen", slowly)
    answer = give(GENERATE, home)
    assert (answer.status, answer.err.splitlines()) == (
        1,
        [f"out/{name}.wav: exists; give --overwrite, or --out another folder" for name in "ab"],
    )


def test_a_file_system_without_locks_is_named(home, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    line = "run: cannot be locked (No locks available); give --run a folder on another file system"
    refused("fit spec.json --run run --max-steps 3", home, line)
    assert give(GENERATE, home).status == 0


@pytest.mark.parametrize("path, mode, command, line", CLOSED)
def test_what_is_not_the_users_is_named(home, forks, path, mode, command, line):
    messages = home.with_name("messages.txt")
    (home / path).chmod(mode)
    try:
        status, _ = forks.start(command, home, messages, privileged=False).wait()
    finally:
        (home / path).chmod(0o755)
    assert (status, messages.read_text()) == (1, f"{line}\n".replace("HOME", str(home)))


def test_logs_that_are_a_file_are_named(home):
    shutil.rmtree(home / "run/logs")
    (home / "run/logs").touch()
    answer = give("fit spec.json --run run --max-steps 3", home)
    assert (answer.status, answer.err.splitlines()[1:]) == (
        1,
        ["run/logs: cannot be written: Not a directory; choose another folder"],
    )


@pytest.mark.parametrize("cache", ["~nobody-here/cache", ""])
def test_a_home_that_is_not_known_is_named(home, monkeypatch, cache):
    monkeypatch.setenv("KERAS_SAMPLERNN_CACHE", cache)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", lambda number: {}[number])
    line = "HOME: is not set, and this user has no home folder; set it"
    if cache:
        line = f"KERAS_SAMPLERNN_CACHE = {cache}: there is no such home; set an absolute path"
    refused("cache", home, line)
