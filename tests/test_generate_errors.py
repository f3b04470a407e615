"""`generate` says in one line for each problem what it cannot do, and writes nothing."""

import errno
import fcntl
import os

import pytest
from command_line import give, listing
from spoiling import changed, copy, cut, frames, line_of, loop, nothing, patch, refused, remove, sound, text, together
from tiny_home import LAST_STEP

from keras_samplernn.generation import files as generation

CHECKPOINT = f"run/checkpoints/{LAST_STEP}"
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
    "an index that names a missing file and condition files with faults": (
        together(text("index.txt", "valid/a.csv\nvalid/c.csv\nvalid/b.csv\n"), line_of("valid/b.csv", 5, "7")),
        GENERATE,
        [
            'index.txt:2: "valid/c.csv" is not a file; did you mean "b.csv"?',
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
        "valid: is not a run directory, it holds no spec.json; give a folder that `fit` made",
    ),
    "a run that is a file": (
        nothing(),
        "generate index.txt --conditioning-index index.txt --out out",
        "index.txt: is not a run directory, it holds no spec.json; give a folder that `fit` made",
    ),
    "a run that is missing": (
        nothing(),
        "generate runs/x --conditioning-index index.txt --out out",
        "runs/x: is not a run directory, it holds no spec.json; give a folder that `fit` made",
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
        "restore the file from a copy, or start again with `fit --restart`",
    ),
    "weights that are cut": (
        cut(f"{CHECKPOINT}/weights.npz", 9),
        GENERATE,
        "run/checkpoints/step-0000000002-validated/weights.npz: is damaged, its size or sha256 is not the manifest's; "
        "restore the file from a copy, or start again with `fit --restart`",
    ),
    "weights that are missing": (
        remove(f"{CHECKPOINT}/weights.npz"),
        GENERATE,
        "run/checkpoints/step-0000000002-validated/weights.npz: cannot be read (No such file or directory); "
        "restore the file from a copy, or start again with `fit --restart`",
    ),
    "a manifest that is damaged": (
        text(f"{CHECKPOINT}/manifest.json", "{"),
        GENERATE,
        "run/checkpoints/step-0000000002-validated/manifest.json: is damaged; "
        "restore the file from a copy, or start again with `fit --restart`",
    ),
    "a manifest of something else": (
        text(f"{CHECKPOINT}/manifest.json", "[]"),
        GENERATE,
        "run/checkpoints/step-0000000002-validated/manifest.json: is damaged; "
        "restore the file from a copy, or start again with `fit --restart`",
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
            "run/checkpoints/step-0000000002-validated/weights.npz: does not fit the run's spec; the"
            " spec or the file was changed by hand: restore it, or train a new run"
        ),
    ),
    # What is asked of it
    "a conditional run asked for seconds": (
        nothing(),
        "generate run --seconds 1 --count 2 --out out",
        (
            "run: is a conditional run and was called without --conditioning-index or --conditions; give"
            " --conditioning-index or --conditions: the condition files say what each sound is, and how long"
        ),
    ),
    "a conditional run asked for a count": (
        nothing(),
        f"{GENERATE} --count 2",
        "run: is a conditional run and was called with --count; leave it out: each condition file is one sound",
    ),
    "an unconditional run with an index": (
        nothing(),
        "generate free --conditioning-index index.txt --out out",
        "free: is an unconditional run and was called with --conditioning-index; give --seconds and --count",
    ),
    "an unconditional run without a length": (
        nothing(),
        "generate free --out out",
        "free: is an unconditional run and was called without --seconds; give --seconds and --count",
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
        "train/a.csv: 299 conditions for a sound of 300 samples, 1 too few; give one line for each sample of the audio"
        " file",
    ),
    "a primer without samples": (
        sound("silence.wav", 0),
        f"{GENERATE} --prime silence.wav",
        "silence.wav: has 0 samples; a primer needs at least one",
    ),
    # The output
    "a name with control characters": (
        together(text("a\x1b[2Jb.csv", "0\n"), text("index.txt", "a\x1b[2Jb.csv\n")),
        GENERATE,
        'index.txt:1: "a?[2Jb.csv" holds a control character; rename the file',
    ),
    "sounds that would take the place of what is read": (
        together(
            text("out/generation.json", "a.csv\n"),
            *(copy(f"valid/{name}", f"out/{name}") for name in ("a.wav", "a.csv")),
        ),
        "generate run --conditioning-index out/generation.json --prime out/a.wav --out out --overwrite",
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
        text("out/.a.wav.partial", "../valid/a.csv\n"),
        "generate run --conditioning-index out/.a.wav.partial --out out --overwrite",
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
}


@pytest.mark.parametrize("spoil, command, lines", COMMANDS.values(), ids=COMMANDS)
def test_a_command_that_cannot_be_done_writes_nothing(home, spoil, command, lines):
    spoil(home)
    refused(command, home, lines)


def test_a_folder_that_another_generate_writes_to_is_left_alone(home):
    (home / "out").mkdir()
    line = "out: another `generate` is writing there; wait for it, or give --out another folder"
    other = os.open(home / "out", os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    refused(GENERATE, home, line)
    os.close(other)
    assert give(GENERATE, home).status == 0


@pytest.mark.parametrize("seed", [0, 1])
def test_sounds_that_another_generate_made_meanwhile_are_kept(home, monkeypatch, seed):
    load_chosen, before = generation.load_chosen, {}

    def slowly(*arguments):
        """Load the weights while another command generates the same, or with another seed."""
        monkeypatch.undo()
        assert give(f"{GENERATE} --seed {seed}", home).status == 0
        before.update(listing(home))
        return load_chosen(*arguments)

    monkeypatch.setattr(generation, "load_chosen", slowly)
    answer = give(GENERATE, home)
    told = f"was made with seed {seed}, and 0 is asked for; give --overwrite, or --out another folder"
    assert (answer.status, answer.out) == (min(seed, 1), "")
    assert all((f"out/{name}.wav: {told}" in answer.err.splitlines()) == bool(seed) for name in "ab")
    assert listing(home) == before


def test_a_file_system_without_locks_is_generated_to(home, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    assert give(GENERATE, home).status == 0
