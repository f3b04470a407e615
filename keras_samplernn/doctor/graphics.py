"""GPUs: those of the driver, those that TensorFlow sees, and the libraries of CUDA that it misses."""

import os
from collections.abc import Iterator, Mapping, Sequence

from keras_samplernn.doctor.finding import FAIL, NOTE, Finding
from keras_samplernn.doctor.probe import DRIVER, NCCL
from keras_samplernn.doctor.probing import Probed
from keras_samplernn.nvidia import Gpu, built_capabilities, refusal, visible

_INSTALL = "pip install 'keras-samplernn[cuda]'"
_ASK = "TF_CPP_MIN_LOG_LEVEL=0 python -c 'import tensorflow; tensorflow.config.list_physical_devices()' says more"


def look_at_graphics(
    gpus: Sequence[Gpu], probed: Probed, environment: Mapping[str, str] = os.environ
) -> Iterator[Finding]:
    """Yield a finding for each GPU, and one for CUDA's libraries.

    Args:
        gpus: those that the driver names.
        probed: what the probe found.
        environment: the variables.
    """
    facts = probed.parts.get("tensorflow", {})
    build, version = facts.get("build", {}), facts.get("version", "")
    seen = [
        Gpu(name, capability and tuple(capability)) for name, capability in probed.parts.get("GPU", {}).get("gpus", [])
    ]
    shown = visible(gpus, environment)
    lacking = probed.parts.get("CUDA", {}).get("lacking", [])
    if not gpus and not seen:
        yield Finding("GPU", "none is found; training and generation run on the CPU")
    elif seen and (problem := refusal(shown or seen, version, build)):
        yield Finding("GPU", problem[0].removeprefix("GPU: "), FAIL, problem[1])
    elif seen:
        yield from (_used(gpu, version, build) for gpu in seen)
    elif not shown:
        yield from (_hidden(gpu, environment) for gpu in gpus)
    else:
        yield from (_unseen(gpu, version, build, lacking) for gpu in shown)
    if wanted := probed.parts.get("CUDA", {}).get("wanted"):
        yield _libraries(wanted, lacking, bool(shown or seen))


def _used(gpu: Gpu, version: str, build: Mapping) -> Finding:
    built_for = built_capabilities(build)
    if gpu.capability and built_for and gpu.capability[0] > built_for[-1] // 10:
        newest = f"{built_for[-1] // 10}.{built_for[-1] % 10}"
        found = f"{gpu}; TensorFlow {version} sees it, but is built for {newest} at most"
        return Finding("GPU", found, NOTE, "if it fails, set CUDA_VISIBLE_DEVICES=-1 to train on the CPU")
    return Finding("GPU", f"{gpu}; TensorFlow sees it")


def _hidden(gpu: Gpu, environment: Mapping[str, str]) -> Finding:
    found = f"{gpu}; not used with CUDA_VISIBLE_DEVICES={environment.get('CUDA_VISIBLE_DEVICES')}"
    return Finding("GPU", found, NOTE, "unset it to use the GPU")


def _unseen(gpu: Gpu, version: str, build: Mapping, lacking: Sequence[str]) -> Finding:
    built_for = built_capabilities(build)
    if not version:
        cause, remedy = "there is no TensorFlow to use it", ""
    elif refusal([gpu], version, build):
        cause, remedy = f"TensorFlow {version} neither supports nor sees it", "training runs on the CPU"
    elif not built_for:
        cause, remedy = f"TensorFlow {version} is built without CUDA", _INSTALL
    elif gpu.capability and 10 * gpu.capability[0] + gpu.capability[1] < built_for[0]:
        least = f"{built_for[0] // 10}.{built_for[0] % 10}"
        cause, remedy = f"TensorFlow {version} needs {least} at least", "it is left out: training runs on the CPU"
    elif set(lacking) - {NCCL}:
        cause, remedy = "TensorFlow does not see it, since libraries are missing", _how_to_get(lacking)
    else:
        cause, remedy = "TensorFlow does not see it", _ASK
    return Finding("GPU", f"{gpu}; {cause}", NOTE, remedy)


def _libraries(wanted: Sequence[str], lacking: Sequence[str], needed: bool) -> Finding:
    if not lacking:
        return Finding("CUDA libraries", f"all {len(wanted)} are found")
    if not needed:
        return Finding("CUDA libraries", f"not needed without a GPU; missing: {', '.join(lacking)}")
    return Finding("CUDA libraries", f"missing: {', '.join(lacking)}", NOTE, _how_to_get(lacking))


def _how_to_get(lacking: Sequence[str]) -> str:
    if DRIVER in lacking:
        return "install NVIDIA's driver, or start the container with its GPUs (docker run --gpus all)"
    return _INSTALL
