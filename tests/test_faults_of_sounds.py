"""What is wrong with a generated sound: found while it is written, said in a line, and recorded."""

import json

import numpy as np
import pytest
from command_line import give, write_spec
from untrained import write_run

from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.streams import NONE, ClassesStream
from keras_samplernn.conditions.track import Track, runs
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.faults import FaultFinder, remedies

RATE = 100
QUANTIZER = Quantizer("linear", 256)
QUIET = QUANTIZER.silence
STREAMS = (ClassesStream("voice", ("bell", "rest")), ClassesStream("pitch", ("low", "high")))
NOISE = np.random.default_rng(0).integers(60, 190, 1000)


def columns(voice, pitch):
    spans = {"voice": runs(np.array(voice)), "pitch": runs(np.array(pitch))}
    return Columns(Track(len(voice), spans), STREAMS, RATE)


def found(codes, asked=None, piece=1000):
    finder = FaultFinder(RATE, QUIET, STREAMS if asked else (), asked)
    for start in range(0, len(codes), piece):
        finder.add(codes[start : start + piece], QUANTIZER.decode(codes[start : start + piece]))
    return finder.faults()


def still(code, start, stop):
    codes = NOISE.copy()
    codes[start:stop] = code
    return codes


@pytest.mark.parametrize("piece", [1, 7, 64, 1000])
@pytest.mark.parametrize(
    ("codes", "faults"),
    [
        (NOISE, {}),
        (NOISE[:0], {}),
        (np.full(50, QUIET), {"silent": True}),
        (np.full(500, 200), {"silent": True}),  # a constant is not heard, whatever it is
        (still(200, 300, 450), {"stuck_seconds": 1.5, "stuck_from_seconds": 3.0}),
        (still(200, 0, 120), {"stuck_seconds": 1.2, "stuck_from_seconds": 0.0}),
        (still(200, 880, 1000), {"stuck_seconds": 1.2, "stuck_from_seconds": 8.8}),
        (still(200, 300, 399), {}),
        (still(QUIET, 300, 700), {}),  # without classes nobody knows whether it is a pause
        (still(255, 10, 15), {"clipped_share": 0.005}),
        (still(0, 10, 15), {"clipped_share": 0.005}),
        (still(255, 10, 11), {}),
    ],
)
def test_a_fault_is_found_in_pieces_of_any_length(codes, faults, piece):
    assert found(codes, piece=piece) == faults


@pytest.mark.parametrize(
    ("asked", "faults"),
    [
        (columns([0] * 1000, [NONE] * 1000), {"stuck_seconds": 4.0, "stuck_from_seconds": 3.0}),
        (columns([NONE] * 1000, [1] * 1000), {"stuck_seconds": 4.0, "stuck_from_seconds": 3.0}),
        (columns([NONE] * 1000, [NONE] * 1000), {}),
        (columns([1] * 1000, [0] * 1000), {}),
        (columns([0] * 399 + [1] * 601, [0] * 1000), {}),
        (columns([0] * 400 + [1] * 600, [0] * 1000), {"stuck_seconds": 4.0, "stuck_from_seconds": 3.0}),
    ],
)
def test_silence_is_a_fault_where_a_class_is_asked_for_that_is_no_rest(asked, faults):
    assert found(still(QUIET, 300, 700), asked) == faults


def test_a_sound_of_rests_alone_may_be_silent():
    silence = np.full(300, QUIET)
    assert found(silence, columns([1] * 300, [NONE] * 300)) == {}
    assert found(silence, columns([1] * 299 + [0], [NONE] * 300)) == {"silent": True}


def test_each_fault_has_a_line_with_its_remedy():
    faults = {"silent": True, "clipped_share": 0.0312, "stuck_seconds": 2.5, "stuck_from_seconds": 0.75}
    bolder = "try a higher --temperature, another --checkpoint or --seed"
    assert [*remedies(faults, conditional=False, guidance=1.0)] == [
        f"silent, below -60 dBFS throughout; {bolder}",
        "clipped, 3.1% of the samples stand at full scale; try a lower --temperature, another --checkpoint",
        f"stuck at one value for 2.50 s, from 0.75 s on; {bolder}",
    ]
    (line,) = remedies({"silent": True}, conditional=True, guidance=3.0)
    assert line.endswith("or --guidance 4")
    (line,) = remedies({"clipped_share": 0.5}, conditional=True, guidance=3.0)
    assert line.endswith("or a lower --guidance")


@pytest.fixture(scope="module")
def home(corpus_cache, tmp_path_factory):
    home = tmp_path_factory.mktemp("faults")
    write_spec(home, "free.json", name="free", conditioning=None)
    write_run(home / "runs" / "free", home / "free.json")
    return home


def test_a_faulty_sound_is_said_and_recorded_once(home, tmp_path, monkeypatch):
    def advance(self, weights, carry, *_):
        return np.full((self.rows, self.block_samples), self.silence, np.int32), carry

    monkeypatch.setattr(GenerationEngine, "advance", advance)
    command = f"generate runs/free --seconds 0.5 --count 2 --out {tmp_path}"
    answer = give(command, home)
    lines = [line for line in answer.err.splitlines() if "silent" in line]
    assert lines == [
        f"{tmp_path}/sound_00{number}.wav: silent, below -60 dBFS throughout; try a higher --temperature, another"
        " --checkpoint or --seed"
        for number in range(2)
    ]
    record = json.loads((tmp_path / "generation.json").read_text())
    assert [entry["faults"] for entry in record.values()] == [{"silent": True}] * 2
    again = give(command, home)
    assert (again.status, "nothing to do" in again.err, "silent," in again.err) == (0, True, False)


def test_a_sound_without_a_fault_has_none_in_its_record(home, tmp_path, monkeypatch):
    def advance(self, weights, carry, *_):
        return self.silence + np.tile([-1, 0, 1, 0], (self.rows, self.block_samples // 4)), carry

    monkeypatch.setattr(GenerationEngine, "advance", advance)
    answer = give(f"generate runs/free --seconds 0.5 --out {tmp_path}", home)
    assert answer.status == 0, answer.err
    assert "faults" not in json.loads((tmp_path / "generation.json").read_text())["sound_000.wav"]
