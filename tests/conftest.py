"""What all tests share: a quiet TensorFlow, a corpus cache of their own, and runs that are trained once."""

import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import dataclasses
import fcntl
import shutil
from pathlib import Path

import pytest
from forks import Forks
from plugin_install import install_third_party_tier
from score_home import make_score_home
from tiny_home import copy_tiny_home, make_tiny_home
from toy import command, toy_spec, write_toy_corpus

PARALLEL = "PYTEST_XDIST_WORKER" in os.environ


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="the full counts of the reliability tests: hours")
    parser.addoption("--tally", type=Path, help="folder for what the reliability tests counted")


def pytest_configure():
    if PARALLEL:
        # Side by side, the processes keep the cores busy. TensorFlow reads it when it first computes.
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")


def pytest_xdist_auto_num_workers(config):
    """Take one process where a file is named, since each further one spends seconds on imports; else one a core.

    One too for the full counts, which measure seconds and memory.
    """
    named = [Path(config.invocation_params.dir, argument.partition("::")[0]) for argument in config.args]
    alone = config.getoption("--full") or not all(path.is_dir() for path in named)
    return 0 if alone else None


@pytest.fixture(scope="session")
def rounds(request):
    """How often a reliability test is to try: `rounds(fast, full)`, the second under --full."""
    return lambda fast, full: full if request.config.getoption("--full") else fast


@pytest.fixture
def tally(request):
    """Note what a reliability test counted, for docs/reliability.md: `tally(promise, counted, number)`.

    Numbers of one name are added up; where it begins with "most ", the highest is kept.
    """
    folder = request.config.getoption("--tally")

    def note(promise, counted, number):
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / "tally.jsonl").open("a") as stream:
                stream.write(json.dumps([promise, counted, number]) + "\n")

    return note


@pytest.fixture(autouse=True, scope="session")
def corpus_cache(tmp_path_factory):
    """Keep the corpora that tests prepare out of the user's cache."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["KERAS_SAMPLERNN_CACHE"] = str(folder)
    return folder


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """Make a folder once for all processes that test side by side: `made_once(name, make)` calls `make(folder)`."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if PARALLEL else base

    def made_once(name, make):
        folder, made = shared / name, shared / f".{name}.made"
        with (shared / f".{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.exists():
                shutil.rmtree(folder, ignore_errors=True)  # what another process failed at
                make(folder)
                made.touch()
        return folder

    return made_once


@pytest.fixture(scope="session")
def forks(corpus_cache):
    """What runs commands in processes that have imported everything already."""
    with Forks() as forks:
        yield forks


@pytest.fixture(scope="session")
def tiny_home(corpus_cache, made_once):
    """Tiny runs of two steps, their specs and corpora; see `make_tiny_home`. It is to be copied, and left as it is."""
    return made_once("tiny_home", make_tiny_home)


@pytest.fixture
def home(tiny_home, tmp_path):
    """A copy of `tiny_home`, for one test to spoil."""
    return copy_tiny_home(tiny_home, tmp_path / "home")


@pytest.fixture(scope="session")
def score_home(corpus_cache, made_once):
    """Runs with condition streams, scores and a recording; see `make_score_home`. It is to be left as it is."""
    return made_once("score_home", make_score_home)


@dataclasses.dataclass(frozen=True)
class FittedRun:
    """The shared run: its directory, the corpus it was fitted to, and what its commands need in the environment."""

    folder: Path
    corpus: Path
    environment: dict[str, str]


@pytest.fixture(scope="session")
def third_party_site(made_once):
    """The folder that the example of a third party's package is installed in."""
    return made_once("third_party_site", install_third_party_tier)


@pytest.fixture(scope="session")
def fitted_run(corpus_cache, third_party_site, made_once):
    """The one run that learns something, fitted as a user would: by the command line, with a third party's tier."""
    environment = {"PYTHONPATH": str(third_party_site)}

    def make(folder):
        write_toy_corpus(folder / "corpus")
        (folder / "spec.json").write_text(json.dumps(toy_spec(folder / "corpus")))
        command("fit", folder / "spec.json", "--run", folder / "run", environment=environment, timeout=600)

    folder = made_once("fitted", make)
    return FittedRun(folder / "run", folder / "corpus", environment)
