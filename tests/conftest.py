"""What all tests share: a quiet TensorFlow and a corpus cache of their own."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest


@pytest.fixture(autouse=True, scope="session")
def corpus_cache(tmp_path_factory):
    """Keep the corpora that tests prepare out of the user's cache."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["KERAS_SAMPLERNN_CACHE"] = str(folder)
    return folder
