"""`--device` chooses before TensorFlow starts a device, GPUs are shared, determinism follows spec and device."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
import tensorflow as tf
from command_line import give
from tensorflow.python.framework import config

import keras_samplernn
from keras_samplernn.devices import choose_devices
from keras_samplernn.errors import UserError
from keras_samplernn.training import determinism
from keras_samplernn.training.determinism import choose_determinism

pytestmark = pytest.mark.law


@pytest.fixture
def machine(monkeypatch):
    """Let TensorFlow see so many GPUs, and note what it is told: `machine(gpus)`."""

    def with_gpus(count):
        told = SimpleNamespace(visible=None, growing=[])
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [f"GPU {n}" for n in range(count)])
        monkeypatch.setattr(tf.config, "set_visible_devices", lambda gpus, kind: setattr(told, "visible", gpus))
        monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda gpu, grows: told.growing.append(gpu))
        return told

    return with_gpus


@pytest.mark.parametrize(
    ("device", "visible"),
    [(None, None), ("cpu", []), ("gpu", ["GPU 0", "GPU 1"]), ("gpu:0", ["GPU 0"]), ("gpu:1", ["GPU 1"])],
)
def test_the_devices_of_a_name_are_seen_and_take_memory_as_they_need_it(machine, device, visible):
    told = machine(2)
    choose_devices(device)
    assert told.visible == visible
    assert told.growing == ["GPU 0", "GPU 1"]


@pytest.mark.parametrize(
    ("gpus", "device", "line"),
    [
        (0, "gpu", 'device = "gpu": TensorFlow sees no GPU here, only cpu; give cpu, or leave it out'),
        (0, "tpu", 'device = "tpu": TensorFlow sees no GPU here, only cpu; give cpu, or leave it out'),
        (2, "gpu:2", 'device = "gpu:2": TensorFlow sees no such device here; give one of cpu, gpu, gpu:0, gpu:1'),
        (1, "GPU", 'device = "GPU": TensorFlow sees no such device here; give one of cpu, gpu, gpu:0'),
    ],
)
def test_an_unknown_device_is_told_with_those_there_are(machine, gpus, device, line):
    machine(gpus)
    with pytest.raises(UserError) as error:
        choose_devices(device)
    assert error.value.lines == (line,)


def test_devices_that_run_already_are_not_exchanged(machine, monkeypatch):
    def refuse(*_):
        raise RuntimeError("Visible devices cannot be modified after being initialized")

    machine(1)
    monkeypatch.setattr(tf.config, "set_visible_devices", refuse)
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", refuse)
    choose_devices(None)
    with pytest.raises(UserError, match='device = "cpu": TensorFlow runs on other devices already'):
        choose_devices("cpu")


COMMANDS = ["fit spec.json", "generate run --seconds 1 --out sounds", "evaluate run"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_device_that_is_not_there_is_one_line(command, home, machine):
    machine(0)
    answer = give(f"{command} --device gpu:7", home)
    assert (answer.status, answer.out) == (1, "")
    assert answer.err == 'device = "gpu:7": TensorFlow sees no GPU here, only cpu; give cpu, or leave it out\n'


def test_the_cpu_can_be_asked_for(home, machine):
    told = machine(2)
    answer = give("evaluate run --device cpu --json", home)
    assert (answer.status, told.visible) == (0, []), answer
    assert keras_samplernn.load_run(home / "run", device="gpu:1").spec.name == "tiny"
    assert told.visible == ["GPU 1"]


def test_a_device_is_chosen_before_tensorflow_starts_one():
    """In a program of its own, since this one's devices run."""
    program = """
from keras_samplernn import quiet
import tensorflow as tf
from tensorflow.python.eager import context
chosen = []
quiet.choose_devices = lambda device: chosen.append((device, context.context()._context_handle))
quiet.start_tensorflow(device="gpu:1")
assert chosen == [("gpu:1", None)], chosen
assert context.context()._context_handle is not None
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("wanted", "cpu_alone", "expected"),
    [(None, True, True), (None, False, False), (True, False, True), (False, True, False), (True, True, True)],
)
def test_operations_are_deterministic_on_a_cpu_unless_the_spec_says_otherwise(wanted, cpu_alone, expected, monkeypatch):
    before = config.is_op_determinism_enabled()
    monkeypatch.setattr(determinism, "cpu_alone", lambda: cpu_alone)
    try:
        choose_determinism(wanted)
        assert config.is_op_determinism_enabled() == expected
    finally:
        (config.enable_op_determinism if before else config.disable_op_determinism)()


def test_fit_does_what_the_spec_says_of_determinism_and_a_run_may_change_it(home):
    before = config.is_op_determinism_enabled()
    spec = json.loads((home / "spec.json").read_text())
    spec["training"] |= {"deterministic": False, "epochs": 9}
    (home / "spec.json").write_text(json.dumps(spec))
    config.enable_op_determinism()
    try:
        answer = give("fit spec.json --run run --max-steps 3", home)
        assert answer.status == 0, answer
        assert "run: continues after step 2" in answer.err
        assert not config.is_op_determinism_enabled()
    finally:
        (config.enable_op_determinism if before else config.disable_op_determinism)()
