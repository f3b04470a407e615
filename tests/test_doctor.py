"""The command `doctor`: each thing that may be missing has its line and its remedy, and only some fail."""

import ctypes.util
import json
import shutil
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from command_line import give
from test_machine import write
from test_nvidia import BUILD, NEW, OLD

from keras_samplernn import machine
from keras_samplernn.doctor import examination, libraries, probe, surroundings
from keras_samplernn.doctor.finding import Finding
from keras_samplernn.doctor.graphics import look_at_graphics
from keras_samplernn.doctor.libraries import look_at_libraries
from keras_samplernn.doctor.probing import Probed, run_probe

CUDA = {"cuda_version": "12.3", "cudnn_version": "8"}
WANTED = probe.wanted_libraries(BUILD | CUDA)
WELL = {"tensorflow": {"version": "2.17.1", "build": BUILD | CUDA}, "compiler": {}, "keras": {"version": "3.15.1"}}
INSTALL = "pip install 'keras-samplernn[cuda]'"
GB = 10**9


def lines(findings, *starts):
    return [line for line in map(str, findings) if line[6:].startswith(starts)]


def graphics(gpus, seen=(), lacking=(), build=BUILD, **variables):
    cuda = {"wanted": WANTED, "lacking": list(lacking)}
    tensorflow = {"version": "2.17.1", "build": build}
    seen = [[gpu.name, gpu.capability] for gpu in seen]
    return lines(
        look_at_graphics(gpus, Probed({"tensorflow": tensorflow, "GPU": {"gpus": seen}, "CUDA": cuda}), variables), ""
    )


@pytest.mark.law
def test_the_libraries_of_a_real_environment_do(tmp_path):
    answer = give("doctor --json", tmp_path)
    told = json.loads(answer.out)
    of = {finding["what"]: finding for finding in told["findings"]}
    assert (answer.status, told["ok"], answer.err) == (0, True, ""), answer.out
    import tensorflow

    assert of["TensorFlow"]["found"].startswith(f"{tensorflow.__version__}, built ")
    assert {"Python", "Keras", "packages", "tensorflow-io", "processors", "memory", "GPU", "locale"} <= of.keys()
    assert "prepared corpora" in of["cache"]["found"]


def test_a_line_a_finding_and_the_exit_status(tmp_path, monkeypatch):
    found = [Finding("a", "good"), Finding("b", "less\nthan", "note", "more")]
    monkeypatch.setattr(examination, "examine", lambda: iter(found))
    answer = give("doctor", tmp_path)
    assert (answer.status, answer.out) == (0, "ok    a: good\nnote  b: less than; more\n")
    found.append(Finding("c", "none", "fail", "get one"))
    answer = give("doctor", tmp_path)
    assert (answer.status, answer.out.splitlines()[2]) == (1, "fail  c: none; get one")
    answer = give("doctor --json", tmp_path)
    assert (answer.status, json.loads(answer.out)["ok"]) == (1, False)
    assert json.loads(answer.out)["findings"][2] == {"what": "c", "found": "none", "state": "fail", "remedy": "get one"}


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (None, "fail  TensorFlow: is not installed; install it, see Install in README.md; if pip finds none,"),
        (
            "raise ImportError('libfoo.so.1: no such file')",
            "fail  TensorFlow: cannot be imported: ImportError: libfoo.so.1: no such file; reinstall it,",
        ),
        (
            "import traceback\ntry:\n    import no_such\nexcept ImportError:\n"
            "    raise ImportError(traceback.format_exc() + '\\n\\nFailed to load the native TensorFlow runtime.')",
            "fail  TensorFlow: cannot be imported: ModuleNotFoundError: No module named 'no_such'; reinstall it,",
        ),
        (
            "import os, signal, sys\nprint('LLVM ERROR: no', file=sys.stderr, flush=True)\n"
            "os.kill(os.getpid(), signal.SIGABRT)",
            "fail  libraries: the process that tries them ended in tensorflow with SIGABRT: LLVM ERROR: no; reinstall",
        ),
        (
            "import os, signal\nos.kill(os.getpid(), signal.SIGILL)",
            "fail  libraries: the process that tries them ended in tensorflow with SIGILL; this processor lacks",
        ),
        ("print('noise')\nimport os\nos._exit(3)", "fail  libraries: the process that tries them ended in tensorflow"),
    ],
    ids=["missing", "broken", "wrapped", "aborts", "illegal", "exits"],
)
def test_a_tensorflow_that_is_missing_or_broken_is_told(tmp_path, source, line):
    start = "import sys; from keras_samplernn.doctor import probe; probe.MODULES = ()"
    if source is None:
        source = "raise ModuleNotFoundError('No module named tensorflow', name='tensorflow')"
    (tmp_path / "tensorflow.py").write_text(source)
    start += f"; sys.path.insert(0, {str(tmp_path)!r})"
    probed = run_probe([sys.executable, "-c", f"{start}; probe.main()"])
    failed = lines(look_at_libraries(probed), "TensorFlow", "libraries")
    assert [text[: len(line)] for text in failed] == [line]


def test_a_probe_that_hangs_is_ended():
    told = '{"part": "keras", "began": true}'
    command = [sys.executable, "-c", f"import time; print('{told}', flush=True); time.sleep(60)"]
    began = time.monotonic()
    assert run_probe(command, patience_seconds=1) == Probed({}, "keras", "no answer in 1 s", "")
    assert time.monotonic() - began < 30


def test_a_mistake_in_the_flags_of_xla_is_told(monkeypatch):
    probed = Probed({}, "compiler", "SIGABRT", "F x.cc:1] Unknown flag in XLA_FLAGS: --no_such\n")
    assert lines(look_at_libraries(probed), "XLA") == [
        "fail  XLA: XLA_FLAGS: this version of TensorFlow does not know --no_such; correct XLA_FLAGS or unset it"
    ]
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=x")
    assert lines(look_at_libraries(Probed(WELL)), "XLA") == ["ok    XLA: TensorFlow accepts XLA_FLAGS"]


def test_versions_and_extras(tmp_path, monkeypatch):
    info = tmp_path / "keras_samplernn-9.dist-info"
    info.mkdir()
    needs = ["numpy>=99", "click>=8", "no-such-package>=1", 'mido>=99; extra == "midi"']
    metadata = ["Metadata-Version: 2.1", "Name: keras-samplernn", "Version: 9", *(f"Requires-Dist: {n}" for n in needs)]
    (info / "METADATA").write_text("\n".join(metadata))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(libraries, "EXTRAS", (("no_such", "no-such", "midi", "scores"), ("click", "click", "x", "y")))
    import click
    import numpy

    found = lines(look_at_libraries(Probed(WELL)), "keras-samplernn", "numpy", "click", "mido", "no-such")
    version = sys.modules["importlib.metadata"].version("click")
    assert click and found == [
        "ok    keras-samplernn: 9",
        f"fail  numpy: {numpy.__version__} is installed, and >=99 is required; pip install 'numpy>=99'",
        "note  no-such: not installed; for scores: pip install 'keras-samplernn[midi]'",
        f"ok    click: {version}",
    ]


def test_a_package_that_cannot_be_imported_fails_and_tensorflow_io_does_not():
    parts = {
        "soundfile": {"error": "OSError: no libsndfile", "missing": False},
        "soxr": {"version": "1"},
        "tensorflow-io": {"version": "0.37.1", "loads": False},
    }
    assert lines(look_at_libraries(Probed(parts)), "so", "packages", "tensorflow-io") == [
        "ok    packages: soxr 1",
        "fail  soundfile: cannot be imported: OSError: no libsndfile; reinstall it, see Install in README.md",
        "note  tensorflow-io: 0.37.1 does not load with this TensorFlow; soundfile decodes every format;"
        " it loads with TensorFlow 2.16 and 2.17 only",
    ]


def test_missing_and_damaged_libraries_are_named(tmp_path):
    library = Path(find_spec("_ctypes").origin)
    folder = tmp_path / "nvidia/all/lib"
    folder.mkdir(parents=True)
    shutil.copy(library, folder / "libcudart.so.12")
    (folder / "libcufft.so.11").write_text("not a library")
    names = ["libcudart.so.12", "libcufft.so.11", "libcusparse.so.99"]
    missing = probe.missing_libraries(names, tmp_path)
    assert (missing[0].startswith("libcufft.so.11 (damaged: "), missing[1:]) == (True, ["libcusparse.so.99"])
    if name := ctypes.util.find_library("m"):
        assert probe.missing_libraries([name], tmp_path) == []


def test_the_names_of_the_libraries_follow_the_build():
    assert WANTED[0] == "libcuda.so.1" and {"libcudart.so.12", "libcufft.so.11", "libcudnn.so.8"} <= set(WANTED)
    assert probe.wanted_libraries(BUILD | {"cuda_version": "12.5.1", "cudnn_version": "9.3"})[-1] == "libcudnn.so.9"
    assert probe.wanted_libraries({"is_cuda_build": False}) == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            {"gpus": [], "lacking": ["libcuda.so.1"]},
            [
                "ok    GPU: none is found; training and generation run on the CPU",
                "ok    CUDA libraries: not needed without a GPU; missing: libcuda.so.1",
            ],
        ),
        (
            {"gpus": [OLD], "seen": [OLD]},
            [
                f"ok    GPU: {OLD}; TensorFlow sees it",
                f"ok    CUDA libraries: all {len(WANTED)} are found",
            ],
        ),
        (
            {"gpus": [OLD], "lacking": ["libcudnn.so.8"]},
            [
                f"note  GPU: {OLD}; TensorFlow does not see it, since libraries are missing; {INSTALL}",
                f"note  CUDA libraries: missing: libcudnn.so.8; {INSTALL}",
            ],
        ),
        (
            {"gpus": [OLD], "build": {"is_cuda_build": False}},
            [f"note  GPU: {OLD}; TensorFlow 2.17.1 is built without CUDA; {INSTALL}"],
        ),
        (
            {"gpus": [OLD], "CUDA_VISIBLE_DEVICES": "-1"},
            [f"note  GPU: {OLD}; not used with CUDA_VISIBLE_DEVICES=-1; unset it to use the GPU"],
        ),
        (
            {"gpus": [NEW], "seen": [NEW]},
            [
                f"fail  GPU: {NEW}: TensorFlow 2.17.1 does not support it, and would end this program when it compiles;"
                " set CUDA_VISIBLE_DEVICES=-1 to train on the CPU"
            ],
        ),
        (
            {"gpus": [NEW], "lacking": ["libcudnn.so.8"]},
            [f"note  GPU: {NEW}; TensorFlow 2.17.1 neither supports nor sees it; training runs on the CPU"],
        ),
        (
            {"gpus": [NEW], "CUDA_VISIBLE_DEVICES": "-1"},
            [f"note  GPU: {NEW}; not used with CUDA_VISIBLE_DEVICES=-1; unset it to use the GPU"],
        ),
        (
            {"gpus": [], "seen": [type(OLD)("NVIDIA B200", (10, 0))]},
            [
                "note  GPU: NVIDIA B200, compute capability 10.0; TensorFlow 2.17.1 sees it, but is built for 9.0 at"
                " most; if it fails, set CUDA_VISIBLE_DEVICES=-1 to train on the CPU"
            ],
        ),
        (
            {"gpus": [type(OLD)("NVIDIA GeForce GTX 980", (5, 2))]},
            [
                "note  GPU: NVIDIA GeForce GTX 980, compute capability 5.2; TensorFlow 2.17.1 needs 6.0 at least;"
                " it is left out: training runs on the CPU"
            ],
        ),
    ],
    ids=[
        "none",
        "seen",
        "libraries",
        "CPU build",
        "hidden",
        "RTX 50",
        "RTX 50 unseen",
        "RTX 50 hidden",
        "newer",
        "older",
    ],
)
def test_what_is_told_of_gpus(arguments, expected):
    assert graphics(**arguments)[: len(expected)] == expected


def test_a_gpu_is_told_where_tensorflow_is_not_installed():
    assert lines(look_at_graphics([OLD], Probed({}), {}), "GPU") == [
        f"note  GPU: {OLD}; there is no TensorFlow to use it"
    ]


def test_a_missing_driver_is_not_installed_by_pip():
    assert graphics([OLD], lacking=["libcuda.so.1"])[1] == (
        "note  CUDA libraries: missing: libcuda.so.1; install NVIDIA's driver, or start the container with its GPUs"
        " (docker run --gpus all)"
    )


def test_the_limits_of_a_container_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "physical_bytes", lambda: 64 * GB)
    monkeypatch.setattr(machine, "allowed_cores", lambda: 8)
    monkeypatch.setattr(surroundings.os, "cpu_count", lambda: 8)
    files = {
        "proc/self/cgroup": "0::/",
        "sys/fs/cgroup/memory.max": str(GB),
        "sys/fs/cgroup/cpu.max": "150000 100000",
    }
    assert lines(surroundings.look_at_machine(write(tmp_path / "small", files)), "") == [
        "note  processors: 1.5 by the container's limit, 8 without it; TensorFlow starts a thread for each of the 8:"
        " TF_NUM_INTRAOP_THREADS=2 may be faster",
        "note  memory: 1.0 GB by the container's limit; the machine has 64.0 GB; TensorFlow alone takes about 1 GB:"
        " raise the container's limit",
    ]
    assert lines(surroundings.look_at_machine(tmp_path), "") == ["ok    processors: 8", "ok    memory: 64.0 GB"]


@pytest.mark.parametrize(("free", "state"), [(50 * GB, "ok"), (GB, "note"), (10**7, "fail")])
def test_the_space_on_the_disks_is_told(tmp_path, monkeypatch, free, state):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(surroundings.shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(free, 0, free))
    found = lines(surroundings.look_at_folders(), "disk")
    assert [line.split()[0] for line in found] == [state] * 2
    assert (found[0].endswith("KERAS_SAMPLERNN_CACHE to another folder"), "; " in found[1]) == (state != "ok",) * 2


def test_a_cache_that_cannot_be_written_fails(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    remedy = "set KERAS_SAMPLERNN_CACHE to another folder"
    monkeypatch.setenv("KERAS_SAMPLERNN_CACHE", str(tmp_path / "file/cache"))
    (found,) = lines(surroundings.look_at_folders(), "cache")
    assert found == f"fail  cache: {tmp_path}/file/cache: {tmp_path}/file is not a folder; {remedy}"
    monkeypatch.setenv("KERAS_SAMPLERNN_CACHE", "~no-such-user/x")
    (found,) = lines(surroundings.look_at_folders(), "cache")
    assert found.startswith("fail  cache: KERAS_SAMPLERNN_CACHE = ~no-such-user/x: there is no such home; set an abs")
    monkeypatch.setenv("KERAS_SAMPLERNN_CACHE", str(tmp_path / "not/yet"))
    monkeypatch.setattr(surroundings.os, "access", lambda place, mode: False)
    found = lines(surroundings.look_at_folders(), "cache", "present")
    assert found[0] == f"fail  cache: {tmp_path}/not/yet: {tmp_path} cannot be written; {remedy}"
    assert found[1].startswith("note  present folder: ") and found[1].endswith("--run")


def test_an_encoding_that_lacks_characters_is_told():
    assert str(surroundings.look_at_locale(("utf-8", "utf-8"))).startswith("ok    locale: ")
    assert str(surroundings.look_at_locale(("ascii", "latin-1"))) == (
        "note  locale: names of files are ascii and stdout is latin-1, which has no characters for some names;"
        " set LC_ALL=C.UTF-8, or PYTHONUTF8=1"
    )
