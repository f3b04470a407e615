"""The model learns: conditions steer what it generates, validation falls, a short sound is known by heart."""

import json

import numpy as np
import pytest
import soundfile
from toy import EPOCHS, PITCH_HZ, SAMPLE_RATE, command, read_metrics, write_conditions

from keras_samplernn.data.quantization import Quantizer
from keras_samplernn.model.assembly import assemble
from keras_samplernn.model.registry import load_types
from keras_samplernn.spec import load_spec
from keras_samplernn.training.corpora import prepare_corpora
from keras_samplernn.training.evaluation import Evaluator
from keras_samplernn.training.trainer import Trainer

HALF_SECOND = SAMPLE_RATE // 2
ASKED = {
    "low_alone": ["low"],
    "middle_alone": ["middle"],
    "high_alone": ["high"],
    "low_then_high": ["low", "high"],
    "high_then_middle": ["high", "middle"],
}


@pytest.fixture(scope="module")
def generated(fitted_run, tmp_path_factory):
    """The folder of the sounds asked for, half a second of each class that their name tells."""
    folder = tmp_path_factory.mktemp("asked")
    for stem, names in ASKED.items():
        write_conditions(folder / f"{stem}.csv", [name for name in names for _ in range(HALF_SECOND)])
    (folder / "index.txt").write_text("".join(f"{stem}.csv\n" for stem in ASKED))
    sounds = folder / "sounds"
    index, environment = folder / "index.txt", fitted_run.environment
    command("generate", fitted_run.folder, "--conditioning-index", index, "--out", sounds, environment=environment)
    return sounds


def pitch_hz(wave):
    """Return the frequency of the strongest partial, to a few Hz."""
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 4 * len(wave)))
    return np.argmax(spectrum) * SAMPLE_RATE / (4 * len(wave))


@pytest.mark.fitted
@pytest.mark.parametrize("stem", ASKED)
def test_each_part_of_a_generated_sound_has_the_pitch_that_its_conditions_ask_for(generated, stem):
    wave, sample_rate = soundfile.read(generated / f"{stem}.wav")
    assert (sample_rate, len(wave)) == (SAMPLE_RATE, len(ASKED[stem]) * HALF_SECOND)
    # A change of class is heard within a tenth of a second.
    heard = [pitch_hz(part[SAMPLE_RATE // 10 :]) for part in np.split(wave, len(ASKED[stem]))]
    assert heard == pytest.approx([PITCH_HZ[name] for name in ASKED[stem]], rel=0.03)


@pytest.mark.fitted
def test_validation_costs_far_less_than_codes_drawn_by_their_frequency(fitted_run):
    spec = json.loads((fitted_run.folder / "spec.json").read_text())
    quantizer = Quantizer(spec["audio"]["q_type"], spec["audio"]["q_levels"])
    waves = [soundfile.read(path)[0] for path in sorted((fitted_run.corpus / "valid").glob("*.wav"))]
    counts = np.bincount(quantizer.encode(np.concatenate(waves)), minlength=quantizer.q_levels)
    shares = counts[counts > 0] / counts.sum()
    entropy_bits = -np.sum(shares * np.log2(shares))
    assert read_metrics(fitted_run.folder)[-1]["validation_bits"] < 0.4 * entropy_bits


@pytest.mark.fitted
def test_metrics_has_a_row_for_each_epoch_and_both_bits_fall(fitted_run):
    first, *rows = read_metrics(fitted_run.folder)
    assert (first["epoch"], first["step"]) == (0, 0)
    assert first["validation_bits"] > rows[0]["validation_bits"]
    assert [row["epoch"] for row in rows] == list(range(1, EPOCHS + 1))
    for column in ("training_bits", "validation_bits", *(f"validation_bits_{name}" for name in PITCH_HZ)):
        assert rows[-1][column] < rows[0][column]
    assert all(row["gradient_norm"] > 0 and row["samples_per_second"] > 0 for row in rows)
    assert all(0 < row["learning_rate"] < 0.004 for row in rows)
    assert np.all(np.diff([0, *(row["seconds"] for row in rows)]) > 0)
    assert np.all(np.diff([row["step"] for row in rows]) > 0)


def test_one_short_sound_is_learned_by_heart(tmp_path):
    """Noise has no law to be found: what costs nothing here is remembered, sample for sample."""
    (tmp_path / "sounds").mkdir()
    wave = np.random.default_rng(2).uniform(-0.9, 0.9, 1500)
    soundfile.write(tmp_path / "sounds" / "noise.wav", wave, SAMPLE_RATE)
    document = {
        "preset": "paper",
        "audio": {"sample_rate": SAMPLE_RATE, "q_levels": 32},
        "data": {"train": "sounds"},
        "tier_defaults": {"dim": 64},
        "tiers": [
            {"type": "frame_rnn", "frame_size": 8},
            {"type": "frame_rnn", "frame_size": 2},
            {"type": "sample_mlp", "emb_size": 16, "window": 8},
        ],
        "training": {"seq_len": 256, "batch_size": 1, "learning_rate": 0.003},
    }
    (tmp_path / "spec.json").write_text(json.dumps(document))
    spec = load_spec(tmp_path / "spec.json", load_types())
    corpus = prepare_corpora(spec, lambda line: None).train
    model = assemble(spec)
    trainer = Trainer(spec, model, corpus)
    score = Evaluator(model, Quantizer("mu-law", 32).silence, lanes=1, seq_len=256)
    assert score(corpus).per_sample > 4
    for batch in trainer.batches(trainer.plan(0)).repeat(60):
        trainer.step(batch)
    assert score(corpus).per_sample < 0.1
