"""The laws with every option switched on at once, since each of them alone could hold and two together not."""

import json
import shutil
import signal

import keras
import numpy as np
import pytest
import soundfile
from command_line import RATE, bytes_of, done, give, outcome, write_sound
from untrained import write_run
from variants import randomised

from keras_samplernn import load_run
from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.layout import nothing
from keras_samplernn.conditions.readers.reading import read_track
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.guidance import guidance_of
from keras_samplernn.generation.sound import Sound
from keras_samplernn.generation.stream import stream_parts
from keras_samplernn.plugins.coarse_fine import COARSE, FINE, join
from keras_samplernn.training.trainer import Trainer

pytestmark = pytest.mark.law

SPEC = {
    "name": "everything",
    "preset": "paper",
    "audio": {"sample_rate": RATE, "q_levels": 65536, "preemphasis": 0.85},
    "data": {"train": "train", "valid": "valid", "balance": 0.7, "segment_seconds": 0.04},
    "conditioning": {
        "streams": {
            "voice": {"classes": ["reed", "flute", "siren"], "position": True, "neighbours": True},
            "room": {"classes": 2, "position": True},
            "tension": {"number": {"low": -60, "high": 0}},
        },
        "condition_dropout": 0.2,
        "lookahead_dropout": 0.3,
    },
    "tiers": [
        {"type": "frame_ssm", "frame_size": 16, "dim": 6, "n_layers": 1, "overlap": 5, "condition_dim": 4},
        {"type": "frame_rnn", "frame_size": 4, "dim": 5, "overlap": 3, "condition_dim": 4, "dropout": 0.1},
        {"type": "sample_mlp", "dim": 9, "emb_size": 4, "window": 10},
    ],
    "head": {"type": "coarse_fine", "hidden": 6},
    "training": {
        "seq_len": 32,
        "batch_size": 2,
        "epochs": 2,
        "learning_rate": 0.01,
        "schedule": "exponential",
        "decay_steps": 20,
        "warmup_steps": 5,
        "weight_decay": 0.01,
        "input_noise": 500.0,
        "input_dropout": 0.3,
        "own_continuations": 2,
        "augmentation": {"gain_db": 6.0, "polarity": True, "speed": 0.1},
        "ema_decay": 0.9,
    },
    "monitoring": {"every_epochs": 0},
}
LENGTHS = {"train": (500, 437, 611), "valid": (300, 437)}
GUIDANCE, SAMPLES = 2.0, 96


SAID = ("reed", "flute", "reed>siren", "", "siren"), ("0", "1", ""), ("-50", "-40>-12.5", "", "-3")


def write_streams(path, samples, first):
    """Write spans of 5 ms with the values of each stream in turn: cross-fades, ramps, and nothing now and then."""
    lines = ["start,stop,voice,room,tension\n"]
    for number, start in enumerate(range(0, samples, 20), first):
        said = (values[number % len(values)] for values in SAID)
        lines.append(",".join([f"{start / RATE:f}", f"{min(start + 20, samples) / RATE:f}", *said]) + "\n")
    path.write_text("".join(lines))


@pytest.fixture(scope="module")
def home(corpus_cache, tmp_path_factory):
    """A folder with corpora, a run `whole` of two epochs, and a run `wild` whose weights are random and large."""
    home = tmp_path_factory.mktemp("everything")
    (home / "spec.json").write_text(json.dumps(SPEC))
    for part, lengths in LENGTHS.items():
        (home / part).mkdir()
        for number, samples in enumerate(lengths):
            write_sound(home / part / f"{number}.wav", samples, seed=number)
            write_streams(home / part / f"{number}.csv", samples, first=number)
    done("fit spec.json --run whole", home)
    write_run(home / "wild", home / "spec.json", randomised)
    return home


def test_a_run_that_was_stopped_within_two_epochs_ends_with_the_same_bytes(home, monkeypatch):
    """Weights, average, optimizer, states, figures and the state of the run."""
    taken, step = [], Trainer.step

    def stopped(trainer, batch):
        taken.append(batch)
        if len(taken) in (7, 31):
            signal.raise_signal(signal.SIGTERM)
        return step(trainer, batch)

    _, first, last = load_run(home / "whole").metrics["step"]
    assert 7 < first < 31 < last  # one stop is in the first epoch, the other in the second
    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "step", stopped)
        for _ in range(2):
            assert give("fit spec.json --run halves", home).status == 128 + signal.SIGTERM
        done("fit spec.json --run halves", home)
    assert len(taken) == last
    assert outcome(home / "halves") == outcome(home / "whole")


def test_validation_knows_nothing_of_what_training_does_to_sounds(home):
    """Its figure is that of `evaluate` and of `Run.score`: by the averaged weights, without noise and gains."""
    run = load_run(home / "whole")
    expected = run.metrics["validation_bits"].min()
    assert run.evaluate()["bits_per_sample"] == pytest.approx(expected, abs=1e-5)
    bits = np.concatenate([run.score(home / f"valid/{number}.wav") for number in range(len(LENGTHS["valid"]))])
    assert bits.mean() == pytest.approx(expected, abs=1e-5)


class Wild:
    """The model with random weights, the conditions of a sound, and sounds that it makes at temperature 0."""

    def __init__(self, home):
        run = load_run(home / "wild")
        self.model, self.silence = run.model, Quantizer.of(run.spec.audio).silence
        track = read_track(home / "valid/0.csv", self.model.streams, RATE).of_length(SAMPLES, self.model.streams)
        self.columns = Columns(track, self.model.streams, RATE)
        assert self.columns.fades
        self.conditions = self.columns.piece(0, SAMPLES).map(lambda array: array[None])

    def greedy(self, guidance=None):
        """Return the codes `(1, SAMPLES)` that are generated by taking the likeliest."""
        engine = GenerationEngine(self.model, self.silence, 1, 32, fades=True, guidance=guidance)
        weights = engine.weights()
        start, sound = engine.silent_start(weights), Sound("a", "a", SAMPLES, 0.0, self.columns)
        blocks = stream_parts(engine, weights, start, [sound], seed=0, strength=GUIDANCE)
        return np.concatenate([codes for _, codes, _ in blocks])[None]

    def outputs(self, codes, conditions):
        """Return the outputs of the training forward, `(B, T, width)`."""
        window = np.pad(codes, ((0, 0), (self.model.lookback, 0)), constant_values=self.silence)
        outputs, _ = self.model.forward(window, conditions, self.model.initial_states(len(codes)))
        return keras.ops.convert_to_numpy(outputs)

    def likeliest(self, outputs, strength=1.0):
        """Return the codes `(T,)` of the fewest bits in training: a coarse code, then a fine one given it.

        `outputs` are of as many forwards as there are rows, `(T, rows, width)`: one under what is asked for and, if
        there are two, one under nothing, which is contrasted with it.
        """
        head, rows = self.model.head, outputs.shape[1]

        def choice(part, codes):  # (T, Q)
            of_codes = np.repeat(outputs.reshape(-1, 1, head.width), codes.shape[1], axis=1)
            codes = np.repeat(codes, rows, axis=0)
            bits = head.part_bits(*map(keras.ops.convert_to_tensor, (of_codes, codes)), head.prepare())[part]
            scores = -keras.ops.convert_to_numpy(bits).reshape(SAMPLES, rows, -1)
            return np.argmax(scores[:, -1] + strength * (scores[:, 0] - scores[:, -1]), axis=-1)

        coarse = choice(0, np.tile(join(np.arange(COARSE), 0), (SAMPLES, 1)).astype(np.int32))
        fine = choice(1, join(coarse[:, None], np.arange(FINE)).astype(np.int32))
        return np.clip(join(coarse, fine), 0, self.model.q_levels - 1)


@pytest.fixture(scope="module")
def wild(home):
    return Wild(home)


def test_greedy_generation_is_what_the_training_forward_would_choose(wild):
    codes = wild.greedy()
    assert len(np.unique(codes)) > SAMPLES // 8  # a constant sound would agree with anything

    def chosen(conditions):
        outputs = wild.outputs(codes, conditions)
        return wild.likeliest(outputs[0][:, None])

    np.testing.assert_array_equal(chosen(wild.conditions), codes[0])
    for name in ("classes", "numbers"):
        moved = {name: np.roll(getattr(wild.conditions, name), 1, axis=1)}
        assert not np.array_equal(chosen(wild.conditions._replace(**moved)), codes[0]), name


def test_guided_greedy_generation_is_the_contrast_of_two_training_forwards(wild):
    """Each part of a code is contrasted with what the model would choose if nothing were asked for."""
    codes = wild.greedy(guidance_of(wild.model.streams, None, True, "guidance"))
    none = nothing(wild.model.streams, (1, SAMPLES), fades=True)
    none.exists[:] = 1
    outputs = np.stack([wild.outputs(codes, conditions)[0] for conditions in (wild.conditions, none)], axis=1)

    np.testing.assert_array_equal(wild.likeliest(outputs, GUIDANCE), codes[0])
    assert (codes != wild.greedy()).any()


def test_a_later_sample_changes_nothing_earlier_and_no_other_row(wild):
    """Each row has another sample changed; what comes after it changes, what comes before does not."""
    rng, targets = np.random.default_rng(0), 32
    codes = np.repeat(rng.integers(20_000, 45_000, (1, targets)), targets + 1, axis=0).astype(np.int32)
    changed = np.arange(targets)
    codes[changed, changed] += 3000
    conditions = wild.conditions.map(lambda array: np.repeat(array[:, :targets], targets + 1, axis=0))
    outputs = wild.outputs(codes, conditions)
    difference = np.abs(outputs[:-1] - outputs[-1]).max(axis=-1)  # (sample changed, outputs of sample)
    assert (difference[np.tril_indices(targets)] < 1e-4).all()
    assert (np.diagonal(difference, 1) > 1e-3).all()
    codes[::2] = 7
    np.testing.assert_array_equal(wild.outputs(codes, conditions)[1::2], outputs[1::2])


@pytest.mark.parametrize("options", ["", "--candidates 3 --by posterior"], ids=["guided", "guided takes"])
def test_a_sound_is_the_same_alone_and_beside_others(home, tmp_path, options):
    command = f"generate whole --seed 3 --guidance {GUIDANCE} --batch-size 2 {options} --conditions valid/1.csv"
    done(f"{command} --out {tmp_path / 'alone'}", home)
    for name in ("train/0.csv", "train/2.csv", "valid/0.csv"):
        shutil.copy(home / name, tmp_path / f"{name.replace('/', '_')}")
    others = " ".join(f"--conditions {path}" for path in sorted(tmp_path.glob("*.csv")))
    done(f"{command} {others} --out {tmp_path / 'beside'}", home)
    alone, beside = (bytes_of(tmp_path / out) for out in ("alone", "beside"))
    assert len(beside) == 4
    assert beside["1.wav"] == alone["1.wav"]


def test_a_stream_is_the_sound_that_is_generated_at_once_and_the_command_writes_it(home, tmp_path):
    run, asked = load_run(home / "whole"), home / "valid/1.csv"
    options = {"seed": 5, "temperature": 0.9, "guidance": GUIDANCE}
    wave = run.generate(asked, **options)
    blocks = [*run.stream(asked, block_samples=48, **options)]
    assert len(blocks) > 5
    np.testing.assert_array_equal(np.concatenate(blocks), wave)
    command = "generate whole --seed 5 --temperature 0.9 --guidance 2 --conditions valid/1.csv"
    chosen = run.generate(asked, candidates=3, by="posterior", **options)
    for takes, expected in (("", wave), ("--candidates 3 --by posterior", chosen)):
        done(f"{command} {takes} --out {tmp_path} --overwrite", home)
        np.testing.assert_array_equal(soundfile.read(tmp_path / "1.wav", dtype="float32")[0], expected)
    # The takes that are kept may all be the first ones, which are the sound without takes.
    noted = json.loads((tmp_path / "generation.json").read_text())["1.wav"]["candidates"]
    assert all(len(set(passage["scores"])) == 3 for passage in noted["passages"])
