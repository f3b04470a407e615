"""The sounds made while training: those that `generate` makes of the same weights, beside the real clips."""

from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from command_line import RATE, write_spec
from corpora import corpus_of

from keras_samplernn.conditions.columns import Columns
from keras_samplernn.conditions.track import Track, runs
from keras_samplernn.generation.engine import GenerationEngine
from keras_samplernn.generation.guidance import guidance_of
from keras_samplernn.generation.sound import Sound
from keras_samplernn.generation.stream import BLOCK_SAMPLES, stream_parts
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.registry import load_types
from keras_samplernn.monitoring.held_out import HeldOutSounds
from keras_samplernn.spec import load_spec

SECONDS = 0.6


@pytest.fixture(params=[1, 2.5], ids=["unguided", "guided"])
def spec(request, tmp_path):
    sounds = {"every_epochs": 1, "sounds": 2, "seconds": SECONDS, "temperature": 0.8, "guidance": request.param}
    write_spec(tmp_path, monitoring=sounds)
    return load_spec(tmp_path / "spec.json", load_types())


@pytest.fixture
def corpus():
    """Three held-out sounds: one longer than what is shown, one shorter, one too many."""
    lengths = [3000, 100, 50]
    samples = sum(lengths)
    codes = np.random.default_rng(0).integers(0, 16, samples).astype(np.uint8)
    return corpus_of(lengths, codes, np.repeat([0, 1, 2], samples // 3 + 1)[:samples], 3)


def columns_of(corpus, start, samples):
    classes = corpus.conditions[start : start + samples].astype(np.int32)
    return Columns(Track(samples, {"class": runs(classes)}), corpus.streams, RATE)


def test_what_is_shown_is_what_generate_makes_of_the_trained_weights(spec, corpus, tmp_path):
    trained, shown = assemble(spec), {}
    strength = spec.monitoring.guidance
    contrast = None if strength == 1 else guidance_of(trained.streams, None, drops=False, place="guidance")
    monitor = SimpleNamespace(
        log_sound=lambda step, name, wave, track: shown.update({name: wave}),
        log_real=lambda step, clips: shown.update({clip.name: clip.wave for clip in clips}),
    )
    sounds = HeldOutSounds(assemble(spec), spec, corpus, tmp_path / "samples")
    sounds.show_real(monitor, 0)
    for epoch in (1, 2):
        sounds.show(monitor, trained, epoch, epoch)
        engine = GenerationEngine(trained, 8, 2, BLOCK_SAMPLES, guidance=contrast)
        weights = engine.weights()
        start, seed = engine.silent_start(weights), spec.training.seed
        asked = [
            Sound(f"sound_00{number}", f"sound_00{number}", samples, 0.8, columns_of(corpus, start, samples))
            for number, (start, samples) in enumerate([(0, round(SECONDS * RATE)), (3000, 100)])
        ]
        codes = {sound.name: [] for sound in asked}
        for sound, piece, _ in stream_parts(engine, weights, start, asked, seed, strength):
            codes[sound.name].append(piece)
        for name, pieces in codes.items():
            np.testing.assert_array_equal(shown[f"{name}/generated"], sounds.quantizer.decode(np.concatenate(pieces)))
            wave, rate = soundfile.read(tmp_path / f"samples/epoch_000{epoch}/{name}.wav")
            assert (len(wave), rate) == (len(shown[f"{name}/real"]), RATE)
        assert len(shown) == 4
        for variable in trained.trainable_variables:
            variable.assign(-2 * variable)


def test_a_stop_breaks_the_making_of_sounds_off(spec, corpus, tmp_path):
    def stop():
        raise KeyboardInterrupt

    sounds = HeldOutSounds(assemble(spec), spec, corpus, tmp_path / "samples")
    with pytest.raises(KeyboardInterrupt):
        sounds.show(None, assemble(spec), 1, 1, stop)
    assert not [*(tmp_path / "samples").rglob("*.wav")]
