"""Python and its packages: what this project requires, what is optional, and whether what is there can be imported."""

import importlib.metadata
import importlib.util
import os
import platform
import sys
from collections.abc import Iterator

from keras_samplernn.doctor import probe
from keras_samplernn.doctor.finding import FAIL, NOTE, Finding
from keras_samplernn.doctor.probing import Probed
from keras_samplernn.xla_flags import VARIABLES, problem_in

DISTRIBUTION, _HOW = "keras-samplernn", "see Install in README.md"
# Import name, distribution, extra, and what it is for.
EXTRAS = (
    ("sklearn", "scikit-learn", "listen", "evaluate --listen, and --candidates by a listener"),
    ("librosa", "librosa", "features", "some features of sounds"),
    ("mido", "mido", "midi", "scores in MIDI"),
)
_REINSTALL = f"reinstall it, {_HOW}"
_REMEDIES = {
    "SIGILL": "this processor lacks instructions that the library needs, such as AVX; use another machine",
    "SIGKILL": "give this machine or its container more memory",
}


def look_at_libraries(probed: Probed) -> Iterator[Finding]:
    """Yield a finding for each library, or for some of a kind together.

    Args:
        probed: what the probe found.
    """
    yield Finding("Python", f"{platform.python_version()} at {sys.executable}")
    yield from _requirements()
    yield from _end(probed)
    yield from _tensorflow(probed)
    if "keras" in probed.parts:
        yield _imported("Keras", probed.parts["keras"])
    others = {name: probed.parts[name] for name in (*probe.MODULES, "tensorboard") if name in probed.parts}
    good = [f"{name} {facts['version']}".strip() for name, facts in others.items() if "error" not in facts]
    if good:
        yield Finding("packages", ", ".join(good))
    yield from (_imported(name, facts) for name, facts in others.items() if "error" in facts)
    if "tensorflow-io" in probed.parts:
        yield _tensorflow_io(probed.parts["tensorflow-io"])
    yield from (_extra(*extra) for extra in EXTRAS)


def _requirements() -> Iterator[Finding]:
    """Yield what is installed in a version that this project's metadata exclude."""
    try:
        lines = importlib.metadata.requires(DISTRIBUTION) or []
        from packaging.requirements import Requirement
    except importlib.metadata.PackageNotFoundError:
        remedy = f"install it with pip, {_HOW}"
        yield Finding(DISTRIBUTION, "is not installed, so its tiers and heads are not found", FAIL, remedy)
        return
    except ImportError:
        yield Finding("versions", "not compared with the required ones: packaging is missing", NOTE, _REINSTALL)
        return
    yield Finding(DISTRIBUTION, importlib.metadata.version(DISTRIBUTION))
    for requirement in map(Requirement, lines):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            continue  # what cannot be imported is told by the probe
        if not requirement.specifier.contains(version, prereleases=True):
            found = f"{version} is installed, and {requirement.specifier} is required"
            yield Finding(requirement.name, found, FAIL, f"pip install '{requirement}'")


def _end(probed: Probed) -> Iterator[Finding]:
    """Yield why the probe ended too early, if it did."""
    if not probed.end:
        return
    if problem := problem_in(probed.messages):
        found, _, remedy = problem.rpartition("; ")
        yield Finding("XLA", found, FAIL, remedy)
        return
    wrote = [line.strip() for line in probed.messages.splitlines() if line.strip()]
    found = f"the process that tries them ended in {probed.ended_in} with {probed.end}"
    found += f": {wrote[-1]}" if wrote else ""
    yield Finding("libraries", found, FAIL, _REMEDIES.get(probed.end) or _remedy(probed.ended_in, probed))


def _tensorflow(probed: Probed) -> Iterator[Finding]:
    if (facts := probed.parts.get("tensorflow")) is None:
        return
    if "error" in facts:
        yield _imported("TensorFlow", facts)
        return
    build = facts["build"]
    versions = f"for CUDA {build.get('cuda_version', '?')} and cuDNN {build.get('cudnn_version', '?')}"
    yield Finding(
        "TensorFlow", f"{facts['version']}, built {versions if build.get('is_cuda_build') else 'without CUDA'}"
    )
    for name in ("CUDA", "GPU", "compiler"):
        if error := probed.parts.get(name, {}).get("error"):
            yield Finding("TensorFlow", f"{name}: {error}", FAIL, _remedy(name, probed))
    if probed.parts.get("compiler") == {} and (given := [name for name in VARIABLES if os.environ.get(name)]):
        yield Finding("XLA", f"TensorFlow accepts {' and '.join(given)}")


def _remedy(part: str, probed: Probed) -> str:
    """Return what may help where a part fails."""
    seen = probed.parts.get("GPU", {}).get("gpus")
    if part == "GPU" or (part == "compiler" and seen):
        return "set CUDA_VISIBLE_DEVICES=-1 to train on the CPU"
    return f"reinstall {'TensorFlow' if part in ('CUDA', 'compiler') else part}, {_HOW}"


def _imported(name: str, facts: dict) -> Finding:
    if "error" not in facts:
        return Finding(name, facts["version"])
    if facts["missing"]:
        remedy = f"install it, {_HOW}; if pip finds none, take Python 3.11"
        return Finding(name, "is not installed", FAIL, remedy)
    return Finding(name, f"cannot be imported: {facts['error']}", FAIL, _REINSTALL)


def _tensorflow_io(facts: dict) -> Finding:
    if "error" in facts:
        return Finding(
            "tensorflow-io", f"cannot be imported: {facts['error']}", NOTE, "uninstall it: soundfile decodes all"
        )
    if not facts["version"]:
        return Finding("tensorflow-io", "not installed; soundfile decodes every format")
    if not facts["loads"]:
        found = f"{facts['version']} does not load with this TensorFlow; soundfile decodes every format"
        return Finding("tensorflow-io", found, NOTE, "it loads with TensorFlow 2.16 and 2.17 only")
    return Finding("tensorflow-io", facts["version"])


def _extra(module: str, distribution: str, extra: str, purpose: str) -> Finding:
    try:
        if importlib.util.find_spec(module) is not None:
            return Finding(distribution, importlib.metadata.version(distribution))
    except importlib.metadata.PackageNotFoundError:
        pass  # a folder of that name, for example
    return Finding(distribution, "not installed", NOTE, f"for {purpose}: pip install '{DISTRIBUTION}[{extra}]'")
