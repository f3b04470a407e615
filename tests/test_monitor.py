"""The log of TensorBoard: what is logged once stays so when a run is continued; hyperparameters; pictures on demand."""

import numpy as np
import pytest
from command_line import write_spec
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from keras_samplernn.model.registry import load_types
from keras_samplernn.monitoring.dashboards import hyperparameters
from keras_samplernn.monitoring.monitor import Clip, Monitor
from keras_samplernn.spec import load_spec

CLIPS = [Clip("valid_00 (siren, breath)/real", np.zeros(500)), Clip("valid_01/real", np.ones(500) / 2)]


@pytest.fixture
def spec(tmp_path):
    write_spec(tmp_path)
    return load_spec(tmp_path / "spec.json", load_types())


def log(spec, folder, step, clips=CLIPS, facts=None):
    with Monitor(folder, spec) as monitor:
        monitor.log_about(step, facts or {"parameters": "12"})
        monitor.log_real(step, clips)
        monitor.log_figures(step + 1, {"bits/training": 1.0})


def events(folder):
    """Return what TensorBoard's own reader finds: for each tag its steps."""
    read = EventAccumulator(str(folder), {"tensors": 0}).Reload()
    return {tag: [event.step for event in read.Tensors(tag)] for tag in read.Tags()["tensors"]}


def test_what_is_logged_once_is_there_once_after_a_resume(spec, tmp_path):
    log(spec, tmp_path / "run/logs", 0)
    log(spec, tmp_path / "run/logs", 10)
    found = events(tmp_path / "run/logs")
    once = {tag: steps for tag, steps in found.items() if tag != "bits/training"}
    assert all(steps == [0] for steps in once.values()), once
    sounds = {f"{kind}/{clip.name}" for clip in CLIPS for kind in ("audio", "spectrogram")}
    assert once.keys() >= {"spec", "about", "custom_scalars__config__", *sounds}
    assert sorted(found["bits/training"]) == [1, 11]


def test_what_has_changed_is_logged_again(spec, tmp_path):
    log(spec, tmp_path / "run/logs", 0)
    log(spec, tmp_path / "run/logs", 10, [CLIPS[0], Clip("valid_02/real", np.zeros(9))], {"parameters": "13"})
    found = events(tmp_path / "run/logs")
    assert found["about"] == [0, 10]
    assert found["audio/valid_02/real"] == [10]


def test_without_a_folder_nothing_is_written(spec):
    log(spec, None, 0)


def test_hyperparameters_are_the_scalar_fields(spec):
    found = hyperparameters(spec)
    assert found["training.learning_rate"] == spec.training.learning_rate
    assert found["tiers.0.type"] == "frame_rnn" and found["tiers.1.type"] == "sample_mlp"
    assert found["name"] == spec.name
    assert all(isinstance(value, bool | int | float | str) for value in found.values())
    assert "training.patience" not in found  # null
