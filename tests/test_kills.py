"""Killed at any moment and started again, a training ends with the bytes of one that was left alone."""

import csv
import json
import random
import shutil
import signal
import time

import pytest
from command_line import give, write_corpora, write_sound, write_spec
from faults import operations

from keras_samplernn.checkpoint import list_checkpoints

RNN = {"type": "frame_rnn", "dim": 6}
MLP = {"type": "sample_mlp", "dim": 6, "emb_size": 4}
VARIANTS = {
    "two tiers": {"tiers": [RNN | {"frame_size": 8}, MLP], "conditioning": None},
    "three tiers": {"tiers": [RNN | {"frame_size": 8}, RNN | {"frame_size": 2}, MLP], "conditioning": None},
    "four tiers": {"tiers": [RNN | {"frame_size": size} for size in (16, 8, 2)] + [MLP], "conditioning": None},
    "conditional": {"tiers": [RNN | {"frame_size": 8}, RNN | {"frame_size": 2}, MLP]},
    "dropout": {"tiers": [RNN | {"frame_size": 8, "n_rnn": 2, "rnn_type": "LSTM", "dropout": 0.3}, MLP]},
}
KILLS = 4
SECONDS = 120


@pytest.fixture(scope="module", params=VARIANTS)
def home(request, forks, tmp_path_factory):
    """Corpora and spec of a variant, and a run `whole` that was left alone; with how long it took."""
    home = tmp_path_factory.mktemp("kills")
    for corpus, lengths in (("train", (2400, 2390)), ("valid", (150,))):
        (home / corpus).mkdir()
        for number, samples in enumerate(lengths):
            write_sound(home / corpus / f"{number}.wav", samples, seed=number)
    write_spec(home, training={"checkpoint_minutes": 0.002}, **VARIANTS[request.param])
    began = time.monotonic()
    status, _ = fit(forks, home, "whole").wait()
    assert status == 0, (home / "whole.txt").read_text()
    return request.param, home, time.monotonic() - began


def fit(forks, home, run, **options):
    return forks.start(f"fit spec.json --run {run}", home, home / f"{run}.txt", **options)


def outcome(run):
    """Return the last checkpoint's arrays, and state and metrics without what tells the time."""
    last = list_checkpoints(run / "checkpoints")[-1]
    state = last.read_state()
    rows = list(csv.DictReader((run / "metrics.csv").open()))
    for row in [*state["rows"], *rows]:
        del row["samples_per_second"]
    arrays = [(last.folder / name).read_bytes() for name in ("weights.npz", "training.npz")]
    return last.folder.name, arrays, json.dumps(state), rows


def test_chains_of_kills_end_as_if_there_had_been_none(home, forks, rounds, tally):
    variant, home, seconds = home
    source, kills, chains = random.Random(variant), 0, rounds(1, 50)
    expected = outcome(home / "whole")
    for chain in range(chains):
        run, newest = f"chain_{chain}", 0
        for kill in range(KILLS + 1):
            command = fit(forks, home, run)
            if kill < KILLS:
                time.sleep(source.uniform(0.1, 0.9) * seconds / (1 + kill / 2))
                command.kill()
            status, _ = command.wait()
            said = command.messages.read_text()
            assert "Traceback" not in said, said
            # All that a checkpoint holds is there again.
            assert f"{run}: goes on after step {newest}\n" in said or not newest or "is finished" in said or not said
            checkpoints = list_checkpoints(home / run / "checkpoints")
            newest = checkpoints[-1].step if checkpoints else 0
            kills += status == -signal.SIGKILL
            if status == 0:
                break
        assert status == 0, said
        assert outcome(home / run) == expected
    assert kills >= chains
    tally("bit-identical resume", f"{variant}: chains of up to {KILLS} kills, each with the same bytes", chains)
    tally("SIGKILL", f"{variant}: kills at random, each resumed by the same command", kills)


@pytest.fixture(scope="module")
def resumable(forks, tmp_path_factory):
    """A run `run` after one of two steps, and `whole` after both; the spec keeps one checkpoint."""
    home = tmp_path_factory.mktemp("operations")
    write_corpora(home)
    write_spec(home, training={"keep_checkpoints": 1, "batch_size": 1}, data={"valid": None})
    for run, steps in (("run", 1), ("whole", 1), ("whole", 2)):
        assert forks.start(f"fit spec.json --run {run} --max-steps {steps}", home, home / "out").wait()[0] == 0
    return home


def test_a_kill_at_any_operation_on_the_disk_costs_one_checkpoint_at_most(forks, resumable, rounds, tally):
    """Every write, fsync, rename, removal: of a checkpoint's commit, and of all that a fit writes before and after."""
    home, command = resumable, "fit spec.json --run copy --max-steps 2"
    shutil.copytree(home / "run", home / "copy")
    kinds = operations(lambda: give(command, home))
    committed = len(kinds) - kinds[::-1].index("rename")
    steps, numbers = set(), rounds((committed // 2, committed - 8, committed + 8), range(len(kinds)))
    for number in numbers:
        shutil.rmtree(home / "copy")
        shutil.copytree(home / "run", home / "copy")
        status, _ = forks.start(command, home, home / "copy.txt", dies_at=number).wait()
        assert status == -signal.SIGKILL
        newest = list_checkpoints(home / "copy/checkpoints")[-1]
        newest.check()
        steps.add(newest.step)
        again = forks.start(command, home, home / "copy.txt")
        assert again.wait()[0] == 0
        assert f"copy: {'goes on after step 1' if newest.step == 1 else 'is finished'}" in again.messages.read_text()
        assert outcome(home / "copy") == outcome(home / "whole")
        assert [path.name for path in (home / "copy/checkpoints").iterdir()] == ["step-0000000002"]
    assert steps == {1, 2}
    tally("SIGKILL", "operations on the disk in a fit, killed at each, resumed by the same command", len(numbers))
