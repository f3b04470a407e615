"""The Python API: the samples of the command's wavs, streams, bits, and what is told where something is wrong."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import write_conditions, write_spec
from condition_files import read_classes
from untrained import write_run
from variants import as_conditions

import keras_samplernn
from keras_samplernn import Control, UserError, load_run
from keras_samplernn.data import audio
from keras_samplernn.data.decoding import Recording
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.request import read_primer
from keras_samplernn.model.scoring import Scorer

OLDER = Path(__file__).with_name("older_runs") / "0.1.0"
# What version 0.1.0 said of its run on `valid`.
BITS = 6.559299192240959
NAMES = ["low", "middle", "high"]


@pytest.fixture(scope="module")
def home(corpus_cache, tmp_path_factory):
    """The older run, and an unconditional and a named one that nobody has trained."""
    home = shutil.copytree(OLDER, tmp_path_factory.mktemp("api") / "home")
    write_spec(home, "free.json", name="free", conditioning=None)
    write_spec(home, "named.json", name="named", conditioning={"classes": NAMES})
    for name in ("free", "named"):
        write_run(home / name, home / f"{name}.json")
    return home


@pytest.fixture(scope="module")
def run(home):
    return load_run(home / "run")


@pytest.fixture(scope="module")
def free(home):
    return load_run(home / "free")


@pytest.fixture(scope="module")
def named(home):
    return load_run(home / "named")


def read_wav(path):
    return soundfile.read(path, dtype="float32")[0]


def test_generate_gives_the_samples_of_the_commands_wav(home, run):
    for name in "ab":
        wave = run.generate(home / f"valid/{name}.csv", seed=3, temperature=0.9, batch_size=2)
        assert wave.dtype == np.float32
        np.testing.assert_array_equal(wave, read_wav(OLDER / f"sounds/{name}.wav"))


def test_conditions_may_be_a_file_an_array_or_a_list(home, run):
    conditions = read_classes(home / "valid/a.csv", 3)
    expected = run.generate(str(home / "valid/a.csv"), seed=1)
    np.testing.assert_array_equal(run.generate(conditions, name="a", seed=1), expected)
    np.testing.assert_array_equal(run.generate(conditions.tolist(), name="a", seed=1), expected)
    assert (run.generate(conditions, seed=1) != expected).any()  # the name keys the random numbers


def test_classes_may_be_named(named):
    numbers = np.repeat([0, 2, 1], 20)
    expected = named.generate(numbers)
    assert len(expected) == 60
    np.testing.assert_array_equal(named.generate([NAMES[number] for number in numbers]), expected)
    np.testing.assert_array_equal(named.generate("high", seconds=0.01), named.generate(np.full(40, 2)))


def test_a_primer_may_be_a_file_or_a_wave(home, run):
    path = home / "train/a.wav"
    expected = run.generate(home / "valid/a.csv", prime=path)
    wave, conditions = read_wav(path), read_classes(path.with_suffix(".csv"), 3)
    made = run.generate(home / "valid/a.csv", prime=wave, prime_conditions=conditions)
    np.testing.assert_array_equal(made, expected)
    assert (run.generate(home / "valid/a.csv") != expected).any()


def test_an_unconditional_run_gives_seconds(free):
    wave = free.generate(seconds=0.0105, seed=4)
    assert wave.shape == (42,)
    blocks = [*free.stream(seconds=0.0105, seed=4, block_samples=16)]
    assert [len(block) for block in blocks] == [16, 16, 10]
    np.testing.assert_array_equal(np.concatenate(blocks), wave)
    assert free.generate(seconds=0).shape == (0,)


def test_a_stream_gives_the_samples_of_the_commands_wav(home, run):
    conditions, primer = home / "valid/a.csv", home / "train/b.wav"
    expected = run.generate(conditions, seed=3, temperature=0.9, prime=primer)
    for block_samples in (1, 64):
        blocks = run.stream(conditions, block_samples=block_samples, seed=3, temperature=0.9, prime=primer)
        np.testing.assert_array_equal(np.concatenate([*blocks]), expected)


def test_a_stream_follows_its_controls_without_end(run):
    asked = []

    def controls():
        while True:
            asked.append(len(asked))
            yield Control(len(asked) % 3, temperature=0.5 + len(asked) / 10)

    blocks = run.stream(controls(), block_samples=30)
    made = [next(blocks) for _ in range(3)]
    assert asked == [0, 1, 2]
    assert [block.shape for block in made] == [(32,)] * 3  # whole top frames
    endless = run.stream(1, block_samples=32)
    assert all(len(next(endless)) == 32 for _ in range(5))


def test_a_second_generate_compiles_nothing(home, monkeypatch):
    traces, advance = [], GenerationEngine._advance_block
    monkeypatch.setattr(GenerationEngine, "_advance_block", lambda *given: traces.append(1) or advance(*given))
    run = load_run(home / "run")
    for conditions in ("valid/a.csv", "valid/b.csv"):
        run.generate(home / conditions, seed=len(conditions), temperature=0.5)
        [*run.stream(home / conditions, block_samples=64)]
    assert len(traces) == 2


def test_two_users_of_a_run_do_not_disturb_each_other(home):
    run = load_run(home / "run")
    expected = [*run.stream(home / "valid/a.csv", block_samples=64)]
    first = run.stream(home / "valid/a.csv", block_samples=64)
    made = [next(first)]
    for variable in run.model.trainable_variables:
        variable.assign(-variable)
    second = [*run.stream(home / "valid/a.csv", block_samples=64)]
    made += first
    np.testing.assert_array_equal(np.concatenate(made), np.concatenate(expected))
    assert (np.concatenate(second) != np.concatenate(expected)).any()


def test_scores_are_what_evaluate_averages(home, run):
    bits = [run.score(home / f"valid/{name}.wav") for name in "ab"]
    assert [each.dtype for each in bits] == [np.float64] * 2
    assert [len(each) for each in bits] == [300, 437]
    assert np.concatenate(bits).mean() == pytest.approx(BITS, abs=1e-6)
    conditions = read_classes(home / "valid/b.csv", 3)
    np.testing.assert_array_equal(run.score(read_wav(home / "valid/b.wav"), conditions), bits[1])


@pytest.mark.law
def test_bits_do_not_depend_on_the_windows(run):
    rng = np.random.default_rng(0)
    codes, conditions = rng.integers(0, 16, 300), as_conditions(np.repeat([0, 1, 2], 100))
    one, several = (Scorer(run.model, 8, window).sound(codes, conditions) for window in (304, 40))
    np.testing.assert_allclose(several, one, atol=1e-4)
    changed = Scorer(run.model, 8, 40).sound(np.where(np.arange(300) < 290, codes, 0), conditions)
    np.testing.assert_array_equal(changed[:290], several[:290])


def test_a_sound_generated_greedily_is_cheap(home, run):
    """The sound that the model thinks likeliest, beside one of another temperature, under the same conditions."""
    likeliest, hot = (run.generate(home / "valid/a.csv", temperature=temperature) for temperature in (0, 5))
    conditions = read_classes(home / "valid/a.csv", 3)
    assert run.score(likeliest, conditions).mean() < run.score(hot, conditions).mean() - 1


def test_int8_generates_and_scores(home, run):
    narrow = load_run(home / "run", precision="int8")
    assert narrow.generate(home / "valid/a.csv").shape == (300,)
    wave = home / "valid/a.wav"
    assert narrow.score(wave).mean() == pytest.approx(run.score(wave).mean(), abs=0.05)
    with pytest.raises(UserError, match="batch_size = 2: precision int8 makes one sound at a time; leave it out"):
        narrow.generate(home / "valid/a.csv", batch_size=2)


def test_a_run_tells_what_it_is(home, run):
    assert run.folder == home / "run"
    assert run.checkpoint == "step-0000000002-validated"
    assert repr(run) == f"<Run {home}/run: step-0000000002-validated>"
    assert run.spec.audio.sample_rate == 4000
    assert run.model.q_levels == 16
    assert run.metrics["validation_bits"][0] == pytest.approx(BITS)


def test_conditions_of_a_sound_are_counted_against_what_was_decoded(tmp_path, monkeypatch, run):
    """An Ogg file's header may state another length than what is decoded; its csv was made for the latter."""
    soundfile.write(tmp_path / "a.ogg", 0.3 * np.sin(0.2 * np.arange(300)), 4000, subtype="VORBIS")
    write_conditions(tmp_path / "a.csv", 300)
    inspect = audio.inspect_audio

    def misstate(*arguments):
        info = inspect(*arguments)
        return dataclasses.replace(info, header=info.header._replace(samples=info.header.samples + 7))

    monkeypatch.setattr(audio, "inspect_audio", misstate)
    # Here, where a process of its own would take seconds.
    decoded, _ = soundfile.read(tmp_path / "a.ogg", always_2d=True)
    monkeypatch.setattr(audio, "decode_files", lambda infos: [Recording(decoded, ())])
    assert run.score(tmp_path / "a.ogg").shape == (300,)
    assert run.generate(1, seconds=0.01, prime=tmp_path / "a.ogg").shape == (40,)
    wave, _ = read_primer(run.spec, tmp_path / "a.ogg", print)
    assert wave.shape == (300,)
    write_conditions(tmp_path / "a.csv", 307)
    with pytest.raises(UserError, match="307 conditions for a sound of 300 samples"):
        run.score(tmp_path / "a.ogg")


WRONG = {
    "a run that is none": (
        lambda home, runs: load_run(home / "valid"),
        "HOME/valid: is not a run directory, it holds no",
    ),
    "a checkpoint of another name": (
        lambda home, runs: load_run(home / "run", "last"),
        'checkpoint = "last" is unknown; give one of best, heard, newest',
    ),
    "a precision of another name": (
        lambda home, runs: load_run(home / "run", precision="half"),
        'precision = "half" is unknown; give one of float32, int8',
    ),
    "a conditional run without conditions": (
        lambda home, runs: runs["run"].generate(seconds=1),
        "the run is conditional; give conditions, a class for each sample, or a single class and seconds",
    ),
    "a class without a length": (
        lambda home, runs: runs["run"].generate(2),
        "conditions: has no length; give seconds, or a value for each sample",
    ),
    "conditions and a length": (
        lambda home, runs: runs["run"].generate([0, 1], seconds=1),
        "conditions: has values for each sample, and seconds are given; give one of the two",
    ),
    "an unconditional run with conditions": (
        lambda home, runs: runs["free"].generate([0, 1]),
        "the run is unconditional; give seconds, and no conditions",
    ),
    "a length that no memory holds": (
        lambda home, runs: runs["free"].generate(seconds=1e15),
        "seconds = 1000000000000000.0: is negative, or more than this machine's memory holds",
    ),
    "a length that is no number": (
        lambda home, runs: runs["free"].generate(seconds=float("nan")),
        "seconds = nan: is negative, or more than this machine's memory holds",
    ),
    "a class out of range": (
        lambda home, runs: runs["run"].generate([0, 1, 3]),
        "conditions[2]: 3 is not a class; classes are 0 to 2",
    ),
    "a fraction": (
        lambda home, runs: runs["run"].generate(np.array([0.0, 0.5])),
        "conditions[1]: 0.5 is not a class; classes are 0 to 2",
    ),
    "a name that is none": (
        lambda home, runs: runs["named"].generate(["low", "hihg"]),
        'conditions[1]: "hihg" is not a class; classes are low, middle, high; did you mean "high"?',
    ),
    "conditions in two dimensions": (
        lambda home, runs: runs["run"].generate(np.zeros((2, 3), int)),
        "conditions: has more than one dimension; give one class for each sample",
    ),
    "a condition file that is missing": (
        lambda home, runs: runs["run"].generate("none.csv"),
        "none.csv: No such file or directory; give the path of a readable text file",
    ),
    "a negative temperature": (
        lambda home, runs: runs["free"].generate(seconds=1, temperature=-1),
        "temperature: the temperature -1 is not a finite number of at least 0",
    ),
    "no rows": (
        lambda home, runs: runs["free"].generate(seconds=1, batch_size=0),
        "batch_size = 0: is not a whole number of at least 1",
    ),
    "half a row": (
        lambda home, runs: runs["free"].generate(seconds=1, batch_size=1.5),
        "batch_size = 1.5: is not a whole number of at least 1",
    ),
    "takes that are a word": (
        lambda home, runs: runs["run"].generate(1, seconds=1, candidates="4"),
        'candidates = "4": is not a whole number of at least 1',
    ),
    "a stream without controls": (
        lambda home, runs: runs["run"].stream(),
        "HOME/run: is a conditional run; give controls: a class, or an iterable of them",
    ),
    "a block of no samples": (
        lambda home, runs: runs["free"].stream(block_samples=0),
        "block_samples = 0: is not a whole number of at least 1",
    ),
    "a control that is no class": (
        lambda home, runs: [*runs["named"].stream(["low", "hi"])],
        'control 1: "hi" is not a class; classes are low, middle, high; did you mean "high"?',
    ),
    "a control that is nothing": (
        lambda home, runs: [*runs["run"].stream([None])],
        "control 0: is None, and the run is conditional; give its conditions",
    ),
    "a control of an unconditional stream": (
        lambda home, runs: [*runs["free"].stream([1])],
        "control 0: 1 is a condition, and the run is unconditional; give None",
    ),
    "a class of an unconditional stream": (
        lambda home, runs: runs["free"].stream("low"),
        'controls: "low" is a condition, and the run is unconditional; give None',
    ),
    "a control's temperature": (
        lambda home, runs: [*runs["run"].stream([Control(1, "warm")])],
        'control 0: the temperature "warm" is not a finite number of at least 0',
    ),
    "a primer of integers": (
        lambda home, runs: runs["free"].generate(seconds=1, prime=np.arange(5)),
        "prime: is int64 of shape (5,); give finite floats in [-1, 1], one channel",
    ),
    "a primer without samples": (
        lambda home, runs: runs["free"].generate(seconds=1, prime=np.zeros(0)),
        "prime: has 0 samples; a primer needs at least one",
    ),
    "a primer without conditions": (
        lambda home, runs: runs["run"].generate([0], prime=np.zeros(5)),
        "prime: has no conditions, and the run is conditional; give a class for each sample",
    ),
    "a sound in stereo": (
        lambda home, runs: runs["free"].score(np.zeros((5, 2))),
        "wave: is float64 of shape (5, 2); give finite floats in [-1, 1], one channel",
    ),
    "a sound with too few conditions": (
        lambda home, runs: runs["run"].score(np.zeros(5), [0, 1]),
        "wave: 2 conditions for a sound of 5 samples at 4000 Hz; give one for each sample",
    ),
    "a sound with needless conditions": (
        lambda home, runs: runs["free"].score(np.zeros(2), [0, 1]),
        "wave: has conditions, and the run is unconditional; leave them out",
    ),
    "figures of a run that has none": (
        lambda home, runs: runs["free"].metrics,
        "HOME/free/metrics.csv: does not exist yet; `fit` writes it after the first epoch",
    ),
}


@pytest.mark.parametrize("call, line", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_in_one_line(home, run, free, named, call, line):
    with pytest.raises(UserError) as raised:
        call(home, {"run": run, "free": free, "named": named})
    (told,) = raised.value.lines
    assert told.replace(str(home), "HOME").startswith(line)


SCRIPT = """
import sys
import keras_samplernn
assert not {"keras", "tensorflow", "numpy"} & {*sys.modules}
run = keras_samplernn.load_run(sys.argv[1])
import keras, numpy, soundfile
assert (keras.backend.backend(), keras.config.floatx()) == ("tensorflow", "float16")
wave = run.generate(sys.argv[2], seed=3, temperature=0.9, batch_size=2)
assert numpy.array_equal(wave, soundfile.read(sys.argv[3], dtype="float32")[0])
primed = [*run.stream(sys.argv[2], prime=wave, prime_conditions=sys.argv[2])]
print(run.score(wave, sys.argv[2]).mean())
"""


def test_a_plain_process_needs_no_settings_and_hears_nothing(home, run, tmp_path):
    """Whatever the user's keras.json says, and with no word of TensorFlow's on stderr."""
    (tmp_path / "keras.json").write_text(json.dumps({"backend": "jax", "floatx": "float16"}))
    environment = {
        key: value for key, value in os.environ.items() if key not in ("KERAS_BACKEND", "TF_CPP_MIN_LOG_LEVEL")
    }
    wav = OLDER / "sounds/a.wav"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, home / "run", home / "valid/a.csv", wav],
        env=environment | {"KERAS_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    bits = run.score(read_wav(wav), home / "valid/a.csv").mean()
    assert float(done.stdout) == pytest.approx(bits, abs=1e-6)


class NotebookStream:
    """What stderr is in a notebook: no terminal, and neither a file nor a buffer behind it."""

    def __init__(self):
        self.text = ""

    def isatty(self):
        return False

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def test_progress_shows_in_a_notebook(free, monkeypatch):
    now, advance = [0.0], GenerationEngine.advance

    def slowly(*arguments):
        now[0] += 11
        return advance(*arguments)

    stream = NotebookStream()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr("keras_samplernn.progress.time.monotonic", lambda: now[0])
    monkeypatch.setattr(GenerationEngine, "advance", slowly)
    free.generate(seconds=1.024)
    assert stream.text == "generate  50%  0.00 x real time\ngenerate  100%  0.05 x real time  0:00 left\n"


def test_a_backend_that_will_not_do_is_named(home, monkeypatch):
    import keras

    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(UserError, match="Keras runs on torch in this program; keras_samplernn takes tensorflow or jax"):
        load_run(home / "run")


def test_the_names_of_the_api_stand_at_the_top():
    assert {"Control", "Run", "UserError", "load_run"} <= {*keras_samplernn.__all__}
    assert keras_samplernn.Run.__name__ == "Run"
