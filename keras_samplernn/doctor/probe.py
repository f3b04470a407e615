"""What only importing tells: run in a process of its own, it prints a line of JSON before and after each part.

The parts are in the order in which they are examined. Those after "tensorflow" need it.
"""

import ctypes
import importlib
import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

MODULES = ("numpy", "pandas", "pydantic", "soundfile", "soxr", "rich")
# What TensorFlow opens by name: the driver's library, those of a major version of CUDA, and cuDNN in the version that
# the build names. Without NCCL, it uses one GPU.
DRIVER, NCCL = "libcuda.so.1", "libnccl.so.2"
CUDA_LIBRARIES = {
    12: (
        *("libcudart.so.12", "libcublas.so.12", "libcublasLt.so.12", "libcufft.so.11", "libcusolver.so.11"),
        *("libcusparse.so.12", NCCL),
    )
}


def main() -> None:
    """Examine every part that can be, and print what was found, on stdout."""
    # Libraries may print, too.
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    tensorflow_parts = {"tensorflow": _tensorflow, "CUDA": _cuda, "GPU": _gpus, "compiler": _compiler}
    parts = {**dict.fromkeys(MODULES), **tensorflow_parts, "keras": None, "tensorboard": None, "tensorflow-io": _io}
    for name, examine in parts.items():
        print(json.dumps({"part": name, "began": True}), file=told, flush=True)
        try:
            facts = examine() if examine else {"version": getattr(importlib.import_module(name), "__version__", "")}
        except Exception as error:
            facts = {"error": _said_of(error), "missing": isinstance(error, ModuleNotFoundError) and error.name == name}
        print(json.dumps({"part": name, **facts}), file=told, flush=True)
        if name == "tensorflow" and "error" in facts:
            break


def wanted_libraries(build: dict[str, Any]) -> list[str]:
    """Return the names of the libraries that TensorFlow opens for a GPU; none of a build without CUDA.

    Args:
        build: what `tensorflow.sysconfig.get_build_info` returns.
    """
    if not build.get("is_cuda_build"):
        return []
    cuda, cudnn = (str(build.get(key, "")).partition(".")[0] for key in ("cuda_version", "cudnn_version"))
    names = CUDA_LIBRARIES.get(int(cuda or 0), (f"libcudart.so.{cuda}",))
    return [DRIVER, *names, f"libcudnn.so.{cudnn}"]


def missing_libraries(names: Iterable[str], packages: Path) -> list[str]:
    """Return those libraries that cannot be loaded, each with what it misses itself.

    Args:
        names: their file names.
        packages: the folder of Python packages in which TensorFlow is; it looks into NVIDIA's packages there first.
    """
    missing = []
    for name in names:
        places: Sequence[Path | str] = [*sorted(packages.glob(f"nvidia/*/lib/{name}")), name]
        try:
            ctypes.CDLL(str(places[0]))
        except OSError as error:
            cause, _, reason = str(error).partition(": ")
            cause = Path(cause).name
            if cause != name:
                missing.append(f"{name} (which needs {cause})")
            else:
                missing.append(name if len(places) == 1 else f"{name} (damaged: {reason})")
    return missing


def _said_of(error: BaseException) -> str:
    """Return an error in a line; TensorFlow's import wraps the whole traceback of another one into its own."""
    while "Traceback" in str(error) and error.__context__ is not None:
        error = error.__context__
    return f"{type(error).__name__}: {error}".strip().splitlines()[0]


def _tensorflow() -> dict[str, Any]:
    import tensorflow

    return {"version": tensorflow.version.VERSION, "build": dict(tensorflow.sysconfig.get_build_info())}


def _cuda() -> dict[str, Any]:
    import tensorflow

    wanted = wanted_libraries(dict(tensorflow.sysconfig.get_build_info()))
    return {"wanted": wanted, "lacking": missing_libraries(wanted, Path(tensorflow.__file__).parent.parent)}


def _gpus() -> dict[str, Any]:
    import tensorflow

    devices = tensorflow.config.list_physical_devices("GPU")
    details = [tensorflow.config.experimental.get_device_details(device) for device in devices]
    gpus = [[each.get("device_name", "GPU"), each.get("compute_capability")] for each in details]
    return {"gpus": gpus}


def _compiler() -> dict[str, Any]:
    import tensorflow

    from keras_samplernn.nvidia import Gpu, refusal

    gpus = [Gpu(name, capability) for name, capability in _gpus()["gpus"]]
    if refusal(gpus, tensorflow.version.VERSION, tensorflow.sysconfig.get_build_info()):
        tensorflow.config.set_visible_devices([], "GPU")
    tensorflow.function(lambda x: x + 1, jit_compile=True)(tensorflow.zeros(()))
    return {}


def _io() -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError, version

    from keras_samplernn.data.inspection import has_tensorflow_io

    try:
        return {"version": version("tensorflow-io"), "loads": has_tensorflow_io()}
    except PackageNotFoundError:
        return {"version": "", "loads": False}


if __name__ == "__main__":
    root = str(Path(__file__).parents[2])
    if root not in sys.path:  # a checkout
        sys.path.insert(0, root)
    main()
