"""Killed at any moment and started again, a training ends with the bytes of one that was left alone."""

import random
import signal
import time

import pytest
from command_line import outcome, write_sound, write_spec

from keras_samplernn.checkpoints.shelf import list_checkpoints

RNN = {"type": "frame_rnn", "dim": 6}
MLP = {"type": "sample_mlp", "dim": 6, "emb_size": 4, "window": None}
VARIANTS = {
    "two tiers": {"tiers": [RNN | {"frame_size": 8}, MLP], "conditioning": None},
    "three tiers": {"tiers": [RNN | {"frame_size": 8}, RNN | {"frame_size": 2}, MLP], "conditioning": None},
    "four tiers": {"tiers": [RNN | {"frame_size": size} for size in (16, 8, 2)] + [MLP], "conditioning": None},
    "SSM": {"tiers": [{"type": "frame_ssm", "dim": 6, "frame_size": 8, "dropout": 0.3}, MLP]},
    "conditional": {"tiers": [RNN | {"frame_size": 8}, RNN | {"frame_size": 2}, MLP]},
    "dropout": {"tiers": [RNN | {"frame_size": 8, "n_rnn": 2, "rnn_type": "LSTM", "dropout": 0.3}, MLP]},
}
# All that the others have, which stands for them where not the full counts are asked for.
EVERYTHING = {
    "everything": {
        "tiers": [RNN | {"frame_size": 8, "n_rnn": 2, "rnn_type": "LSTM", "dropout": 0.3}, RNN | {"frame_size": 2}, MLP]
    }
}
KILLS = 4
CHECKPOINT_MINUTES = 0.002


def pytest_generate_tests(metafunc):
    full = metafunc.config.getoption("--full")
    metafunc.parametrize("home", VARIANTS | EVERYTHING if full else EVERYTHING, indirect=True, scope="module")


@pytest.fixture(scope="module")
def home(request, forks, tmp_path_factory):
    """Corpora and spec of a variant, and a run `whole` that was left alone; with how long it took."""
    home = tmp_path_factory.mktemp("kills")
    for corpus, lengths in (("train", (2400, 2390)), ("valid", (150,))):
        (home / corpus).mkdir()
        for number, samples in enumerate(lengths):
            write_sound(home / corpus / f"{number}.wav", samples, seed=number)
    write_spec(home, training={"checkpoint_minutes": CHECKPOINT_MINUTES}, **(VARIANTS | EVERYTHING)[request.param])
    began = time.monotonic()
    status, _ = fit(forks, home, "whole").wait()
    assert status == 0, (home / "whole.txt").read_text()
    return request.param, home, time.monotonic() - began


def fit(forks, home, run):
    return forks.start(f"fit spec.json --run {run}", home, home / f"{run}.txt")


def at_any_time(run, moment, seconds):
    """Wait for a part of the seconds that a fit takes when it has the machine for itself."""
    time.sleep(moment * seconds)


def in_the_midst_of(run, moment, seconds):
    """Wait until a fit that may be slow has written a checkpoint, and then for a part of the time to the next."""
    before, until = newest_step(run), time.monotonic() + 300
    while newest_step(run) == before:
        assert time.monotonic() < until
        time.sleep(0.01)
    time.sleep(moment * 60 * CHECKPOINT_MINUTES)


def newest_step(run):
    checkpoints = list_checkpoints(run / "checkpoints")
    return checkpoints[-1].step if checkpoints else 0


def test_chains_of_kills_end_as_if_there_had_been_none(home, forks, rounds, tally):
    variant, home, seconds = home
    source, kills, chains, most = random.Random(variant), 0, rounds(1, 50), rounds(1, KILLS)
    expected = outcome(home / "whole")
    for chain in range(chains):
        run, newest = f"chain_{chain}", 0
        for kill in range(most + 1):
            command = fit(forks, home, run)
            if kill < most:
                moment = source.uniform(0.1, 0.9)
                rounds(in_the_midst_of, at_any_time)(home / run, moment, seconds / (1 + kill / 2))
                command.kill()
            status, _ = command.wait()
            said = command.messages.read_text()
            assert "Traceback" not in said, said
            # All that a checkpoint holds is there again.
            assert f"{run}: continues after step {newest}\n" in said or not newest or "is finished" in said or not said
            newest = newest_step(home / run)
            kills += status == -signal.SIGKILL
            if status == 0:
                break
        assert status == 0, said
        assert outcome(home / run) == expected
    assert kills >= chains
    tally("bit-identical resume", f"{variant}: chains of up to {KILLS} kills, each with the same bytes", chains)
    tally("SIGKILL", f"{variant}: kills at random, each resumed by the same command", kills)
