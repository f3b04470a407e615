"""The command `live`: what is said while it sounds is heard, written down, and can be made again to the byte."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import give
from score_home import RATE

import keras_samplernn

WORDS = "pitch c4\nloudness -20\n", "pitch e4\ntemperature 0.7\n", "loudness none\nseed 9\nsnapshot a\n", "pitch g4\n"
MORE_WORDS = "restore a\npitch c4\n", "prime door.wav\n", "pitch none\nmute\n", "mute off\npitch e4\nreset\n"
BAD = (
    "pitch h9",
    "loudness nan",
    "temperature -1",
    "tempo 3",
    "restore nothing",
    "x" * 100_000,
    "9: reset",
    "mute maybe",
)

ROOT = Path(keras_samplernn.__file__).parents[1]


@contextlib.contextmanager
def playing(*arguments, environment=None, **options):
    command = [sys.executable, "-m", "keras_samplernn", "live", *map(str, arguments)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
        **options,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(process, text):
    lines = []
    for line in process.stderr:
        lines.append(line)
        if text in line:
            return line
    raise AssertionError("".join(lines))


def say(process, text):
    process.stdin.write(text)
    process.stdin.flush()


def wave_of(path):
    return soundfile.read(path, dtype="int16")[0]


@pytest.mark.journey
def test_what_was_played_is_generated_again_to_the_byte(score_home, tmp_path):
    out, take = tmp_path / "out" / "played.wav", tmp_path / "take.csv"
    shutil.copy(score_home / "door.wav", tmp_path)
    (tmp_path / "door.csv").write_text("start,stop,pitch\n0.0,0.1,c4\n")
    options = "--out", out, "--record", take, "--seed", 3, "--fade", 8, "--block", 16
    with playing(score_home / "both", *options, cwd=tmp_path) as process:
        wait_for(process, "quit")
        for number, words in enumerate((*WORDS, *MORE_WORDS)):
            say(process, words)
            if "prime" in words:
                wait_for(process, "prime: goes on from door.wav")
            time.sleep(0.15 + 0.03 * number)
        say(process, "quit\n")
        _, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert "17 messages heard, 0 refused, 0 dropped" in told
    note = json.loads(take.with_suffix(".json").read_text())
    assert {done["deed"]["do"] for done in note["deeds"]} == {
        *("temperature", "seed", "snapshot", "restore", "prime", "mute", "reset")
    }
    played = wave_of(out)
    assert len(played) == note["samples"] > 2 * RATE
    made = tmp_path / "made"
    answer = give(f"generate both --conditions {take} --out {made}", score_home)
    assert (answer.status, answer.out) == (0, f"{made / 'take.wav'}\n"), answer.err
    assert "take: is made as it was played, with seed 3" in answer.err
    assert (made / "take.wav").read_bytes() == out.read_bytes()
    entry = json.loads((made / "generation.json").read_text())["take.wav"]
    assert entry["seed"] == 3 and entry["take_sha256"]


def test_bad_words_are_told_and_cost_nothing(score_home, tmp_path):
    out = tmp_path / "played.wav"
    with playing(score_home / "both", "--out", out, "--seconds", 4) as process:
        wait_for(process, "quit")
        say(process, "".join(f"{word}\n" for word in BAD))
        say(process, "pitch c4\n\n  \n" * 500)
        say(process, "".join(f"snapshot s{number}\n" for number in range(66)))
        _, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert f"567 messages heard, {len(BAD) + 2} refused, 0 dropped" in told
    assert 'ignored: pitch: "h9" is not a class' in told
    assert len(wave_of(out)) == 4 * RATE  # a file loses nothing, however late a block is


def test_voices_are_channels_or_mixed(score_home, tmp_path):
    """Each voice has controls of its own; the mix is their mean; several takes make the channels again."""
    words = "1: pitch c4\n2: pitch g4\n2: temperature 0.5\n"
    for name, options in {"apart": ("--channels",), "mixed": ()}.items():
        out, take = tmp_path / f"{name}.wav", tmp_path / name / "take.csv"
        with playing(
            score_home / "both", "--voices", 2, "--out", out, "--record", take, "--seconds", 1.2, *options
        ) as process:
            say(process, words)
            _, told = process.communicate(timeout=60)
        assert process.returncode == 0, told
    takes = [tmp_path / "apart" / f"take_{number}.csv" for number in (1, 2)]
    assert give(f"generate both --conditions {takes[0]} {takes[1]} --out {tmp_path}", score_home).status == 0
    apart = wave_of(tmp_path / "apart.wav")
    assert apart.shape == (1.2 * RATE, 2)
    np.testing.assert_array_equal(apart, np.stack([wave_of(tmp_path / f"take_{n}.wav") for n in (1, 2)], axis=1))
    assert (apart[:, 0] != apart[:, 1]).any()
    assert wave_of(tmp_path / "mixed.wav").ndim == 1


def test_pcm_on_stdout_in_time_and_at_another_rate(score_home):
    began = time.monotonic()
    with playing(score_home / "free", "--rate", 4 * RATE, "--seconds", 1.5, stdout=subprocess.PIPE) as process:
        process.stdin.close()
        first = process.stdout.buffer.read(2)
        sounding = time.monotonic()
        rest = process.stdout.buffer.read()
        ended = time.monotonic()
        told = process.stderr.read()
        assert process.wait(timeout=60) == 0
    wave = np.frombuffer(first + rest, "<i2")
    silent = int(re.search(r"(\d+) underruns", told)[1]) * 4 * 128  # at most, if the machine is busy
    assert -4 <= len(wave) - 6 * RATE <= silent + 4
    assert 1.2 < ended - sounding < 1.5 + (sounding - began)  # in time, not as fast as it can
    assert wave.any()


def test_an_unconditional_run_is_played_and_made_again(score_home, tmp_path):
    out, take = tmp_path / "played.wav", tmp_path / "take.csv"
    with playing(score_home / "free", "--out", out, "--record", take, "--seconds", 0.7) as process:
        say(process, "temperature 0.4\n")
        process.communicate(timeout=60)
    assert not take.exists()
    assert give(f"generate free --conditions {take} --out {tmp_path / 'made'}", score_home).status == 0
    assert (tmp_path / "made" / "take.wav").read_bytes() == out.read_bytes()


def test_osc_plays_and_is_answered(score_home, tmp_path):
    pytest.importorskip("pythonosc")
    from pythonosc.osc_message_builder import OscMessageBuilder
    from pythonosc.osc_packet import OscPacket

    def message(address, *values):
        builder = OscMessageBuilder(address=address)
        for value in values:
            builder.add_arg(value)
        return builder.build().dgram

    with playing(score_home / "both", "--osc", 0, "--out", tmp_path / "o.wav", "--seconds", 30) as process:
        port = int(wait_for(process, "OSC at port").split()[-1])
        wait_for(process, "quit")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(10)
            client.connect(("127.0.0.1", port))
            good = message("/pitch", "e4"), message("/loudness", -12.5), message("/1/temperature", 0.9)
            bad = (
                b"\xff" * 60_000,
                b"/pitch",
                message("/loudness", float("nan")),
                message("/a/b/c"),
                message("/tempo", 1),
            )
            late = b"#bundle\0" + b"\x7f" * 8 + len(good[0]).to_bytes(4, "big") + good[0]  # its time is in 2036
            for datagram in (*good, *bad, late):
                client.send(datagram)
            for _ in range(3000):
                client.send(message("/nonsense"))
            time.sleep(2.5)
            client.send(message("/status"))
            answer = OscPacket(client.recv(65536)).messages[0].message
        figures = dict(zip(answer.params[::2], answer.params[1::2], strict=True))
        assert answer.address == "/status"
        assert figures["heard"] == 4
        assert figures["1/pitch"] == "e4" and figures["1/loudness"] == "-12.5"
        assert figures["refused"] >= len(bad)
        assert figures["seconds"] > 1
        say(process, "quit\n")
        _, told = process.communicate(timeout=60)
    assert process.returncode == 0, told


def test_midi_plays(score_home, tmp_path):
    take = tmp_path / "take.csv"
    environment = {"MIDO_BACKEND": "midi_stand_in", "PYTHONPATH": f"{Path(__file__).parent}{os.pathsep}{ROOT}"}
    options = "--midi", "PIANO", "--out", tmp_path / "o.wav", "--record", take, "--seconds", 3
    with playing(score_home / "both", *options, environment=environment) as process:
        _, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert "notes c4 to g4 play pitch" in told and "controller 1 plays loudness" in told
    assert [row.split(",")[2] for row in take.read_text().splitlines() if row.endswith("4,")] == ["c4", "e4"]
    with playing(
        score_home / "both", "--midi", "organ", "--out", tmp_path / "p.wav", environment=environment
    ) as process:
        _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "--midi organ: is no port; ports are: stand-in piano" in told
    assert not (tmp_path / "p.wav").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_well(score_home, tmp_path, number):
    out, take = tmp_path / "played.wav", tmp_path / "take.csv"
    # The shell that runs tests may ignore SIGINT for its children.
    script = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from keras_samplernn.commands.program"
    )
    script += " import main; main()"
    command = [sys.executable, "-c", script, "live", str(score_home / "both"), "--out", str(out), "--record", str(take)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(process, "quit")
        say(process, "pitch e4\n")
        time.sleep(0.6)
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, told
    assert give(f"generate both --conditions {take} --out {tmp_path / 'made'}", score_home).status == 0
    assert (tmp_path / "made" / "take.wav").read_bytes() == out.read_bytes()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--record take.txt", "--record take.txt: is not the name of a csv; give one that ends in .csv"),
        ("--osc here", "--osc here: give HOST:PORT, as 127.0.0.1:9000, or PORT alone"),
        ("--precision int8 --voices 2", "--voices 2: --precision int8 plays one voice; leave one of the two"),
    ],
)
def test_what_cannot_be_played_is_one_line(score_home, tmp_path, options, told):
    answer = give(f"live both --out {tmp_path / 'o.wav'} {options}", score_home)
    assert answer.status == 1 and told in answer.err and len(answer.err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_take_leaves_no_room_for_some_options(score_home, tmp_path):
    take = tmp_path / "take.csv"
    options = "--out", tmp_path / "o.wav", "--record", take, "--seconds", 0.1, "--block", 16
    with playing(score_home / "both", *options) as process:
        process.communicate(timeout=60)
    command = f"generate both --conditions {take} --out {tmp_path / 'm'}"
    for option in ("--seconds 1", "--guidance 2", "--candidates 2"):
        answer = give(f"{command} {option}", score_home)
        assert answer.status == 1
        assert f"leave {option.split()[0]} out, or remove the note take.json beside it" in answer.err
    answer = give(f"live both --out {tmp_path / 'p.wav'} --record {take}", score_home)
    assert (answer.status, answer.err.splitlines()[0]) == (1, f"{take}: exists; give --record another name")
    whole = take.read_text()
    take.write_text("start,stop,pitch\n0,10,c4\n")  # edited: shorter than what was played
    assert give(command, score_home).status == 0
    assert len(wave_of(tmp_path / "m" / "take.wav")) == RATE // 10
    take.write_text(whole)
    before = (tmp_path / "o.wav").read_bytes()
    answer = give(f"live both --out {tmp_path / 'o.wav'}", score_home)
    assert (answer.status, answer.err) == (1, f"--out {tmp_path / 'o.wav'}: exists; give another name\n")
    assert (tmp_path / "o.wav").read_bytes() == before
    take.with_suffix(".json").unlink()
    assert give(f"{command} --seconds 0.2 --overwrite", score_home).status == 0
