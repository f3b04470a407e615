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
from keras_samplernn.monitoring.clips import choose_clips
from keras_samplernn.monitoring.sounds import SoundsInTraining
from keras_samplernn.spec import load_spec

SECONDS = 0.6


@pytest.fixture(params=[1, 2.5], ids=["unguided", "guided"])
def spec(request, tmp_path):
    sounds = {"every_epochs": 1, "sounds": 2, "seconds": SECONDS, "temperature": 0.8, "guidance": request.param}
    write_spec(tmp_path, monitoring=sounds)
    return load_spec(tmp_path / "spec.json", load_types())


@pytest.fixture
def corpus():
    """Three held-out sounds: one longer than what is shown, two that add no class."""
    lengths = [3000, 100, 50]
    samples = sum(lengths)
    codes = np.random.default_rng(0).integers(0, 16, samples).astype(np.uint8)
    return corpus_of(lengths, codes, np.repeat([0, 1, 2], samples // 3 + 1)[:samples], 3)


def sounds_of(spec, corpus, folder):
    return SoundsInTraining(assemble(spec), spec, choose_clips(spec, corpus, corpus, print), folder)


def test_what_is_shown_is_what_generate_makes_of_the_trained_weights(spec, corpus, tmp_path):
    trained, shown = assemble(spec), {}
    strength = spec.monitoring.guidance
    contrast = None if strength == 1 else guidance_of(trained.streams, None, drops=False, place="guidance")
    monitor = SimpleNamespace(
        log_sound=lambda step, clip: shown.update({clip.name: clip.wave}),
        log_real=lambda step, clips: shown.update({clip.name: clip.wave for clip in clips}),
    )
    sounds = sounds_of(spec, corpus, tmp_path / "samples")
    sounds.show_real(monitor, 0)
    clips = {"valid_00 (0, 1, 2)": (0, 2400), "valid_01 (0, 1, 2)": (600, 2400)}  # of the third class more
    for step in (1, 2):
        assert sounds.show(monitor, trained, step) == tmp_path / f"samples/step-000000000{step}"
        engine = GenerationEngine(trained, 8, 2, BLOCK_SAMPLES, guidance=contrast)
        weights = engine.weights()
        start, seed = engine.silent_start(weights), spec.training.seed
        asked = []
        for title, (first, samples) in clips.items():
            classes = corpus.conditions[first : first + samples].astype(np.int32)
            columns = Columns(Track(samples, {"class": runs(classes)}), corpus.streams, RATE)
            asked.append(Sound(title, title.partition(" ")[0], samples, 0.8, columns))
        codes = {sound.name: [] for sound in asked}
        for sound, piece, _ in stream_parts(engine, weights, start, asked, seed, strength):
            codes[sound.name].append(piece)
        for title, pieces in codes.items():
            wave = sounds.quantizer.decode(np.concatenate(pieces))
            np.testing.assert_array_equal(shown[f"{title}/generated"], wave)
            for folder, kind in ((f"step-000000000{step}", "generated"), ("real", "real")):
                written, rate = soundfile.read(tmp_path / f"samples/{folder}/{title.partition(' ')[0]}.wav")
                np.testing.assert_allclose(written, shown[f"{title}/{kind}"], atol=1e-4)
                assert rate == RATE
        assert len(shown) == 4
        for variable in trained.trainable_variables:
            variable.assign(-2 * variable)
    assert (tmp_path / "samples/clips.csv").read_text() == (
        "name,file,start_seconds,seconds,classes\nvalid_00,sound,0.000,0.600,0 1 2\nvalid_01,sound,0.150,0.600,0 1 2\n"
    )


def test_a_stop_breaks_the_making_of_sounds_off(spec, corpus, tmp_path):
    def stop():
        raise KeyboardInterrupt

    sounds = sounds_of(spec, corpus, tmp_path / "samples")
    with pytest.raises(KeyboardInterrupt):
        sounds.show(None, assemble(spec), 1, stop)
    assert not [*(tmp_path / "samples").rglob("*.wav")]
