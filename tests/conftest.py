"""What all tests share: a quiet TensorFlow, a corpus cache of their own, and one fitted run."""

import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import dataclasses
from pathlib import Path

import pytest
from forks import Forks
from plugin_install import install_third_party_tier
from toy import command, toy_spec, write_toy_corpus


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="the full counts of the reliability tests: hours")
    parser.addoption("--tally", type=Path, help="folder for what the reliability tests counted")


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
def forks(corpus_cache):
    """What runs commands in processes that have imported everything already."""
    with Forks() as forks:
        yield forks


@dataclasses.dataclass(frozen=True)
class FittedRun:
    """The shared run: its directory, the corpus it was fitted to, and what its commands need in the environment."""

    folder: Path
    corpus: Path
    environment: dict[str, str]


@pytest.fixture(scope="session")
def third_party_site(tmp_path_factory):
    """The folder that the example of a third party's package is installed in."""
    return install_third_party_tier(tmp_path_factory.mktemp("third_party") / "site")


@pytest.fixture(scope="session")
def fitted_run(corpus_cache, third_party_site, tmp_path_factory):
    """The one run that the session fits, as a user would: by the command line, with a third party's tier in it."""
    folder = tmp_path_factory.mktemp("fitted")
    corpus, environment = folder / "corpus", {"PYTHONPATH": str(third_party_site)}
    write_toy_corpus(corpus)
    (folder / "spec.json").write_text(json.dumps(toy_spec(corpus)))
    run = folder / "run"
    command("fit", folder / "spec.json", "--run", run, environment=environment, timeout=600)
    return FittedRun(run, corpus, environment)
