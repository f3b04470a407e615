"""GPUs are found by their driver, and one that ends every program with TensorFlow is told before it does."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from keras_samplernn import nvidia
from keras_samplernn.nvidia import Gpu, asking_driver, refusal, visible

OLD, NEW = Gpu("NVIDIA GeForce RTX 3090", (8, 6), "GPU-aa11"), Gpu("NVIDIA GeForce RTX 5090", (12, 0), "GPU-bb22")
TABLE = "".join(f"{gpu.name}, {gpu.capability[0]}.{gpu.capability[1]}, {gpu.uuid}\n" for gpu in (OLD, NEW))
BUILD = {"is_cuda_build": True, "cuda_compute_capabilities": ["sm_60", "sm_89", "compute_90"]}
# Importing it is quiet, and whatever else is done with it ends the process, as its compiler does.
TENSORFLOW = f"""
import os
class version: VERSION = "2.17.1"
class sysconfig: get_build_info = staticmethod(lambda: {BUILD})
class config: list_physical_devices = staticmethod(lambda kind: [kind] * int(os.environ["SEEN"]))
def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    os.abort()
"""
START = """
import sys
from keras_samplernn import nvidia
nvidia._has_device = lambda root: True
from keras_samplernn.commands import main
sys.argv = ["keras-samplernn", "schema"]
main()
"""


def fake_nvidia_smi(folder, script):
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(folder)


def name_in_proc(root, model):
    folder = root / "proc/driver/nvidia/gpus/0000:01:00.0"
    folder.mkdir(parents=True)
    (folder / "information").write_text(f"Model: \t\t {model}\nIRQ:   \t\t 57\nGPU UUID: \t GPU-bb22\n")


def asked(root):
    with asking_driver(root) as answer:
        return answer()


def test_nvidia_smi_is_asked_where_there_is_a_gpu(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", fake_nvidia_smi(tmp_path, f"printf '{TABLE}'"))
    assert asked(tmp_path) == []
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/nvidiactl").touch()
    assert asked(tmp_path) == []
    (tmp_path / "dev/nvidia0").touch()
    assert asked(tmp_path) == [OLD, NEW]


@pytest.mark.parametrize(
    ("model", "capability"),
    [
        ("NVIDIA GeForce RTX 5070 Ti", (12, 0)),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", (12, 0)),
        ("NVIDIA RTX 5000 Ada Generation", None),
    ],
)
@pytest.mark.parametrize("script", [None, "echo 'Field \"compute_cap\" is not a valid field to query.'; exit 2"])
def test_without_an_answer_of_nvidia_smi_the_drivers_files_name_the_gpus(
    tmp_path, monkeypatch, script, model, capability
):
    monkeypatch.setenv("PATH", fake_nvidia_smi(tmp_path, script) if script else "")
    name_in_proc(tmp_path, model)
    assert asked(tmp_path) == [Gpu(model, capability, "GPU-bb22")]


def test_a_program_that_asks_does_not_wait_if_it_needs_no_answer(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", fake_nvidia_smi(tmp_path, "exec /bin/sleep 60"))
    name_in_proc(tmp_path, OLD.name)
    began = time.monotonic()
    with pytest.raises(ZeroDivisionError), asking_driver(tmp_path):
        raise ZeroDivisionError
    monkeypatch.setattr(nvidia, "_PATIENCE_SECONDS", 0.1)
    assert [gpu.name for gpu in asked(tmp_path)] == [OLD.name]
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("chosen", "order", "seen"),
    [
        (None, None, [OLD, NEW]),
        ("", None, []),
        ("-1", None, []),
        ("GPU-bb", None, [NEW]),
        ("GPU-aa11,GPU-bb22", None, [OLD, NEW]),
        ("GPU-", None, []),
        ("1", "PCI_BUS_ID", [NEW]),
        ("0", "PCI_BUS_ID", [OLD]),
        ("0,7,1", "PCI_BUS_ID", [OLD]),
        ("1,0", None, [NEW, OLD]),
        ("0", None, []),  # the fastest one, whichever that is
    ],
)
def test_what_cuda_visible_devices_leaves(chosen, order, seen):
    variables = {"CUDA_VISIBLE_DEVICES": chosen, "CUDA_DEVICE_ORDER": order}
    assert visible([OLD, NEW], {name: value for name, value in variables.items() if value is not None}) == seen


def test_numbers_of_like_gpus_are_known_without_an_order():
    assert visible([NEW, NEW], {"CUDA_VISIBLE_DEVICES": "1"}) == [NEW]


@pytest.mark.parametrize(
    ("gpus", "build", "remedy"),
    [
        ([OLD], BUILD, None),
        ([Gpu("NVIDIA B200", (10, 0))], BUILD, None),  # newer than the build, but not known to fail
        ([Gpu("?", None)], BUILD, None),
        ([NEW], {"is_cuda_build": False}, None),
        ([NEW], BUILD | {"cuda_compute_capabilities": ["sm_90", "compute_120"]}, None),
        ([NEW], BUILD, "set CUDA_VISIBLE_DEVICES=-1 to train on the CPU"),
        (
            [OLD, NEW],
            BUILD,
            "set CUDA_VISIBLE_DEVICES=GPU-aa11 to use the others, or CUDA_VISIBLE_DEVICES=-1 to train on the CPU",
        ),
    ],
)
def test_which_gpus_are_refused(gpus, build, remedy):
    problem = refusal(gpus, "2.17.1", build)
    assert (problem and problem[1]) == remedy


@pytest.mark.parametrize("seen", [0, 1])
def test_a_command_ends_with_one_line_before_tensorflow_compiles(tmp_path, seen):
    """But not if TensorFlow sees no GPU, since it works on the CPU then."""
    (tmp_path / "tensorflow.py").write_text(TENSORFLOW)
    path = fake_nvidia_smi(tmp_path, f"printf '{TABLE}'")
    variables = {name: value for name, value in os.environ.items() if not name.startswith("CUDA_")}
    folders = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    variables |= {"PATH": path, "PYTHONPATH": folders, "SEEN": str(seen)}
    done = subprocess.run([sys.executable, "-c", START], env=variables, cwd=tmp_path, capture_output=True, text=True)
    if not seen:
        assert (done.returncode, "GPU" in done.stderr) == (-signal.SIGABRT, False)
        return
    assert re.fullmatch(
        r"GPU: NVIDIA GeForce RTX 5090, compute capability 12\.0: TensorFlow 2\.17\.1 does not support it, and would"
        r" end this program when it compiles; set CUDA_VISIBLE_DEVICES=GPU-aa11 to use the others, or"
        r" CUDA_VISIBLE_DEVICES=-1 to train on the CPU\n",
        done.stderr,
    )
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.law
@pytest.mark.skipif(sys.platform == "darwin", reason="TensorFlow is built without CUDA there")
def test_the_installed_tensorflow_is_known_not_to_support_capability_12():
    import tensorflow

    assert refusal([NEW], "", tensorflow.sysconfig.get_build_info())
    assert not refusal([OLD], "", tensorflow.sysconfig.get_build_info())


def test_a_hidden_gpu_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(nvidia, "_has_device", lambda root: True)
    monkeypatch.setenv("PATH", fake_nvidia_smi(tmp_path, f"printf '{TABLE}'"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    monkeypatch.setattr(nvidia, "refusal", None)  # not to be called
    with nvidia.checked_gpus():
        pass
