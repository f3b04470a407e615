"""Names, entry points and dependencies of the distribution; the build system is named in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

# Scores in MIDI; some of the features of a sound; the listener of `evaluate --listen` and of the benchmarks.
MIDI, FEATURES, LISTEN = ["mido>=1.3"], ["librosa>=0.10.2"], ["scikit-learn>=1.4"]
# Sound devices, OSC and MIDI ports of `live`; the first and the last need libraries of the system.
OSC = ["python-osc>=1.8"]
LIVE = [*OSC, *MIDI, "sounddevice>=0.4.6", "python-rtmidi>=1.5"]
# The documentation site.
DOCS = ["mkdocs-material>=9.5", "mkdocstrings[python]>=0.26"]
TOOLS = ["pytest>=8", "pytest-xdist>=3.6", "hypothesis>=6.100", "ruff>=0.6", "build>=1.2"]
# What executes the notebook.
NOTEBOOK = ["nbclient>=0.10", "ipykernel>=6.29"]
TESTS = [*TOOLS, *NOTEBOOK, *MIDI, *OSC, *FEATURES, *LISTEN, *DOCS]

setup(
    name="keras-samplernn",
    version="0.1.0",
    description="SampleRNN on Keras 3 and TensorFlow: raw audio, sample by sample, under conditions you compose",
    long_description=(Path(__file__).parent / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=[*find_packages(include=["keras_samplernn", "keras_samplernn.*"]), "keras_samplernn.plugins"],
    # The folder `plugins` must not claim that global name once it is installed.
    package_dir={"keras_samplernn.plugins": "plugins"},
    # What pages of `audition` are made of.
    package_data={"keras_samplernn.audition": ["page.html", "page.css", "page.js"]},
    install_requires=[
        "keras>=3.15.1",
        "tensorflow>=2.17.1,<2.22",
        "tensorboard>=2.17",
        # TensorBoard imports pkg_resources, which setuptools 82 dropped; from 77 on it builds wheels by itself.
        "setuptools>=77,<82",
        "numpy>=1.26",
        "pandas>=2.2",
        "click>=8.1",
        "pydantic>=2.11",
        "soundfile>=0.12.1",
        "soxr>=0.4",
        "rich>=13",
        "matplotlib>=3.8",
    ],
    extras_require={
        # tensorflow-io's native library loads with TensorFlow 2.16 and 2.17 only.
        "tfio": ["tensorflow==2.17.1", "tensorflow-io==0.37.1"],
        "cuda": ["tensorflow[and-cuda]"],
        "midi": MIDI,
        "live": LIVE,
        "features": FEATURES,
        "test": TESTS,
        # Keras' other backend: the training step runs on it in a test. Its ml_dtypes is too new for TensorFlow 2.17.
        "jax": ["jax>=0.4.34"],
        "listen": LISTEN,
        "docs": DOCS,
        # The fuzzer that is led by coverage, for `make torture`.
        "torture": ["atheris>=2.3"],
    },
    entry_points={
        "console_scripts": ["keras-samplernn = keras_samplernn.commands:main"],
        "keras_samplernn.heads": [
            "coarse_fine = keras_samplernn.plugins.coarse_fine:CoarseFine",
            "softmax = keras_samplernn.plugins.softmax:Softmax",
        ],
        "keras_samplernn.tiers": [
            "frame_rnn = keras_samplernn.plugins.frame_rnn:FrameRNN",
            "frame_ssm = keras_samplernn.plugins.frame_ssm:FrameSSM",
            "sample_mlp = keras_samplernn.plugins.sample_mlp:SampleMLP",
        ],
    },
)
