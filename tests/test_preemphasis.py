"""Pre-emphasis: undone to the sample wherever a sound is cut, by every way to generate; and less noise above."""

import numpy as np
import pytest
import soundfile
from command_line import LENGTHS, RATE, done, write_corpora, write_named_conditions, write_spec
from untrained import write_run

from keras_samplernn import load_run
from keras_samplernn.data import quantization
from keras_samplernn.data.corpus import prepare_corpus
from keras_samplernn.data.pairs import find_pairs
from keras_samplernn.data.preemphasis import deemphasise, emphasise
from keras_samplernn.data.preparation import CorpusSettings
from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.data.wav_writer import as_read_back
from keras_samplernn.generation.asked import codes_of, sound_asked_for
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.sound import Sound
from keras_samplernn.generation.stream import stream_parts
from keras_samplernn.monitoring.clips import choose_clips
from keras_samplernn.monitoring.sounds import SoundsInTraining

pytestmark = pytest.mark.law

AMOUNT = 0.9
QUANTIZER = Quantizer("mu-law", 256, preemphasis=AMOUNT)
ASKED_SAMPLES = (300, 2500, 2600)  # more than a block, so that two sounds are under way at once
ASKED = [f"n{samples}" for samples in ASKED_SAMPLES]


def encoded(quantizer, wave):
    return np.concatenate([*quantizer.encode_blocks(wave)])


def oracle(codes, amount=AMOUNT):
    """Undo the filter one sample at a time."""
    last, wave = 0.0, []
    for sample in Quantizer("mu-law", 256).decode(codes).astype(np.float64):
        last = (1 + amount) * sample + amount * last
        wave.append(last)
    return np.clip(wave, -1, 1).astype(np.float32)


@pytest.mark.parametrize("amount", [0.3, 0.97])
def test_the_filter_is_undone_and_leaves_no_sound_out_of_range(amount):
    wave = np.random.default_rng(0).choice([-1.0, 0.2, 1.0], 5000)
    raised = emphasise(wave, amount)
    assert np.abs(raised).max() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(deemphasise(raised, amount), wave, atol=1e-9)
    np.testing.assert_allclose(raised[0] * (1 + amount), wave[0])
    np.testing.assert_allclose(raised[1:] * (1 + amount), wave[1:] - amount * wave[:-1], atol=1e-12)


def test_codes_and_samples_do_not_depend_on_where_a_sound_is_cut(monkeypatch):
    rng = np.random.default_rng(1)
    wave = np.cumsum(rng.standard_normal(3000)) / 60  # beyond 1 here and there
    codes = encoded(QUANTIZER, wave)
    np.testing.assert_array_equal(codes, QUANTIZER.encode(emphasise(np.clip(wave, -1, 1), AMOUNT)))
    monkeypatch.setattr(quantization, "_BLOCK_SAMPLES", 7)
    np.testing.assert_array_equal(encoded(QUANTIZER, wave), codes)
    decoder = QUANTIZER.decoder()
    pieces = [decoder(piece) for piece in np.split(codes, np.sort(rng.integers(0, 3000, 40)))]
    np.testing.assert_array_equal(np.concatenate(pieces), oracle(codes))
    assert QUANTIZER.last_sample(codes) == decoder.last


def test_noise_is_lower_where_frequencies_are_high():
    time = np.arange(1 << 14) / 16000
    wave = 0.5 * np.sin(2 * np.pi * 150 * time) + 0.2 * np.sin(2 * np.pi * 430 * time)
    noise = []
    for amount in (0.0, 0.85):
        quantizer = Quantizer("mu-law", 256, preemphasis=amount)
        errors = quantizer.decoder()(encoded(quantizer, wave)) - wave
        noise.append(np.square(np.abs(np.fft.rfft(errors * np.hanning(len(errors)))))[len(errors) // 4 :].mean())
    assert noise[1] < noise[0] / 4


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("preemphasis")
    write_corpora(home)
    write_spec(
        home,
        audio={"q_levels": 256, "preemphasis": AMOUNT},
        monitoring={"every_epochs": 1, "sounds": 2, "seconds": 0.1},
    )
    write_run(home / "run", home / "spec.json")
    write_named_conditions(home, ASKED_SAMPLES)
    (home / "index.txt").write_text("".join(f"{name}.csv\n" for name in ASKED))
    return home


def codes_made(run, name, start=None):
    """Return the codes that a run's model makes under the conditions of a validation file."""
    engine = GenerationEngine(run.model, 128, 1, 64)
    weights = engine.weights()
    start = engine.silent_start(weights) if start is None else start(engine, weights)
    path = run.folder.parent / f"{name}.csv"
    _, samples, columns = sound_asked_for(run.spec, run._streams, path, None, print)
    sound = Sound(name, name, samples, 1.0, columns)
    return np.concatenate([codes for _, codes, _ in stream_parts(engine, weights, start, [sound], seed=0)])


def test_every_way_to_generate_gives_the_samples_that_the_codes_stand_for(home):
    run = load_run(home / "run")
    done("generate run --conditioning-index index.txt --out one --batch-size 1", home)
    done("generate run --conditioning-index index.txt --out two --batch-size 2", home)
    for name in ASKED:
        expected = as_read_back(oracle(codes_made(run, name)))
        wave = run.generate(home / f"{name}.csv")
        np.testing.assert_array_equal(wave, expected)
        np.testing.assert_array_equal(soundfile.read(home / f"one/{name}.wav", dtype="float32")[0], expected)
        np.testing.assert_array_equal(
            soundfile.read(home / f"two/{name}.wav", dtype="float32")[0],
            run.generate(home / f"{name}.csv", batch_size=2),
        )
        for block_samples in (1, 64):
            blocks = run.stream(home / f"{name}.csv", block_samples=block_samples)
            np.testing.assert_array_equal(np.concatenate([*blocks]), expected)


def test_a_sound_goes_on_where_its_primer_ends(home):
    run, primer = load_run(home / "run"), home / "train/a.wav"
    codes, conditions = codes_of(run.spec, run._streams, primer, None, "prime", print)
    np.testing.assert_array_equal(codes, encoded(QUANTIZER, soundfile.read(primer, dtype="float32")[0]))
    made = codes_made(run, "n300", lambda engine, weights: engine.primed_start(weights, codes, conditions))
    expected = as_read_back(oracle(np.concatenate([codes, made]))[len(codes) :])
    wave = run.generate(home / "n300.csv", prime=primer)
    np.testing.assert_array_equal(wave, expected)
    blocks = run.stream(home / "n300.csv", prime=primer, block_samples=12)
    np.testing.assert_array_equal(np.concatenate([*blocks]), expected)
    done("generate run --conditions n300.csv --prime train/a.wav --out primed", home)
    np.testing.assert_array_equal(soundfile.read(home / "primed/n300.wav", dtype="float32")[0], expected)


def test_bits_are_those_of_the_codes(home):
    run = load_run(home / "run")
    bits = np.concatenate([run.score(home / f"valid/{name}.wav") for name in LENGTHS])
    assert run.evaluate(home / "valid")["bits_per_sample"] == pytest.approx(bits.mean(), rel=1e-5)


def test_sounds_made_in_training_and_the_clips_beside_them_are_filtered_back(home, tmp_path):
    run, shown = load_run(home / "run"), {}
    pairs = find_pairs(home / "valid", True).pairs
    settings = CorpusSettings(RATE, Quantizer.of(run.spec.audio), run._streams)
    corpus = prepare_corpus(pairs, settings, print)
    sounds = SoundsInTraining(run.model, run.spec, choose_clips(run.spec, corpus, corpus, print), tmp_path)

    class Shown:
        def log_sound(self, step, clip):
            shown[clip.name] = clip.wave

        def log_real(self, step, clips):
            shown.update({clip.name: clip.wave for clip in clips})

    sounds.show_real(Shown(), 0)
    for clip in sounds.clips:
        real = soundfile.read(home / f"valid/{clip.source}", dtype="float32")[0]
        np.testing.assert_allclose(clip.real, real[clip.first : clip.first + clip.samples], atol=0.03)
        np.testing.assert_array_equal(shown[f"{clip.title}/real"], clip.real)
    sounds.show(Shown(), run.model, 0)
    whole = next(clip for clip in sounds.clips if clip.source == "a.wav" and clip.first == 0)
    wave = run.generate(home / "valid/a.csv", name=whole.name, seed=run.spec.training.seed, batch_size=2)
    np.testing.assert_array_equal(as_read_back(shown[f"{whole.title}/generated"]), wave)


def test_the_key_of_the_cache_has_it_and_is_as_before_without_it():
    plain, raised = (
        CorpusSettings(RATE, Quantizer("mu-law", 256, preemphasis=amount), ()).to_dict() for amount in (0, AMOUNT)
    )
    assert plain == {"sample_rate": RATE, "q_type": "mu-law", "q_levels": 256, "streams": []}
    assert raised == plain | {"preemphasis": AMOUNT}
