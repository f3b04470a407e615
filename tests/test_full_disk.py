"""A disk that takes no more is told in one line, leaves nothing half-written, and the same command goes on later."""

import random

import soundfile
from command_line import write_conditions, write_corpora, write_spec
from untrained import write_run

from keras_samplernn.checkpoints.shelf import list_checkpoints

# The file of the messages is limited too.
MESSAGES_BYTES = 1000


def sizes_of(folder):
    return [path.stat().st_size for path in folder.rglob("*") if path.is_file()]


def limits(sizes, count):
    """Return limits of which each stops another file: sizes at random, more of the small ones; and 0 with several."""
    source = random.Random(3)
    at_random = {int(source.choice(sizes) * source.random()) for _ in range(count)}
    return sorted(at_random | {0} if count > 1 else at_random)


def refused(command, home, limit):
    """Hold the answer of a command that ran out of space to the promise; return whether it did run out."""
    status, _ = command.wait()
    said = command.messages.read_text()
    if status == 0:
        return False
    assert status == 1, said
    assert "Traceback" not in said, said
    if limit > MESSAGES_BYTES:
        last = said.splitlines()[-1]
        assert "cannot be written: File too large; raise the limit on the size of files (ulimit -f) or " in last
    for path in home.rglob("*.wav"):
        assert soundfile.info(path).frames
    assert not [path for path in home.rglob("*") if path.name.endswith(".partial")]
    return True


def test_fit_on_a_full_disk(forks, tmp_path, rounds, tally):
    write_corpora(tmp_path)
    write_spec(tmp_path, monitoring={"every_epochs": 1, "sounds": 1, "seconds": 0.05}, training={"epochs": 1})
    assert forks.start("fit spec.json --run whole", tmp_path, tmp_path / "out").wait()[0] == 0
    told = 0
    for number, limit in enumerate(limits(sizes_of(tmp_path / "whole"), rounds(1, 100))):
        run, messages = f"run_{number}", tmp_path / f"{number}.txt"
        told += refused(forks.start(f"fit spec.json --run {run}", tmp_path, messages, limit), tmp_path / run, limit)
        for checkpoint in list_checkpoints(tmp_path / run / "checkpoints"):
            checkpoint.check()
        again = forks.start(f"fit spec.json --run {run}", tmp_path, messages)
        assert again.wait()[0] == 0, messages.read_text()
    assert told
    tally("disk full", "fit: a limit on a file's size, told and gone on from", told)


def test_generate_on_a_full_disk(forks, tmp_path, rounds, tally):
    write_spec(tmp_path)
    write_run(tmp_path / "run", tmp_path / "spec.json")
    for samples in (700, 3000):
        write_conditions(tmp_path / f"n{samples}.csv", samples)
    (tmp_path / "index.txt").write_text("n700.csv\nn3000.csv\n")
    told = 0
    for number, limit in enumerate(limits([1400, 6100], rounds(1, 50))):
        command = f"generate run --conditioning-index index.txt --out sounds_{number} --batch-size 1"
        out, messages = tmp_path / f"sounds_{number}", tmp_path / f"{number}.txt"
        told += refused(forks.start(command, tmp_path, messages, limit), out, limit)
        for path in out.glob("*.wav"):
            assert soundfile.info(path).frames == int(path.stem[1:])
        assert forks.start(f"{command} --overwrite", tmp_path, messages).wait()[0] == 0
        assert len([*out.iterdir()]) == 3
    assert told
    tally("disk full", "generate: a limit on a file's size, told", told)
